//! The configuration as a host of the receiver sees it: its mistakes before the first request, and where it sends to.
//!
//! A host that limits outbound requests takes the list from here rather than from the component, which it has to limit.

use std::collections::BTreeMap;

use super::feed::{Collect, Surroundings, origin};
use super::section::Problem;
use super::{Auth, Config, read};
use crate::wit::transform::Options;

/// Reads a configuration with the values of its variables. `options` says what the normalizer says to a feed's options,
/// its log type among them, and `collect` reads the tables of collectors.
///
/// # Errors
///
/// All mistakes, in the order of their lines.
pub fn check(
    text: &str,
    variables: &BTreeMap<String, String>,
    is_loopback: bool,
    options: &dyn Fn(&Options) -> Result<(), String>,
    collect: Collect<'_>,
) -> Result<Config, Vec<Problem>> {
    let around = Surroundings {
        is_loopback,
        check: options,
        collect,
    };
    read(text, variables, &around, None)
}

impl Config {
    /// The origins (`https://x.example:443`) that destinations, credentials and buckets are asked at, in order, each once.
    pub fn hosts(&self) -> Vec<String> {
        let keys = self.feeds.values().filter_map(|feed| match &feed.auth {
            Auth::Credentials {
                entra: Some(entra), ..
            } => origin(&entra.keys_url),
            _ => None,
        });
        let feeds = self.feeds.values();
        let buckets = feeds.filter_map(|it| Some(it.pull.as_ref()?.bucket.origin()));
        let destinations = self.destinations.values().flat_map(|it| it.hosts());
        let collectors = self.collects_from.iter().cloned();
        let hosts = keys.chain(buckets).chain(destinations).chain(collectors);
        let mut hosts: Vec<String> = hosts.collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_those_of_destinations_and_of_tokens() {
        let text = r#"
            [feed.azdo]
            log_type = "AZURE_DEVOPS"
            auth = { entra = { tenant = "11111111-2222-3333-4444-555555555555", audience = "api://x" } }
            destination = "main"
            [destination.main]
            type = "http"
            url = "https://vector.example:8443/logs"
        "#;
        let config = check(text, &BTreeMap::new(), false, &|_| Ok(()), &|_, _| {
            Vec::new()
        })
        .unwrap();
        let expected = [
            "https://login.microsoftonline.com:443",
            "https://vector.example:8443",
        ];
        assert_eq!(config.hosts(), expected);
    }
}
