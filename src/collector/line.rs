//! JSON as text on one line, written while it is read. Events go on as they came, and a tree of a page would cost
//! more than all else that is done with it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// A value as `serde_json` writes it: members in their order, without blanks between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line(pub String);

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Line, D::Error> {
        let mut text = Vec::new();
        Copy(&mut text).deserialize(from)?;
        String::from_utf8(text).map(Line).map_err(D::Error::custom)
    }
}

struct Copy<'a>(&'a mut Vec<u8>);

impl Copy<'_> {
    fn put<E: Error>(self, plain: impl Serialize) -> Result<(), E> {
        serde_json::to_writer(self.0, &plain).map_err(E::custom)
    }

    fn close<E>(self, end: u8) -> Result<(), E> {
        self.0.pop_if(|it| *it == b',');
        self.0.push(end);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Copy<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Copy<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.put(())
    }

    fn visit_bool<E: Error>(self, it: bool) -> Result<(), E> {
        self.put(it)
    }

    fn visit_i64<E: Error>(self, it: i64) -> Result<(), E> {
        self.put(it)
    }

    fn visit_u64<E: Error>(self, it: u64) -> Result<(), E> {
        self.put(it)
    }

    fn visit_f64<E: Error>(self, it: f64) -> Result<(), E> {
        self.put(it)
    }

    fn visit_str<E: Error>(self, it: &str) -> Result<(), E> {
        self.put(it)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.push(b'[');
        while items.next_element_seed(Copy(self.0))?.is_some() {
            self.0.push(b',');
        }
        self.close(b']')
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.0.push(b'{');
        while members.next_key_seed(Copy(self.0))?.is_some() {
            self.0.push(b':');
            members.next_value_seed(Copy(self.0))?;
            self.0.push(b',');
        }
        self.close(b'}')
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_line_is_what_a_tree_would_be_written_as() {
        let odd = r#" { "a" : [ 1 , -2, 3.5e0, 1e300, 18446744073709551615, [], {}, null, true ] ,
                       "" : "\u00fc\n\"\\\u0001/ ,", "b": {"c": {"d": ",]}"}} } "#;
        for text in harness::SAMPLES
            .lines()
            .chain([odd, "null", "\",\"", "[[]]"])
        {
            let line: Line = serde_json::from_str(text).expect("a line");
            let tree: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(line.0, tree.to_string());
        }
    }

    #[test]
    fn what_is_no_json_or_nested_too_deeply_is_no_line() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        for text in ["", "{", "[1,]", "{\"a\":1", "nul", "\"\u{1}\"", &deep] {
            assert!(serde_json::from_str::<Line>(text).is_err());
        }
    }
}
