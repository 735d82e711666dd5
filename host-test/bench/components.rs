//! The components beside the project's own host: its component without limits, and the component of the yardsticks.

use std::path::PathBuf;
use std::{env, fs};

use wasmtime::component::{Component, Linker, ResourceAny, ResourceTable};
use wasmtime::{Engine, Result, Store, StoreLimits, StoreLimitsBuilder};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

mod normalizer {
    wasmtime::component::bindgen!({ path: "../../wit", world: "normalizer" });
}

mod yardsticks {
    wasmtime::component::bindgen!({ path: "guest/world.wit" });
}

pub use normalizer::exports::udmill::normalizer::transform::Batch;

/// The folder that the build's programs and components stand in: this program is `release/udmill-bench` there.
pub fn target_folder() -> PathBuf {
    let program = env::current_exe().expect("a program has a path");
    let folder = program.ancestors().nth(2);
    folder
        .expect("the program stands in two folders")
        .to_owned()
}

/// Where a component stands.
pub fn component_file(name: &str) -> PathBuf {
    target_folder().join("wasm32-wasip2/guest").join(name)
}

/// A component's bytes, as `cargo xtask build` leaves them.
pub fn component(name: &str) -> Vec<u8> {
    let path = component_file(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A reader in the project's component, on an engine that counts no epochs, in a store that limits no memory.
pub struct Unlimited {
    store: Store<State>,
    world: normalizer::Normalizer,
    reader: ResourceAny,
}

impl Unlimited {
    /// Compiles the component, and makes a reader for a log type.
    pub fn new(wasm: &[u8], log_type: &str) -> Result<Unlimited> {
        use normalizer::exports::udmill::normalizer::transform::{FieldNames, Options};
        let engine = Engine::default();
        let component = Component::new(&engine, wasm)?;
        let mut store = Store::new(&engine, State::default());
        let world = normalizer::Normalizer::instantiate(&mut store, &component, &linker(&engine)?)?;
        let options = Options {
            log_type: log_type.to_owned(),
            split_delimiter: None,
            namespace: None,
            labels: Vec::new(),
            field_names: FieldNames::LowerCamel,
        };
        let guest = world.udmill_normalizer_transform();
        let reader = guest.reader().call_constructor(&mut store, &options)?;
        Ok(Unlimited {
            store,
            world,
            reader,
        })
    }

    /// The logs that are complete with these bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Batch> {
        let guest = self.world.udmill_normalizer_transform().reader();
        let answer = guest.call_push(&mut self.store, self.reader, bytes)?;
        Ok(answer.expect("the options can be used"))
    }
}

/// The component of the yardsticks, compiled on the engine of the project's host and limited as that limits.
pub struct Yardsticks {
    engine: udmill::Engine,
    world: yardsticks::YardsticksPre<State>,
}

/// An instance of it.
pub struct Yardstick {
    store: Store<State>,
    world: yardsticks::Yardsticks,
}

impl Yardsticks {
    /// Compiles the component.
    pub fn new(engine: &udmill::Engine) -> Result<Yardsticks> {
        let wasm = component("udmill_bench_guest.wasm");
        let compiled = Component::new(engine.wasmtime(), wasm)?;
        let pre = linker(engine.wasmtime())?.instantiate_pre(&compiled)?;
        Ok(Yardsticks {
            engine: engine.clone(),
            world: yardsticks::YardsticksPre::new(pre)?,
        })
    }

    /// A new instance.
    pub fn instantiate(&self) -> Result<Yardstick> {
        let most = self.engine.limits().memory;
        let state = State {
            limits: StoreLimitsBuilder::new().memory_size(most).build(),
            ..State::default()
        };
        let mut store = Store::new(self.engine.wasmtime(), state);
        store.limiter(|state| &mut state.limits);
        // Far away: what a limit costs is looking for it.
        store.set_epoch_deadline(1 << 32);
        let world = self.world.instantiate(&mut store)?;
        Ok(Yardstick { store, world })
    }
}

impl Yardstick {
    /// How many JSON values the bytes hold.
    pub fn scan(&mut self, bytes: &[u8]) -> Result<u64> {
        self.world.call_scan(&mut self.store, bytes)
    }

    /// Does nothing.
    pub fn nothing(&mut self) -> Result<()> {
        self.world.call_nothing(&mut self.store)
    }
}

/// What an instance has on the host's side.
#[derive(Default)]
struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    limits: StoreLimits,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

fn linker(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    Ok(linker)
}
