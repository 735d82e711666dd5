//! Destinations as they are configured, against the canned servers of [`Memory`].

mod mistakes;
mod requests;
mod sending;

use std::collections::BTreeMap;
use std::time::Duration;

use toml::de::DeTable;

use super::google_token::Tokens;
use super::{Destination, Errand, Item, Sent};
use crate::config::section::{File, Section};
use crate::config::{Ack, Auth, Feed};
use crate::testing::{Memory, block_on};
use crate::wit::transform::{FieldNames, Label, Options};

/// What a time limit of 25 s leaves to a request that has just come.
const DEADLINE: Duration = Duration::from_secs(25);

/// A destination's table, or what is wrong with it.
fn read(text: &str) -> Result<Destination, Vec<String>> {
    let table = DeTable::parse(text).expect("TOML");
    let variables = BTreeMap::new();
    let file = File::new(text, &variables);
    let section = Section::new(&file, "destination.main", 0, table.get_ref());
    let destination = Destination::read("main", section);
    let problems = file.problems();
    match destination {
        Some(destination) if problems.is_empty() => Ok(destination),
        _ => Err(problems.into_iter().map(|it| it.message).collect()),
    }
}

fn feed() -> Feed {
    Feed {
        name: "azdo".to_owned(),
        options: Options {
            log_type: "AZURE_DEVOPS".to_owned(),
            split_delimiter: None,
            namespace: None,
            labels: Vec::new(),
            field_names: FieldNames::LowerCamel,
        },
        topics: Vec::new(),
        origins: Vec::new(),
        auth: Auth::None,
        pull: None,
        on_unauthorized: 503,
        ack: Ack::Delivered,
        destination: "main".to_owned(),
    }
}

/// A feed with everything that can be sent of it.
fn labelled() -> Feed {
    let label = |key: &str, value: &str, rbac_enabled| Label {
        key: key.to_owned(),
        value: value.to_owned(),
        rbac_enabled,
    };
    let mut feed = feed();
    feed.options.namespace = Some("corp \"eu\"".to_owned());
    feed.options.labels = vec![label("team", "dev", false), label("scope", "eu", true)];
    feed
}

fn send(host: &Memory, destination: &Destination, feed: &Feed, items: &[&[u8]]) -> Sent {
    let lines = items.join(&b'\n');
    let item = |(log, bytes)| Item { bytes, log };
    let items: Vec<_> = items.iter().copied().enumerate().map(item).collect();
    let tokens = Tokens::default();
    let errand = Errand {
        feed,
        delivery: "",
        tokens: &tokens,
        deadline: host.elapsed.get() + DEADLINE,
    };
    block_on(destination.send(host, &errand, &items, &lines))
}

const LOGS: &str = r#"
type = "secops-logs"
project = "my-project"
region = "eu"
instance = "0f0c2d3e-0000-4000-8000-000000000001"
forwarder = "0f0c2d3e-0000-4000-8000-000000000002"
metadata = "http://127.0.0.1:9/token"
"#;

const EVENTS: &str = r#"
type = "secops-events"
project = "123"
region = "us"
instance = "0f0c2d3e-0000-4000-8000-000000000001"
archive = "none"
metadata = "http://127.0.0.1:9/token"
"#;

const WEBHOOK: &str = r#"
type = "secops-webhook"
url = "https://chronicle.eu.rep.googleapis.com/v1alpha/projects/1/locations/eu/instances/i/feeds/f:importPushLogs"
api_key = "AIzaCANARY"
secret = "secret-canary"
"#;

const HTTP: &str = r#"
type = "http"
url = "https://vector.example:8080/in?token=query-canary"
headers = { Authorization = "Bearer header-canary" }
"#;

const S3: &str = r#"
type = "s3"
bucket = "audit"
region = "eu-central-1"
prefix = "/azdo/"
access_key = "AKIACANARY"
secret_key = "secret-canary"
"#;
