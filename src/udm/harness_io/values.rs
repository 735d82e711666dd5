//! The functions that the table's logic column names. Each sees the fields that its row declares, by position.

use std::borrow::Cow;

use super::address::{self, addresses};
use super::{event_type, outcome, resource_type};
use crate::keys::equal;
use crate::requirements::{Fact, met, wishes_met};
use crate::row::Inputs;

/// What a value may come from: the log, or nothing but this program.
pub(super) type Value<'a> = Option<Cow<'a, str>>;

/// A word of one of Harness' vocabularies: in capitals, without blanks around it.
pub fn word(text: &str) -> Cow<'_, str> {
    if is_word(text) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.trim().to_ascii_uppercase())
}

fn is_word(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_'))
}

/// Whether the field at a position says this word.
pub(super) fn says(inputs: &Inputs, position: usize, expected: &str) -> bool {
    let Some(json) = inputs.json(position) else {
        return false;
    };
    if equal(json, expected) {
        return true;
    }
    // Nearly always there is nothing to take away, and texts of other lengths are others.
    let ends = [json.as_bytes().first(), json.as_bytes().last()];
    let is_trimmed = ends.iter().flatten().all(|byte| byte.is_ascii_graphic());
    if is_trimmed && !inputs.is_escaped(position) {
        return json.eq_ignore_ascii_case(expected);
    }
    let text = inputs.text(position);
    text.is_some_and(|text| word(&text) == expected)
}

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
pub fn description<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let email = says(inputs, 0, "USER").then_some(1);
    let actor = inputs.first(email.into_iter().chain([2, 3]));
    let name = inputs.first([6, 7]);
    let parts = [actor, inputs.text(4), inputs.text(5), name];
    let mut parts = parts.iter().flatten();
    let mut description = String::with_capacity(128);
    description.push_str(parts.next()?);
    for part in parts {
        description.push(' ');
        description.push_str(part);
    }
    Some(Cow::Owned(description))
}

/// Row 9: pipeline events have the names of triggers where others have addresses.
pub fn email<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    inputs.text(0).filter(|text| is_email(text))
}

/// Rows 9 and 25: the same, for users.
pub fn email_of_user<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    email(inputs).filter(|_| says(inputs, 1, "USER"))
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
pub fn account_type<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let account = match word(&inputs.text(0)?).as_ref() {
        "USER" => "CLOUD_ACCOUNT_TYPE",
        "SERVICE_ACCOUNT" | "API_KEY" => "SERVICE_ACCOUNT_TYPE",
        "SYSTEM" => "DEFAULT_ACCOUNT_TYPE",
        _ => return None,
    };
    Some(Cow::Borrowed(account))
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

/// Row 20.
pub fn resource_type<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    resource_type::resource_type(&word(&inputs.text(0)?)).map(Cow::Borrowed)
}

/// Row 24, first: an object of a pipeline, such as a trigger.
pub fn pipeline<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    inputs.text(0).filter(|_| !says(inputs, 1, "PIPELINE"))
}

/// Row 24: the project, unless it is the resource.
pub fn project<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    scope(inputs, "PROJECT")
}

/// Row 24: the organization, unless it is the resource.
pub fn organization<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    scope(inputs, "ORGANIZATION")
}

/// Row 24: the account, unless it is the resource: settings and licences have its id.
pub fn account<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    inputs.text(0).filter(|_| !are_equal(inputs))
}

fn scope<'a>(inputs: &Inputs<'a>, kind: &str) -> Value<'a> {
    let is_resource = || are_equal(inputs) && says(inputs, 2, kind);
    inputs.text(0).filter(|_| !is_resource())
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

/// Row 24: what the ancestors are.
pub fn pipeline_subtype<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    pipeline(inputs).map(|_| Cow::Borrowed("PIPELINE"))
}

/// Row 24.
pub fn project_type<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    project(inputs).map(|_| Cow::Borrowed("CLOUD_PROJECT"))
}

/// Row 24.
pub fn project_subtype<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    project(inputs).map(|_| Cow::Borrowed("PROJECT"))
}

/// Row 24.
pub fn organization_type<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    organization(inputs).map(|_| Cow::Borrowed("CLOUD_ORGANIZATION"))
}

/// Row 24.
pub fn organization_subtype<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    organization(inputs).map(|_| Cow::Borrowed("ORGANIZATION"))
}

/// Row 24.
pub fn account_subtype<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    account(inputs).map(|_| Cow::Borrowed("ACCOUNT"))
}

/// Row 25.
pub fn of_user<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    inputs.text(0).filter(|_| says(inputs, 1, "USER"))
}

/// Row 26.
pub fn of_service_account<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    inputs
        .text(0)
        .filter(|_| says(inputs, 1, "SERVICE_ACCOUNT"))
}

/// Row 27.
pub fn of_group<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    inputs.text(0).filter(|_| says(inputs, 1, "USER_GROUP"))
}

/// Rows 25 and 26: of a user that can be told from others.
pub fn type_of_user<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let is_user = says(inputs, 0, "USER") && (1..4).any(|at| inputs.has(at));
    is_user.then_some(Cow::Borrowed("CLOUD_ACCOUNT_TYPE"))
}

/// Row 26.
pub fn type_of_service_account<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let is_account = says(inputs, 0, "SERVICE_ACCOUNT") && (1..3).any(|at| inputs.has(at));
    is_account.then_some(Cow::Borrowed("SERVICE_ACCOUNT_TYPE"))
}

/// Row 29.
pub fn outcome<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    outcome::outcome(&word(&inputs.text(0)?)).map(Cow::Borrowed)
}

/// Row 30.
pub fn category<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    says(inputs, 0, "UNSUCCESSFUL_LOGIN").then_some(Cow::Borrowed("AUTH_VIOLATION"))
}

/// Row 32: Harness does not say whether a password or a single sign-on was used.
pub fn mechanism<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let mechanism = match says(inputs, 1, "LOGIN2FA") {
        true => "OTP",
        false => "MECHANISM_UNSPECIFIED",
    };
    says(inputs, 0, "USER_LOGIN").then_some(Cow::Borrowed(mechanism))
}

/// Row 32.
pub fn login_outcome<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let outcome = match says(inputs, 1, "UNSUCCESSFUL_LOGIN") {
        true => "FAILURE",
        false => "SUCCESS",
    };
    says(inputs, 0, "USER_LOGIN").then_some(Cow::Borrowed(outcome))
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

    #[test]
    fn words_are_compared_in_capitals_and_without_blanks() {
        for (text, expected) in [
            ("CREATE", "CREATE"),
            (" create\t", "CREATE"),
            ("login2fa", "LOGIN2FA"),
            ("", ""),
        ] {
            assert_eq!(word(text), expected, "{text}");
        }
    }
}
