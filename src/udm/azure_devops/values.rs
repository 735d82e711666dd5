//! The functions that the table's logic column names. Each sees the fields that its row declares, by position.

use std::borrow::Cow;

pub use super::objects::FIELDS as OBJECT;
use super::objects::{Object, Positions, STORED_CONTENT, object};
pub use super::texts::{hostname, ip};
use super::texts::{is_email, split_mechanism};
use super::{event_type, outcome};
use crate::keys::equal;
use crate::requirements::{Fact, met};
use crate::row::Inputs;
use crate::user_agent;

/// What a value may come from: the log, or nothing but this program.
type Value<'a> = Option<Cow<'a, str>>;

/// What the service calls itself in `ActorDisplayName` and `ActorUPN`.
const SERVICE: &str = "Azure DevOps Service";

/// "None": services have it as `ActorCUID`, service principals as `ActorUserId`, everybody else as `ActorClientId`.
const ZERO: &str = "00000000-0000-0000-0000-000000000000";

/// Row 1: `ActivityId` is the log's id only where the record stood in `records`; `Id` is next in line.
pub fn id_in_records<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    inputs.text(0).filter(|_| inputs.has(1))
}

/// Row 4: a person or a service principal.
pub fn unless_service<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    inputs.text(0).filter(|name| !equal(name, SERVICE))
}

/// Row 4: the service itself is told by a label, whose key the page does not give (C4).
pub fn only_service<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    inputs.text(0).filter(|name| equal(name, SERVICE))
}

/// Row 5: addresses only.
pub fn email<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    inputs.text(0).filter(|text| is_email(text))
}

/// C5: a service principal's UPN is a GUID and would be lost.
pub fn no_email<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    inputs
        .text(0)
        .filter(|text| !inputs.has(1) && !equal(text, SERVICE))
}

/// Row 6, with C29: all service principals have the same all-zero user id.
pub fn user_id<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let id = inputs.text(0)?;
    let is_principal =
        equal(&id, ZERO) && inputs.text(1).is_some_and(|client| !equal(&client, ZERO));
    (!is_principal).then_some(id)
}

/// C15, C29: an id that names something.
pub fn not_zero<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    inputs.text(0).filter(|id| !equal(id, ZERO))
}

/// Row 7.
pub fn application<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    Some(Cow::Owned(["DevOps ", &inputs.text(0)?].concat()))
}

/// Row 8, first part; C7: `PAT_Unscoped authorizationId: <guid>`, the id cut short in one of Google's samples.
pub fn auth_details<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let (details, _) = split_mechanism(inputs.text(0)?);
    Some(details).filter(|text| !text.is_empty())
}

/// Row 8, second part.
pub fn authorization_id<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let (_, id) = split_mechanism(inputs.text(0)?);
    id.filter(|text| !text.is_empty())
}

/// Row 99; C20: no known mechanism is `ServicePrincipal`, `S2S_ServicePrincipal` contains it. The default holds also
/// without a mechanism.
pub fn account_type<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let is_service = inputs
        .text(0)
        .is_some_and(|text| text.contains("ServicePrincipal"));
    let account = if is_service {
        "SERVICE_ACCOUNT_TYPE"
    } else {
        "CLOUD_ACCOUNT_TYPE"
    };
    Some(Cow::Borrowed(account))
}

/// Row 102: what the page calls `summary` is the first part of the mechanism (C7).
pub fn mechanism<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let (details, _) = split_mechanism(inputs.text(0)?);
    equal(&details, "UserAuthToken").then_some(Cow::Borrowed("USERNAME_PASSWORD"))
}

/// L18; C8: in the stream the category is a number.
pub fn category<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    inputs.text(0).filter(|text| text.parse::<f64>().is_err())
}

/// L22: `correlationId` of activity logs, which alone have a `resourceId`.
pub fn of_activity_log<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    inputs.text(0).filter(|_| inputs.has(1))
}

/// L24, C25: the levels of Azure's activity log.
pub fn severity<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    const SEVERITIES: [(&str, &str); 5] = [
        ("Critical", "CRITICAL"),
        ("Error", "ERROR"),
        ("Warning", "MEDIUM"),
        ("Information", "INFORMATIONAL"),
        ("Informational", "INFORMATIONAL"),
    ];
    let level = inputs.text(0)?;
    let severity = SEVERITIES
        .iter()
        .find(|(name, _)| level.eq_ignore_ascii_case(name));
    severity.map(|(_, severity)| Cow::Borrowed(*severity))
}

/// Row 89, second half: the message as JSON.
pub fn parsed_user_agent<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    user_agent::parse(&inputs.text(0)?).map(|agent| Cow::Owned(agent.json(inputs.names)))
}

/// Row 101, C22.
pub fn action<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let details = inputs.json(0).and_then(outcome::action_in_json);
    let action = details.or_else(|| outcome::action_in_json(inputs.json(1)?))?;
    Some(Cow::Borrowed(action))
}

/// The fields of rows 103 and 104: the four ids in their order, then the action.
pub const RESOURCE: &[&str] = &[
    "Data.PipelineId",
    "Data.AuthorizationId",
    "Data.AgentId",
    "Data.NamespaceId",
    "ActionId",
    "OperationName",
];

/// Row 103, with C23: Git and Artifacts are the actions whose object is stored content, and `STORAGE_BUCKET` "in some
/// cases" is taken to mean them.
pub fn resource_type<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    const TYPES: [&str; 4] = ["SETTING", "CREDENTIAL", "DEVICE", "DATABASE"];
    let by_id = TYPES
        .iter()
        .enumerate()
        .find(|(position, _)| inputs.has(*position));
    if let Some((_, kind)) = by_id {
        return Some(Cow::Borrowed(kind));
    }
    let action = inputs.first(4..6)?;
    let is_stored = STORED_CONTENT
        .iter()
        .any(|prefix| action.starts_with(prefix));
    is_stored.then_some(Cow::Borrowed("STORAGE_BUCKET"))
}

/// Row 104.
pub fn resource_subtype<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    const SUBTYPES: [&str; 4] = ["Pipeline", "Token", "Agent", "Namespace"];
    let by_id = SUBTYPES
        .iter()
        .enumerate()
        .find(|(position, _)| inputs.has(*position));
    by_id.map(|(_, subtype)| Cow::Borrowed(*subtype))
}

/// C15: a project without a name and with an all-zero id is none.
pub fn project_type<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let is_project = inputs.has(1) || inputs.text(0).is_some_and(|id| !equal(&id, ZERO));
    is_project.then_some(Cow::Borrowed("CLOUD_PROJECT"))
}

/// C16.
pub fn organization_type<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    (inputs.has(0) || inputs.has(1)).then_some(Cow::Borrowed("CLOUD_ORGANIZATION"))
}

/// C28: an id and a name of one object; half a published pair is not completed by another object's other half.
fn object_of(inputs: &Inputs) -> Option<&'static Object> {
    if (2..10).any(|position| inputs.has(position)) {
        return None;
    }
    object(&inputs.first(0..2)?)
}

fn field_of<'a>(inputs: &Inputs<'a>, positions: Positions) -> Value<'a> {
    let mut values = positions.into_iter().filter_map(|at| inputs.text(at));
    values.find(|text| !equal(text, ZERO))
}

/// C28, the id.
pub fn object_id<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    field_of(inputs, object_of(inputs)?.ids)
}

/// C28, the name.
pub fn object_name<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    field_of(inputs, object_of(inputs)?.names)
}

/// C28, the kind of object, where an id or a name was found.
pub fn object_subtype<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let object = object_of(inputs)?;
    let found = field_of(inputs, object.ids).or_else(|| field_of(inputs, object.names));
    found.map(|_| Cow::Borrowed(object.subtype))
}

/// The fields of row 95: the action, then what other rows have set.
pub const EVENT_TYPE: &[&str] = &[
    "ActionId",
    "OperationName",
    "principal.user.user_display_name",
    "principal.user.userid",
    "principal.user.email_addresses",
    "principal.ip",
    "principal.hostname",
    "target.resource.name",
    "target.resource.product_object_id",
    "topic",
    "target.group.product_object_id",
    "target.group.group_display_name",
    "target.user.userid",
    "target.user.user_display_name",
];

/// Row 95, C19: the type that the action asks for, if the event has the nouns that the type requires; else an update by a
/// user, if it has those; else none in particular. A topic is in every record that Event Grid delivers, so it is no
/// resource here: the type never depends on the wrapper.
pub fn event_type<'a>(inputs: &Inputs<'a>) -> Value<'a> {
    let any = |mut positions: std::ops::Range<usize>| positions.any(|at| inputs.has(at));
    let has = |fact: Fact| match fact {
        Fact::PrincipalUser => any(2..5),
        Fact::PrincipalMachine => any(5..7),
        Fact::TargetResource => {
            inputs.has(7) || (inputs.has(8) && inputs.json(8) != inputs.json(9))
        }
        Fact::TargetGroup => any(10..12),
        Fact::TargetUser => any(12..14),
        _ => false,
    };
    let by_action = || event_type::wanted(&inputs.first(0..2)?, inputs.has(2));
    let kind = by_action()
        .filter(|kind| met(kind, has))
        .or_else(|| Some("USER_RESOURCE_UPDATE_CONTENT").filter(|kind| met(kind, has)))
        .unwrap_or("GENERIC_EVENT");
    Some(Cow::Borrowed(kind))
}
