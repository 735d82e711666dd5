//! The logs that everything here reads: the goldens' records of the Event Grid and Log Analytics shapes, with other
//! ids, times, addresses, names and user agents, until there are enough.
//!
//! The generator's seed is fixed, so that two runs read the same bytes. Agents are drawn evenly from [`AGENTS`]
//! texts: the worst case for whatever remembers them, real ones come in runs.

use std::fs;
use std::path::Path;

use serde_json::{Deserializer, Value};

pub mod harness_io;

/// How many logs there are.
pub const LOGS: usize = 10_000;
/// How many user agents they have.
pub const AGENTS: usize = 1_000;

/// The goldens of the two shapes, public and constructed. One has no event: a subscription's handshake.
const GOLDENS: [&str; 13] = [
    "constructed_eventgrid_batch",
    "constructed_eventgrid_subscription_validation",
    "constructed_loganalytics_rows",
    "constructed_weather_row",
    "google_secops_eventgrid_array",
    "google_secops_eventgrid_object",
    "google_secops_standard_audit",
    // The record as the stream has it, without the envelope.
    "ms_release_notes_212_json_export",
    "snyk_repo_sync_eventgrid_by_event_type_only",
    "snyk_repo_sync_eventgrid_created",
    "snyk_repo_sync_eventgrid_default_branch_changed",
    "snyk_repo_sync_eventgrid_deleted",
    "snyk_repo_sync_eventgrid_renamed",
];

/// The logs that all designs of a log type read.
pub struct Corpus {
    /// The log type.
    pub log_type: &'static str,
    /// What the logs are made of.
    pub goldens: Vec<Golden>,
    /// The logs, one a line, each with its line feed.
    pub logs: Vec<Vec<u8>>,
}

/// A golden, taken apart.
pub struct Golden {
    /// The case.
    pub name: &'static str,
    /// Its logs, out of any array.
    pub logs: Vec<Value>,
    /// The events that they have to give.
    pub events: Vec<Value>,
}

/// The corpus of Azure DevOps.
pub fn azure_devops() -> Corpus {
    let goldens = goldens("azure_devops", &GOLDENS);
    Corpus {
        log_type: "AZURE_DEVOPS",
        logs: logs(&goldens),
        goldens,
    }
}

/// Reads these goldens of a source.
fn goldens(source: &str, names: &[&'static str]) -> Vec<Golden> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src/udm");
    let folder = folder.join(source).join("golden");
    let golden = |&name: &&'static str| {
        let read = |ending| fs::read(folder.join(format!("{name}.{ending}"))).expect(name);
        let raw = read("raw");
        let values = Deserializer::from_slice(&raw).into_iter();
        let logs = values.flat_map(|value| match value.expect(name) {
            Value::Array(logs) => logs,
            log => vec![log],
        });
        let answer: Value = serde_json::from_slice(&read("udm.json")).expect(name);
        Golden {
            name,
            logs: logs.collect(),
            events: answer["events"].as_array().expect(name).clone(),
        }
    };
    names.iter().map(golden).collect()
}

/// Makes the logs.
fn logs(goldens: &[Golden]) -> Vec<Vec<u8>> {
    let mut random = Random(0x5EED);
    let agents = agents(&mut random);
    let with_events = goldens.iter().filter(|golden| !golden.events.is_empty());
    let templates: Vec<&Value> = with_events.flat_map(|golden| &golden.logs).collect();
    let log = |_| {
        let mut log = templates[random.below(templates.len())].clone();
        let change = Change::new(&log, &agents, &mut random);
        change.apply("", &mut log);
        let mut line = serde_json::to_vec(&log).expect("a value is JSON");
        line.push(b'\n');
        line
    };
    (0..LOGS).map(log).collect()
}

/// How many bytes a log has on average.
pub fn mean(logs: &[Vec<u8>]) -> f64 {
    logs.iter().map(Vec::len).sum::<usize>() as f64 / logs.len() as f64
}

/// The logs in payloads of so many.
pub fn batches(logs: &[Vec<u8>], size: usize) -> Vec<Vec<u8>> {
    logs.chunks(size).map(<[_]>::concat).collect()
}

/// User agents of the goldens and of a few more tools, a number for each `#`.
const AGENT_KINDS: [&str; 13] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/#.0.0.0 Safari/537.36 \
     Edg/#.0.#.#",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/#.0.#.# Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/#.0.#.# Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_#) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/#.#.# \
     Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:#.0) Gecko/20100101 Firefox/#.#",
    "VSServices/19.#.#.# (w3wp.exe)",
    "VstsAgentCore-linux-x64/3.#.# (Linux 5.15.0-#-azure)",
    "TFS JobAgent(TfsJobAgent.exe, 19.#.#.#)",
    "git/2.#.# (Microsoft Windows NT 10.0.#; Win32NT x64) CLR/4.0.30319 VSServices/19.#.35011.3",
    "python/3.11.# (Windows-10-10.0.#-SP0) msrest/0.7.# azure-devops/5.1.0b4 devOpsCli/0.#.#",
    "Terraform/1.#.# (+https://www.terraform.io) terraform-provider-azuredevops/1.#.#",
    "PostmanRuntime/7.#.#",
    "curl/8.#.#",
];

fn agents(random: &mut Random) -> Vec<String> {
    let mut agents = Vec::new();
    while agents.len() < AGENTS {
        let kind = AGENT_KINDS[agents.len() % AGENT_KINDS.len()];
        let mut pieces = kind.split('#');
        let mut agent = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            agent += &random.below(150).to_string();
            agent += piece;
        }
        if !agents.contains(&agent) {
            agents.push(agent);
        }
    }
    agents
}

/// What is other in one log.
struct Change<'a> {
    /// Ids are made of it and of the ids they replace, so that equal ids stay equal.
    seed: u64,
    /// Month to second, and digits of a fraction.
    time: String,
    fraction: String,
    address: String,
    agent: &'a str,
    /// Texts wherever they stand in a value.
    names: Vec<(String, String)>,
}

/// Keys of `Data` whose values are names that users chose.
const NAMES: [&str; 10] = [
    "AgentName",
    "ConnectionName",
    "EnvironmentName",
    "FeedName",
    "GroupName",
    "PipelineName",
    "ReleaseName",
    "RepoName",
    "RunName",
    "VariableGroupName",
];
const FIRST: [&str; 8] = [
    "Ada", "Bo", "Chiara", "Deniz", "Erin", "Farid", "Grete", "Håkon",
];
const LAST: [&str; 8] = [
    "Abe", "Brandt", "Costa", "Dubois", "Egger", "Fontaine", "Gruber", "Haddad",
];

impl<'a> Change<'a> {
    fn new(log: &Value, agents: &'a [String], random: &mut Random) -> Change<'a> {
        let record = log.get("data").unwrap_or(log);
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let mut names = Vec::new();
        let address = text(record.get("ActorUPN")).filter(|address| address.contains('@'));
        if let (Some(name), Some(address)) = (text(record.get("ActorDisplayName")), address) {
            let first = FIRST[random.below(FIRST.len())];
            let last = LAST[random.below(LAST.len())];
            let number = random.below(1_000);
            names.push((name, format!("{first} {last}")));
            let user = last.to_lowercase();
            names.push((address, format!("{user}.{number}@fabrikam.example")));
        }
        for name in NAMES {
            if let Some(name) = text(record.get("Data").and_then(|data| data.get(name))) {
                let number = random.below(1_000);
                let other = format!("{name}-{number}");
                names.push((name, other));
            }
        }
        let mut two_digits = |first, count| format!("{:02}", first + random.below(count));
        let time = format!(
            "{}-{}T{}:{}:{}",
            two_digits(1, 12),
            two_digits(1, 28),
            two_digits(0, 24),
            two_digits(0, 60),
            two_digits(0, 60),
        );
        Change {
            seed: random.next(),
            time,
            fraction: format!("{:09}", random.below(1_000_000_000)),
            address: format!("198.51.100.{}", 1 + random.below(254)),
            agent: &agents[random.below(agents.len())],
            names,
        }
    }

    fn apply(&self, key: &str, value: &mut Value) {
        match value {
            Value::Object(object) => object
                .iter_mut()
                .for_each(|(key, value)| self.apply(key, value)),
            Value::Array(array) => array.iter_mut().for_each(|value| self.apply(key, value)),
            Value::String(text) => match key {
                "UserAgent" => *text = self.agent.to_owned(),
                "IpAddress" => *text = self.address.clone(),
                _ if is_time(text) => self.change_time(text),
                _ => self.change_text(text),
            },
            _ => {}
        }
    }

    fn change_time(&self, text: &mut String) {
        text.replace_range("2024-".len().."2024-06-07T14:00:00".len(), &self.time);
        if let Some((_, fraction)) = text.split_once('.') {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            let start = text.len() - fraction.len();
            let end = start + digits.min(self.fraction.len());
            text.replace_range(start..end, &self.fraction[..end - start]);
        }
    }

    fn change_text(&self, text: &mut String) {
        for (name, other) in &self.names {
            *text = text.replace(name, other);
        }
        let mut at = 0;
        while at + GUID <= text.len() {
            match text.get(at..at + GUID).filter(|piece| is_guid(piece)) {
                Some(guid) => {
                    let other = self.other_guid(guid);
                    text.replace_range(at..at + GUID, &other);
                    at += GUID;
                }
                None => at += 1,
            }
        }
    }

    /// All zero means "none", and services have ids that begin with zeros: these stay.
    fn other_guid(&self, guid: &str) -> String {
        if guid.starts_with("000000") {
            return guid.to_owned();
        }
        let number = u128::from_str_radix(&guid.replace('-', ""), 16).expect("hexadecimal digits");
        let mut random = Random(self.seed ^ number as u64 ^ (number >> 64) as u64);
        let digit = |character| match character {
            '-' => '-',
            'A'..='F' => char::from(b'A' + random.below(6) as u8),
            'a'..='f' => char::from(b'a' + random.below(6) as u8),
            _ => char::from(b'0' + random.below(10) as u8),
        };
        guid.chars().map(digit).collect()
    }
}

/// The length of a GUID's text.
const GUID: usize = "00000000-0000-0000-0000-000000000000".len();

fn is_guid(text: &str) -> bool {
    text.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

fn is_time(text: &str) -> bool {
    let text = text.as_bytes();
    text.starts_with(b"20") && text.get(10) == Some(&b'T') && text.get(16) == Some(&b':')
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }
}
