//! The component is the `udm` crate, and nothing besides: what it asks for, what it offers, and every golden through it.

use std::path::PathBuf;

use corpus::Case;
use host_test::project;
use serde_json::{Value, json};
use udmill::webhook::{Delivery, Refusal, Request, Schema};
use udmill::wit::{Batch, FieldNames, Label, Note, Options, Rejection, Severity, Span};
use udmill::{Component, Limits, Stream};

fn component() -> Component {
    host_test::component(Limits::default())
}

#[test]
fn it_imports_what_the_runtime_of_rust_links_in() {
    let expected = [
        "wasi:io/poll@0.2.6",
        "wasi:io/error@0.2.6",
        "wasi:io/streams@0.2.6",
        "wasi:cli/environment@0.2.6",
        "wasi:cli/exit@0.2.6",
        "wasi:cli/stdin@0.2.6",
        "wasi:cli/stdout@0.2.6",
        "wasi:cli/stderr@0.2.6",
        "wasi:cli/terminal-input@0.2.6",
        "wasi:cli/terminal-output@0.2.6",
        "wasi:cli/terminal-stdin@0.2.6",
        "wasi:cli/terminal-stdout@0.2.6",
        "wasi:cli/terminal-stderr@0.2.6",
        "wasi:random/insecure-seed@0.2.6",
    ];
    assert_eq!(component().imports(), expected);
}

#[test]
fn it_exports_the_interfaces_of_its_world() {
    let expected = [
        "udmill:normalizer/transform@0.1.0",
        "udmill:normalizer/webhook@0.1.0",
    ];
    assert_eq!(component().exports(), expected);
}

#[test]
fn every_golden_gives_its_events() {
    let component = component();
    for (log_type, folder) in sources() {
        corpus::run(&folder, "raw", |case| {
            let options = options(&log_type, case);
            let mut transform = component.instantiate().unwrap();
            let batch = transform.normalize(&case.raw, &options).unwrap().unwrap();
            answer(&batch)
        });
    }
}

#[test]
fn every_golden_is_the_same_as_natively() {
    let mut transform = component().instantiate().unwrap();
    for (log_type, folder) in sources() {
        for case in corpus::cases(&folder, "raw") {
            let options = options(&log_type, &case);
            let batch = transform.normalize(&case.raw, &options).unwrap().unwrap();
            let native = udm::normalize(&case.raw, &native_options(&options)).unwrap();
            assert_eq!(text(&batch), text(&from_native(native)), "{}", case.name);
        }
    }
}

#[test]
fn every_golden_is_the_same_in_pieces() {
    let component = component();
    let mut transform = component.instantiate().unwrap();
    for (log_type, folder) in sources() {
        for case in corpus::cases(&folder, "raw") {
            let options = options(&log_type, &case);
            let whole = transform.normalize(&case.raw, &options).unwrap().unwrap();
            for length in [1, 7, 4096] {
                let mut stream = Stream::new(&component, options.clone());
                let mut joined = Vec::new();
                for piece in case.raw.chunks(length) {
                    joined.append(&mut stream.push(piece).unwrap());
                }
                joined.append(&mut stream.finish().unwrap());
                let joined = text(&join(joined));
                assert_eq!(joined, text(&whole), "{} in pieces of {length}", case.name);
            }
        }
    }
}

#[test]
fn options_that_cannot_be_used_are_told_by_the_first_call() {
    let mut transform = component().instantiate().unwrap();
    let options = Options::of("SOMETHING_ELSE");
    let reader = transform.reader(&options).unwrap();
    for _ in 0..2 {
        assert!(transform.push(reader, b"{}").unwrap().is_err());
    }
    assert!(transform.finish(reader).unwrap().is_err());
    assert!(transform.normalize(b"{}", &options).unwrap().is_err());
    assert!(transform.explain(b"{}", &options, None).unwrap().is_err());
}

#[test]
fn sources_are_told_as_natively() {
    let sources = component().instantiate().unwrap().sources().unwrap();
    let told = sources.iter().map(|it| {
        let version = it.mapping_version.as_str();
        (
            it.log_type.as_str(),
            it.vendor.as_str(),
            it.product.as_str(),
            version,
        )
    });
    let native = udm::SOURCES.iter();
    let native = native.map(|it| (it.log_type, it.vendor, it.product, it.mapping_version));
    assert_eq!(told.collect::<Vec<_>>(), native.collect::<Vec<_>>());
}

#[test]
fn every_golden_is_explained_as_natively() {
    let mut transform = component().instantiate().unwrap();
    for (log_type, folder) in sources() {
        for case in corpus::cases(&folder, "raw") {
            let options = options(&log_type, &case);
            for field in [None, Some("principal")] {
                let told = transform
                    .explain(&case.raw, &options, field)
                    .unwrap()
                    .unwrap();
                let told = told
                    .into_iter()
                    .map(|it| (it.path, it.value, it.raw_path, it.row, it.logic, it.missed));
                let native = udm::explain(&case.raw, &native_options(&options), field).unwrap();
                let native = native
                    .into_iter()
                    .map(|it| (it.path, it.value, it.raw_path, it.row, it.logic, it.missed));
                assert_eq!(
                    told.collect::<Vec<_>>(),
                    native.collect::<Vec<_>>(),
                    "{}",
                    case.name
                );
            }
        }
    }
}

#[test]
fn events_are_validated_as_natively() {
    let events = b"{\"metadata\":{\"eventType\":\"NO_SUCH_TYPE\"}}\nno event\n{\"unknown\":1}\n";
    let found = component().instantiate().unwrap().validate(events).unwrap();
    let found = found.into_iter().map(|it| {
        let grave = it.severity == Severity::Error;
        (it.event_index, it.path, grave, it.message)
    });
    let native = udm::validate(events).into_iter().map(|it| {
        let grave = it.severity == udm::Severity::Error;
        (it.event_index, it.path, grave, it.message)
    });
    let native: Vec<_> = native.collect();
    assert_eq!(found.collect::<Vec<_>>(), native);
    assert!(native.len() >= 3, "{native:?}");
}

#[test]
fn every_webhook_request_is_read_as_expected() {
    let component = component();
    corpus::run(&project("src/udm/webhook/golden"), "http", |case| {
        let request = corpus::request(&case.raw).unwrap();
        let body = request.body.clone();
        let delivery = component.instantiate().unwrap().read(&Request {
            method: request.method,
            headers: request.headers,
            body: request.body,
        });
        let delivery = delivery_as_json(delivery.unwrap(), &body);
        ("delivery.json", corpus::pretty(&delivery))
    });
}

/// The delivery in the names of `wit/world.wit`; a payload is told only where it is not the body.
fn delivery_as_json(delivery: Delivery, body: &[u8]) -> Value {
    match delivery {
        Delivery::Validation(it) => json!({"validation": {
            "code": it.code, "topic": it.topic, "subscription": it.subscription,
        }}),
        Delivery::Origin(it) => json!({"origin": {"name": it.name, "rate": it.rate}}),
        Delivery::Deleted(id) => json!({"deleted": id}),
        Delivery::Logs(it) => {
            let payload = match it.payload == body {
                true => "unchanged",
                false => str::from_utf8(&it.payload).unwrap(),
            };
            let schema = match it.schema {
                Schema::EventGrid => "event-grid",
                Schema::CloudEvents => "cloud-events",
                Schema::Raw => "raw",
            };
            json!({"logs": {"payload": payload, "schema": schema, "sources": it.sources}})
        }
        Delivery::Refused(refusal) => json!({"refused": match refusal {
            Refusal::MethodNotAllowed => "method-not-allowed",
            Refusal::NoOrigin => "no-origin",
            Refusal::MalformedHandshake => "malformed-handshake",
            Refusal::NotJson => "not-json",
            Refusal::UnsupportedMedia => "unsupported-media",
        }}),
    }
}

/// The log sources, each with the folder of its goldens.
fn sources() -> Vec<(String, PathBuf)> {
    let folder = |log_type: &str| {
        let folder = format!("src/udm/{}/golden", log_type.to_lowercase());
        (log_type.to_owned(), project(&folder))
    };
    udm::SOURCES.iter().map(|it| folder(it.log_type)).collect()
}

/// What `<case>.options.json` says.
fn options(log_type: &str, case: &Case) -> Options {
    let text = |key: &str| case.options[key].as_str().map(str::to_owned);
    let labels = case.options["labels"].as_array().into_iter().flatten();
    Options {
        log_type: log_type.to_owned(),
        split_delimiter: text("split_delimiter"),
        namespace: text("namespace"),
        labels: labels
            .map(|it| Label {
                key: it["key"].as_str().unwrap().to_owned(),
                value: it["value"].as_str().unwrap_or_default().to_owned(),
                rbac_enabled: it["rbac_enabled"].as_bool().unwrap_or(false),
            })
            .collect(),
        field_names: match text("field_names").as_deref() {
            Some("proto") => FieldNames::Proto,
            _ => FieldNames::LowerCamel,
        },
    }
}

fn native_options(options: &Options) -> udm::Options {
    let label = |it: &Label| udm::Label {
        key: it.key.clone(),
        value: it.value.clone(),
        rbac_enabled: it.rbac_enabled,
    };
    udm::Options {
        log_type: options.log_type.clone(),
        split_delimiter: options.split_delimiter.clone(),
        namespace: options.namespace.clone(),
        labels: options.labels.iter().map(label).collect(),
        field_names: match options.field_names {
            FieldNames::LowerCamel => udm::FieldNames::LowerCamel,
            FieldNames::Proto => udm::FieldNames::Proto,
        },
    }
}

fn from_native(batch: udm::Batch) -> Batch {
    let span = |it: udm::Span| Span {
        offset: it.offset,
        length: it.length,
    };
    let note = |it: udm::Note| Note {
        event_index: it.event_index,
        row: it.row,
        message: it.message,
    };
    let rejection = |it: udm::Rejection| Rejection {
        log_index: it.log_index,
        reason: it.reason,
    };
    Batch {
        events: batch.events,
        log_indexes: batch.log_indexes,
        logs: batch.logs.into_iter().map(span).collect(),
        notes: batch.notes.into_iter().map(note).collect(),
        rejections: batch.rejections.into_iter().map(rejection).collect(),
    }
}

/// The batches of a payload as one.
fn join(batches: Vec<Batch>) -> Batch {
    let mut joined = from_native(udm::Batch::default());
    for mut batch in batches {
        let events = joined.log_indexes.len() as u32;
        let logs = joined.logs.len() as u32;
        batch.log_indexes.iter_mut().for_each(|it| *it += logs);
        batch
            .notes
            .iter_mut()
            .for_each(|it| it.event_index += events);
        batch
            .rejections
            .iter_mut()
            .for_each(|it| it.log_index += logs);
        joined.events.append(&mut batch.events);
        joined.log_indexes.append(&mut batch.log_indexes);
        joined.logs.append(&mut batch.logs);
        joined.notes.append(&mut batch.notes);
        joined.rejections.append(&mut batch.rejections);
    }
    joined
}

/// All of a batch, so that a difference can be read.
fn text(batch: &Batch) -> String {
    let events = str::from_utf8(&batch.events).unwrap();
    let Batch {
        log_indexes,
        logs,
        notes,
        rejections,
        ..
    } = batch;
    format!("{events}{log_indexes:?} {logs:?} {notes:?} {rejections:?}")
}

fn answer(batch: &Batch) -> (&'static str, String) {
    let notes = batch.notes.iter();
    let rejections = batch.rejections.iter();
    corpus::answer(
        &batch.events,
        notes.map(|it| (it.event_index, it.row.as_str(), it.message.as_str())),
        rejections.map(|it| (it.log_index, it.reason.as_str())),
    )
}
