//! A feed's table `s3`: the objects of a prefix are its logs, as in an Amazon S3 feed of Google SecOps ("Feed
//! management API", AMAZON_S3_V2, docs.cloud.google.com/chronicle, 2026), with its deletion option and its age.

use chrono::TimeDelta;

use super::section::{Section, quoted};
use crate::s3::{Bucket, NAMES};

/// Where a feed's objects lie, and what becomes of them.
#[derive(Clone, Debug)]
pub struct Pull {
    /// The bucket, and who reads it.
    pub bucket: Bucket,
    /// What the objects' keys begin with, followed by a slash that is not in here.
    pub prefix: String,
    /// Whether an object is deleted when all of its logs are safe.
    pub deletes: bool,
    /// Objects that were written earlier are left alone.
    pub max_age: TimeDelta,
}

/// As SecOps has it: the default and the most.
const MAX_AGE_DAYS: u64 = 180;
/// Ten years.
const MOST_DAYS: u64 = 3660;

/// The table. Every mistake is told to the section; then the answer may be none.
pub fn read(mut section: Section<'_>) -> Option<Pull> {
    let bucket = Bucket::read(&mut section, &NAMES);
    let prefix = section.required_text("prefix");
    let prefix = prefix.and_then(|text| {
        let prefix = text.trim_matches('/');
        let is_plain = !prefix.is_empty() && prefix.len() <= 900 && !prefix.contains("//");
        let mut parts = prefix.split('/');
        let is_path = is_plain && parts.all(|it| it != "." && it != "..");
        if !is_path || prefix.chars().any(char::is_control) {
            // Outside of the prefix there has to be room for who consumes it.
            let expected = "a prefix within the bucket, such as \"audit/azdo/\"";
            section.wrong("prefix", expected, &quoted(&text));
            return None;
        }
        Some(prefix.to_owned())
    });
    let deletes = section.one_of("delete", &["never", "on_success"]);
    let days = section.number("max_age_days", 1, MOST_DAYS);
    section.finish();
    Some(Pull {
        bucket: bucket?,
        prefix: prefix?,
        deletes: deletes == Some("on_success"),
        max_age: TimeDelta::days(days.unwrap_or(MAX_AGE_DAYS) as i64),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::check::check;
    use crate::config::{Auth, Feed};

    fn feed(more: &str) -> Result<Feed, Vec<String>> {
        let text = format!(
            "[feed.azdo]\nlog_type = \"AZURE_DEVOPS\"\ndestination = \"main\"\n{more}\n\
             [destination.main]\ntype = \"stdout\"\n"
        );
        let config = check(&text, &BTreeMap::new(), false, &|_| Ok(()), &|_, _| {
            Vec::new()
        });
        match config {
            Ok(mut config) => Ok(config.feeds.remove("azdo").expect("a feed")),
            Err(problems) => Err(problems.into_iter().map(|it| it.message).collect()),
        }
    }

    const S3: &str = "bucket = \"b\", region = \"r\", access_key = \"k\", secret_key = \"s\"";

    #[test]
    fn a_feed_is_pulled_instead_of_posted_to() {
        let feed = feed(&format!("s3 = {{ {S3}, prefix = \"/a/b/\" }}")).expect("a feed");
        assert!(matches!(feed.auth, Auth::Nobody));
        let pull = feed.pull.expect("a table");
        assert_eq!((pull.prefix.as_str(), pull.deletes), ("a/b", false));
        assert_eq!(pull.max_age, TimeDelta::days(180));
        let more = "prefix = \"a\", delete = \"on_success\", max_age_days = 7";
        let feed = self::feed(&format!("s3 = {{ {S3}, {more} }}")).expect("a feed");
        let pull = feed.pull.expect("a table");
        assert!(pull.deletes);
        assert_eq!(pull.max_age, TimeDelta::days(7));
    }

    #[test]
    fn where_it_sends_to_is_known() {
        let text = format!(
            "[feed.a]\nlog_type = \"X\"\ndestination = \"main\"\n\
             s3 = {{ {S3}, prefix = \"p\", endpoint = \"http://127.0.0.1:9000\" }}\n\
             [destination.main]\ntype = \"stdout\"\n"
        );
        let config = check(&text, &BTreeMap::new(), false, &|_| Ok(()), &|_, _| {
            Vec::new()
        })
        .expect("a configuration");
        assert_eq!(config.hosts(), ["http://127.0.0.1:9000"]);
    }

    #[test]
    fn keys_of_posting_and_wrong_values_are_mistakes() {
        for (more, expected) in [
            (
                "auth = \"none\"",
                "expected no `auth` in `feed.azdo`, which is pulled",
            ),
            ("ack = \"stored\"", "expected no `ack`"),
            ("topics = [\"/x\"]", "expected no `topics`"),
            ("origins = [\"x\"]", "expected no `origins`"),
            ("on_unauthorized = \"401\"", "expected no `on_unauthorized`"),
        ] {
            let found = feed(&format!("s3 = {{ {S3}, prefix = \"a\" }}\n{more}"));
            let found = found.expect_err(more);
            assert!(
                found.len() == 1 && found[0].starts_with(expected),
                "{found:?}"
            );
        }
        for (table, expected) in [
            (
                S3.to_owned(),
                "expected `prefix` in `feed.azdo.s3`, but found none",
            ),
            (
                format!("{S3}, prefix = \"/\""),
                "expected a prefix within the bucket",
            ),
            (
                format!("{S3}, prefix = \"a//b\""),
                "expected a prefix within the bucket",
            ),
            (
                format!("{S3}, prefix = \"a/../b\""),
                "expected a prefix within the bucket",
            ),
            (
                format!("{S3}, prefix = \"a\", delete = \"always\""),
                "expected one of never, on_success",
            ),
            (
                format!("{S3}, prefix = \"a\", max_age_days = 0"),
                "expected a whole number from 1 to 3660",
            ),
            (
                format!("{S3}, prefix = \"a\", max_age = 7"),
                "expected one of ",
            ),
            ("prefix = \"a\"".to_owned(), "expected `bucket`"),
        ] {
            let found = feed(&format!("s3 = {{ {table} }}")).expect_err(&table);
            assert!(found.iter().any(|it| it.starts_with(expected)), "{found:?}");
        }
        let neither = feed("").expect_err("neither");
        assert_eq!(neither, ["expected `auth` in `feed.azdo`, but found none"]);
    }
}
