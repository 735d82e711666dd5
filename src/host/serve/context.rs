//! What an instance has on the host's side: WASI without files and sockets, HTTP to the allowed origins, the store,
//! the variables, the normalizer, and how long it has been computing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime::{Store as Instance, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::bindings::spin;
use super::lines::{Lines, Sink};
use super::normalizer::{Beside, Normalizer};
use super::outbound::Outbound;
use super::store::Store;
use super::variables::Variables;
use crate::engine::{Memory, TICK};
use crate::{Engine, Limits};

/// The host's side of an instance.
pub struct Context {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    pub(super) outbound: Outbound,
    pub(super) table: ResourceTable,
    memory: Memory,
    pub(super) normalizer: Beside,
    pub(super) variables: Variables,
    pub(super) store: Store,
    /// How many stores are open.
    pub(super) opened: usize,
    busy: Busy,
}

/// Names [`Context`] to what `bindgen` makes of Spin's interfaces.
pub struct Spin;

impl HasData for Spin {
    type Data<'a> = &'a mut Context;
}

/// What all instances share.
#[derive(Clone)]
pub(super) struct Shared {
    pub variables: Variables,
    pub store: Store,
    pub outbound: Outbound,
    pub stdout: Arc<Sink>,
    /// What instances log.
    pub logs: Arc<Sink>,
    /// What the host says of them.
    pub stderr: Arc<Sink>,
}

/// How many ticks of the epoch an instance has computed since it last waited for the host. Waiting is free: the
/// network may take its time, a loop may not.
#[derive(Clone, Default)]
pub(super) struct Busy(Arc<AtomicU32>);

impl Busy {
    /// The instance asks for something that takes time.
    pub fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    fn tick(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

impl Context {
    /// The instance waits for the host.
    pub(super) fn begin_wait(&self) {
        self.busy.reset();
    }

    /// Whether the instance asked for more memory than it may have.
    pub(super) fn was_refused_memory(&self) -> bool {
        self.memory.refused
    }
}

/// An instance's store, before there is an instance in it.
pub(super) fn instance(engine: &Engine, shared: &Shared) -> Instance<Context> {
    let Limits { memory, .. } = engine.limits();
    let busy = Busy::default();
    let context = Context {
        // As built, it has no files, arguments, environment or network.
        wasi: WasiCtx::builder()
            .stdout(Lines::new(&shared.stdout))
            .stderr(Lines::new(&shared.logs))
            .build(),
        http: WasiHttpCtx::new(),
        outbound: shared.outbound.of_instance(&busy),
        table: ResourceTable::new(),
        memory: Memory {
            most: memory,
            used: 0,
            refused: false,
        },
        normalizer: Beside::default(),
        variables: shared.variables.clone(),
        store: shared.store.clone(),
        opened: 0,
        busy: busy.clone(),
    };
    let mut instance = Instance::new(engine.wasmtime(), context);
    instance.limiter(|context| &mut context.memory);
    limit(&mut instance, engine, &busy);
    instance
}

/// Ends what computes for longer than a call may.
pub(super) fn limit<T>(instance: &mut Instance<T>, engine: &Engine, busy: &Busy) {
    let most = engine.limits().call.as_millis() / TICK.as_millis();
    let most = u32::try_from(most).unwrap_or(u32::MAX);
    let busy = busy.clone();
    instance.set_epoch_deadline(1);
    instance.epoch_deadline_callback(move |_| {
        Ok(match busy.tick() {
            ticks if ticks > most => UpdateDeadline::Interrupt,
            // Others run meanwhile, on the same thread.
            _ => UpdateDeadline::Yield(1),
        })
    });
}

/// All that a component of this host may import.
pub(super) fn linker(
    engine: &Engine,
    normalizer: &Normalizer,
) -> wasmtime::Result<Linker<Context>> {
    let mut linker = Linker::new(engine.wasmtime());
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    spin::key_value::key_value::add_to_linker::<Context, Spin>(&mut linker, |it| it)?;
    spin::variables::variables::add_to_linker::<Context, Spin>(&mut linker, |it| it)?;
    normalizer.add_to_linker(&mut linker)?;
    Ok(linker)
}

impl WasiView for Context {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Context {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.outbound,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}
