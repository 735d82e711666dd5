//! Where the goldens are, and what callers say with them.

use std::path::{Path, PathBuf};

use udm::{FieldNames, Label, Options};

/// The sources that have goldens, and where.
pub fn sources() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = |log_type: &str| root.join(log_type.to_lowercase()).join("golden");
    udm::SOURCES
        .iter()
        .map(|it| (it.log_type.to_owned(), folder(it.log_type)))
        .collect()
}

/// The options of a case.
pub fn options(log_type: &str, case: &serde_json::Value) -> Options {
    let text = |key: &str| case[key].as_str().map(str::to_owned);
    let label = |label: &serde_json::Value| Label {
        key: label["key"].as_str().unwrap_or_default().to_owned(),
        value: label["value"].as_str().unwrap_or_default().to_owned(),
        rbac_enabled: label["rbac_enabled"].as_bool().unwrap_or_default(),
    };
    Options {
        log_type: log_type.to_owned(),
        split_delimiter: text("split_delimiter"),
        namespace: text("namespace"),
        labels: case["labels"]
            .as_array()
            .map_or(Vec::new(), |it| it.iter().map(label).collect()),
        field_names: match case["field_names"].as_str() {
            Some("proto") => FieldNames::Proto,
            _ => FieldNames::LowerCamel,
        },
    }
}
