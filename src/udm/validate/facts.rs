//! Which facts of [`crate::requirements`] an event has.

use crate::requirements::Fact;
use crate::schema::schema;

use super::form::integer;
use super::tree::Tree;

/// The fields of which each alone tells a machine from others.
const MACHINE: [&str; 4] = ["ip", "hostname", "mac", "asset_id"];

/// The fields of which each alone tells a user from others.
const USER: [&str; 6] = [
    "userid",
    "email_addresses",
    "user_display_name",
    "product_object_id",
    "windows_sid",
    "employee_id",
];

const NOUNS: [&str; 6] = [
    "principal",
    "src",
    "target",
    "intermediary",
    "observer",
    "about",
];

/// Whether the event has the fact.
pub(super) fn has(event: &Tree, fact: Fact) -> bool {
    let is_filled = |path| event.at(path).is_some_and(Tree::is_filled);
    match fact {
        Fact::NoPrincipal => !is_filled("principal"),
        Fact::PrincipalMachine => has_any(event.at("principal"), &MACHINE),
        Fact::TargetMachine => has_any(event.at("target"), &MACHINE),
        Fact::PrincipalUser => has_any(event.at("principal.user"), &USER),
        Fact::TargetUser => has_any(event.at("target.user"), &USER),
        Fact::TargetMutex => is_resource_type(event, "MUTEX"),
        Fact::TargetSetting => is_resource_type(event, "SETTING"),
        Fact::TargetTask => is_resource_type(event, "TASK"),
        Fact::Authentication => event.at(fact.path()).is_some(),
        Fact::Noun => NOUNS.into_iter().any(is_filled),
        Fact::PrincipalProcess
        | Fact::SrcFile
        | Fact::TargetGroup
        | Fact::TargetResource
        | Fact::TargetApplication
        | Fact::TargetFile
        | Fact::TargetProcess
        | Fact::TargetRegistryKey
        | Fact::TargetUrl
        | Fact::Network
        | Fact::IpProtocol
        | Fact::ApplicationProtocol
        | Fact::NetworkEmail
        | Fact::Vulnerabilities => is_filled(fact.path()),
    }
}

/// The name of an event type, given by name or number.
pub(super) fn event_type(value: &Tree) -> Option<&'static str> {
    enum_name("Metadata.EventType", value)
}

fn has_any(part: Option<&Tree>, names: &[&str]) -> bool {
    part.is_some_and(|part| {
        let mut values = names.iter().filter_map(|name| part.at(name));
        values.any(Tree::is_filled)
    })
}

/// Older events name the type in the deprecated `type`, a text.
fn is_resource_type(event: &Tree, name: &str) -> bool {
    let new = event.at("target.resource.resource_type");
    let old = event.at("target.resource.type");
    new.and_then(|it| enum_name("Resource.ResourceType", it)) == Some(name)
        || matches!(old, Some(Tree::String(it)) if **it == *name)
}

fn enum_name(name: &str, value: &Tree) -> Option<&'static str> {
    let mut values = schema().values(name)?.values.iter();
    let found = match value {
        Tree::String(text) => values.find(|(name, _)| *name == &**text),
        _ => {
            let number = integer(value)?;
            values.find(|(_, it)| i128::from(*it) == number)
        }
    };
    found.map(|(name, _)| *name)
}
