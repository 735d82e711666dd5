//! The text at hand.

use super::TOO_MANY;

/// The text at hand, as far as it is UTF-8.
pub struct View<'a> {
    pub data: &'a [u8],
    start: usize,
    text: &'a str,
    /// Bytes that are no UTF-8 follow, and not only because the piece ends.
    broken: bool,
}

impl<'a> View<'a> {
    pub fn new(data: &'a [u8], start: usize) -> View<'a> {
        let bytes = data.get(start..).unwrap_or_default();
        match std::str::from_utf8(bytes) {
            Ok(text) => View {
                data,
                start,
                text,
                broken: false,
            },
            Err(error) => {
                let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let text = std::str::from_utf8(valid).unwrap_or_default();
                View {
                    data,
                    start,
                    text,
                    broken: error.error_len().is_some(),
                }
            }
        }
    }

    /// The text from an offset of the data on, no more than tells whether it is a log.
    pub fn from(&mut self, at: usize) -> &'a str {
        if self.broken && at > self.start + self.text.len() {
            *self = View::new(self.data, at);
        }
        let text = self.text.get(at - self.start..).unwrap_or_default();
        text.get(..text.floor_char_boundary(TOO_MANY))
            .unwrap_or_default()
    }

    /// Whether a text from an offset on ends because of bytes that are no UTF-8.
    pub fn ends_broken(&self, at: usize, text: &str) -> bool {
        self.broken && at + text.len() == self.start + self.text.len()
    }
}
