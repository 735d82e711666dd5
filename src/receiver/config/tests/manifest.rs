//! `spin.toml`, as far as it can be judged without Spin.

use serde_json::Value;

use super::*;

/// Tables, arrays and texts; everything else is not looked at.
fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Array(items) => items.iter().map(|it| json(it.get_ref())).collect(),
        DeValue::Table(table) => {
            let entries = table.iter();
            entries
                .map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref())))
                .collect()
        }
        DeValue::Boolean(flag) => Value::Bool(*flag),
        _ => Value::Null,
    }
}

/// The texts of an array, or of a table's keys.
fn listed(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        Value::Object(table) => table.keys().map(String::as_str).collect(),
        other => panic!("expected an array or a table, but found {other}"),
    }
}

#[test]
fn the_spin_application_is_sound() {
    let manifest = include_str!("../../../../spin.toml");
    let manifest = DeTable::parse(manifest).expect("TOML");
    let manifest = json(&DeValue::Table(manifest.into_inner()));
    let (declared, components) = (&manifest["variables"], &manifest["component"]);
    // What the receiver is told of the allowed hosts is what Spin allows; no component's are a pattern.
    let receiver = &components["receiver"];
    let hosts = listed(&receiver["allowed_outbound_hosts"]);
    let told = receiver["variables"]["udmill_allowed_hosts"].as_str();
    let told = told.expect("a text").lines();
    let told: Vec<&str> = told.filter(|it| !it.is_empty()).collect();
    assert_eq!(told, hosts);
    for name in listed(components) {
        let hosts = listed(&components[name]["allowed_outbound_hosts"]);
        assert!(
            hosts.iter().all(|it| !it.contains('*')),
            "{name}: {hosts:?}"
        );
    }
    // Every variable reaches the receiver, but for those that only collectors name, and those that hold something of an
    // operator's own are secret.
    for name in listed(declared) {
        let template = format!("{{{{ {name} }}}}");
        let component = match name.starts_with("harness_") {
            true => &components["collector"],
            false => receiver,
        };
        let given = component["variables"].get(name).and_then(Value::as_str);
        assert_eq!(
            given == Some(&template),
            !name.starts_with("udmill_origin"),
            "{name}"
        );
        let is_secret = declared[name].get("secret").is_some();
        let is_own = name.starts_with("udmill_") && !name.ends_with("_key");
        assert_eq!(is_secret, !is_own, "{name}");
    }
    // Its configuration is complete but for the secret.
    let config = declared["udmill_config"]["default"]
        .as_str()
        .expect("a text");
    assert_eq!(config_with_hosts(config, &hosts).feeds.len(), 1);
}

fn config_with_hosts(text: &str, hosts: &[&str]) -> Config {
    let host = host(text);
    let hosts = hosts.join("\n");
    let variable = ("udmill_allowed_hosts".to_owned(), hosts);
    host.variables.borrow_mut().extend([variable]);
    block_on(load(&host)).unwrap_or_else(|error| panic!("{error:?}"))
}
