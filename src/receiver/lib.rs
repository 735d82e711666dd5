//! The Event Grid receiver: takes audit logs over HTTP, and answers 200 only when they are safe.
//!
//! Everything that decides something is a plain function over [`Host`], so that it is tested natively; `spin`, `shell`
//! and `component` alone know in which runtime the receiver lives. No log is parsed here: the imported interfaces
//! `webhook` and `transform` do that.

pub mod admin;
pub mod auth;
#[cfg(all(target_family = "wasm", feature = "component"))]
mod component;
pub mod config;
pub mod delivery;
pub mod destination;
pub mod drain;
pub mod exchange;
pub mod feeds;
pub mod handed;
pub mod host;
mod jwt;
pub mod opening;
pub mod receiver;
pub mod record;
pub mod replay;
pub mod s3;
pub mod secret;
#[cfg(target_family = "wasm")]
pub mod shell;
#[cfg(target_family = "wasm")]
pub mod spin;
pub mod status;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod turn;
pub mod wit;

pub use host::Host;
