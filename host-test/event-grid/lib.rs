//! An Azure Event Grid to test against: the requests that it makes, and its retries without their waiting. And a
//! tenant of Microsoft Entra, for protected deliveries.
//!
//! Everything random comes from a seed. Left out: TLS, publishing, filters, and a dead-letter container; what would lie there is in the
//! [`Balance`].

mod client;
mod event;
mod random;
mod subscription;
mod tenant;

pub use client::{Answer, PATIENCE, outcome, send};
pub use event::{
    Event, Request, Schema, TOPIC, deletion, events, notification, options, post, validation,
};
pub use random::Random;
pub use subscription::{Balance, Outcome, Policy, deliver};
pub use tenant::{AUDIENCE, TENANT, Tenant};

#[cfg(test)]
mod tests;
