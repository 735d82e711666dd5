//! The collector of Harness audit events. Its heart is without I/O: it says what to ask, write, read and wait for, and
//! takes the answers, so that every path is tested without a network.
//!
//! It follows Harness' published Audit API (apidocs.harness.io, tag Audit) and S3's conditional writes
//! (docs.aws.amazon.com, "How to prevent object overwrites with conditional writes"), as of November 2026.
//!
//! Data walks one way: [`settings`] and an [`Order`] make a [`Run`]; `collect` takes the turn, freezes a pass and
//! cuts it into windows; `pages` asks for a window page by page (`harness`, `answer`, `pace`), drops what is written
//! already (`event`), and writes the rest; `state` and `store` keep the progress. [`Run::step`] is all that a host
//! has to serve.
//!
//! An event may come twice in one case only: a run died between an object and its cursor, and a feed took and deleted
//! that object before the next run could read it back. Such objects are counted as unconfirmed.
//!
//! [`io`] serves it on a host, and [`service`] on behalf of whoever calls. An object of ids whose run died before its state named it is left where it is.
#![deny(unsafe_code)]

pub mod answer;
mod clock;
mod collect;
#[cfg(all(target_family = "wasm", feature = "component"))]
#[allow(unsafe_code, reason = "what exports the component is a macro's")]
mod component;
pub mod config;
#[cfg(test)]
mod defects;
pub mod environment;
mod event;
pub mod feed;
pub mod harness;
mod ids;
pub mod io;
mod line;
#[cfg(test)]
mod loss;
mod names;
mod pace;
mod pages;
#[cfg(test)]
mod samples;
pub mod service;
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
pub use pace::Bucket;
pub use step::{Action, Condition, Now, Reply, Run, Step, Write};
pub use summary::{Error, Outcome, Summary};
