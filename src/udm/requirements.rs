//! What each UDM event type asks of an event's nouns: one table for the parsers, which choose a type, and for
//! [`validate`](crate::validate()), which checks it.
//!
//! The authority is Google's UDM usage guide (docs.cloud.google.com, `unified-data-model/udm-usage`, version of
//! 2026-06-03). It has no section for RESOURCE_*; these follow the USER_RESOURCE_* types, which the schema's comments
//! call their equivalents. Nor has it one for groups; these follow the guards of Google's own parser configurations.
//! Types that neither names (DEVICE_*, ANALYST_*, …) ask for nothing. Left out: whatever the guide asks only of some
//! events of a type and an event does not tell, such as a login's being remote.

/// What an event of this type has to have: each of these needs. Empty for a type that is not in the table.
#[rustfmt::skip]
pub fn needs(event_type: &str) -> &'static [Need] {
    match event_type {
        "EMAIL_TRANSACTION" => &[PRINCIPAL_MACHINE, NETWORK_EMAIL],

        "FILE_COPY" => &[PRINCIPAL_MACHINE, SRC_FILE, TARGET_FILE],
        "FILE_CREATION" | "FILE_DELETION" | "FILE_MODIFICATION" | "FILE_OPEN" | "FILE_READ"
            => &[PRINCIPAL_MACHINE, TARGET_FILE],

        "GROUP_CREATION" => &[PRINCIPAL_USER, TARGET_GROUP],
        "GROUP_DELETION" | "GROUP_MODIFICATION" | "GROUP_UNCATEGORIZED"
            => &[PRINCIPAL, TARGET_GROUP_OR_USER],

        "MUTEX_CREATION" => &[PRINCIPAL_MACHINE, PRINCIPAL_PROCESS, TARGET_MUTEX],

        "NETWORK_CONNECTION" => &[PRINCIPAL_MACHINE, NETWORK],
        "NETWORK_HTTP" => &[TARGET_MACHINE_OR_URL, NETWORK],

        "PROCESS_INJECTION" | "PROCESS_LAUNCH" | "PROCESS_OPEN" | "PROCESS_TERMINATION" | "PROCESS_UNCATEGORIZED"
            => &[PRINCIPAL_MACHINE, TARGET_PROCESS],
        "PROCESS_MODULE_LOAD" => &[PRINCIPAL_MACHINE, PRINCIPAL_PROCESS, TARGET_PROCESS],
        "PROCESS_PRIVILEGE_ESCALATION" => &[PRINCIPAL_MACHINE, PRINCIPAL_PROCESS, PRINCIPAL_USER],

        "REGISTRY_CREATION" | "REGISTRY_DELETION" | "REGISTRY_MODIFICATION" | "REGISTRY_UNCATEGORIZED"
            => &[PRINCIPAL_MACHINE, TARGET_REGISTRY_KEY],

        "RESOURCE_CREATION" | "RESOURCE_DELETION" | "RESOURCE_PERMISSIONS_CHANGE" | "RESOURCE_READ"
        | "RESOURCE_WRITTEN"
            => &[PRINCIPAL, TARGET_RESOURCE],

        "SCAN_FILE" => &[TARGET_MACHINE, TARGET_FILE],
        "SCAN_HOST" => &[TARGET_MACHINE],
        "SCAN_PROCESS" => &[TARGET_MACHINE, TARGET_PROCESS],
        "SCAN_VULN_HOST" | "SCAN_VULN_NETWORK" => &[TARGET_MACHINE, VULNERABILITIES],

        "SCHEDULED_TASK_CREATION" | "SCHEDULED_TASK_DELETION" | "SCHEDULED_TASK_DISABLE" | "SCHEDULED_TASK_ENABLE"
        | "SCHEDULED_TASK_MODIFICATION" | "SCHEDULED_TASK_UNCATEGORIZED"
            => &[PRINCIPAL_MACHINE, PRINCIPAL_USER, TARGET_TASK],

        "SERVICE_CREATION" | "SERVICE_DELETION" | "SERVICE_MODIFICATION" | "SERVICE_START" | "SERVICE_STOP"
        | "SERVICE_UNSPECIFIED"
            => &[PRINCIPAL_MACHINE, TARGET_USER, TARGET_PROCESS_OR_APPLICATION],

        "SETTING_CREATION" | "SETTING_DELETION" | "SETTING_MODIFICATION" | "SETTING_UNCATEGORIZED"
            => &[PRINCIPAL_MACHINE, TARGET_SETTING],

        "STATUS_HEARTBEAT" | "STATUS_SHUTDOWN" | "STATUS_STARTUP" | "STATUS_UNCATEGORIZED" | "STATUS_UPDATE"
            => &[PRINCIPAL_MACHINE],

        "SYSTEM_AUDIT_LOG_UNCATEGORIZED" | "SYSTEM_AUDIT_LOG_WIPE" => &[PRINCIPAL_MACHINE, PRINCIPAL_USER],

        // A change made on the spot has no principal; one from elsewhere has the machine it came from.
        "USER_CHANGE_PASSWORD" | "USER_CHANGE_PERMISSIONS" => &[PRINCIPAL_MACHINE_IF_ANY, TARGET_USER],
        "USER_COMMUNICATION" => &[PRINCIPAL_USER],
        "USER_CREATION" | "USER_DELETION" => &[PRINCIPAL_MACHINE, TARGET_USER],
        "USER_LOGIN" | "USER_LOGOUT" => &[LOGIN_MACHINE, TARGET_USER, AUTHENTICATION],
        "USER_RESOURCE_ACCESS" | "USER_RESOURCE_CREATION" | "USER_RESOURCE_DELETION" | "USER_RESOURCE_UPDATE_CONTENT"
        | "USER_RESOURCE_UPDATE_PERMISSIONS"
            => &[PRINCIPAL_USER, TARGET_RESOURCE],
        "USER_UNCATEGORIZED" => &[PRINCIPAL_MACHINE],

        _ => &[],
    }
}

/// What an event of this type should have, though events that Google publishes with its parsers often do without
/// (github.com/chronicle/content-hub, expected events at commit d9eedfa).
pub fn wishes(event_type: &str) -> &'static [Need] {
    match event_type {
        "GENERIC_EVENT" => &[NOUN],
        "NETWORK_CONNECTION" => &[TARGET_MACHINE],
        "NETWORK_HTTP" => &[TARGET_URL, IP_PROTOCOL, APPLICATION_PROTOCOL],
        "USER_UNCATEGORIZED" => &[TARGET_USER],
        _ => &[],
    }
}

/// Whether an event that `has` these facts has all that its type asks for.
pub fn met(event_type: &str, has: impl Fn(Fact) -> bool) -> bool {
    all(needs(event_type), has)
}

/// Whether such an event also has what its type should have.
pub fn wishes_met(event_type: &str, has: impl Fn(Fact) -> bool) -> bool {
    all(wishes(event_type), has)
}

fn all(needs: &[Need], has: impl Fn(Fact) -> bool) -> bool {
    needs.iter().all(|need| need.iter().any(|fact| has(*fact)))
}

/// Met by any one of its facts.
pub type Need = &'static [Fact];

/// Something that an event has or lacks.
///
/// A *machine* is an `ip`, `hostname`, `mac` or `asset_id` of the noun. A *user* can be told from others, by an id, an
/// address or a name; an account type alone is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// No `principal` at all.
    NoPrincipal,
    /// A machine in `principal`.
    PrincipalMachine,
    /// A user in `principal`.
    PrincipalUser,
    /// `principal.process`.
    PrincipalProcess,
    /// `src.file`.
    SrcFile,
    /// A machine in `target`.
    TargetMachine,
    /// A user in `target`.
    TargetUser,
    /// `target.group`.
    TargetGroup,
    /// `target.resource`.
    TargetResource,
    /// `target.resource` of type MUTEX.
    TargetMutex,
    /// `target.resource` of type SETTING.
    TargetSetting,
    /// `target.resource` of type TASK.
    TargetTask,
    /// `target.application`.
    TargetApplication,
    /// `target.file`.
    TargetFile,
    /// `target.process`.
    TargetProcess,
    /// `target.registry.registry_key`.
    TargetRegistryKey,
    /// `target.url`.
    TargetUrl,
    /// `network`.
    Network,
    /// `network.ip_protocol`.
    IpProtocol,
    /// `network.application_protocol`.
    ApplicationProtocol,
    /// `network.email`.
    NetworkEmail,
    /// `extensions.auth`; it may be empty, since its type's default is not written.
    Authentication,
    /// `extensions.vulns`.
    Vulnerabilities,
    /// Any of `principal`, `src`, `target`, `intermediary`, `observer` and `about`.
    Noun,
}

impl Fact {
    /// The UDM path that holds the fact, in proto names; empty for the event as a whole.
    pub fn path(self) -> &'static str {
        match self {
            Fact::NoPrincipal | Fact::PrincipalMachine => "principal",
            Fact::PrincipalUser => "principal.user",
            Fact::PrincipalProcess => "principal.process",
            Fact::SrcFile => "src.file",
            Fact::TargetMachine => "target",
            Fact::TargetUser => "target.user",
            Fact::TargetGroup => "target.group",
            Fact::TargetResource => "target.resource",
            Fact::TargetMutex | Fact::TargetSetting | Fact::TargetTask => {
                "target.resource.resource_type"
            }
            Fact::TargetApplication => "target.application",
            Fact::TargetFile => "target.file",
            Fact::TargetProcess => "target.process",
            Fact::TargetRegistryKey => "target.registry.registry_key",
            Fact::TargetUrl => "target.url",
            Fact::Network => "network",
            Fact::IpProtocol => "network.ip_protocol",
            Fact::ApplicationProtocol => "network.application_protocol",
            Fact::NetworkEmail => "network.email",
            Fact::Authentication => "extensions.auth",
            Fact::Vulnerabilities => "extensions.vulns",
            Fact::Noun => "",
        }
    }

    /// The fact in words, for "expected …".
    pub fn words(self) -> &'static str {
        match self {
            Fact::NoPrincipal => "no `principal`",
            Fact::PrincipalMachine => "an ip, hostname, mac or asset_id at `principal`",
            Fact::PrincipalUser => "a user's id, address or name at `principal.user`",
            Fact::PrincipalProcess => "a process at `principal.process`",
            Fact::SrcFile => "a file at `src.file`",
            Fact::TargetMachine => "an ip, hostname, mac or asset_id at `target`",
            Fact::TargetUser => "a user's id, address or name at `target.user`",
            Fact::TargetGroup => "a group at `target.group`",
            Fact::TargetResource => "a resource at `target.resource`",
            Fact::TargetMutex => "MUTEX at `target.resource.resource_type`",
            Fact::TargetSetting => "SETTING at `target.resource.resource_type`",
            Fact::TargetTask => "TASK at `target.resource.resource_type`",
            Fact::TargetApplication => "an application at `target.application`",
            Fact::TargetFile => "a file at `target.file`",
            Fact::TargetProcess => "a process at `target.process`",
            Fact::TargetRegistryKey => "a key at `target.registry.registry_key`",
            Fact::TargetUrl => "a URL at `target.url`",
            Fact::Network => "an object at `network`",
            Fact::IpProtocol => "a protocol at `network.ip_protocol`",
            Fact::ApplicationProtocol => "a protocol at `network.application_protocol`",
            Fact::NetworkEmail => "an object at `network.email`",
            Fact::Authentication => "an object at `extensions.auth`",
            Fact::Vulnerabilities => "an object at `extensions.vulns`",
            Fact::Noun => "a noun such as `principal` or `target`",
        }
    }
}

const APPLICATION_PROTOCOL: Need = &[Fact::ApplicationProtocol];
const AUTHENTICATION: Need = &[Fact::Authentication];
const IP_PROTOCOL: Need = &[Fact::IpProtocol];
/// The machine that the user came from, else what the user came to.
const LOGIN_MACHINE: Need = &[
    Fact::PrincipalMachine,
    Fact::TargetMachine,
    Fact::TargetApplication,
];
const NETWORK: Need = &[Fact::Network];
const NETWORK_EMAIL: Need = &[Fact::NetworkEmail];
const NOUN: Need = &[Fact::Noun];
const PRINCIPAL: Need = &[Fact::PrincipalMachine, Fact::PrincipalUser];
const PRINCIPAL_MACHINE: Need = &[Fact::PrincipalMachine];
const PRINCIPAL_MACHINE_IF_ANY: Need = &[Fact::PrincipalMachine, Fact::NoPrincipal];
const PRINCIPAL_PROCESS: Need = &[Fact::PrincipalProcess];
const PRINCIPAL_USER: Need = &[Fact::PrincipalUser];
const SRC_FILE: Need = &[Fact::SrcFile];
const TARGET_FILE: Need = &[Fact::TargetFile];
const TARGET_GROUP: Need = &[Fact::TargetGroup];
const TARGET_GROUP_OR_USER: Need = &[Fact::TargetGroup, Fact::TargetUser];
const TARGET_MACHINE: Need = &[Fact::TargetMachine];
const TARGET_MACHINE_OR_URL: Need = &[Fact::TargetMachine, Fact::TargetUrl];
const TARGET_MUTEX: Need = &[Fact::TargetMutex];
const TARGET_PROCESS: Need = &[Fact::TargetProcess];
const TARGET_PROCESS_OR_APPLICATION: Need = &[Fact::TargetProcess, Fact::TargetApplication];
const TARGET_REGISTRY_KEY: Need = &[Fact::TargetRegistryKey];
const TARGET_RESOURCE: Need = &[Fact::TargetResource];
const TARGET_SETTING: Need = &[Fact::TargetSetting];
const TARGET_TASK: Need = &[Fact::TargetTask];
const TARGET_URL: Need = &[Fact::TargetUrl];
const TARGET_USER: Need = &[Fact::TargetUser];
const VULNERABILITIES: Need = &[Fact::Vulnerabilities];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_outside_the_table_asks_for_nothing() {
        for event_type in ["GENERIC_EVENT", "DEVICE_CONFIG_UPDATE", "", "status_update"] {
            assert!(met(event_type, |_| false), "{event_type}");
        }
    }

    #[test]
    fn every_need_has_to_be_met() {
        let met = |facts: &[Fact]| met("USER_RESOURCE_DELETION", |it| facts.contains(&it));
        assert!(met(&[Fact::PrincipalUser, Fact::TargetResource]));
        assert!(!met(&[Fact::PrincipalUser, Fact::TargetUser]));
        assert!(!met(&[Fact::PrincipalMachine, Fact::TargetResource]));
    }

    #[test]
    fn one_fact_meets_a_need() {
        let met = |facts: &[Fact]| met("GROUP_MODIFICATION", |it| facts.contains(&it));
        assert!(met(&[Fact::PrincipalMachine, Fact::TargetUser]));
        assert!(met(&[Fact::PrincipalUser, Fact::TargetGroup]));
        assert!(!met(&[Fact::PrincipalUser]));
        assert!(!met(&[Fact::TargetGroup, Fact::TargetUser]));
    }

    #[test]
    fn a_change_without_a_principal_was_made_on_the_spot() {
        let met = |facts: &[Fact]| met("USER_CHANGE_PASSWORD", |it| facts.contains(&it));
        assert!(met(&[Fact::NoPrincipal, Fact::TargetUser]));
        assert!(met(&[Fact::PrincipalMachine, Fact::TargetUser]));
        assert!(!met(&[Fact::PrincipalUser, Fact::TargetUser]));
    }

    /// A type misspelt in the table would show here.
    #[test]
    fn these_types_of_the_schema_ask_for_nothing() {
        let types = crate::schema::schema()
            .values("Metadata.EventType")
            .unwrap();
        let names = types.values.iter().map(|(name, _)| *name);
        let free: Vec<&str> = names.filter(|it| needs(it).is_empty()).collect();
        let expected = "EVENTTYPE_UNSPECIFIED MUTEX_UNCATEGORIZED FILE_UNCATEGORIZED FILE_MOVE FILE_SYNC USER_STATS \
            USER_BADGE_IN NETWORK_UNCATEGORIZED NETWORK_FLOW NETWORK_FTP NETWORK_DHCP NETWORK_DNS NETWORK_SMTP \
            SCAN_UNCATEGORIZED SCAN_PROCESS_BEHAVIORS SCAN_NETWORK EMAIL_UNCATEGORIZED EMAIL_URL_CLICK \
            ANALYST_UPDATE_VERDICT ANALYST_UPDATE_REPUTATION ANALYST_UPDATE_SEVERITY_SCORE ANALYST_UPDATE_STATUS \
            ANALYST_ADD_COMMENT ANALYST_UPDATE_PRIORITY ANALYST_UPDATE_ROOT_CAUSE ANALYST_UPDATE_REASON \
            ANALYST_UPDATE_RISK_SCORE DEVICE_FIRMWARE_UPDATE DEVICE_CONFIG_UPDATE DEVICE_PROGRAM_UPLOAD \
            DEVICE_PROGRAM_DOWNLOAD ENTITY_RISK_CHANGE TRIAGE_AGENT_UPDATE_INVESTIGATION GENERIC_EVENT";
        assert_eq!(free.join(" "), expected);
    }

    #[test]
    fn paths_are_fields_of_the_schema() {
        let all = [
            Fact::NoPrincipal,
            Fact::PrincipalUser,
            Fact::PrincipalProcess,
            Fact::SrcFile,
            Fact::TargetUser,
            Fact::TargetGroup,
            Fact::TargetResource,
            Fact::TargetMutex,
            Fact::TargetApplication,
            Fact::TargetFile,
            Fact::TargetProcess,
            Fact::TargetRegistryKey,
            Fact::TargetUrl,
            Fact::Network,
            Fact::IpProtocol,
            Fact::ApplicationProtocol,
            Fact::NetworkEmail,
            Fact::Authentication,
            Fact::Vulnerabilities,
        ];
        for fact in all {
            assert!(crate::schema::field(fact.path()).is_some(), "{fact:?}");
            assert!(fact.words().contains(fact.path()), "{fact:?}");
        }
    }
}
