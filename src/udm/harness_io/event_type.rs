//! From the action of an audit event to the event type it asks for.
//!
//! The actions are those of Harness' audit API (apidocs.harness.io, tag Audit; developer.harness.io; the platform's
//! public source; read in November 2026). Google publishes no event types for HARNESS_IO: the choice is ours, after
//! the texts of the UDM usage guide. Runs of pipelines use a resource without changing it; an invitation grants
//! nothing yet; joining an account creates the user there, joining an organization or a project is a change of
//! permissions; the resource of a role assignment is whoever it is assigned to; RESTORE brings something deleted
//! back, but a SETTING to its default. The set of actions is open: one that is not here gives GENERIC_EVENT, is kept
//! as it stands, and a note tells it.
//!
//! Left out: whether the event holds the nouns that the type requires. That takes the event, not the action.

use std::sync::LazyLock;

use super::resource_type::resource_type;
use crate::keys::{Keys, equal};
use crate::row::word;

/// The event type that an action asks for; `None` if the action is not known.
///
/// `action` and `kind`, the resource's, are written in capitals. `in_account` says that the scope is the account
/// itself, without an organization.
pub fn wanted(action: &str, kind: &str, in_account: bool) -> Option<&'static str> {
    let is_reset = equal(action, "RESTORE") && equal(kind, "SETTING");
    let event_type = find(if is_reset { "UPDATE" } else { action })?;
    Some(match event_type {
        EventType::Always(event_type) => event_type,
        EventType::Joining { account, below } => match in_account {
            true => account,
            false => below,
        },
        EventType::Of {
            user,
            group,
            policy,
            other,
        } => match kind {
            "USER" | "SERVICE_ACCOUNT" => user,
            "USER_GROUP" => group,
            _ if resource_type(kind) == Some("ACCESS_POLICY") => policy,
            _ => other,
        },
    })
}

/// Whether the table has this action, in any case and with blanks around it.
pub fn is_known(action: &str) -> bool {
    find(&word(action)).is_some()
}

fn find(action: &str) -> Option<&'static EventType> {
    static ACTIONS: LazyLock<(Keys, Vec<&EventType>)> = LazyLock::new(|| {
        let lines = STEPS.iter();
        let lines =
            lines.flat_map(|(actions, event_type)| actions.iter().map(move |it| (*it, event_type)));
        let (actions, event_types): (Vec<_>, Vec<_>) = lines.unzip();
        (Keys::of(actions), event_types)
    });
    let (actions, event_types) = &*ACTIONS;
    event_types.get(actions.find(action)? as usize).copied()
}

/// What the actions of a line ask for.
enum EventType {
    Always(&'static str),
    /// By the scope.
    Joining {
        account: &'static str,
        below: &'static str,
    },
    /// By the kind of resource: users and service accounts, user groups, those whose resource type is ACCESS_POLICY.
    Of {
        user: &'static str,
        group: &'static str,
        policy: &'static str,
        other: &'static str,
    },
}

use EventType::{Always, Joining, Of};

/// Each action stands once.
#[rustfmt::skip]
static STEPS: [(&[&str], EventType); 11] = [
    (&["LOGIN", "LOGIN2FA", "UNSUCCESSFUL_LOGIN"],
        Always("USER_LOGIN")),
    (&["INVITE", "RESEND_INVITE", "REVOKE_INVITE", "START_IMPERSONATION", "END_IMPERSONATION"],
        Always("USER_UNCATEGORIZED")),
    (&["ADD_COLLABORATOR", "ADD_MEMBERSHIP"],
        Joining { account: "USER_CREATION", below: "USER_CHANGE_PERMISSIONS" }),
    (&["REMOVE_COLLABORATOR", "REMOVE_MEMBERSHIP"],
        Joining { account: "USER_DELETION", below: "USER_CHANGE_PERMISSIONS" }),
    (&["ROLE_ASSIGNMENT_CREATED", "ROLE_ASSIGNMENT_UPDATED", "ROLE_ASSIGNMENT_DELETED"],
        Of { user: "USER_CHANGE_PERMISSIONS", group: "USER_RESOURCE_UPDATE_PERMISSIONS",
            policy: "USER_RESOURCE_UPDATE_PERMISSIONS", other: "USER_RESOURCE_UPDATE_PERMISSIONS" }),
    (&["CREATE_TOKEN"],
        Always("USER_RESOURCE_CREATION")),
    (&["REVOKE_TOKEN"],
        Always("USER_RESOURCE_DELETION")),
    (&["START", "END", "STAGE_START", "STAGE_END", "PAUSE", "RESUME", "ABORT", "TIMEOUT", "RERUN", "SYNC_START", "BYPASS",
        "FREEZE_BYPASS"],
        Always("USER_RESOURCE_ACCESS")),
    (&["CREATE", "RESTORE"],
        Of { user: "USER_CREATION", group: "GROUP_CREATION",
            policy: "USER_RESOURCE_CREATION", other: "USER_RESOURCE_CREATION" }),
    (&["DELETE", "FORCE_DELETE"],
        Of { user: "USER_DELETION", group: "GROUP_DELETION",
            policy: "USER_RESOURCE_DELETION", other: "USER_RESOURCE_DELETION" }),
    (&["UPDATE", "UPSERT", "MOVE", "MOVE_TO_GIT", "ENABLED", "DISABLED", "STABLE_VERSION_CHANGED", "FORCE_PUSH",
        "ERROR_BUDGET_RESET", "DISMISS_ANOMALY", "EXPIRED", "SIGNED_EULA"],
        Of { user: "USER_RESOURCE_UPDATE_CONTENT", group: "GROUP_MODIFICATION",
            policy: "USER_RESOURCE_UPDATE_PERMISSIONS", other: "USER_RESOURCE_UPDATE_CONTENT" }),
];

/// Where an event lacks what these types require, the type of the same change to a resource.
pub fn as_resource(event_type: &str) -> Option<&'static str> {
    Some(match event_type {
        "USER_CREATION" => "USER_RESOURCE_CREATION",
        "USER_DELETION" => "USER_RESOURCE_DELETION",
        "USER_CHANGE_PERMISSIONS" => "USER_RESOURCE_UPDATE_PERMISSIONS",
        "USER_UNCATEGORIZED" => "USER_RESOURCE_ACCESS",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_action_appears_twice_and_there_are_45() {
        let mut all: Vec<&str> = STEPS.iter().flat_map(|it| it.0).copied().collect();
        all.sort_unstable();
        assert_eq!(all.len(), 45);
        all.dedup();
        assert_eq!(all.len(), 45);
    }

    #[test]
    fn the_action_its_resource_and_its_scope_give_the_type() {
        for (action, kind, in_account, expected) in [
            ("LOGIN", "USER", true, "USER_LOGIN"),
            ("REVOKE_INVITE", "USER", true, "USER_UNCATEGORIZED"),
            ("ADD_COLLABORATOR", "USER", true, "USER_CREATION"),
            ("ADD_MEMBERSHIP", "USER", false, "USER_CHANGE_PERMISSIONS"),
            ("REMOVE_MEMBERSHIP", "USER", true, "USER_DELETION"),
            (
                "REMOVE_COLLABORATOR",
                "USER",
                false,
                "USER_CHANGE_PERMISSIONS",
            ),
            (
                "ROLE_ASSIGNMENT_UPDATED",
                "SERVICE_ACCOUNT",
                true,
                "USER_CHANGE_PERMISSIONS",
            ),
            (
                "ROLE_ASSIGNMENT_DELETED",
                "USER_GROUP",
                true,
                "USER_RESOURCE_UPDATE_PERMISSIONS",
            ),
            (
                "CREATE_TOKEN",
                "DELEGATE_TOKEN",
                true,
                "USER_RESOURCE_CREATION",
            ),
            (
                "REVOKE_TOKEN",
                "DELEGATE_TOKEN",
                true,
                "USER_RESOURCE_DELETION",
            ),
            ("TIMEOUT", "PIPELINE", false, "USER_RESOURCE_ACCESS"),
            ("CREATE", "USER", true, "USER_CREATION"),
            ("CREATE", "USER_GROUP", true, "GROUP_CREATION"),
            ("CREATE", "ROLE", true, "USER_RESOURCE_CREATION"),
            ("RESTORE", "PROJECT", true, "USER_RESOURCE_CREATION"),
            ("RESTORE", "SETTING", true, "USER_RESOURCE_UPDATE_CONTENT"),
            ("FORCE_DELETE", "SECRET", true, "USER_RESOURCE_DELETION"),
            ("DELETE", "SERVICE_ACCOUNT", true, "USER_DELETION"),
            ("DELETE", "USER_GROUP", true, "GROUP_DELETION"),
            ("UPDATE", "USER_GROUP", true, "GROUP_MODIFICATION"),
            ("UPDATE", "ROLE", true, "USER_RESOURCE_UPDATE_PERMISSIONS"),
            ("UPDATE", "USER", true, "USER_RESOURCE_UPDATE_CONTENT"),
            (
                "FORCE_PUSH",
                "CODE_BRANCH",
                false,
                "USER_RESOURCE_UPDATE_CONTENT",
            ),
        ] {
            let found = wanted(action, kind, in_account);
            assert_eq!(found, Some(expected), "{action} of {kind}");
        }
        assert_eq!(wanted("REPLICATED", "USER", true), None);
        assert_eq!(wanted("", "", true), None);
    }

    #[test]
    fn types_are_those_of_the_schema() {
        let types = &crate::schema::schema()
            .values("Metadata.EventType")
            .unwrap()
            .values;
        for (actions, _) in &STEPS {
            for kind in ["USER", "USER_GROUP", "ROLE", "PIPELINE"] {
                for in_account in [true, false] {
                    let event_type = wanted(actions[0], kind, in_account).unwrap();
                    let resource = as_resource(event_type).unwrap_or(event_type);
                    for name in [event_type, resource] {
                        assert!(types.iter().any(|it| it.0 == name), "{name}");
                    }
                }
            }
        }
    }
}
