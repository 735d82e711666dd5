//! What logs come wrapped in, whatever their source: lists, Event Grid and CloudEvents envelopes, Splunk's collector.
//!
//! Content alone tells: no option names a wrapper. The shapes are those of Microsoft's Event Grid schema page, of CloudEvents
//! 1.0 (JSON format), of Azure Monitor's `records`, of the Azure DevOps audit REST API and of Splunk's HTTP Event Collector.

use base64::Engine as _;

use crate::json::Cursor;

/// There when the log stood in an array named `records`; a name for tables.
pub const RECORDS: &str = "@records";
/// There when the log stood in an envelope; a name for tables.
pub const ENVELOPE: &str = "@envelope";
/// The caller's namespace; a name for tables.
pub const NAMESPACE: &str = "@namespace";

/// The keys whose array holds one log an element.
pub const LISTS: &[&str] = &["records", "value", "decoratedAuditLogEntries"];

/// The key whose object may hold a list: the audit REST API's printed example wraps its answer once more.
pub const OUTER_LIST: &str = "value";

/// The keys whose object is the record of an envelope.
pub const CONTENTS: &[&str] = &["data", "event"];

/// CloudEvents' key for a record in base64.
pub const CONTENT_BASE64: &str = "data_base64";

/// Keys that only an envelope has.
pub const MARKS: &[&str] = &[
    "eventType",
    "eventTime",
    "specversion",
    "subject",
    "topic",
    "dataVersion",
    "metadataVersion",
];

/// Event types that are part of the subscription's life: they give a note and never an event.
pub const HANDSHAKES: &[&str] = &[
    "Microsoft.EventGrid.SubscriptionValidationEvent",
    "Microsoft.EventGrid.SubscriptionDeletedEvent",
];

/// The JSON text in a CloudEvents `data_base64`, if it is JSON.
pub fn decode_base64(content: &str) -> Option<String> {
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(content)
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    is_json(&text).then_some(text)
}

/// Whether a text is one JSON value and nothing else.
pub fn is_json(text: &str) -> bool {
    let mut cursor = Cursor::new(text);
    cursor.skip_space();
    cursor.skip_value().is_ok() && cursor.skip_space().is_none()
}
