//! One record gives one event, whatever it comes wrapped in.
//!
//! The shapes are those in which audit logs of Azure DevOps are handed over: Event Grid's and CloudEvents' schemas,
//! rows of Azure Monitor, the audit page's download, the audit REST API's answer, `records`, Splunk's collector, and
//! text with JSON in it. What a wrapper adds is named below.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use udm::{Options, normalize};

/// What a wrapper adds to the event of a record, or says in another way.
const WRAPPER_ONLY: [&str; 18] = [
    // Event Grid and CloudEvents.
    "additional.id",
    "additional.subject",
    "additional.topic",
    "additional.eventType",
    "additional.dataVersion",
    "additional.metadataVersion",
    "additional.specversion",
    "additional.source",
    "additional.type",
    // A row of Azure Monitor.
    "additional.Type",
    "additional.SourceSystem",
    "additional.TenantId",
    "additional.workspace_resource_id",
    "metadata.productDeploymentId",
    // Splunk's collector; its `source` stands above.
    "additional.host",
    "additional.sourcetype",
    "additional.index",
    // In `records` the id of a log is its ActivityId.
    "metadata.productLogId",
];

const TOPIC: &str = "/subscriptions/a2a9b02f-0000-4000-8000-000000000009/topics/audit-topic";

#[test]
fn one_record_gives_one_event_in_every_shape() {
    for record in records() {
        let plain = events(&record.to_string());
        assert_eq!(plain.len(), 1, "{record}");
        for (shape, payload) in shapes(&record) {
            let found = events(&payload);
            assert_eq!(found.len(), 1, "{shape}: {payload}");
            let (found, expected) = (bare(&found[0]), bare(&plain[0]));
            assert_eq!(found, expected, "{shape}: {payload}");
        }
    }
}

#[test]
fn a_shape_with_two_records_gives_two_events() {
    let all = records();
    let expected: Vec<Value> = all
        .iter()
        .map(|it| bare(&events(&it.to_string())[0]))
        .collect();
    let lines: Vec<String> = all.iter().map(Value::to_string).collect();
    let printed: Vec<String> = all.iter().map(|it| format!("{it:#}")).collect();
    for (shape, payload) in [
        ("array", json!(all).to_string()),
        (
            "Event Grid",
            json!(all.iter().map(event_grid).collect::<Vec<_>>()).to_string(),
        ),
        ("`records`", json!({"records": all}).to_string()),
        (
            "REST",
            json!({"decoratedAuditLogEntries": all, "hasMore": false}).to_string(),
        ),
        ("lines", lines.join("\n")),
        ("lines with carriage returns", lines.join("\r\n")),
        ("nothing between", lines.concat()),
        ("several lines each", printed.join("\n")),
    ] {
        let found: Vec<Value> = events(&payload).iter().map(bare).collect();
        assert_eq!(found, expected, "{shape}");
    }
}

#[test]
fn every_key_that_is_called_a_wrappers_comes_from_one() {
    let mut seen = BTreeSet::new();
    for record in records() {
        let plain = &events(&record.to_string())[0];
        for (_, payload) in shapes(&record) {
            let event = &events(&payload)[0];
            seen.extend(
                WRAPPER_ONLY
                    .iter()
                    .filter(|it| place(event, it) != place(plain, it)),
            );
        }
    }
    assert_eq!(seen, WRAPPER_ONLY.iter().collect());
}

/// Records as the stream has them: a pipeline, a group with several members, one without `Data`.
fn records() -> [Value; 3] {
    let actor = json!({
        "Id": "0b11aadb-0000-4000-8000-000000000008",
        "ActivityId": "aeec0738-0000-4000-8000-000000000010",
        "CorrelationId": "a26a652e-0000-4000-8000-000000000011",
        "ActorCUID": "9d0f7c11-0000-4000-8000-000000000002",
        "ActorUserId": "57210ed3-0000-4000-8000-000000000003",
        "ActorUPN": "ana.bowman@fabrikam.example",
        "ActorDisplayName": "Ana \"Bo\" Bowman \\ Ünal",
        "AuthenticationMechanism": "PAT_Unscoped authorizationId: 0f3a52c1-0000-4000-8000-000000000004",
        "Timestamp": "2024-06-07T14:00:00.1230000Z",
        "ScopeType": "Organization",
        "ScopeDisplayName": "fabrikam (Organization)",
        "ScopeId": "74569775-0000-4000-8000-000000000006",
        "IpAddress": "2001:db8::24",
        "UserAgent": "git/2.45.0",
        "CategoryDisplayName": "Modify",
    });
    let with = |more: Value| {
        let mut record = actor.clone();
        let object = record.as_object_mut().unwrap();
        object.extend(more.as_object().unwrap().clone());
        record
    };
    [
        with(json!({
            "ActionId": "Pipelines.PipelineModified",
            "Area": "Pipelines",
            "Details": "Modified pipeline \"nightly\"",
            "ProjectId": "9abc1dee-0000-4000-8000-000000000007",
            "ProjectName": "FabrikamFiber",
            "Data": {"PipelineId": "18", "PipelineName": "nightly", "Scopes": ["a", "b"],
                "Filter": {"StartTime": "2024-06-01T00:00:00Z"}, "other": {"Deep": [1, {"er": null}, "x"]}},
        })),
        with(json!({
            "ActionId": "Group.UpdateGroupMembership.Add",
            "Area": "Group",
            "Data": {"Updates": [{"GroupId": "G1", "MemberId": "M1", "Active": true}, {"MemberId": "M2"}],
                "GroupName": "[FabrikamFiber]\\Readers"},
        })),
        with(json!({"ActionId": "AuditLog.AccessLog", "Area": "Auditing"})),
    ]
}

/// The shapes of a record, by name. Where a wrapper has keys on both sides of the record, so have these.
fn shapes(record: &Value) -> Vec<(&'static str, String)> {
    let (event_grid, cloud_event) = (event_grid(record), cloud_event("data", record.clone()));
    let rest = with_small_letters(record);
    let text = record.to_string();
    let base64 = in_base64(text.as_bytes());
    let splunk = |event: Value| {
        json!({"time": 1717768800, "host": "fabrikam", "event": event, "source": "audit",
            "sourcetype": "_json", "index": "main"})
    };
    let mut data_as_text = record.clone();
    if let Some(data) = data_as_text.get_mut("Data") {
        *data = json!(data.to_string());
    }
    let quoted = |text: &str| json!(text).to_string();
    vec![
        ("Event Grid object", event_grid.to_string()),
        ("Event Grid array", json!([event_grid]).to_string()),
        ("CloudEvents object", cloud_event.to_string()),
        ("CloudEvents batch", json!([cloud_event]).to_string()),
        (
            "CloudEvents with data in a text",
            self::cloud_event("data", json!(text)).to_string(),
        ),
        (
            "CloudEvents with data in base64",
            self::cloud_event("data_base64", json!(base64)).to_string(),
        ),
        ("Log Analytics row", row(record).to_string()),
        (
            "Log Analytics row with Data in a text",
            row(&data_as_text).to_string(),
        ),
        ("download", json!([record]).to_string()),
        (
            "REST answer",
            json!({"decoratedAuditLogEntries": [rest], "hasMore": false}).to_string(),
        ),
        (
            "REST answer in `value`",
            json!({"value": {"decoratedAuditLogEntries": [rest]}}).to_string(),
        ),
        ("REST entry", rest.to_string()),
        (
            "`records` of envelopes",
            json!({"records": [event_grid]}).to_string(),
        ),
        (
            "`records` of records",
            json!({"records": [record], "more": 1}).to_string(),
        ),
        ("Splunk event", splunk(record.clone()).to_string()),
        ("Splunk event in a text", splunk(json!(text)).to_string()),
        ("printed over several lines", format!("{record:#}")),
        ("byte order mark", format!("\u{feff}{text}")),
        (
            "text before and behind",
            format!("<134>Jun  7 14:00:00 host audit[7]: {text} end"),
        ),
        (
            "text, escaped once",
            format!("audit msg={} level=info", quoted(&text)),
        ),
        (
            "text, escaped twice",
            format!("audit msg={} level=info", quoted(&quoted(&text))),
        ),
        ("a JSON text", quoted(&text)),
        ("escapes", escaped(&text)),
    ]
}

fn event_grid(record: &Value) -> Value {
    json!({"id": record["Id"], "subject": "AzureDevOps/Auditing", "data": record,
        "eventType": "AzureDevOpsAuditEvent", "dataVersion": "1.0", "metadataVersion": "1",
        "eventTime": record["Timestamp"], "topic": TOPIC})
}

fn cloud_event(key: &str, data: Value) -> Value {
    json!({"specversion": "1.0", "id": "0b11aadb-0000-4000-8000-000000000008", "source": TOPIC, key: data,
        "type": "AzureDevOpsAuditEvent", "subject": "AzureDevOps/Auditing", "time": "2024-06-07T14:00:00Z"})
}

/// The table AzureDevOpsAuditing renames two columns and adds some.
fn row(record: &Value) -> Value {
    let mut row = Map::new();
    for (key, value) in record.as_object().unwrap() {
        let key = match key.as_str() {
            "ActionId" => "OperationName",
            "Timestamp" => "TimeGenerated",
            other => other,
        };
        row.insert(key.to_owned(), value.clone());
    }
    let added = json!({"SourceSystem": "Azure", "TenantId": "5ca654a4-0000-4000-8000-000000000012",
        "Type": "AzureDevOpsAuditing", "_Internal_WorkspaceResourceId": "/subscriptions/a2a9b02f/workspaces/audit"});
    row.extend(added.as_object().unwrap().clone());
    Value::Object(row)
}

/// The REST API's keys; absent values are null or "" there.
fn with_small_letters(record: &Value) -> Value {
    let mut entry = Map::new();
    for (key, value) in record.as_object().unwrap() {
        let (first, rest) = key.split_at(1);
        entry.insert(format!("{}{rest}", first.to_lowercase()), value.clone());
    }
    for (key, absent) in [
        ("projectName", json!("")),
        ("projectId", json!(null)),
        ("data", json!(null)),
    ] {
        entry.entry(key).or_insert(absent);
    }
    Value::Object(entry)
}

/// The text with every letter in its strings as an escape.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    let (mut in_string, mut behind_backslash) = (false, false);
    for character in text.chars() {
        match character {
            _ if behind_backslash => {
                behind_backslash = false;
                escaped.push(character);
                continue;
            }
            '\\' => behind_backslash = true,
            '"' => in_string = !in_string,
            _ => {}
        }
        match in_string && character.is_alphabetic() {
            true => escaped.push_str(&format!("\\u{:04X}", character as u32)),
            false => escaped.push(character),
        }
    }
    escaped
}

fn in_base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn events(payload: &str) -> Vec<Value> {
    let options = Options {
        log_type: "AZURE_DEVOPS".to_owned(),
        ..Options::default()
    };
    let batch = normalize(payload.as_bytes(), &options).unwrap();
    let lines = batch.events.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// The event without what a wrapper adds.
fn bare(event: &Value) -> Value {
    let mut bare = event.clone();
    for path in WRAPPER_ONLY {
        let (parent, key) = path.split_once('.').unwrap();
        bare[parent].as_object_mut().unwrap().remove(key);
    }
    // A topic is the resource's id where the record has none.
    if bare["target"]["resource"]["productObjectId"] == TOPIC {
        let resource = bare["target"]["resource"].as_object_mut().unwrap();
        resource.remove("productObjectId");
        if resource.is_empty() {
            bare["target"].as_object_mut().unwrap().remove("resource");
        }
    }
    bare
}

fn place<'a>(event: &'a Value, path: &str) -> Option<&'a Value> {
    let (parent, key) = path.split_once('.').unwrap();
    event[parent].get(key)
}
