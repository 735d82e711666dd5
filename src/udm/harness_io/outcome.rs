//! What an action says about its outcome.
//!
//! Harness writes an audit event after the operation has succeeded, so that an action of its vocabulary was
//! permitted; an unsuccessful login was not. Notices of a state (a run that ended, a stage, a time-out, an expiry)
//! and actions that we do not know are neither. The rule is ours: Google publishes none for HARNESS_IO.

use super::event_type;

/// `security_result.action` of an action that is written in capitals.
pub fn outcome(action: &str) -> Option<&'static str> {
    match action {
        "UNSUCCESSFUL_LOGIN" => Some("BLOCK"),
        "END" | "STAGE_START" | "STAGE_END" | "TIMEOUT" | "EXPIRED" => None,
        _ => event_type::is_known(action).then_some("ALLOW"),
    }
}

#[cfg(test)]
mod tests {
    use super::outcome;

    #[test]
    fn requests_were_allowed_and_notices_are_neither() {
        for (action, expected) in [
            ("CREATE", Some("ALLOW")),
            ("ABORT", Some("ALLOW")),
            ("LOGIN2FA", Some("ALLOW")),
            ("UNSUCCESSFUL_LOGIN", Some("BLOCK")),
            ("TIMEOUT", None),
            ("END", None),
            ("REPLICATED", None),
            ("", None),
        ] {
            assert_eq!(outcome(action), expected, "{action}");
        }
    }
}
