//! A set of keys that answers "which one is this?" with one hash and word-wide comparisons.
//!
//! Slices are compared eight bytes at a time: in WebAssembly a comparison of slices is a loop over bytes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Keys and the number that each stands for.
#[derive(Default)]
pub struct Keys {
    entries: Vec<Entry>,
    /// Indexes of entries, 0 for none, by the upper bits of their hashes; a collision takes the next place.
    places: Vec<u16>,
    shift: u32,
}

struct Entry {
    print: Print,
    key: Cow<'static, str>,
    number: u16,
}

/// Length, first and last eight bytes: all there is to know of a key of up to 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Print {
    head: u64,
    tail: u64,
    length: usize,
}

impl Print {
    #[inline]
    fn of(key: &[u8]) -> Print {
        let length = key.len();
        let (head, tail) = match (key.first_chunk::<8>(), key.last_chunk::<8>()) {
            (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
            _ => match (key.first_chunk::<4>(), key.last_chunk::<4>()) {
                (Some(head), Some(tail)) => (
                    u32::from_le_bytes(*head).into(),
                    u32::from_le_bytes(*tail).into(),
                ),
                _ => (
                    key.iter()
                        .fold(0, |head, byte| head << 8 | u64::from(*byte)),
                    0,
                ),
            },
        };
        Print { head, tail, length }
    }

    #[inline]
    fn hash(&self) -> u64 {
        (self.head ^ self.tail.rotate_left(29) ^ self.length as u64)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

impl Keys {
    /// Keys that stand for their positions.
    pub fn of(keys: impl IntoIterator<Item = &'static str>) -> Keys {
        let mut all = Keys::default();
        for (number, key) in (0..).zip(keys) {
            all.insert(key, number);
        }
        all.build();
        all
    }

    /// Adds a key; [`Keys::build`] makes it found.
    pub fn insert(&mut self, key: impl Into<Cow<'static, str>>, number: u16) {
        let key = key.into();
        let print = Print::of(key.as_bytes());
        self.entries.push(Entry { print, key, number });
    }

    /// Adds every key once more with its first letter in the other case, unless that is a key of its own. To be called
    /// between two [`Keys::build`].
    pub fn add_other_case(&mut self) {
        let mut others = Vec::new();
        for entry in &self.entries {
            let mut other = entry.key.to_string();
            if let Some(first) = other.get_mut(..1) {
                match first.bytes().all(|byte| byte.is_ascii_uppercase()) {
                    true => first.make_ascii_lowercase(),
                    false => first.make_ascii_uppercase(),
                }
                if self.find(&other).is_none() {
                    others.push((other, entry.number));
                }
            }
        }
        for (key, number) in others {
            self.insert(key, number);
        }
    }

    /// Makes the keys found.
    pub fn build(&mut self) {
        let size = (self.entries.len() * 4).next_power_of_two().max(4);
        self.shift = 64 - size.trailing_zeros();
        self.places = vec![0; size];
        for (index, entry) in self.entries.iter().enumerate() {
            let mut place = (entry.print.hash() >> self.shift) as usize;
            while self.places.get(place).is_some_and(|index| *index != 0) {
                place = (place + 1) % size;
            }
            if let Some(free) = self.places.get_mut(place) {
                *free = index as u16 + 1;
            }
        }
    }

    /// The number of a key.
    #[inline]
    pub fn find(&self, key: impl AsRef<[u8]>) -> Option<u16> {
        let key = key.as_ref();
        let print = Print::of(key);
        let mut place = (print.hash() >> self.shift) as usize;
        loop {
            let index = *self.places.get(place)?;
            let entry = self.entries.get(usize::from(index).checked_sub(1)?)?;
            if entry.print == print
                && (print.length <= 16 || middle_equal(entry.key.as_bytes(), key))
            {
                return Some(entry.number);
            }
            place = (place + 1) & (self.places.len() - 1);
        }
    }
}

/// Whether two texts are equal.
#[inline]
pub fn equal(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let print = Print::of(one);
    print == Print::of(other) && (print.length <= 16 || middle_equal(one, other))
}

/// The hash of a text.
#[inline]
pub fn hash(text: &str) -> u64 {
    let mut hasher = TextHasher::default();
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// Whether two keys of one length and with equal ends are equal.
#[inline]
fn middle_equal(one: &[u8], other: &[u8]) -> bool {
    let (one, _) = one.as_chunks::<8>();
    let (other, _) = other.as_chunks::<8>();
    let word = |chunk: &[u8; 8]| u64::from_le_bytes(*chunk);
    one.iter()
        .skip(1)
        .map(word)
        .eq(other.iter().skip(1).map(word))
}

/// Hashes eight bytes at a time. For maps that stay small, whatever the texts.
#[derive(Default)]
pub struct TextHasher(u64);

impl Hasher for TextHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        let last = rest
            .iter()
            .fold(rest.len() as u64, |last, byte| last << 8 | u64::from(*byte));
        self.mix(last);
    }

    fn write_u64(&mut self, word: u64) {
        self.mix(word);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl TextHasher {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

/// A map by texts.
pub type TextMap<K, V> = HashMap<K, V, BuildHasherDefault<TextHasher>>;

#[cfg(test)]
mod tests {
    use super::Keys;

    #[test]
    fn keys_are_told_apart_by_every_byte() {
        let names = [
            "",
            "a",
            "b",
            "ab",
            "ba",
            "abc",
            "Data",
            "data",
            "Details",
            "AuthenticationMechanism",
        ];
        let mut keys = Keys::default();
        names
            .iter()
            .enumerate()
            .for_each(|(number, name)| keys.insert(*name, number as u16));
        keys.build();
        for (number, name) in names.iter().enumerate() {
            assert_eq!(keys.find(name), Some(number as u16), "{name}");
        }
        for stranger in [
            "c",
            "aa",
            "Dat",
            "DATA",
            "AuthenticationMechanisn",
            "AuthenticatioxMechanism",
        ] {
            assert_eq!(keys.find(stranger), None, "{stranger}");
        }
        assert_eq!(keys.find("AuthenticationXechanism"), None);
    }

    #[test]
    fn the_other_case_of_a_first_letter_is_found_unless_it_is_a_key_of_its_own() {
        let mut keys = Keys::default();
        for (number, name) in ["Id", "id", "ActorUPN"].iter().enumerate() {
            keys.insert(*name, number as u16);
        }
        keys.build();
        keys.add_other_case();
        keys.build();
        assert_eq!(keys.find("id"), Some(1));
        assert_eq!(keys.find("Id"), Some(0));
        assert_eq!(keys.find("actorUPN"), Some(2));
    }
}
