//! The real `udm` behind the imported interfaces, by conversion of types alone.

use crate::host;
use crate::wit::{transform, webhook};

/// `webhook.read`.
pub fn read(request: &webhook::Request) -> webhook::Delivery {
    use udm::webhook::{Delivery, Refusal, Schema};
    let delivery = udm::webhook::read(udm::webhook::Request {
        method: request.method.clone(),
        headers: request.headers.clone(),
        body: request.body.clone(),
    });
    match delivery {
        Delivery::Validation(it) => webhook::Delivery::Validation(webhook::Validation {
            code: it.code,
            topic: it.topic,
            subscription: it.subscription,
        }),
        Delivery::Origin(it) => webhook::Delivery::Origin(webhook::Origin {
            name: it.name,
            rate: it.rate,
        }),
        Delivery::Deleted(subscription) => webhook::Delivery::Deleted(subscription),
        Delivery::Logs(it) => webhook::Delivery::Logs(webhook::Logs {
            payload: it.payload,
            schema: match it.schema {
                Schema::EventGrid => webhook::Schema::EventGrid,
                Schema::CloudEvents => webhook::Schema::CloudEvents,
                Schema::Raw => webhook::Schema::Raw,
            },
            sources: it.sources,
        }),
        Delivery::Refused(refusal) => webhook::Delivery::Refused(match refusal {
            Refusal::MethodNotAllowed => webhook::Refusal::MethodNotAllowed,
            Refusal::NoOrigin => webhook::Refusal::NoOrigin,
            Refusal::MalformedHandshake => webhook::Refusal::MalformedHandshake,
            Refusal::NotJson => webhook::Refusal::NotJson,
            Refusal::UnsupportedMedia => webhook::Refusal::UnsupportedMedia,
        }),
    }
}

/// `transform.normalize`.
pub fn normalize(
    payload: &[u8],
    options: &transform::Options,
) -> Result<transform::Batch, transform::Error> {
    match udm::normalize(payload, &converted_options(options)) {
        Ok(batch) => Ok(converted(batch)),
        Err(error) => Err(converted_error(error)),
    }
}

/// `transform.reader`.
pub struct Reader(Result<udm::Reader, transform::Error>);

impl Reader {
    /// A reader that has read nothing.
    pub fn new(options: &transform::Options) -> Reader {
        let reader = udm::Reader::new(&converted_options(options));
        Reader(reader.map_err(converted_error))
    }
}

impl host::Reader for Reader {
    fn push(&mut self, bytes: &[u8]) -> Result<transform::Batch, transform::Error> {
        let reader = self.0.as_mut().map_err(|error| error.clone())?;
        Ok(converted(reader.push(bytes)))
    }

    fn finish(&mut self) -> Result<transform::Batch, transform::Error> {
        let reader = self.0.as_mut().map_err(|error| error.clone())?;
        Ok(converted(reader.finish()))
    }
}

fn converted_options(options: &transform::Options) -> udm::Options {
    let label = |it: &transform::Label| udm::Label {
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
            transform::FieldNames::LowerCamel => udm::FieldNames::LowerCamel,
            transform::FieldNames::Proto => udm::FieldNames::Proto,
        },
    }
}

fn converted_error(error: udm::Error) -> transform::Error {
    match error {
        udm::Error::UnknownLogType(text) => transform::Error::UnknownLogType(text),
        udm::Error::InvalidOption(text) => transform::Error::InvalidOption(text),
    }
}

fn converted(batch: udm::Batch) -> transform::Batch {
    let span = |it: udm::Span| transform::Span {
        offset: it.offset,
        length: it.length,
    };
    let note = |it: udm::Note| transform::Note {
        event_index: it.event_index,
        row: it.row,
        message: it.message,
    };
    let rejection = |it: udm::Rejection| transform::Rejection {
        log_index: it.log_index,
        reason: it.reason,
    };
    transform::Batch {
        events: batch.events,
        log_indexes: batch.log_indexes,
        logs: batch.logs.into_iter().map(span).collect(),
        notes: batch.notes.into_iter().map(note).collect(),
        rejections: batch.rejections.into_iter().map(rejection).collect(),
    }
}
