//! What a caller says once for all logs of a payload.

use std::fmt;

use crate::json;

/// The options of a reader, of [`crate::normalize`] and of [`crate::explain`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The SecOps log type, for example `AZURE_DEVOPS`.
    pub log_type: String,
    /// Cuts the input into pieces, each a payload of its own. Without one, content alone tells the logs apart.
    pub split_delimiter: Option<String>,
    /// The namespace of every noun that has an ip, hostname, mac or asset.
    pub namespace: Option<String>,
    /// Added to `metadata.ingestion_labels`, in order.
    pub labels: Vec<Label>,
    /// How UDM fields are spelled.
    pub field_names: FieldNames,
}

impl Options {
    /// Refuses values that no reader can use.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for an empty delimiter, an empty namespace or a label without a key.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |expected: &str| Err(Error::InvalidOption(expected.to_owned()));
        if self.split_delimiter.as_deref() == Some("") {
            return refuse("expected a text as `split-delimiter`, but found \"\"");
        }
        if self.namespace.as_deref() == Some("") {
            return refuse("expected a text as `namespace`, but found \"\"");
        }
        match self.labels.iter().position(|label| label.key.is_empty()) {
            Some(at) => refuse(&format!(
                "expected a text as the key of `labels[{at}]`, but found \"\""
            )),
            None => Ok(()),
        }
    }

    /// The labels as a list in JSON, in the wanted spelling; empty without labels.
    pub(crate) fn labels_as_json(&self) -> String {
        let mut list = Vec::new();
        for label in &self.labels {
            list.extend_from_slice(if list.is_empty() { b"[" } else { b"," });
            list.extend_from_slice(b"{\"key\":\"");
            json::push_escaped(&mut list, &label.key);
            list.push(b'"');
            if !label.value.is_empty() {
                list.extend_from_slice(b",\"value\":\"");
                json::push_escaped(&mut list, &label.value);
                list.push(b'"');
            }
            if label.rbac_enabled {
                list.extend_from_slice(match self.field_names {
                    FieldNames::LowerCamel => b",\"rbacEnabled\":true",
                    FieldNames::Proto => b",\"rbac_enabled\":true",
                });
            }
            list.push(b'}');
        }
        if !list.is_empty() {
            list.push(b']');
        }
        String::from_utf8_lossy(&list).into_owned()
    }
}

/// One entry of `metadata.ingestion_labels`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label {
    /// The label's key, not empty.
    pub key: String,
    /// The label's value.
    pub value: String,
    /// Whether data access scopes may use the label.
    pub rbac_enabled: bool,
}

/// The spelling of UDM fields in events; readers of proto3 JSON take both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldNames {
    /// `eventTimestamp`
    #[default]
    LowerCamel,
    /// `event_timestamp`
    Proto,
}

/// Why nothing was read at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// No source has this log type.
    UnknownLogType(String),
    /// An option's value cannot be used.
    InvalidOption(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::UnknownLogType(text) | Error::InvalidOption(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {}
