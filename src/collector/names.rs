//! What Harness calls its modules and actions, as its API description and its public MCP server list them (September
//! 2026). Both sets are open: an unknown name is told and sent, never refused.

/// `ModuleType`; the server compares it without regard to case.
#[rustfmt::skip]
pub const MODULES: &[&str] = &[
    "CD", "CI", "CV", "CF", "CE", "STO", "CHAOS", "AI_TEST_AUTOMATION", "SRM", "IACM", "CET", "IDP", "CODE", "SSCA",
    "AISRE", "CORE", "PMS", "TEMPLATESERVICE", "RMG", "GOVERNANCE", "PLATFORM", "SEI", "HAR", "DevopsEssentials", "FME",
    "DBOPS", "AI_AGENT_MLOPS", "AASP", "AARP", "AAST", "AISEC",
];

/// `Action`; the server wants upper case.
#[rustfmt::skip]
pub const ACTIONS: &[&str] = &[
    "CREATE", "UPDATE", "RESTORE", "DELETE", "FORCE_DELETE", "UPSERT", "INVITE", "RESEND_INVITE", "REVOKE_INVITE",
    "ADD_COLLABORATOR", "REMOVE_COLLABORATOR", "CREATE_TOKEN", "REVOKE_TOKEN", "LOGIN", "LOGIN2FA",
    "UNSUCCESSFUL_LOGIN", "ADD_MEMBERSHIP", "REMOVE_MEMBERSHIP", "ERROR_BUDGET_RESET", "START", "END", "STAGE_START",
    "STAGE_END", "PAUSE", "RESUME", "ABORT", "TIMEOUT", "SIGNED_EULA", "ROLE_ASSIGNMENT_CREATED",
    "ROLE_ASSIGNMENT_UPDATED", "ROLE_ASSIGNMENT_DELETED", "MOVE", "ENABLED", "DISABLED", "DISMISS_ANOMALY", "RERUN",
    "BYPASS", "STABLE_VERSION_CHANGED", "SYNC_START", "START_IMPERSONATION", "END_IMPERSONATION", "MOVE_TO_GIT",
    "FREEZE_BYPASS", "EXPIRED", "FORCE_PUSH",
];

/// What `EXCLUDE_LOGIN_EVENTS` leaves out.
pub const LOGINS: &[&str] = &["LOGIN", "LOGIN2FA", "UNSUCCESSFUL_LOGIN"];
