//! AZURE_DEVOPS: audit records of Azure DevOps Services, as Event Grid, Azure Monitor, Splunk, the audit page and the audit
//! REST API hand them over, and the Azure activity-log records that share the log type.
//!
//! The authority is Google's parser page "Collect Azure DevOps audit logs" with its change log; the records are those of
//! Microsoft's "Auditing events list", "Create audit streaming" and the `AzureDevOpsAuditing` table. The records' three
//! spellings (stream, Log Analytics, REST) lead to the same cells. No CSV: its columns are a spreadsheet's.

mod event_type;
mod objects;
mod outcome;
mod rows;
#[cfg(test)]
mod tests;
mod texts;
mod values;

use crate::Source;
use crate::plan::Plans;

/// The source.
pub static SOURCE: Source = Source {
    log_type: "AZURE_DEVOPS",
    vendor: "Microsoft",
    product: "Azure DevOps",
    mapping_version: "2024-01-19",
    rows: rows::ROWS,
    // The REST API writes the record's keys in camelCase, and the keys of `Filter` in PascalCase.
    either_case: &["", "Data.Filter."],
    // Resource Health events of the storage export have their properties one level down.
    aliases: &[("properties.eventProperties", "properties")],
    other_names: &[],
    lists: &[],
    truncated: "Data._truncated",
    shared_keys: &[
        "id",
        "subject",
        "eventType",
        "eventTime",
        "dataVersion",
        "metadataVersion",
        "topic",
        "specversion",
        "source",
        "type",
        "time",
        "Type",
        "Id",
        "Category",
        "Details",
        "Icon",
        "SourceSystem",
    ],
    plans: Plans::new(),
};
