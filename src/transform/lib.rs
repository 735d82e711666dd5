//! The component `udmill_transform.wasm`: the crate `udm` behind the interfaces of `wit/world.wit`.
//!
//! Conversions, and where an instance keeps what it changes ([`memory`]): what the tests of `udm` show holds for the
//! component. Lists of bytes are moved, never copied. Natively only the types are checked, since a native linker refuses the
//! names of WebAssembly exports.

use std::cell::{OnceCell, RefCell};

use bindings::exports::udmill::normalizer::{transform as wit, webhook as hook};

mod memory;

use memory::Readers;

/// What `wit-bindgen` makes of `wit/world.wit`.
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "normalizer" });

    #[cfg(target_family = "wasm")]
    export!(Component with_types_in self);

    #[cfg(target_family = "wasm")]
    use super::Component;
}

/// The exports of the world `normalizer`.
pub struct Component;

thread_local! {
    /// For each log type, the reader of its last whole payload. Callers repeat their options, and a reader takes longer to
    /// make than an event.
    ///
    /// In a box, since a page that holds nothing else of a call would be copied for it.
    static LAST: OnceCell<Box<RefCell<Readers>>> = const { OnceCell::new() };
}

/// A reader, or why its options cannot be used: the first call tells.
pub struct Reader(Result<RefCell<udm::Reader>, udm::Error>);

impl wit::Guest for Component {
    type Reader = Reader;

    fn normalize(payload: Vec<u8>, options: wit::Options) -> Result<wit::Batch, wit::Error> {
        let options = to_options(options);
        LAST.with(|last| {
            let readers = &mut *last.get_or_init(memory::usual_readers).borrow_mut();
            if let Some((_, reader)) = readers.iter_mut().find(|(known, _)| *known == options) {
                return Ok(from_batch(reader.normalize(&payload)));
            }
            let mut reader = udm::Reader::new(&options).map_err(from_error)?;
            let batch = from_batch(reader.normalize(&payload));
            readers.retain(|(known, _)| known.log_type != options.log_type);
            readers.push((options, reader));
            Ok(batch)
        })
    }

    fn sources() -> Vec<wit::Source> {
        let source = |it: &&udm::Source| wit::Source {
            log_type: it.log_type.to_owned(),
            vendor: it.vendor.to_owned(),
            product: it.product.to_owned(),
            mapping_version: it.mapping_version.to_owned(),
        };
        udm::SOURCES.iter().map(source).collect()
    }

    fn explain(
        log: Vec<u8>,
        options: wit::Options,
        field: Option<String>,
    ) -> Result<Vec<wit::Derivation>, wit::Error> {
        let derivation = |it: udm::Derivation| wit::Derivation {
            path: it.path,
            value: it.value,
            raw_path: it.raw_path,
            row: it.row,
            logic: it.logic,
            missed: it.missed,
        };
        match udm::explain(&log, &to_options(options), field.as_deref()) {
            Ok(derivations) => Ok(derivations.into_iter().map(derivation).collect()),
            Err(error) => Err(from_error(error)),
        }
    }

    fn validate(events: Vec<u8>) -> Vec<wit::Finding> {
        let finding = |it: udm::Finding| wit::Finding {
            event_index: it.event_index,
            path: it.path,
            severity: match it.severity {
                udm::Severity::Error => wit::Severity::Error,
                udm::Severity::Warning => wit::Severity::Warning,
            },
            message: it.message,
        };
        udm::validate(&events).into_iter().map(finding).collect()
    }
}

impl wit::GuestReader for Reader {
    fn new(options: wit::Options) -> Reader {
        Reader(udm::Reader::new(&to_options(options)).map(RefCell::new))
    }

    fn push(&self, bytes: Vec<u8>) -> Result<wit::Batch, wit::Error> {
        self.call(|reader| reader.push(&bytes))
    }

    fn finish(&self) -> Result<wit::Batch, wit::Error> {
        self.call(udm::Reader::finish)
    }
}

impl Reader {
    fn call(
        &self,
        ask: impl FnOnce(&mut udm::Reader) -> udm::Batch,
    ) -> Result<wit::Batch, wit::Error> {
        match &self.0 {
            Ok(reader) => Ok(from_batch(ask(&mut reader.borrow_mut()))),
            Err(error) => Err(from_error(error.clone())),
        }
    }
}

impl hook::Guest for Component {
    fn read(request: hook::Request) -> hook::Delivery {
        use udm::webhook::{Delivery, Refusal, Request, Schema};
        let hook::Request {
            method,
            headers,
            body,
        } = request;
        match udm::webhook::read(Request {
            method,
            headers,
            body,
        }) {
            Delivery::Validation(it) => hook::Delivery::Validation(hook::Validation {
                code: it.code,
                topic: it.topic,
                subscription: it.subscription,
            }),
            Delivery::Origin(it) => hook::Delivery::Origin(hook::Origin {
                name: it.name,
                rate: it.rate,
            }),
            Delivery::Deleted(subscription) => hook::Delivery::Deleted(subscription),
            Delivery::Logs(it) => hook::Delivery::Logs(hook::Logs {
                payload: it.payload,
                schema: match it.schema {
                    Schema::EventGrid => hook::Schema::EventGrid,
                    Schema::CloudEvents => hook::Schema::CloudEvents,
                    Schema::Raw => hook::Schema::Raw,
                },
                sources: it.sources,
            }),
            Delivery::Refused(refusal) => hook::Delivery::Refused(match refusal {
                Refusal::MethodNotAllowed => hook::Refusal::MethodNotAllowed,
                Refusal::NoOrigin => hook::Refusal::NoOrigin,
                Refusal::MalformedHandshake => hook::Refusal::MalformedHandshake,
                Refusal::NotJson => hook::Refusal::NotJson,
                Refusal::UnsupportedMedia => hook::Refusal::UnsupportedMedia,
            }),
        }
    }
}

fn to_options(options: wit::Options) -> udm::Options {
    let label = |it: wit::Label| udm::Label {
        key: it.key,
        value: it.value,
        rbac_enabled: it.rbac_enabled,
    };
    udm::Options {
        log_type: options.log_type,
        split_delimiter: options.split_delimiter,
        namespace: options.namespace,
        labels: options.labels.into_iter().map(label).collect(),
        field_names: match options.field_names {
            wit::FieldNames::LowerCamel => udm::FieldNames::LowerCamel,
            wit::FieldNames::Proto => udm::FieldNames::Proto,
        },
    }
}

fn from_batch(batch: udm::Batch) -> wit::Batch {
    let span = |it: udm::Span| wit::Span {
        offset: it.offset,
        length: it.length,
    };
    let note = |it: udm::Note| wit::Note {
        event_index: it.event_index,
        row: it.row,
        message: it.message,
    };
    let rejection = |it: udm::Rejection| wit::Rejection {
        log_index: it.log_index,
        reason: it.reason,
    };
    wit::Batch {
        events: batch.events,
        log_indexes: batch.log_indexes,
        logs: batch.logs.into_iter().map(span).collect(),
        notes: batch.notes.into_iter().map(note).collect(),
        rejections: batch.rejections.into_iter().map(rejection).collect(),
    }
}

fn from_error(error: udm::Error) -> wit::Error {
    match error {
        udm::Error::UnknownLogType(text) => wit::Error::UnknownLogType(text),
        udm::Error::InvalidOption(text) => wit::Error::InvalidOption(text),
    }
}
