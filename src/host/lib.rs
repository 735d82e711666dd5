//! The reference host of udmill's components, on wasmtime. The command `udmill` is built on it; other programs may
//! be.
//!
//! ```no_run
//! use udmill::{Cache, Component, Engine, Limits, Stream, wit::Options};
//!
//! let engine = Engine::new(Limits::default())?;
//! let wasm = std::fs::read("udmill_transform.wasm")?;
//! let component = Component::load(&engine, &wasm, Cache::of_user().ok().as_ref())?;
//! let mut stream = Stream::new(&component, Options::of("AZURE_DEVOPS"));
//! for batch in stream.push(br#"{"Id": "7"}"#)?.iter().chain(&stream.finish()?) {
//!     print!("{}", String::from_utf8_lossy(&batch.events));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A component gets no capability and stays within [`Limits`]. What it does to a single log, it does to none other:
//! after a trap, [`Stream`] goes on with a new instance.

mod cache;
mod component;
mod engine;
mod folders;
mod limits;
mod resume;
pub mod serve;
mod stream;
mod tail;
mod transform;

pub use cache::{Cache, CacheError};
pub use component::{Component, LoadError};
pub use engine::Engine;
pub use limits::Limits;
pub use stream::{Failure, Stream};
pub use transform::{Reader, Transform, Trap};

/// What `bindgen` makes of `wit/world.wit`.
mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "normalizer",
        additional_derives: [Clone, PartialEq],
    });
}

/// The types of the interface `transform`.
pub mod wit {
    pub use crate::bindings::exports::udmill::normalizer::transform::{
        Batch, Derivation, Error as Invalid, FieldNames, Finding, Label, Note, Options, Rejection,
        Severity, Source, Span,
    };

    impl Options {
        /// The options of a log type, and no other.
        pub fn of(log_type: &str) -> Options {
            Options {
                log_type: log_type.to_owned(),
                split_delimiter: None,
                namespace: None,
                labels: Vec::new(),
                field_names: FieldNames::LowerCamel,
            }
        }
    }
}

/// The types of the interface `webhook`.
pub mod webhook {
    pub use crate::bindings::exports::udmill::normalizer::webhook::{
        Delivery, Logs, Origin, Refusal, Request, Schema, Validation,
    };
}
