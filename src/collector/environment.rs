//! The configuration of one collector out of an environment: the Lambda's names, and those that Amazon's tools read
//! (docs.aws.amazon.com/sdkref, "Settings reference", November 2026), so that to migrate is to copy the environment.
//!
//! Secrets become variables; everything else stands in the text, where its mistakes can be quoted.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::settings::NAMES;

/// A configuration that stands for an environment.
#[derive(Clone, PartialEq, Eq)]
pub struct Configuration {
    /// In TOML.
    pub text: String,
    /// The secrets that it names.
    pub variables: Vec<(String, String)>,
    /// What the operator should know.
    pub warnings: Vec<String>,
    table: String,
}

/// The bucket's settings, and the variables that they come from; of two, the first that is set.
const BUCKET: &[(&str, &[&str])] = &[
    ("s3_bucket", &["S3_BUCKET"]),
    ("s3_region", &["AWS_REGION", "AWS_DEFAULT_REGION"]),
    ("s3_endpoint", &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]),
    ("s3_access_key", &["AWS_ACCESS_KEY_ID"]),
    ("s3_secret_key", &["AWS_SECRET_ACCESS_KEY"]),
    ("s3_session_token", &["AWS_SESSION_TOKEN"]),
    ("s3_path_style", &["S3_PATH_STYLE"]),
];
const SECRETS: &[&str] = &["harness_api_key", "s3_secret_key", "s3_session_token"];

/// The configuration of the collector `name`. What an environment sets to nothing is not set. Nothing is checked
/// here.
pub fn read(name: &str, environment: &BTreeMap<String, String>) -> Configuration {
    let mut read = Configuration {
        text: format!("[collect.{name}]\n"),
        variables: Vec::new(),
        warnings: Vec::new(),
        table: name.to_owned(),
    };
    let own = NAMES.iter().map(|(name, key)| (*key, vec![*name]));
    let bucket = BUCKET.iter().map(|(key, names)| (*key, names.to_vec()));
    for (key, names) in own.chain(bucket) {
        let mut values = names.iter().filter_map(|it| environment.get(*it));
        let value = values.find(|it| !it.is_empty()).map(String::as_str);
        match value {
            Some(value) => read.put(key, value),
            // The Lambda knows no other, so whatever reads its objects now reads this one.
            None if key == "output_shape" => {
                read.put(key, "api");
                let message = "expected `OUTPUT_SHAPE`, but found none; `api` is used, as the Lambda writes it, though \
                               Google's parser names the fields of `streaming`";
                read.warnings.push(message.to_owned());
            }
            None => {}
        }
    }
    read
}

impl Configuration {
    /// A mistake in the configuration, in the names of the environment.
    pub fn told(&self, message: &str) -> String {
        let table = format!("collect.{}", self.table);
        let own = NAMES.iter().map(|(name, key)| (*key, *name));
        let bucket = BUCKET
            .iter()
            .filter_map(|(key, names)| Some((*key, *names.first()?)));
        own.chain(bucket)
            .fold(message.to_owned(), |message, (key, name)| {
                let name = format!("`{name}`");
                let message = message.replace(&format!("`{key}` in `{table}`"), &name);
                message.replace(&format!("`{table}.{key}`"), &name)
            })
    }

    fn put(&mut self, key: &str, value: &str) {
        let value = if SECRETS.contains(&key) {
            self.variables.push((key.to_owned(), value.to_owned()));
            format!("\"{{{key}}}\"")
        } else if key == "s3_path_style" && matches!(value, "true" | "false") {
            value.to_owned()
        } else {
            // What JSON escapes in a text, and how, TOML understands.
            Value::from(value).to_string()
        };
        self.text.push_str(&format!("{key} = {value}\n"));
    }
}

#[cfg(test)]
mod tests {
    use udmill_receiver::config::check::check;
    use udmill_receiver::config::section::Problem;

    use super::*;
    use crate::config::origins;

    fn environment(more: &[(&str, &str)]) -> Configuration {
        let own = [
            ("HARNESS_ACCOUNT_ID", "acc"),
            ("HARNESS_API_KEY", "sat.acc.id.canary"),
            ("S3_BUCKET", "harness-io-logs"),
            ("FILTER_ACTIONS", "CREATE, \"x\""),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "AKIA"),
            ("AWS_SECRET_ACCESS_KEY", "canary-too"),
            ("AWS_SESSION_TOKEN", ""),
            ("PATH", "/bin"),
        ];
        let all = own.iter().chain(more);
        let all = all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        read("harness", &all.collect())
    }

    /// The origins that it talks to, or its mistakes.
    fn checked(read: &Configuration) -> Result<Vec<String>, Vec<String>> {
        let variables = read.variables.iter().cloned().collect();
        let config = check(&read.text, &variables, true, &|_| Ok(()), &origins);
        let told = |it: &Problem| read.told(&it.message);
        config
            .map(|it| it.hosts())
            .map_err(|it| it.iter().map(told).collect())
    }

    #[test]
    fn a_lambdas_environment_is_a_configuration_as_it_is() {
        let read = environment(&[]);
        assert!(!read.text.contains("canary"), "{}", read.text);
        assert_eq!(read.warnings.len(), 1);
        let expected = [
            "https://app.harness.io:443",
            "https://harness-io-logs.s3.eu-central-1.amazonaws.com:443",
        ];
        assert_eq!(checked(&read), Ok(expected.map(str::to_owned).into()));
        let asked = environment(&[("OUTPUT_SHAPE", "streaming")]);
        assert_eq!(asked.warnings, Vec::<String>::new());
        assert!(asked.text.contains("output_shape = \"streaming\""));
    }

    #[test]
    fn a_store_of_ones_own_is_reached_by_path() {
        let more = [
            ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9000"),
            ("S3_PATH_STYLE", "true"),
        ];
        let hosts = checked(&environment(&more)).expect("hosts");
        assert!(
            hosts.contains(&"http://127.0.0.1:9000".to_owned()),
            "{hosts:?}"
        );
    }

    #[test]
    fn mistakes_are_told_in_the_names_of_the_environment() {
        let more = [
            ("PAGE_SIZE", "none"),
            ("S3_BUCKET", ""),
            ("AWS_REGION", "a b"),
            ("S3_PATH_STYLE", "yes"),
            ("HARNESS_ACCOUNT_ID", ""),
        ];
        let found = checked(&environment(&more))
            .expect_err("mistakes")
            .join("\n");
        for expected in [
            "expected a whole number from 1 at `PAGE_SIZE`, but found \"none\"",
            "expected `S3_BUCKET`, but found none",
            "at `AWS_REGION`, but found \"a b\"",
            "expected true or false at `S3_PATH_STYLE`",
            "expected `HARNESS_ACCOUNT_ID`, but found none",
        ] {
            assert!(found.contains(expected), "{expected} in {found}");
        }
        assert!(
            !found.contains("canary") && !found.contains("collect.harness"),
            "{found}"
        );
    }
}
