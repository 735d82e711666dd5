//! Wasmtime as components of this project are run: bounded in time and memory, without any capability.
//!
//! Time is bounded by epochs rather than fuel, memory by the store's limiter. Linear memories keep their guard pages,
//! so that no access pays for a bounds check; this is the default on 64-bit machines, and the costliest to lose.
//!
//! Instances are made on demand: 25 µs each, as from a pool. A pool would keep pages of dead instances and save the
//! first event of the next one a tenth of a millisecond, which is nothing where an instance reads many.

use std::thread;
use std::time::Duration;

use wasmtime::component::{Linker, ResourceTable};
use wasmtime::{Config, ResourceLimiter, Result, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::Limits;

/// How often the epoch moves on, which is how exactly [`Limits::call`] is kept.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// Compiles components and runs them within limits. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) wasmtime: wasmtime::Engine,
    limits: Limits,
}

impl Engine {
    /// Starts an engine, and a thread that moves its epoch on for as long as the engine lives.
    ///
    /// # Errors
    ///
    /// Where this machine cannot run compiled WebAssembly, or no thread can be started.
    pub fn new(limits: Limits) -> Result<Engine> {
        Engine::start(limits, false)
    }

    /// Another engine with the same limits, for components that wait: WASI 0.3's HTTP handler is an async function.
    /// Keeping account of who waits for what costs each call, also those of components that never wait.
    ///
    /// # Errors
    ///
    /// As [`Engine::new`].
    pub(crate) fn waiting(&self) -> Result<Engine> {
        Engine::start(self.limits, true)
    }

    fn start(limits: Limits, waits: bool) -> Result<Engine> {
        let mut config = Config::new();
        config.epoch_interruption(true);
        config.concurrency_support(waits);
        let wasmtime = wasmtime::Engine::new(&config)?;
        let weak = wasmtime.weak();
        thread::Builder::new()
            .name("epochs".to_owned())
            .spawn(move || {
                while let Some(engine) = weak.upgrade() {
                    engine.increment_epoch();
                    drop(engine);
                    thread::sleep(TICK);
                }
            })?;
        Ok(Engine { wasmtime, limits })
    }

    /// The limits of all that runs on this engine.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The engine underneath, for components of other worlds within the same limits of time.
    pub fn wasmtime(&self) -> &wasmtime::Engine {
        &self.wasmtime
    }

    /// How many epochs a call may see. The one that is under way counts as none, so that no call gets less than its
    /// time.
    pub(crate) fn ticks(&self) -> u64 {
        (self.limits.call.as_millis() / TICK.as_millis()) as u64 + 1
    }

    pub(crate) fn linker(&self) -> Result<Linker<State>> {
        let mut linker = Linker::new(&self.wasmtime);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        Ok(linker)
    }

    pub(crate) fn store(&self) -> Store<State> {
        let state = State {
            // As built, it has no files, arguments, environment or network, and its standard streams lead nowhere.
            wasi: WasiCtx::builder().build(),
            table: ResourceTable::new(),
            memory: Memory {
                most: self.limits.memory,
                used: 0,
                refused: false,
            },
        };
        let mut store = Store::new(&self.wasmtime, state);
        store.limiter(|state| &mut state.memory);
        store.set_epoch_deadline(self.ticks());
        store
    }
}

/// What an instance has on the host's side.
pub(crate) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    pub(crate) memory: Memory,
}

/// Bounds all linear memories of a store together, and remembers that it had to.
pub(crate) struct Memory {
    pub(crate) most: usize,
    pub(crate) used: usize,
    pub(crate) refused: bool,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let used = self.used + (desired - current);
        if used > self.most {
            self.refused = true;
            return Ok(false);
        }
        self.used = used;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        /// A table holds function pointers: a Rust component has some hundred.
        const MOST: usize = 100_000;
        Ok(desired <= MOST)
    }
}
