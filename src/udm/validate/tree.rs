//! A JSON value with all keys of its objects: `serde_json::Value` would keep one of two equal keys, unsaid.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A JSON value. Whole numbers keep all their digits. Nothing in it has room to spare: a value of 24 bytes may stand
/// for two bytes of text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    String(Box<str>),
    Array(Box<[Tree]>),
    /// Keys in the order of the text, repeated ones included.
    Object(Box<[(Box<str>, Tree)]>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Signed(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Unsigned(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::String(value.into()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Tree, E> {
        Ok(Tree::String(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            push(&mut array, item);
        }
        Ok(Tree::Array(array.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut object = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            push(&mut object, entry);
        }
        Ok(Tree::Object(object.into()))
    }
}

/// Grows one by one while there are few, as in most arrays: a vector's own first step is to four.
fn push<T>(items: &mut Vec<T>, item: T) {
    if items.len() < 4 {
        items.reserve_exact(1);
    }
    items.push(item);
}

impl Tree {
    /// The value at a path of proto names, whichever of its spellings the keys have; nothing for null.
    pub(super) fn at(&self, path: &str) -> Option<&Tree> {
        path.split('.').try_fold(self, |tree, name| tree.get(name))
    }

    /// Whether there is something in the value: neither empty itself, nor made of empty values alone.
    pub(super) fn is_filled(&self) -> bool {
        match self {
            Tree::Null => false,
            Tree::Bool(_) | Tree::Signed(_) | Tree::Unsigned(_) | Tree::Float(_) => true,
            Tree::String(text) => !text.is_empty(),
            Tree::Array(items) => items.iter().any(Tree::is_filled),
            Tree::Object(entries) => entries.iter().any(|(_, value)| value.is_filled()),
        }
    }

    fn get(&self, name: &str) -> Option<&Tree> {
        let Tree::Object(entries) = self else {
            return None;
        };
        let mut found = entries
            .iter()
            .filter(|(key, _)| crate::schema::is_name(key, name));
        found
            .next()
            .map(|(_, value)| value)
            .filter(|it| **it != Tree::Null)
    }
}

/// The value as a message quotes it: texts in quotes and cut short, arrays and objects by their kind.
impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Tree::Null => f.write_str("null"),
            Tree::Bool(it) => write!(f, "{it}"),
            Tree::Signed(it) => write!(f, "{it}"),
            Tree::Unsigned(it) => write!(f, "{it}"),
            Tree::Float(it) => write!(f, "{it:?}"),
            Tree::String(text) => write!(f, "\"{}\"", short(text)),
            Tree::Array(_) => f.write_str("a list"),
            Tree::Object(_) => f.write_str("an object"),
        }
    }
}

/// At most 60 characters of a text, control characters escaped.
pub(super) fn short(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    let cut = short.len() < text.len();
    if short.contains(char::is_control) {
        short = short.escape_debug().to_string();
    }
    if cut {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Tree {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn repeated_keys_and_long_numbers_are_kept() {
        let it = tree(r#"{"a":18446744073709551615,"a":-1}"#);
        let a = |value| (Box::from("a"), value);
        assert_eq!(
            it,
            Tree::Object(Box::new([a(Tree::Unsigned(u64::MAX)), a(Tree::Signed(-1))]))
        );
    }

    #[test]
    fn a_path_is_found_in_both_spellings() {
        for text in [
            r#"{"a_b":{"c_d":1}}"#,
            r#"{"aB":{"cD":1}}"#,
            r#"{"aB":{"c_d":1}}"#,
        ] {
            assert_eq!(tree(text).at("a_b.c_d"), Some(&Tree::Unsigned(1)), "{text}");
        }
        assert_eq!(tree(r#"{"a_b":null}"#).at("a_b"), None);
        assert_eq!(tree("[1]").at("a_b"), None);
    }

    #[test]
    fn empty_values_fill_nothing() {
        for text in ["null", "\"\"", "[]", "{}", r#"{"a":[{"b":""},{}]}"#] {
            assert!(!tree(text).is_filled(), "{text}");
        }
        for text in ["0", "false", "\"a\"", r#"{"a":[{"b":"","c":"x"}]}"#] {
            assert!(tree(text).is_filled(), "{text}");
        }
    }

    #[test]
    fn values_are_quoted_cut_short() {
        let long = "ä".repeat(61);
        let cases = [
            ("1e300", "1e300".to_owned()),
            ("-0.5", "-0.5".to_owned()),
            (r#""a\nb""#, r#""a\nb""#.to_owned()),
            (&format!("{long:?}"), format!("\"{}…\"", "ä".repeat(60))),
            ("[1]", "a list".to_owned()),
        ];
        for (text, expected) in cases {
            assert_eq!(tree(text).to_string(), expected, "{text}");
        }
    }
}
