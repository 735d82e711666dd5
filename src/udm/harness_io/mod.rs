//! HARNESS_IO: audit events of the Harness platform, as its audit API lists them and as its audit streaming writes
//! them.
//!
//! Google publishes no mapping table for HARNESS_IO, but a change log of its parser, whose rows are marked G here and
//! win over all others; the rest of the table is ours (`decisions.md`). The events are those of Harness' "Audit" API
//! (apidocs.harness.io, `getAuditEventListV2`) and of "Audit streaming" (developer.harness.io): the streaming shape
//! has other names for the same keys, and neither labels nor `auditEventData`. Both lead to the same cells.
//!
//! Left out: the old and new YAML of a change (`yamlDiffRecord`), which may hold what nobody wants in a log.

mod address;
mod event_type;
mod lists;
mod outcome;
mod resource_type;
mod rows;
#[cfg(test)]
mod tests;
mod time;
mod values;

use crate::Source;
use crate::plan::Plans;

/// The source.
pub static SOURCE: Source = Source {
    log_type: "HARNESS_IO",
    vendor: "Harness",
    product: "Harness IO",
    mapping_version: "2025-04-16",
    rows: rows::ROWS,
    either_case: &[],
    aliases: &[],
    // What audit streaming calls the API's keys.
    other_names: &[
        ("auditEventId", "auditId"),
        ("auditEventAuthor", "authenticationInfo"),
        ("auditModule", "module"),
        ("auditAction", "action"),
        ("auditResource", "resource"),
        ("auditResourceScope", "resourceScope"),
        ("auditHttpRequestInfo", "httpRequestInfo"),
        ("httpRequestInfo.clientIP", "requestMetadata.clientIP"),
    ],
    // The API's answer.
    lists: &[("data", "content")],
    truncated: "auditEventData._truncated",
    // Other services have a time, an action, a resource and an environment, too; `resource.labels` stands in every
    // log of Google Cloud.
    shared_keys: &[
        "timestamp",
        "action",
        "module",
        "insertId",
        "resource.type",
        "resource.identifier",
        "resource.labels",
        "resource.labels.resourceName",
        "resource.labels.userId",
        "resource.labels.pipelineIdentifier",
        "environment.type",
        "environment.identifier",
    ],
    plans: Plans::new(),
};
