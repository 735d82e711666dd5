//! Ids of events with their times, in the text in which they are written: `{"id":time}`.
//!
//! A window gathers thousands of them, and the state that holds them is written twice a page. So each is put into
//! words once, when it comes, and copied from then on.

use std::collections::HashMap;

use serde_json::Value;

/// Members of a JSON object, without its braces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ids(String);

impl Ids {
    /// Adds an id with its event's time, in epoch milliseconds.
    pub fn push(&mut self, id: &str, time: i64) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        match id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            true => self.0.extend(["\"", id, "\""]),
            false => self.0.push_str(&Value::from(id).to_string()),
        }
        self.0.extend([":", &time.to_string()]);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts the object at the end of a text.
    pub fn write(&self, text: &mut String) {
        text.extend(["{", &self.0, "}"]);
    }

    /// Each id once, with its time.
    pub fn to_map(&self) -> HashMap<String, i64> {
        let mut text = String::new();
        self.write(&mut text);
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Reads the object; none if it is something else.
    pub fn read(value: &Value) -> Option<Ids> {
        let mut ids = Ids::default();
        for (id, time) in value.as_object()? {
            ids.push(id, time.as_i64()?);
        }
        Some(ids)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_are_read_as_they_were_written_whatever_they_are() {
        let value = json!({"6955b93e": 1, "": -2, "a\"\\\n\u{1}ü": i64::MAX});
        let ids = Ids::read(&value).expect("ids");
        let mut text = String::new();
        ids.write(&mut text);
        assert_eq!(text, value.to_string());
        assert_eq!(json!(ids.to_map()).as_object().map(|it| it.len()), Some(3));
        assert_eq!(ids.to_map()["a\"\\\n\u{1}ü"], i64::MAX);
    }

    #[test]
    fn what_is_no_id_with_a_time_is_not_read() {
        for value in [
            json!(null),
            json!(["a"]),
            json!({"a": "1"}),
            json!({"a": 1.5}),
        ] {
            assert_eq!(Ids::read(&value), None, "{value}");
        }
        assert_eq!(Ids::read(&json!({})), Some(Ids::default()));
    }
}
