//! The functions of the table that make lists of messages, as JSON. Keys are the same in both spellings of UDM.

use std::borrow::Cow;

use super::address::addresses;
use super::values::Value;
use crate::json::{Cursor, Piece, push_escaped, unescape};
use crate::row::Inputs;

/// Row 14: the addresses behind the first, each a noun of its own.
pub fn proxies<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let text = inputs.text(0)?;
    if !text.bytes().any(|byte| byte == b',') {
        return None;
    }
    let namespace = inputs.text(1).map(|it| member("namespace", &it));
    let nouns = addresses(&text).skip(1).map(|address| {
        let more = namespace.as_deref().unwrap_or_default();
        let comma = if more.is_empty() { "" } else { "," };
        format!("{{\"ip\":[\"{address}\"]{comma}{more}}}")
    });
    list(nouns)
}

/// Row 23: the labels that no other row knows, sorted by key. A repeated key's last value counts, as everywhere.
pub fn labels<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let is_user = inputs.has(1);
    let mut labels = members(inputs.json(0)?);
    labels.retain(|(key, _)| match key.as_ref() {
        "resourceName" | "pipelineIdentifier" => false,
        "userId" => !is_user,
        _ => true,
    });
    // Last values first, so that the others of their keys go.
    labels.reverse();
    labels.sort_by(|one, other| one.0.cmp(&other.0));
    labels.dedup_by(|other, one| other.0 == one.0);
    labels.retain(|(_, value)| !value.is_empty());
    let label = |(key, value): (Cow<str>, &str)| {
        format!("{{{},\"value\":\"{value}\"}}", member("key", &key))
    };
    list(labels.into_iter().map(label))
}

/// Row 28: what an invited user will get.
pub fn roles<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let mut cursor = Cursor::new(inputs.json(0)?);
    if !inputs.has(1) && !inputs.has(2) {
        return None;
    }
    let mut roles = Vec::new();
    let mut more = cursor.peek() == Some(b'[') && cursor.enter(b']').ok()?;
    while more {
        let start = cursor.at;
        cursor.skip_value().ok()?;
        let binding = members(cursor.text().get(start..cursor.at)?);
        let role = binding.iter().rfind(|it| it.0 == "roleIdentifier");
        roles.extend(role.map(|it| it.1).filter(|it| !it.is_empty()));
        more = cursor.another(b']').ok()?;
    }
    list(
        roles
            .into_iter()
            .map(|role| format!("{{\"name\":\"{role}\"}}")),
    )
}

/// The scalars of an object, in their order: the key, and the value as the content of a JSON string. Empty texts and
/// nulls are empty.
fn members(object: &str) -> Vec<(Cow<'_, str>, &str)> {
    let mut members = Vec::new();
    // What is no object has no members.
    let _ = read_members(object, &mut members);
    members
}

fn read_members<'a>(object: &'a str, members: &mut Vec<(Cow<'a, str>, &'a str)>) -> Option<()> {
    let mut cursor = Cursor::new(object);
    let text = |piece: Piece| object.get(piece.start as usize..piece.end as usize);
    let mut more = cursor.skip_space() == Some(b'{') && cursor.enter(b'}').ok()?;
    while more {
        let key = unescape(text(cursor.key().ok()?)?);
        match cursor.peek() {
            Some(b'"') => members.push((key, text(cursor.string().ok()?)?)),
            Some(b'{' | b'[') => {
                cursor.skip_value().ok()?;
                members.push((key, ""));
            }
            first => {
                let value = text(cursor.scalar().ok()?)?;
                members.push((key, if first == Some(b'n') { "" } else { value }));
            }
        }
        more = cursor.another(b'}').ok()?;
    }
    Some(())
}

/// A member of a JSON object, from its key and its text.
fn member(key: &str, text: &str) -> String {
    let mut content = Vec::with_capacity(text.len());
    push_escaped(&mut content, text);
    format!("\"{key}\":\"{}\"", String::from_utf8_lossy(&content))
}

/// JSON of these elements, unless there are none.
fn list<'a>(elements: impl Iterator<Item = String>) -> Value<'a> {
    let elements: Vec<String> = elements.collect();
    (!elements.is_empty()).then(|| Cow::Owned(format!("[{}]", elements.join(","))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_what_is_no_object_are_none() {
        for text in ["", "text", "[1]", "{", "{\"a\":", "\"{}\""] {
            assert_eq!(members(text), [], "{text}");
        }
        let found = members(r#"{"a":"x\"y","\u0062":1,"c":null,"d":"","e":{"f":1},"a":true}"#);
        let expected = [
            ("a", r#"x\"y"#),
            ("b", "1"),
            ("c", ""),
            ("d", ""),
            ("e", ""),
            ("a", "true"),
        ];
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(key, value)| (key.as_ref(), *value))
            .collect();
        assert_eq!(found, expected);
    }
}
