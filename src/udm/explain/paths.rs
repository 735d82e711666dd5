//! UDM paths as users mean them: in either spelling, with or without positions.

use crate::plan::Target;

/// A path without positions, in proto names: what rows and users mean by a field.
pub(super) fn field_path(path: &str) -> String {
    let mut plain = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('[') {
        plain.push_str(&proto_names(before));
        let (inside, after) = after.split_once(']').unwrap_or((after, ""));
        if let Some(key) = inside.strip_prefix('"') {
            // A key may hold a bracket itself.
            let whole = rest.get(before.len() + 2..).unwrap_or_default();
            let (key, after) = whole.split_once("\"]").unwrap_or((key, after));
            plain.push_str(&format!("[{}]", key.trim_end_matches('"')));
            rest = after;
        } else {
            rest = after;
        }
    }
    plain.push_str(&proto_names(rest));
    plain.replacen("additional.fields", "additional", 1)
}

pub(super) fn proto_names(path: &str) -> String {
    let mut names = String::with_capacity(path.len() + 8);
    for character in path.chars() {
        if character.is_ascii_uppercase() {
            names.push('_');
        }
        names.push(character.to_ascii_lowercase());
    }
    names
}

pub(super) fn target_path(target: &Target) -> String {
    let path = field_path(target.path);
    if target.key.is_empty() {
        path
    } else {
        format!("{path}[{}]", target.key)
    }
}

pub(super) fn is_below(path: &str, field: &str) -> bool {
    path.strip_prefix(field)
        .is_some_and(|rest| matches!(rest.bytes().next(), None | Some(b'.' | b'[')))
}
