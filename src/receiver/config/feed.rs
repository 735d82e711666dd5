//! A feed's table: what it is in SecOps, who may post to it, and what happens to its logs.

use super::section::{Place, Section, quoted};
use super::{Ack, Auth, Entra, Feed, pull, unknown};
use crate::auth::digest;
use crate::wit::transform::{FieldNames, Label, Options};

/// Event Grid's own application in the public cloud ("Deliver events using Microsoft Entra ID", learn.microsoft.com,
/// 2026).
const EVENT_GRID: &str = "4962773b-9cdb-44cf-a8bf-237846a00ab7";
/// The role that Microsoft's script gives to Event Grid's application.
const ROLE: &str = "AzureEventGridSecureWebhookSubscriber";
/// Where Microsoft publishes the signing keys of its tenants.
const LOGIN: &str = "https://login.microsoftonline.com";
/// A secret that is shorter can be guessed.
const WEAK: usize = 16;

/// Reads a collector's table, of that name, and says which origins it talks to. The receiver itself knows nothing of
/// collectors but that they have a place in the same file.
pub type Collect<'a> = &'a dyn Fn(&str, Section<'_>) -> Vec<String>;

/// Keys of a feed to which somebody posts.
const POSTING: &[&str] = &["auth", "topics", "origins", "on_unauthorized", "ack"];

/// What the feed's table does not say.
pub struct Surroundings<'a> {
    /// Whether nobody but this machine can reach the receiver.
    pub is_loopback: bool,
    /// What the normalizer says to a feed's options.
    pub check: &'a dyn Fn(&Options) -> Result<(), String>,
    /// Who reads the tables under `collect`.
    pub collect: Collect<'a>,
}

/// A feed, and where it stands. `destinations` are the names of those that there are. Every mistake in it is told to the
/// section; with one, the answer may be none. What is not wise goes to `warnings`.
pub fn read<'a>(
    name: &str,
    mut section: Section<'a>,
    around: &Surroundings<'_>,
    destinations: &[String],
    warnings: &mut Vec<String>,
) -> Option<(Feed, Place<'a>)> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.is_empty() || name.len() > 64 || !name.bytes().all(is_plain) {
        let expected = "a name of at most 64 letters, digits, hyphens and underscores";
        section.place().wrong("", expected, &quoted(name));
    }
    let options = options(&mut section, around);
    let is_pulled = section.has("s3");
    let pull = section.section("s3").map(pull::read);
    if is_pulled {
        let posting = POSTING.iter().filter(|key| section.has(key));
        for key in posting.collect::<Vec<_>>() {
            let message = format!(
                "expected no `{key}` in `{}`, which is pulled",
                section.path()
            );
            section.place().say("", message);
        }
    }
    let topics = listed(&mut section, "topics");
    let origins = listed(&mut section, "origins");
    let auth = match is_pulled {
        true => {
            section.skip("auth");
            Some(Auth::Nobody)
        }
        false => auth(&mut section, around, warnings),
    };
    let on_unauthorized = section.one_of("on_unauthorized", &["503", "401"]);
    let ack = section.one_of("ack", &["delivered", "stored"]);
    let destination = section.required_text("destination");
    let place = section.place();
    if let Some(name) = destination.as_ref().filter(|it| !destinations.contains(it)) {
        unknown(&place, "destination", name, destinations);
    }
    section.finish();
    let feed = Feed {
        name: name.to_owned(),
        options: options?,
        topics,
        origins,
        auth: auth?,
        pull: match pull {
            Some(pull) => Some(pull?),
            None if is_pulled => return None,
            None => None,
        },
        on_unauthorized: if on_unauthorized == Some("401") {
            401
        } else {
            503
        },
        ack: if ack == Some("stored") {
            Ack::Stored
        } else {
            Ack::Delivered
        },
        destination: destination?,
    };
    Some((feed, place))
}

fn options(section: &mut Section<'_>, around: &Surroundings<'_>) -> Option<Options> {
    let log_type = section.required_text("log_type");
    let split_delimiter = section.text("split_delimiter");
    let split_delimiter = split_delimiter.map(|text| {
        let plain = unescape(&text);
        if plain.is_none() {
            let expected = r"a text without escapes other than \n, \r, \t, \0 and \\";
            section.wrong("split_delimiter", expected, &quoted(&text));
        }
        plain.unwrap_or_default()
    });
    let namespace = section.text("namespace");
    let labels = section.named_texts("labels").unwrap_or_default();
    let label = |(key, value)| Label {
        key,
        value,
        rbac_enabled: false,
    };
    let options = Options {
        log_type: log_type?,
        split_delimiter,
        namespace,
        labels: labels.into_iter().map(label).collect(),
        field_names: FieldNames::LowerCamel,
    };
    if let Err(message) = (around.check)(&options) {
        section.place().say("log_type", message);
    }
    Some(options)
}

/// Texts of which at least one has to match.
fn listed(section: &mut Section<'_>, key: &'static str) -> Vec<String> {
    let Some(texts) = section.texts(key) else {
        return Vec::new();
    };
    if texts.is_empty() || texts.iter().any(String::is_empty) {
        section.wrong(
            key,
            "at least one text, and none that is empty",
            "another array",
        );
    }
    texts
}

fn auth(
    feed: &mut Section<'_>,
    around: &Surroundings<'_>,
    warnings: &mut Vec<String>,
) -> Option<Auth> {
    if !feed.has("auth") {
        // Asked for, so that it is among the keys that a mistyped one is compared with.
        feed.text("auth");
        feed.missing("auth");
        return None;
    }
    if feed.is_text("auth") {
        if feed.text("auth")? != "none" {
            // It may be a secret in the wrong place.
            feed.wrong("auth", "\"none\" or a table of credentials", "another text");
            return None;
        }
        if !around.is_loopback {
            let expected = "credentials where others than this machine can reach the receiver";
            feed.wrong("auth", expected, "\"none\"");
        }
        return Some(Auth::None);
    }
    let mut section = feed.section("auth")?;
    let api_keys = digests(&mut section, "api_keys", warnings);
    let secrets = digests(&mut section, "secrets", warnings);
    let has_entra = section.has("entra");
    let entra = section.section("entra");
    let entra = entra.map(entra_of);
    let require = section.one_of("require", &["any", "all"]);
    let has_none = |it: &Option<Vec<_>>| it.as_ref().is_some_and(Vec::is_empty);
    if has_none(&api_keys) && has_none(&secrets) && !has_entra {
        let known = "at least one of api_keys, secrets, entra";
        section.place().wrong("", known, "none");
    }
    section.finish();
    if has_entra && !matches!(entra, Some(Some(_))) {
        return None;
    }
    Some(Auth::Credentials {
        api_keys: api_keys?,
        secrets: secrets?,
        entra: entra.flatten(),
        require_all: require == Some("all"),
    })
}

/// Digests of texts, or digests as they are written: `sha256:` and 64 hexadecimal digits. None where one is wrong.
fn digests(
    section: &mut Section<'_>,
    key: &'static str,
    warnings: &mut Vec<String>,
) -> Option<Vec<[u8; 32]>> {
    if !section.has(key) {
        // Asked for all the same, so that it is among the keys that a mistyped one is compared with.
        section.texts(key);
        return Some(Vec::new());
    }
    let texts = section.texts(key)?;
    let read = |text: &String| {
        if let Some(hex) = text.strip_prefix("sha256:") {
            let digest = from_hex(hex);
            if digest.is_none() {
                let expected = "64 hexadecimal digits behind \"sha256:\"";
                section.wrong(key, expected, "something else");
            }
            return digest;
        }
        if text.trim() != text || text.is_empty() {
            let expected = "a text that is not empty, without white space around it";
            section.wrong(key, expected, "another");
            return None;
        }
        if text.chars().count() < WEAK {
            let path = section.path();
            warnings.push(format!(
                "`{path}.{key}` holds one of less than {WEAK} characters"
            ));
        }
        Some(digest(text))
    };
    // All are read, so that every mistake is told.
    let digests: Vec<_> = texts.iter().map(read).collect();
    digests.into_iter().collect()
}

fn entra_of(mut section: Section<'_>) -> Option<Entra> {
    let tenant = section.required_text("tenant");
    let audience = section.required_text("audience");
    let application = section.text("application");
    let role = section.text("role");
    let keys_url = section.text("keys_url");
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    if let Some(tenant) = tenant.as_ref().filter(|it| !it.bytes().all(is_plain)) {
        section.wrong("tenant", "a tenant's id", &quoted(tenant));
    }
    if let Some(url) = keys_url.as_ref().filter(|it| origin(it).is_none()) {
        let expected = "a URL with https, or with http on loopback";
        section.wrong("keys_url", expected, &quoted(url));
    }
    section.finish();
    let tenant = tenant?;
    Some(Entra {
        keys_url: keys_url.unwrap_or_else(|| format!("{LOGIN}/{tenant}/discovery/v2.0/keys")),
        tenant,
        audience: audience?,
        application: application.unwrap_or_else(|| EVENT_GRID.to_owned()),
        role: role.unwrap_or_else(|| ROLE.to_owned()),
    })
}

/// The origin of a URL, with its port, if it is one over which keys may come:
/// `https://login.microsoftonline.com:443`.
pub fn origin(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    let host = url.host_str()?;
    let is_loopback = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback);
    let port = url.port_or_known_default()?;
    is_safe.then(|| format!("{}://{host}:{port}", url.scheme()))
}

/// The escapes that the command's `--split-delimiter` knows, since single quotes in TOML leave a backslash as it is.
fn unescape(text: &str) -> Option<String> {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        plain.push(match char {
            '\\' => match chars.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                '\\' => '\\',
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u32>> = text.chars().map(|it| it.to_digit(16)).collect();
    let bytes = digits?;
    let mut digest = [0; 32];
    if bytes.len() != 2 * digest.len() {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(bytes.chunks_exact(2)) {
        *byte = pair.iter().fold(0, |sum, digit| sum * 16 + *digit as u8);
    }
    Some(digest)
}
