//! The functions that the table's logic column names. Each sees the fields that its row declares, by position.

use std::borrow::Cow;

use super::address::{self, addresses};
use super::event_type;
use crate::keys::equal;
use crate::requirements::{Fact, met, wishes_met};
use crate::row::{Inputs, word};

/// What a value may come from: the log, or nothing but this program.
pub(super) type Value<'a> = Option<Cow<'a, str>>;

/// The fields of rows 2 and 32: action, resource and scope, then what other rows have set.
pub const EVENT_TYPE: &[&str] = &[
    "action",
    "resource.type",
    "resourceScope.orgIdentifier",
    "principal.user.userid",
    "principal.user.email_addresses",
    "principal.user.user_display_name",
    "principal.ip",
    "principal.hostname",
    "target.resource.resource_subtype",
    "target.resource.product_object_id",
    "target.resource.name",
    "target.group.product_object_id",
    "target.group.group_display_name",
    "target.user.userid",
    "target.user.email_addresses",
    "target.user.user_display_name",
];

/// Row 2: the type that the action asks for, if the event has the nouns that the type requires; else the type of the
/// same change to a resource, if it has those; else none in particular. Google's guide does not ask for a machine
/// where permissions change without a principal; here it is asked for always, as for the other changes of users.
pub fn event_type<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let any = |mut positions: std::ops::Range<usize>| positions.any(|at| inputs.has(at));
    let has = |fact: Fact| match fact {
        Fact::PrincipalUser => any(3..6),
        Fact::PrincipalMachine => any(6..8),
        Fact::TargetResource => any(8..11),
        Fact::TargetGroup => any(11..13),
        Fact::TargetUser => any(13..16),
        Fact::TargetApplication | Fact::Authentication => true,
        _ => false,
    };
    let action = inputs.text(0).unwrap_or_default();
    let kind = inputs.text(1).unwrap_or_default();
    let wanted = event_type::wanted(&word(&action), &word(&kind), !inputs.has(2));
    let found = wanted
        .filter(|it| met(it, has) && wishes_met(it, has))
        .or_else(|| event_type::as_resource(wanted?).filter(|it| met(it, has)))
        .unwrap_or("GENERIC_EVENT");
    Some(Cow::Borrowed(found))
}

/// Row 6: who did what to which object, with what is there of it.
pub fn description(inputs: &Inputs) -> [Option<usize>; 4] {
    let first = |mut of: std::ops::Range<usize>| of.find(|at| inputs.has(*at));
    let is_user = inputs.has(1);
    let email = first(0..1).filter(|_| is_user);
    [email.or_else(|| first(2..4)), Some(4), Some(5), first(6..8)]
}

/// Row 9: pipeline events have the names of triggers where others have addresses.
pub fn email<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    inputs.text(0).filter(|text| is_email(text))
}

/// Rows 9 and 25: the same, for users.
pub fn email_of_user<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    match inputs.has(1) {
        true => email(inputs),
        false => None,
    }
}

/// One `@` with something on either side, and nothing that separates addresses.
fn is_email(text: &str) -> bool {
    let mut at = None;
    for (position, byte) in text.bytes().enumerate() {
        match byte {
            b'@' if at.is_some() => return false,
            b'@' => at = Some(position),
            b'<' | b'>' | b',' | b';' | b'"' | b'\\' | 0..=b' ' | 0x7f => return false,
            _ => {}
        }
    }
    at.is_some_and(|at| at > 0 && at + 1 < text.len())
}

/// Rows 11 and 38: people, keys and service accounts, and the platform itself.
pub fn account_type(principal_type: &str) -> Option<&'static str> {
    Some(match principal_type {
        "USER" => "CLOUD_ACCOUNT_TYPE",
        "SERVICE_ACCOUNT" | "API_KEY" => "SERVICE_ACCOUNT_TYPE",
        "SYSTEM" => "DEFAULT_ACCOUNT_TYPE",
        _ => return None,
    })
}

/// Row 12: whether we know this type of principal.
pub fn is_principal_type(text: &str) -> bool {
    matches!(
        word(text).as_ref(),
        "USER" | "SERVICE_ACCOUNT" | "API_KEY" | "SYSTEM"
    )
}

/// Row 13: the first valid address.
pub fn first_address<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    match inputs.text(0)? {
        Cow::Borrowed(text) => addresses(text).next(),
        Cow::Owned(text) => addresses(&text)
            .next()
            .map(|it| Cow::Owned(it.into_owned())),
    }
}

/// Rows 13 and 15: what another row has set.
pub fn copy<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    inputs.text(0)
}

/// Row 15: a name. No address is one, and no list.
pub fn hostname<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let text = inputs.text(0)?;
    address::hostname(&text).map(|name| Cow::Owned(name.to_owned()))
}

/// C4: a text that is neither addresses nor a name.
pub fn unread_address<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let is_read = inputs.has(1) || inputs.has(2);
    inputs.text(0).filter(|_| !is_read)
}

/// Row 16.
pub fn in_capitals<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let text = inputs.text(0)?;
    match text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        true => Some(Cow::Owned(text.to_ascii_uppercase())),
        false => Some(text),
    }
}

/// Row 24: the account, unless it is the resource: settings and licences have its id.
pub fn account<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    match are_equal(inputs) {
        true => None,
        false => inputs.text(0),
    }
}

/// Row 24: the project or the organization, unless it is the resource.
pub fn scope<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    match inputs.has(2) {
        true => account(inputs),
        false => inputs.text(0),
    }
}

/// Whether the first two fields are the same text.
fn are_equal(inputs: &Inputs) -> bool {
    let (Some(one), Some(other)) = (inputs.json(0), inputs.json(1)) else {
        return false;
    };
    // Escapes can write one text in two ways.
    let is_escaped = || (0..2).any(|at| inputs.is_escaped(at));
    equal(one, other) || is_escaped() && inputs.text(0) == inputs.text(1)
}

/// Row 25: of a user that can be told from others.
pub fn type_of_user<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let is_user = inputs.has(0) && (1..4).any(|at| inputs.has(at));
    is_user.then_some(Cow::Borrowed("CLOUD_ACCOUNT_TYPE"))
}

/// Row 26: the same.
pub fn type_of_service_account<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let is_account = inputs.has(0) && (1..3).any(|at| inputs.has(at));
    is_account.then_some(Cow::Borrowed("SERVICE_ACCOUNT_TYPE"))
}

/// Row 30.
pub fn category(action: &str) -> Option<&'static str> {
    (action == "UNSUCCESSFUL_LOGIN").then_some("AUTH_VIOLATION")
}

/// Row 32: Harness does not say whether a password or a single sign-on was used.
pub fn mechanism<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    of_login(inputs, "OTP", "MECHANISM_UNSPECIFIED")
}

/// Row 32.
pub fn login_outcome<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    of_login(inputs, "FAILURE", "SUCCESS")
}

/// Of a login, one text if the second field is there, and another if not.
fn of_login<'a>(inputs: &Inputs<'a>, special: &'static str, usual: &'static str) -> Value<'a> {
    let is_login = inputs.json(0) == Some("USER_LOGIN");
    is_login.then_some(Cow::Borrowed(if inputs.has(1) { special } else { usual }))
}

/// Row 36: the times of a run are zero until they are set.
pub fn not_zero<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    inputs.text(0).filter(|text| text != "0")
}

/// Row 38: says what the other principal is, where there is one.
pub fn impersonating<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let is_there = (0..4).any(|at| inputs.has(at));
    is_there.then_some(Cow::Borrowed("impersonating_principal"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_texts() {
        for text in ["a@b", "ana.silva+x@example.com", "jörg@example.com"] {
            assert!(is_email(text), "{text}");
        }
        for text in [
            "",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "systemUser",
            "a b@c",
            "a@b,c@d",
            "Ana <a@b>",
            "a@b\n",
        ] {
            assert!(!is_email(text), "{text}");
        }
    }
}
