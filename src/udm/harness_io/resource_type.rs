//! The kinds of resources that Harness audits, and what UDM calls them.
//!
//! The names are those of Harness' audit API (apidocs.harness.io, tag Audit; developer.harness.io; the platform's
//! public source; read in November 2026), the values those of UDM's `Resource.ResourceType`. Which belongs to which
//! is our choice: a kind without a fitting value has none rather than a wrong one. The set is open: a kind that is
//! not here is kept as it stands, and a note tells it.

use std::sync::LazyLock;

use crate::keys::Keys;
use crate::row::word;

/// The resource type of UDM for a kind of resource, written in capitals; `None` where UDM has no fitting one.
pub fn resource_type(kind: &str) -> Option<&'static str> {
    find(kind).and_then(|line| line.1)
}

/// Whether the table has this kind, in any case and with blanks around it.
pub fn is_known(kind: &str) -> bool {
    find(&word(kind)).is_some()
}

fn find(kind: &str) -> Option<&'static (&'static str, Option<&'static str>)> {
    static LINES: LazyLock<Keys> = LazyLock::new(|| Keys::of(RESOURCE_TYPES.iter().map(|it| it.0)));
    RESOURCE_TYPES.get(LINES.find(kind)? as usize)
}

/// In the order of the kinds.
#[rustfmt::skip]
static RESOURCE_TYPES: [(&str, Option<&str>); 131] = [
    ("API_KEY",                                 Some("CREDENTIAL")),
    ("APPLICATION_MAP",                         None),
    ("ARTIFACT_REGISTRY",                       Some("REPOSITORY")),
    ("ARTIFACT_REGISTRY_UPSTREAM_PROXY",        Some("REPOSITORY")),
    ("AUTOSTOPPING_LB",                         Some("LOAD_BALANCER")),
    ("AUTOSTOPPING_RULE",                       None),
    ("AUTOSTOPPING_STARTSTOP",                  None),
    ("BANNER",                                  None),
    ("BUDGET_GROUP",                            None),
    ("CCM_ANOMALY",                             None),
    ("CCM_ANOMALY_ALERT",                       None),
    ("CDE_GITSPACE",                            None),
    ("CERTIFICATE",                             Some("CREDENTIAL")),
    ("CET_AGENT_TOKEN",                         Some("CREDENTIAL")),
    ("CET_CRITICAL_EVENT",                      None),
    ("CET_SAVED_FILTER",                        None),
    ("CHAOS_EXPERIMENT",                        None),
    ("CHAOS_GAMEDAY",                           None),
    ("CHAOS_HUB",                               None),
    ("CHAOS_IMAGE_REGISTRY",                    Some("REPOSITORY")),
    ("CHAOS_INFRASTRUCTURE",                    None),
    ("CHAOS_PROBE",                             None),
    ("CHAOS_SECURITY_GOVERNANCE",               Some("ACCESS_POLICY")),
    ("CLOUD_ASSET_GOVERNANCE_NOTIFICATION",     None),
    ("CLOUD_ASSET_GOVERNANCE_RULE",             None),
    ("CLOUD_ASSET_GOVERNANCE_RULE_ENFORCEMENT", None),
    ("CLOUD_ASSET_GOVERNANCE_RULE_EVALUATION",  None),
    ("CLOUD_ASSET_GOVERNANCE_RULE_SET",         None),
    ("CLUSTER_ACTIONS",                         None),
    ("CLUSTER_ORCHESTRATOR_SETUP",              None),
    ("CODE_BRANCH",                             Some("REPOSITORY")),
    ("CODE_BRANCH_RULE",                        Some("ACCESS_POLICY")),
    ("CODE_PUSH_RULE",                          Some("ACCESS_POLICY")),
    ("CODE_REPOSITORY",                         Some("REPOSITORY")),
    ("CODE_REPOSITORY_SETTINGS",                Some("SETTING")),
    ("CODE_TAG",                                Some("REPOSITORY")),
    ("CODE_TAG_RULE",                           Some("ACCESS_POLICY")),
    ("CODE_WEBHOOK",                            None),
    ("COMMITMENT_ACTIONS",                      None),
    ("COMMITMENT_ORCHESTRATOR_SETUP",           None),
    ("CONNECTOR",                               None),
    ("COST_CATEGORY",                           None),
    ("DASHBOARD",                               None),
    ("DASHBOARD_FOLDER",                        None),
    ("DB_INSTANCE",                             Some("DATABASE")),
    ("DB_SCHEMA",                               Some("DATABASE")),
    ("DEFAULT_NOTIFICATION_TEMPLATE_SET",       None),
    ("DELEGATE",                                None),
    ("DELEGATE_CONFIGURATION",                  None),
    ("DELEGATE_GROUPS",                         None),
    ("DELEGATE_TOKEN",                          Some("CREDENTIAL")),
    ("DEPLOYMENT_FREEZE",                       Some("SETTING")),
    ("DOWNTIME",                                None),
    ("END_USER_LICENSE_AGREEMENT",              None),
    ("ENVIRONMENT",                             None),
    ("ENVIRONMENT_GROUP",                       None),
    ("FEATURE_FLAG",                            Some("SETTING")),
    ("FEATURE_FLAG_STALE_CONFIG",               Some("SETTING")),
    ("FILE",                                    Some("STORAGE_OBJECT")),
    ("GITOPS_AGENT",                            None),
    ("GITOPS_APPLICATION",                      None),
    ("GITOPS_APPLICATION_SET",                  None),
    ("GITOPS_CLUSTER",                          Some("CLUSTER")),
    ("GITOPS_CREDENTIAL_TEMPLATE",              Some("CREDENTIAL")),
    ("GITOPS_GNUPG_KEY",                        Some("CREDENTIAL")),
    ("GITOPS_PROJECT_MAPPING",                  None),
    ("GITOPS_REPOSITORY",                       Some("REPOSITORY")),
    ("GITOPS_REPOSITORY_CERTIFICATE",           Some("CREDENTIAL")),
    ("GITX_WEBHOOK",                            None),
    ("GOVERNANCE_POLICY",                       Some("ACCESS_POLICY")),
    ("GOVERNANCE_POLICY_SET",                   Some("ACCESS_POLICY")),
    ("IAC_MODULE",                              None),
    ("IDP_ALLOW_LIST",                          Some("ACCESS_POLICY")),
    ("IDP_APP_CONFIGS",                         Some("SETTING")),
    ("IDP_BACKSTAGE_CATALOG_ENTITY",            None),
    ("IDP_BACKSTAGE_SCAFFOLDER_TASK",           None),
    ("IDP_CATALOG",                             None),
    ("IDP_CATALOG_CONNECTOR",                   None),
    ("IDP_CATALOG_CUSTOM_PROPERTIES",           None),
    ("IDP_CHECKS",                              None),
    ("IDP_CONFIG_ENV_VARIABLES",                Some("SETTING")),
    ("IDP_GIT_INTEGRATIONS",                    None),
    ("IDP_LAYOUT",                              None),
    ("IDP_OAUTH_CONFIG",                        Some("SETTING")),
    ("IDP_PERMISSIONS",                         Some("ACCESS_POLICY")),
    ("IDP_PLUGINS",                             None),
    ("IDP_PROXY_HOST",                          None),
    ("IDP_SCORECARDS",                          None),
    ("IDP_WORKFLOW",                            None),
    ("INPUT_SET",                               None),
    ("IP_ALLOWLIST_CONFIG",                     Some("ACCESS_POLICY")),
    ("MODULE_LICENSE",                          Some("SETTING")),
    ("MONITORED_SERVICE",                       None),
    ("NETWORK_MAP",                             None),
    ("NG_ACCOUNT_DETAILS",                      Some("SETTING")),
    ("NG_LOGIN_SETTINGS",                       Some("SETTING")),
    ("NOTIFICATION_CHANNEL",                    None),
    ("NOTIFICATION_RULE",                       None),
    ("ORGANIZATION",                            Some("CLOUD_ORGANIZATION")),
    ("PERSPECTIVE",                             None),
    ("PERSPECTIVE_BUDGET",                      None),
    ("PERSPECTIVE_FOLDER",                      None),
    ("PERSPECTIVE_REPORT",                      None),
    ("PIPELINE",                                None),
    ("PROJECT",                                 Some("CLOUD_PROJECT")),
    ("RESOURCE_GROUP",                          Some("ACCESS_POLICY")),
    ("ROLE",                                    Some("ACCESS_POLICY")),
    ("ROLE_ASSIGNMENT",                         Some("ACCESS_POLICY")),
    ("SECRET",                                  Some("CREDENTIAL")),
    ("SEI_COLLECTIONS",                         None),
    ("SEI_CONFIGURATION_SETTINGS",              Some("SETTING")),
    ("SEI_INSIGHTS",                            None),
    ("SEI_PANORAMA",                            None),
    ("SERVICE",                                 None),
    ("SERVICE_ACCOUNT",                         Some("SERVICE_ACCOUNT")),
    ("SERVICE_DISCOVERY_AGENT",                 None),
    ("SERVICE_LEVEL_OBJECTIVE",                 None),
    ("SETTING",                                 Some("SETTING")),
    ("SMTP",                                    Some("SETTING")),
    ("SSCA_ARTIFACT",                           None),
    ("STO_EXEMPTION",                           None),
    ("STO_TARGET",                              None),
    ("STREAMING_DESTINATION",                   Some("SETTING")),
    ("TARGET_GROUP",                            Some("SETTING")),
    ("TEMPLATE",                                None),
    ("TOKEN",                                   Some("CREDENTIAL")),
    ("TRIGGER",                                 None),
    ("USER",                                    Some("USER")),
    ("USER_GROUP",                              None),
    ("VARIABLE",                                Some("SETTING")),
    ("WORKSPACE",                               None),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::schema;

    #[test]
    fn kinds_stand_in_their_order_and_once() {
        let mut pairs = RESOURCE_TYPES.iter().zip(RESOURCE_TYPES.iter().skip(1));
        assert!(pairs.all(|(one, next)| one.0 < next.0));
    }

    #[test]
    fn values_are_those_of_the_schema() {
        let values = &schema().values("Resource.ResourceType").unwrap().values;
        for (kind, value) in RESOURCE_TYPES {
            let is_value = |value: &str| values.iter().any(|it| it.0 == value);
            assert!(value.is_none_or(is_value), "{kind}");
        }
    }

    #[test]
    fn kinds_are_found_in_any_case() {
        for (kind, known) in [
            ("VARIABLE", true),
            (" variable ", true),
            ("Widget", false),
            ("", false),
        ] {
            assert_eq!(is_known(kind), known, "{kind}");
        }
        assert_eq!(resource_type("VARIABLE"), Some("SETTING"));
        assert_eq!(resource_type("PIPELINE"), None);
        assert_eq!(resource_type("WIDGET"), None);
    }
}
