//! What an action acts on, by the first part of its id.
//!
//! Google's AZURE_DEVOPS parser page ("Collect Azure DevOps audit logs", read in March 2026) takes the target
//! resource from four ids and four names inside `Data`: those of pipelines, tokens, agents and namespaces. About two
//! thirds of the actions that Microsoft publishes ("Auditing events list") carry none of them. Where the published
//! rows give no id or no name, this table does: an addition of ours, with the keys of Microsoft's message templates.

/// The object of an action id; `None` where the table has no line for it.
pub fn object(action: &str) -> Option<&'static Object> {
    let head = action.as_bytes().first_chunk::<4>();
    // Four bytes decide between most lines, and comparing them costs no call.
    let mut lines = OBJECTS
        .iter()
        .filter(|it| it.prefix.as_bytes().first_chunk() == head);
    lines.find(|it| action.starts_with(it.prefix))
}

/// One line of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Object {
    /// How the action id begins.
    pub prefix: &'static str,
    /// Where the id stands in the record: the first field that has a value.
    pub ids: Positions,
    /// Where the name stands, likewise.
    pub names: Positions,
    /// `target.resource.resource_subtype`.
    pub subtype: &'static str,
}

/// Places in [`FIELDS`]; one past its end for none.
pub type Positions = [usize; 2];

/// The fields of C28: the action, the ids and names of the published rows, and what the table reads.
pub const FIELDS: &[&str] = &[
    "ActionId",
    "OperationName",
    "Data.PipelineId",
    "Data.AuthorizationId",
    "Data.AgentId",
    "Data.NamespaceId",
    "Data.PipelineName",
    "Data.NamespaceName",
    "Data.DisplayName",
    "Data.AgentName",
    "Data.FeedId",
    "Data.FeedName",
    "Data.PackageName",
    "Data.StreamId",
    "Data.ConsumerType",
    "Data.CheckId",
    "Data.ResourceName",
    "Data.ExtensionName",
    "Data.RepoId",
    "Data.RepoName",
    "Data.AgentPoolId",
    "Data.AgentPoolName",
    "Data.ConnectionId",
    "Data.ConnectionName",
    "Data.VariableGroupId",
    "Data.VariableGroupName",
    "ScopeId",
    "Data.OrganizationName",
    "Data.PolicyName",
    "Data.ProcessName",
    "Data.ProjectId",
    "Data.ProjectName",
    "ProjectId",
    "ProjectName",
    "Data.ReleaseId",
    "Data.ReleaseName",
];

/// The table in the order of the prefixes. No prefix begins another one.
#[rustfmt::skip]
pub static OBJECTS: [Object; 14] = [
    line("Artifacts.",                &["Data.FeedId"],                 &["Data.FeedName", "Data.PackageName"], "Feed"),
    line("AuditLog.",                 &["Data.StreamId"],               &["Data.ConsumerType"], "Audit stream"),
    line("CheckConfiguration.",       &["Data.CheckId"],                &["Data.ResourceName"], "Check"),
    line("Extension.",                &[],                              &["Data.ExtensionName"], "Extension"),
    line("Git.",                      &["Data.RepoId"],                 &["Data.RepoName"], "Repository"),
    line("Library.AgentPool",         &["Data.AgentPoolId"],            &["Data.AgentPoolName"], "Agent pool"),
    line("Library.ServiceConnection", &["Data.ConnectionId"],           &["Data.ConnectionName"], "Service connection"),
    line("Library.VariableGroup",     &["Data.VariableGroupId"],        &["Data.VariableGroupName"], "Variable group"),
    line("Organization.",             &["ScopeId"],                     &["Data.OrganizationName"], "Organization"),
    line("OrganizationPolicy.",       &[],                              &["Data.PolicyName"], "Policy"),
    line("Policy.",                   &["Data.RepoId"],                 &["Data.RepoName"], "Repository"),
    line("Process.",                  &[],                              &["Data.ProcessName"], "Process"),
    line("Project.",                  &["Data.ProjectId", "ProjectId"], &["Data.ProjectName", "ProjectName"], "Project"),
    line("Release.",                  &["Data.ReleaseId"],              &["Data.ReleaseName"], "Release"),
];

/// Actions whose object is stored content: `target.resource.resource_type` is STORAGE_BUCKET for them when none of
/// the four published ids is there. The page says "in some cases" and not which; this is our guess.
pub const STORED_CONTENT: [&str; 2] = ["Artifacts.", "Git."];

const fn line(prefix: &'static str, ids: &[&str], names: &[&str], subtype: &'static str) -> Object {
    Object {
        prefix,
        ids: positions(ids),
        names: positions(names),
        subtype,
    }
}

const fn positions(paths: &[&str]) -> Positions {
    match paths {
        [] => [FIELDS.len(); 2],
        [one] => [position(one), FIELDS.len()],
        [one, other] => [position(one), position(other)],
        _ => unreachable!(),
    }
}

#[allow(clippy::indexing_slicing, reason = "the compiler runs it")]
const fn position(path: &str) -> usize {
    let mut at = 0;
    while !is_equal(FIELDS[at].as_bytes(), path.as_bytes()) {
        at += 1;
    }
    at
}

const fn is_equal(one: &[u8], other: &[u8]) -> bool {
    match (one, other) {
        ([], []) => true,
        ([first, one @ ..], [second, other @ ..]) => *first == *second && is_equal(one, other),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_gives_the_object() {
        for (action, expected) in [
            ("Git.RepositoryCreated", Some("Repository")),
            ("Policy.PolicyConfigCreated", Some("Repository")),
            ("Artifacts.Feed.Org.Modify", Some("Feed")),
            ("Library.AgentPoolCreated", Some("Agent pool")),
            (
                "Library.ServiceConnectionExecuted",
                Some("Service connection"),
            ),
            ("Library.VariableGroupModified", Some("Variable group")),
            ("CheckConfiguration.Created", Some("Check")),
            ("Extension.Installed", Some("Extension")),
            ("Process.Field.Add", Some("Process")),
            ("OrganizationPolicy.PolicyValueUpdated", Some("Policy")),
            ("Organization.Update.Rename", Some("Organization")),
            ("Project.CreateCompleted", Some("Project")),
            ("Release.ReleaseCreated", Some("Release")),
            ("AuditLog.StreamCreated", Some("Audit stream")),
            ("Library.AgentAdded", None),
            ("CheckSuite.Completed", None),
            ("Token.PatCreateEvent", None),
            ("ApproverReassigned", None),
            ("git.repositorycreated", None),
            ("Git", None),
            ("", None),
        ] {
            assert_eq!(object(action).map(|it| it.subtype), expected, "{action}");
        }
    }

    #[test]
    fn every_line_is_reached_by_a_published_action() {
        let actions = include_str!("actions.tsv");
        for (at, line) in OBJECTS.iter().enumerate() {
            let action = actions
                .lines()
                .find(|it| it.starts_with(line.prefix))
                .expect(line.prefix);
            assert_eq!(object(action), Some(line));
            let mut later = OBJECTS.iter().skip(at + 1).map(|it| it.prefix);
            assert!(later.all(|it| line.prefix < it && !it.starts_with(line.prefix)));
        }
    }

    #[test]
    fn prefixes_are_long_enough_for_the_short_comparison() {
        let all = OBJECTS.iter().map(|it| it.prefix).chain(STORED_CONTENT);
        assert_eq!(all.filter(|it| it.len() < 4).count(), 0);
    }
}
