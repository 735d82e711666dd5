//! Event Grid's own messages: the validation handshake and the deletion notice.
//!
//! Follows "Endpoint validation with Event Grid event schema" and the message headers of "Message delivery and retry"
//! (learn.microsoft.com, February 2026). With the CloudEvents schema no validation event is documented, and no form
//! of the deletion notice; both are read in either form.

use super::summary::Event;
use super::{Delivery, Headers, Refusal, Validation, header};

/// `eventType` of a validation event.
pub(super) const VALIDATED: &str = "Microsoft.EventGrid.SubscriptionValidationEvent";
/// `eventType` of a deletion notice.
pub(super) const DELETED: &str = "Microsoft.EventGrid.SubscriptionDeletedEvent";

/// The handshake: exactly one event, with a code to send back.
pub(super) fn validation(headers: &Headers, only: Option<&Event>) -> Result<Delivery, Refusal> {
    let event = only.ok_or(Refusal::MalformedHandshake)?;
    let code = event.data.code.as_deref().filter(|it| !it.is_empty());
    let subscription = header(headers, "aeg-subscription-name").filter(|it| !it.is_empty());
    Ok(Delivery::Validation(Validation {
        code: code.ok_or(Refusal::MalformedHandshake)?.to_owned(),
        topic: event.source().unwrap_or_default().to_owned(),
        subscription: subscription.map(str::to_owned),
    }))
}

/// The notice. Nothing but a success is expected of us, so one that cannot be read is a notice without an id.
pub(super) fn deletion(only: Option<&Event>) -> Delivery {
    let id = only.and_then(|event| event.data.subscription.as_deref());
    Delivery::Deleted(id.unwrap_or_default().to_owned())
}

/// The header `aeg-event-type`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum EventType {
    Validation,
    Notification,
    Deletion,
    /// A value that is not documented.
    Unknown,
    /// Not from Event Grid, or from a test.
    Absent,
}

impl EventType {
    pub(super) fn of(headers: &Headers) -> EventType {
        let value = header(headers, "aeg-event-type").map(str::to_ascii_lowercase);
        match value.as_deref() {
            Some("subscriptionvalidation") => EventType::Validation,
            Some("notification") => EventType::Notification,
            Some("subscriptiondeletion") => EventType::Deletion,
            None | Some("") => EventType::Absent,
            Some(_) => EventType::Unknown,
        }
    }
}
