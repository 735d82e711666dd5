//! One instance of a component, and its functions with their Rust types.

use std::fmt;

use wasmtime::component::ResourceAny;
use wasmtime::{Error, Store};

use crate::bindings::{Normalizer, NormalizerPre};
use crate::engine::State;
use crate::wit::{Batch, Derivation, Finding, Invalid, Options, Source};
use crate::{Engine, webhook};

/// An instance. It answers one call at a time, and after a [`Trap`] none.
pub struct Transform {
    store: Store<State>,
    world: Normalizer,
    engine: Engine,
}

/// A reader inside an instance: it belongs to the [`Transform`] that gave it.
#[derive(Clone, Copy, Debug)]
pub struct Reader(ResourceAny);

/// Why a call gave no answer: the component trapped, or went beyond a limit. Its instance is of no more use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap(String);

impl Transform {
    pub(crate) fn new(engine: &Engine, pre: &NormalizerPre<State>) -> Result<Transform, Trap> {
        let mut store = engine.store();
        match pre.instantiate(&mut store) {
            Ok(world) => Ok(Transform {
                store,
                world,
                engine: engine.clone(),
            }),
            Err(error) => Err(reason(engine, &store, &error)),
        }
    }

    /// The log sources that the component knows.
    pub fn sources(&mut self) -> Result<Vec<Source>, Trap> {
        self.call(|store, world| world.udmill_normalizer_transform().call_sources(store))
    }

    /// The events of a whole payload.
    pub fn normalize(
        &mut self,
        payload: &[u8],
        options: &Options,
    ) -> Result<Result<Batch, Invalid>, Trap> {
        self.call(|store, world| {
            let guest = world.udmill_normalizer_transform();
            guest.call_normalize(store, payload, options)
        })
    }

    /// How the fields of a log's events came about, or how the one `field` did.
    pub fn explain(
        &mut self,
        log: &[u8],
        options: &Options,
        field: Option<&str>,
    ) -> Result<Result<Vec<Derivation>, Invalid>, Trap> {
        self.call(|store, world| {
            let guest = world.udmill_normalizer_transform();
            guest.call_explain(store, log, options, field)
        })
    }

    /// What is wrong with UDM events, one a line.
    pub fn validate(&mut self, events: &[u8]) -> Result<Vec<Finding>, Trap> {
        self.call(|store, world| {
            let guest = world.udmill_normalizer_transform();
            guest.call_validate(store, events)
        })
    }

    /// A reader for a payload in pieces. Its first call tells whether the options can be used.
    pub fn reader(&mut self, options: &Options) -> Result<Reader, Trap> {
        self.call(|store, world| {
            let guest = world.udmill_normalizer_transform();
            guest.reader().call_constructor(store, options).map(Reader)
        })
    }

    /// The logs that are complete with these bytes, at most [`Limits::push`](crate::Limits::push) of them.
    pub fn push(&mut self, reader: Reader, bytes: &[u8]) -> Result<Result<Batch, Invalid>, Trap> {
        self.call(|store, world| {
            let guest = world.udmill_normalizer_transform();
            guest.reader().call_push(store, reader.0, bytes)
        })
    }

    /// What remained in a reader.
    pub fn finish(&mut self, reader: Reader) -> Result<Result<Batch, Invalid>, Trap> {
        self.call(|store, world| {
            let guest = world.udmill_normalizer_transform();
            guest.reader().call_finish(store, reader.0)
        })
    }

    /// Ends a reader.
    pub fn close(&mut self, reader: Reader) -> Result<(), Trap> {
        self.call(|store, _| reader.0.resource_drop(store))
    }

    /// What a webhook request is.
    pub fn read(&mut self, request: &webhook::Request) -> Result<webhook::Delivery, Trap> {
        self.call(|store, world| world.udmill_normalizer_webhook().call_read(store, request))
    }

    /// How many bytes of linear memory the instance has; they never become fewer.
    pub fn memory(&self) -> usize {
        self.store.data().memory.used
    }

    /// Every call goes through here: each has its full time.
    fn call<T>(
        &mut self,
        run: impl FnOnce(&mut Store<State>, &Normalizer) -> wasmtime::Result<T>,
    ) -> Result<T, Trap> {
        self.store.set_epoch_deadline(self.engine.ticks());
        match run(&mut self.store, &self.world) {
            Ok(answer) => Ok(answer),
            Err(error) => Err(reason(&self.engine, &self.store, &error)),
        }
    }
}

/// Why a call into this store failed.
pub(crate) fn reason(engine: &Engine, store: &Store<State>, error: &Error) -> Trap {
    let limits = engine.limits();
    if error.downcast_ref() == Some(&wasmtime::Trap::Interrupt) {
        let most = limits.call.as_secs_f32();
        return Trap(format!(
            "expected an answer of the component within {most} s, but found none"
        ));
    }
    if store.data().memory.refused {
        let most = limits.memory >> 20;
        return Trap(format!(
            "expected the component to need at most {most} MiB of memory, but it asked for more"
        ));
    }
    Trap(format!(
        "expected an answer of the component, but found a {}",
        error.root_cause()
    ))
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Trap {}
