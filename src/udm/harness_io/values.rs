//! The functions that the table's logic column names. Each sees the fields that its row declares, by position.

use std::borrow::Cow;

use super::address;
use super::event_type;
use crate::keys::equal;
use crate::requirements::{Fact, met, wishes_met};
use crate::row::{Facts, Inputs, word};

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
pub fn event_type(facts: &Facts) -> Option<&'static str> {
    let has = |fact: Fact| match fact {
        Fact::PrincipalUser => facts.any(3..6),
        Fact::PrincipalMachine => facts.any(6..8),
        Fact::TargetResource => facts.any(8..11),
        Fact::TargetGroup => facts.any(11..13),
        Fact::TargetUser => facts.any(13..16),
        Fact::TargetApplication | Fact::Authentication => true,
        _ => false,
    };
    let wanted = event_type::wanted(facts.word(0), facts.word(1), !facts.has(2));
    let found = wanted
        .filter(|it| met(it, has) && wishes_met(it, has))
        .or_else(|| event_type::as_resource(wanted?).filter(|it| met(it, has)));
    Some(found.unwrap_or("GENERIC_EVENT"))
}

/// Row 6: who did what to which object, with what is there of it.
pub fn description(facts: &Facts) -> [Option<usize>; 4] {
    let is_user = facts.has(1);
    let email = facts.first(0..1).filter(|_| is_user);
    let actor = email.or_else(|| facts.first(2..4));
    [actor, Some(4), Some(5), facts.first(6..8)]
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
    let is_other = |byte: u8| {
        matches!(
            byte,
            b'<' | b'>' | b',' | b';' | b'"' | b'\\' | 0..=b' ' | 0x7f
        )
    };
    // All bytes are looked at, so that several are at once.
    let others = text.bytes().fold(false, |any, it| any | is_other(it));
    let ats = text.bytes().filter(|byte| *byte == b'@').count();
    ats == 1 && !others && !text.starts_with('@') && !text.ends_with('@')
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
        Cow::Borrowed(text) => address::first(text),
        Cow::Owned(text) => address::first(&text).map(|it| Cow::Owned(it.into_owned())),
    }
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
pub fn type_of_user(facts: &Facts) -> Option<&'static str> {
    (facts.has(0) && facts.any(1..4)).then_some("CLOUD_ACCOUNT_TYPE")
}

/// Row 26: the same.
pub fn type_of_service_account(facts: &Facts) -> Option<&'static str> {
    (facts.has(0) && facts.any(1..3)).then_some("SERVICE_ACCOUNT_TYPE")
}

/// Row 30.
pub fn category(action: &str) -> Option<&'static str> {
    (action == "UNSUCCESSFUL_LOGIN").then_some("AUTH_VIOLATION")
}

/// Row 32: Harness does not say whether a password or a single sign-on was used.
pub fn mechanism(facts: &Facts) -> Option<&'static str> {
    of_login(facts, |action| match action {
        "LOGIN2FA" => "OTP",
        _ => "MECHANISM_UNSPECIFIED",
    })
}

/// Row 32.
pub fn login_outcome(facts: &Facts) -> Option<&'static str> {
    of_login(facts, |action| match action {
        "UNSUCCESSFUL_LOGIN" => "FAILURE",
        _ => "SUCCESS",
    })
}

/// Of a login, what its action tells.
fn of_login(facts: &Facts, told: fn(&str) -> &'static str) -> Option<&'static str> {
    let is_login = event_type(facts) == Some("USER_LOGIN");
    is_login.then(|| told(facts.word(0)))
}

/// Row 36: the times of a run are zero until they are set.
pub fn not_zero<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    inputs.text(0).filter(|text| text != "0")
}

/// Row 38: says what the other principal is, where there is one.
pub fn impersonating(facts: &Facts) -> Option<&'static str> {
    facts.any(0..4).then_some("impersonating_principal")
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
