//! From the action id of an audit record to the event type it asks for.
//!
//! Google's AZURE_DEVOPS parser page ("Collect Azure DevOps audit logs", read in March 2026) names the values of
//! `metadata.event_type` but not how they are chosen: it says "logic based on OperationName and other fields". The
//! rules below are our inference from the action ids that Microsoft publishes ("Auditing events list"); they use the
//! page's values and no others. `actions.tsv` lists every published id with the rule it falls under.
//!
//! Left out: whether the event holds the nouns that the type requires. That takes the event, not the id.

/// The event type that an action id asks for; `None` if no rule knows the id.
///
/// `action` is `ActionId` (`OperationName` in Log Analytics), in the service's own case. `actor_is_named` says
/// whether `principal.user.user_display_name` is set, which tells the two deletion types apart.
pub fn wanted(action: &str, actor_is_named: bool) -> Option<&'static str> {
    let rule = find(action)?;
    Some(if rule.number == DELETION && actor_is_named {
        "USER_RESOURCE_DELETION"
    } else {
        rule.event_type
    })
}

/// One rule: any of its tests makes it apply. Tests are case-sensitive.
struct Rule {
    /// As in `actions.tsv`.
    number: u8,
    event_type: &'static str,
    /// The whole id.
    ids: &'static [&'static str],
    /// How the whole id begins.
    starts: &'static [&'static str],
    /// How the id ends.
    ends: &'static [Suffix],
    /// What stands somewhere in the last part of the id, the parts being separated by dots. Looked at when nothing
    /// else knows the id: an end says more than a word in the middle.
    words: &'static [&'static str],
}

/// The rule that has two types: the list of values holds `USER_RESOURCE_DELETION` and `RESOURCE_DELETION`, and the
/// former requires a principal user.
const DELETION: u8 = 5;

/// The rules in the order in which they are tried. An end beats Microsoft's own category: `Library.AgentDeleted` and
/// `Organization.Update.Delete` are filed there under Modify.
#[rustfmt::skip]
const RULES: [Rule; 8] = [
    // The only group type among the values, so that creating and deleting groups comes under it too.
    Rule { number: 1, event_type: "GROUP_MODIFICATION",
        ids: &[],
        starts: &["Group."],
        ends: &suffixes([]),
        words: &[] },
    // Nothing is created or deleted yet, or it failed; hence before the rules for deletion and creation.
    Rule { number: 2, event_type: "STATUS_UPDATE",
        ids: &["AuditLog.TestStream"],
        starts: &[],
        ends: &suffixes(["Queued", "Failed", "Started", "Scheduled", "Paused", "Resumed", "Cancelled", "Restarted",
            "ExpiredEvent", "ExpireEvent"]),
        words: &[] },
    // Microsoft's category Access, all of it.
    Rule { number: 3, event_type: "RESOURCE_READ",
        ids: &[],
        starts: &[],
        ends: &suffixes(["AccessLog", "DownloadLog", "StreamRead", "PatPublicDiscoveryEvent"]),
        words: &[] },
    // Something is switched off, above all an audit stream.
    Rule { number: 4, event_type: "STATUS_SHUTDOWN",
        ids: &[],
        starts: &[],
        ends: &suffixes(["Disabled", "DisabledByUser", "DisabledBySystem"]),
        words: &[] },
    Rule { number: DELETION, event_type: "RESOURCE_DELETION",
        ids: &[],
        starts: &["Security.Remove"],
        ends: &suffixes(["Delete", "Deleted", "DeleteCompleted", "Deletion", "Destroyed", "Remove", "Removed",
            "RemoveValue", "Uninstalled", "Unlink", "RevokeEvent"]),
        words: &["DeletedFrom"] },
    Rule { number: 6, event_type: "RESOURCE_CREATION",
        ids: &["Security.AddAccessControlLists"],
        starts: &[],
        ends: &suffixes(["Create", "Created", "CreateCompleted", "CreateWithoutLabel", "CreateEvent", "Add", "Added",
            "AddValue", "Import", "Installed", "Forked", "Undeleted", "SubscriptionLink", "Assigned",
            "CloneXmlToInherited", "Provisioned"]),
        words: &["CreatedFor"] },
    // Runs and steps that report their state, Microsoft's category Execute, and switching on.
    Rule { number: 7, event_type: "STATUS_UPDATE",
        ids: &["CheckSuite.Completed"],
        starts: &["ELM."],
        ends: &suffixes(["DeploymentCompleted", "DeploymentsCompleted", "DeploymentJobCompleted", "Executed",
            "Enabled", "StatusChanged", "Skipped", "VariablesSetAtRuntime"]),
        words: &[] },
    // Microsoft's category Modify.
    Rule { number: 8, event_type: "RESOURCE_WRITTEN",
        ids: &[],
        starts: &[],
        ends: &suffixes(["Modified", "Update", "Updated", "UpdateEvent", "UpdateWithoutLabel", "Rename", "Renamed",
            "Changed", "Reassigned", "Retained", "Unretained", "Settings", "Bypassed", "Permissions", "Inheritance",
            "LinkToAAD", "UnlinkFromAAD", "Owner", "Restore", "MigrateXmlToInherited",
            "Completed"]),
        words: &["Modify", "Modified", "Edit", "Shared", "Authorized", "Unauthorized", "Reset",
            "HostedParallelism"] },
];

/// How an id ends.
#[derive(Clone, Copy)]
struct Suffix {
    text: &'static str,
    /// The last bytes as [`tail`] gives them, and which bits of eight bytes they are: comparing slices costs a call.
    tail: u64,
    mask: u64,
}

#[allow(clippy::indexing_slicing, reason = "the compiler runs it")]
const fn suffixes<const COUNT: usize>(texts: [&'static str; COUNT]) -> [Suffix; COUNT] {
    const NONE: Suffix = Suffix {
        text: "",
        tail: 0,
        mask: 0,
    };
    let mut suffixes = [NONE; COUNT];
    let mut at = 0;
    while at < COUNT {
        let text = texts[at];
        let tail = tail(text.as_bytes());
        let mask = match text.len() {
            length @ 0..8 => !(u64::MAX >> (8 * length)),
            _ => u64::MAX,
        };
        suffixes[at] = Suffix { text, tail, mask };
        at += 1;
    }
    suffixes
}

/// The last eight bytes of a text, the last one in the highest bits; zeros where it is shorter.
const fn tail(text: &[u8]) -> u64 {
    if let Some(tail) = text.last_chunk::<8>() {
        return u64::from_le_bytes(*tail);
    }
    let mut tail = 0;
    let mut rest = text;
    while let [first, others @ ..] = rest {
        tail = tail >> 8 | (*first as u64) << 56;
        rest = others;
    }
    tail
}

/// For each rule a set of 64 bits that has one for the last three bytes of each end: one look at it is enough for most
/// rules.
#[allow(clippy::indexing_slicing, reason = "the compiler runs it")]
static SETS: [u64; RULES.len()] = {
    let mut sets = [0; RULES.len()];
    let mut at = 0;
    while at < RULES.len() {
        let mut ends = RULES[at].ends;
        while let [suffix, others @ ..] = ends {
            sets[at] |= bit(suffix.tail);
            ends = others;
        }
        at += 1;
    }
    sets
};

/// The bit of a tail's last three bytes.
const fn bit(tail: u64) -> u64 {
    1 << ((tail >> 40).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58)
}

impl Suffix {
    /// Whether a text with this tail ends so.
    fn ends(&self, text: &[u8], tail: u64) -> bool {
        tail & self.mask == self.tail
            && (self.text.len() <= 8 || text.ends_with(self.text.as_bytes()))
    }
}

fn find(action: &str) -> Option<&'static Rule> {
    let action = action.as_bytes();
    // An operation of Azure Resource Manager (`Microsoft.Web/sites/Delete`) is no action of Azure DevOps.
    if action.contains(&b'/') {
        return None;
    }
    let tail = tail(action);
    let bit = bit(tail);
    let known = RULES.iter().zip(&SETS).find(|(rule, set)| {
        *set & bit != 0 && rule.ends.iter().any(|it| it.ends(action, tail))
            || rule
                .starts
                .iter()
                .any(|it| action.starts_with(it.as_bytes()))
            || rule.ids.iter().any(|it| action == it.as_bytes())
    });
    known.map(|(rule, _)| rule).or_else(|| {
        let last = action.rsplit(|byte| *byte == b'.').next()?;
        RULES
            .iter()
            .find(|rule| rule.words.iter().any(|word| has_word(last, word)))
    })
}

fn has_word(part: &[u8], word: &str) -> bool {
    let (word, first) = (word.as_bytes(), word.as_bytes().first());
    part.windows(word.len())
        .any(|it| it.first() == first && it == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(action: &str) -> u8 {
        find(action).map_or(9, |rule| rule.number)
    }

    #[test]
    fn every_published_action_falls_under_its_rule() {
        let mut lines = 0;
        for line in include_str!("actions.tsv")
            .lines()
            .filter(|it| !it.starts_with('#'))
            .skip(1)
        {
            let [action, event_type, rule] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("expected three columns, but found {line:?}");
            };
            assert_eq!(number(action).to_string(), rule, "{action}");
            let expected: Vec<_> = event_type.split(" / ").collect();
            let named = wanted(action, true).unwrap();
            let unnamed = wanted(action, false).unwrap();
            assert_eq!(
                (named, unnamed),
                (expected[0], expected[expected.len() - 1]),
                "{action}"
            );
            lines += 1;
        }
        assert_eq!(lines, 249);
    }

    #[test]
    fn ids_that_microsoft_has_not_published_are_judged_by_their_words() {
        for (action, expected) in [
            ("Wiki.PageCreateQueued", 2),
            ("Token.SomeExpireEvent", 2),
            ("Pipelines.StageSkipped", 7),
            ("ELM.SomethingNew", 7),
            ("ELM.SomethingFailed", 2),
            ("Security.RemoveSomething", 5),
            ("Security.RemoveFailed", 2),
            ("Library.SecureFileCreatedForOneProject", 6),
            ("Library.SecureFileDeletedFromProjects", 5),
            ("Library.SecureFileDeletedFromProjectsFailed", 2),
            ("Boards.CardEditedByRule", 8),
            ("Boards.DashboardSharedWithTeam", 8),
            ("Release.ApprovalCompleted", 8),
            ("Group.AnythingFailed", 1),
            ("PipelineDeleted", 5),
        ] {
            assert_eq!(number(action), expected, "{action}");
        }
    }

    #[test]
    fn other_ids_ask_for_no_type() {
        for action in [
            "",
            "Ad",
            "Microsoft.Web/sites/Delete",
            "Microsoft.Resources/deployments/write",
            "MICROSOFT.EVENTGRID/TOPICS/LISTKEYS/ACTION",
            "Modified.Something",
            "Boards.Credited",
            "pipelines.pipelinecreated",
            "group.creategroups",
            "AuditLog.TestStreams",
            "Wiki.Página",
            "日本語",
        ] {
            assert_eq!(wanted(action, true), None, "{action}");
        }
    }
}
