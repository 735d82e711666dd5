//! `AuditFilterProperties` (apidocs.harness.io, November 2026): what it may hold, and which events it takes.
//!
//! Entries of one list are alternatives, the lists must all hold, and an empty list is none. Left out: labels of
//! scopes and resources, and tags, whose meaning is not published.

use serde_json::Value;

use crate::request::Refusal;

/// A filter that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    scopes: Vec<Value>,
    only_these_scopes: bool,
    resources: Vec<Value>,
    modules: Vec<Value>,
    actions: Vec<Value>,
    environments: Vec<Value>,
    principals: Vec<Value>,
    excluded: Option<String>,
}

type Times = (i64, Option<i64>);

impl Filter {
    /// Reads a filter and its two times.
    ///
    /// # Errors
    ///
    /// Why it is refused, in the service's words where they are published.
    pub fn read(body: &Value, account: &str) -> Result<(Filter, Times), Refusal> {
        let Value::Object(fields) = body else {
            return Err(Refusal::form("expected an object"));
        };
        let (mut filter, mut start, mut end) = (Filter::default(), None, None);
        for (name, value) in fields {
            match name.as_str() {
                "filterType" if value == "Audit" => {}
                "startTime" => start = time(name, value)?,
                "endTime" => end = time(name, value)?,
                "scopes" => filter.scopes = list(name, value, &|it| check_scope(it, account))?,
                "includeChildScopes" => match value {
                    Value::Bool(with) => filter.only_these_scopes = !with,
                    _ => return Err(odd(name, value)),
                },
                "resources" => {
                    filter.resources = list(name, value, &|it| {
                        needs(
                            it,
                            "type",
                            "Invalid resource filter with missing resource type.",
                        )
                    })?;
                }
                "modules" => filter.modules = list(name, value, &|it| is_known(it, MODULES, true))?,
                "actions" => {
                    filter.actions = list(name, value, &|it| is_known(it, ACTIONS, false))?
                }
                "environments" => filter.environments = list(name, value, &check_environment)?,
                "principals" => {
                    filter.principals = list(name, value, &|it| {
                        needs(
                            it,
                            "type",
                            "Invalid principal filter with missing principal type.",
                        )?;
                        let message = "Invalid principal filter with missing principal identifier.";
                        needs(it, "identifier", message)
                    })?;
                }
                "staticFilter" => match value.as_str() {
                    Some(it @ ("EXCLUDE_LOGIN_EVENTS" | "EXCLUDE_SYSTEM_EVENTS")) => {
                        filter.excluded = Some(it.to_owned());
                    }
                    _ => return Err(odd(name, value)),
                },
                _ => return Err(odd(name, value)),
            }
        }
        for (at, which) in [(start, "start"), (end, "end")] {
            if let Some(at) = at.filter(|it| *it < 0) {
                let message = format!("Invalid time filter with {which} time {at} less than zero.");
                return Err(Refusal::filter(&message));
            }
        }
        if let (Some(start), Some(end)) = (start, end)
            && start > end
        {
            let message =
                format!("Invalid time filter with start time {start} after end time {end}.");
            return Err(Refusal::filter(&message));
        }
        Ok((filter, (start.unwrap_or(0), end)))
    }

    /// Whether it takes everything.
    pub fn is_empty(&self) -> bool {
        *self == Filter::default()
    }

    /// Whether it takes an event.
    pub fn takes(&self, event: &Value) -> bool {
        let scope = &event["resourceScope"];
        let excluded = match self.excluded.as_deref() {
            Some("EXCLUDE_LOGIN_EVENTS") => ["LOGIN", "LOGIN2FA", "UNSUCCESSFUL_LOGIN"]
                .map(Value::from)
                .contains(&event["action"]),
            Some(_) => event["authenticationInfo"]["principal"]["type"] == "SYSTEM",
            None => false,
        };
        !excluded
            && any(&self.scopes, |it| {
                is_within(scope, it, !self.only_these_scopes)
            })
            && any(&self.resources, |it| has(&event["resource"], it))
            && any(&self.environments, |it| has(&event["environment"], it))
            && any(&self.principals, |it| {
                has(&event["authenticationInfo"]["principal"], it)
            })
            && any(&self.actions, |it| *it == event["action"])
            && any(&self.modules, |it| is_same(it, &event["module"]))
    }
}

/// `Action`, of which the service knows no other.
#[rustfmt::skip]
const ACTIONS: &[&str] = &[
    "CREATE", "UPDATE", "RESTORE", "DELETE", "FORCE_DELETE", "UPSERT", "INVITE", "RESEND_INVITE", "REVOKE_INVITE",
    "ADD_COLLABORATOR", "REMOVE_COLLABORATOR", "CREATE_TOKEN", "REVOKE_TOKEN", "LOGIN", "LOGIN2FA",
    "UNSUCCESSFUL_LOGIN", "ADD_MEMBERSHIP", "REMOVE_MEMBERSHIP", "ERROR_BUDGET_RESET", "START", "END", "STAGE_START",
    "STAGE_END", "PAUSE", "RESUME", "ABORT", "TIMEOUT", "SIGNED_EULA", "ROLE_ASSIGNMENT_CREATED",
    "ROLE_ASSIGNMENT_UPDATED", "ROLE_ASSIGNMENT_DELETED", "MOVE", "ENABLED", "DISABLED", "DISMISS_ANOMALY", "RERUN",
    "BYPASS", "STABLE_VERSION_CHANGED", "SYNC_START", "START_IMPERSONATION", "END_IMPERSONATION", "MOVE_TO_GIT",
    "FREEZE_BYPASS", "EXPIRED", "FORCE_PUSH",
];

/// `ModuleType`, compared without regard to case.
#[rustfmt::skip]
const MODULES: &[&str] = &[
    "CD", "CI", "CV", "CF", "CE", "STO", "CHAOS", "AI_TEST_AUTOMATION", "SRM", "IACM", "CET", "IDP", "CODE", "SSCA",
    "AISRE", "CORE", "PMS", "TEMPLATESERVICE", "RMG", "GOVERNANCE", "PLATFORM", "SEI", "HAR", "DevopsEssentials", "FME",
    "DBOPS", "AI_AGENT_MLOPS", "AASP", "AARP", "AAST", "AISEC",
];

type Check<'a> = &'a dyn Fn(&Value) -> Result<(), Refusal>;

fn list(name: &str, value: &Value, check: Check<'_>) -> Result<Vec<Value>, Refusal> {
    let Value::Array(items) = value else {
        return Err(odd(name, value));
    };
    items.iter().try_for_each(check)?;
    Ok(items.clone())
}

fn time(name: &str, value: &Value) -> Result<Option<i64>, Refusal> {
    match value {
        Value::Null => Ok(None),
        _ => value.as_i64().map(Some).ok_or_else(|| odd(name, value)),
    }
}

fn is_known(value: &Value, known: &[&str], in_any_case: bool) -> Result<(), Refusal> {
    let text = value.as_str().unwrap_or_default();
    let is_known = known.iter().any(|it| match in_any_case {
        true => it.eq_ignore_ascii_case(text),
        false => *it == text,
    });
    match is_known {
        true => Ok(()),
        // Unknown names are the operator's to send.
        false => Err(Refusal::filter(&format!(
            "Cannot deserialize value {value}"
        ))),
    }
}

fn check_scope(scope: &Value, account: &str) -> Result<(), Refusal> {
    let text = |name: &str| scope[name].as_str();
    if text("accountIdentifier") != Some(account) {
        let found = text("accountIdentifier").unwrap_or("null");
        let message = format!("Invalid resource scope filter with accountIdentifier {found}.");
        return Err(Refusal::filter(&message));
    }
    match (text("orgIdentifier"), text("projectIdentifier")) {
        (None, Some(project)) => Err(Refusal::filter(&format!(
            "Invalid resource scope filter with projectIdentifier {project} but missing orgIdentifier."
        ))),
        _ => Ok(()),
    }
}

fn check_environment(environment: &Value) -> Result<(), Refusal> {
    let message = "Invalid environment filter with missing both type and identifier.";
    needs(environment, "type", message).or_else(|_| needs(environment, "identifier", message))
}

fn needs(value: &Value, field: &str, message: &str) -> Result<(), Refusal> {
    match value[field].as_str() {
        Some(text) if !text.is_empty() => Ok(()),
        _ => Err(Refusal::filter(message)),
    }
}

fn odd(name: &str, value: &Value) -> Refusal {
    Refusal::form(&format!(
        "expected a field as documented, but found `{name}`: {value}"
    ))
}

fn any(list: &[Value], holds: impl Fn(&Value) -> bool) -> bool {
    list.is_empty() || list.iter().any(holds)
}

/// Whether a part of an event has what a filter's entry names.
fn has(part: &Value, wanted: &Value) -> bool {
    ["type", "identifier"]
        .iter()
        .all(|it| wanted[*it].is_null() || wanted[*it] == part[*it])
}

fn is_within(scope: &Value, wanted: &Value, with_children: bool) -> bool {
    ["orgIdentifier", "projectIdentifier"]
        .iter()
        .all(|it| match wanted[*it].is_null() {
            true => with_children || scope[*it].is_null(),
            false => wanted[*it] == scope[*it],
        })
}

fn is_same(one: &Value, other: &Value) -> bool {
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    text(one).eq_ignore_ascii_case(&text(other))
}
