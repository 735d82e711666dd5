//! JSON as a tree, read by serde_json: every member in its order, also those whose key comes again.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A JSON value with all its members, also those whose key comes again.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    Null,
    /// A number, true or false.
    Word(String),
    Text(String),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

/// The value at the start of a text, and where it ends.
pub(super) fn tree(text: &str) -> Result<(Tree, usize), serde_json::Error> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Tree>();
    let tree = values
        .next()
        .expect("a text begins with a bracket or a quote")?;
    Ok((tree, values.byte_offset()))
}

impl Tree {
    /// The text of a scalar; none for null and "".
    pub(super) fn text(&self) -> Option<Text> {
        match self {
            Tree::Word(text) => Some(Text(text.clone())),
            Tree::Text(text) => Some(text)
                .filter(|text| !text.is_empty())
                .cloned()
                .map(Text),
            Tree::Null | Tree::List(_) | Tree::Object(_) => None,
        }
    }

    pub(super) fn depth(&self) -> u32 {
        let deepest = |values: &mut dyn Iterator<Item = &Tree>| values.map(Tree::depth).max();
        match self {
            Tree::List(values) => 1 + deepest(&mut values.iter()).unwrap_or(0),
            Tree::Object(members) => 1 + deepest(&mut members.iter().map(|it| &it.1)).unwrap_or(0),
            _ => 0,
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tree, D::Error> {
        struct Builder;
        impl<'de> Visitor<'de> for Builder {
            type Value = Tree;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a JSON value")
            }
            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
                Ok(Tree::Word(value.to_string()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
                Ok(Tree::Word(value.to_string()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
                Ok(Tree::Word(value.to_string()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
                Ok(Tree::Word(value.to_string()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
                Ok(Tree::Text(value.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Tree, A::Error> {
                let mut list = Vec::new();
                while let Some(element) = elements.next_element()? {
                    list.push(element);
                }
                Ok(Tree::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
                let mut object = Vec::new();
                while let Some(member) = members.next_entry()? {
                    object.push(member);
                }
                Ok(Tree::Object(object))
            }
        }
        deserializer.deserialize_any(Builder)
    }
}

/// A value's text. Numbers are equal by value, but for the last digits: serde_json keeps them as `f64`, nearly.
#[derive(Clone)]
pub(super) struct Text(pub(super) String);

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        let number = |text: &Text| text.0.parse::<f64>().ok();
        let is_close =
            |(one, other): (f64, f64)| one == other || ((one - other) / other).abs() < 1e-14;
        self.0 == other.0 || number(self).zip(number(other)).is_some_and(is_close)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An event, whose objects must not have a key twice.
pub(super) struct NoTwins;

impl<'de> Deserialize<'de> for NoTwins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<NoTwins, D::Error> {
        fn check(tree: &Tree) -> Result<(), String> {
            match tree {
                Tree::Object(members) => {
                    let mut seen = BTreeSet::new();
                    let twin = members.iter().find(|member| !seen.insert(&member.0));
                    let found = twin.map_or(Ok(()), |twin| Err(format!("{} stands twice", twin.0)));
                    found.and_then(|()| members.iter().try_for_each(|member| check(&member.1)))
                }
                Tree::List(values) => values.iter().try_for_each(check),
                _ => Ok(()),
            }
        }
        check(&Tree::deserialize(deserializer)?).map_err(serde::de::Error::custom)?;
        Ok(NoTwins)
    }
}
