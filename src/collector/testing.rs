//! What several tests need.

use std::collections::BTreeMap;

use crate::settings::{Settings, from_environment};

/// The settings of an account `acc`, and some more.
pub fn settings(more: &[(&str, &str)]) -> Settings {
    let own = [
        ("HARNESS_ACCOUNT_ID", "acc"),
        ("HARNESS_API_KEY", "sat.acc.id.secret"),
        ("S3_BUCKET", "harness-io-logs"),
    ];
    let all = own.iter().chain(more);
    let all = all.map(|(name, value)| ((*name).into(), (*value).into()));
    from_environment(&all.collect::<BTreeMap<String, String>>()).expect("settings")
}
