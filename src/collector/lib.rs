//! The collector of Harness audit events, without I/O: it says what to ask, write, read and wait for, and takes the
//! answers, so that every path is tested without a network.
//!
//! It follows Harness' published Audit API (apidocs.harness.io, tag Audit) and S3's conditional writes
//! (docs.aws.amazon.com, "How to prevent object overwrites with conditional writes"), as of November 2026.
#![forbid(unsafe_code)]

pub mod answer;
mod collect;
mod event;
pub mod harness;
#[cfg(test)]
mod loss;
mod names;
mod pace;
mod pages;
pub mod settings;
mod state;
mod step;
mod store;
mod summary;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use collect::{Order, Plan};
pub use step::{Action, Condition, Now, Reply, Run, Step, Write};
pub use summary::{Error, Outcome, Summary};
