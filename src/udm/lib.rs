//! Raw audit logs in, Google SecOps UDM events out.
//!
//! `udm` is plain Rust: no wasm, no I/O, no clock, no environment. The same bytes in give the same bytes out. The
//! component in `src/transform` is a thin skin over [`Reader`], [`normalize`], [`explain`], [`validate`] and
//! [`webhook::read`]; Rust programs may link this crate itself.
//!
//! Data walks one way: `reader` cuts a payload into logs, `scan` reads a log once into the slots of a `plan`, the
//! plan is compiled from a source's table of rows, `writer` writes the event. Adding a log source is a folder beside
//! `azure_devops`, a `mod` line and a line in [`SOURCES`].
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]
#![forbid(unsafe_code)]

// What helps the integration tests helps the unit tests.
#[cfg(test)]
extern crate self as udm;
#[cfg(test)]
#[path = "tests/goldens_support/mod.rs"]
mod goldens_support;

mod azure_devops;
mod batch;
mod bounds;
mod envelope;
mod explain;
mod fields;
mod guess;
mod harness_io;
mod json;
mod keys;
mod layout;
mod normalizer;
mod operations;
mod options;
#[cfg(test)]
mod oracle;
mod out;
mod page;
mod payload;
mod plan;
mod reader;
mod record;
mod requirements;
mod rescue;
mod row;
mod scan;
mod schema;
mod source;
mod special;
mod time;
mod user_agent;
mod validate;
pub mod webhook;

mod words;
mod writer;

pub use batch::{Batch, Note, Rejection, Span};
pub use explain::{Derivation, explain};
pub use options::{Error, FieldNames, Label, Options};
pub use payload::MAX_LOG;
pub use reader::{Reader, normalize};
pub use source::{SOURCES, Source, source};
pub use validate::{Finding, Severity, validate};
