//! `udmill-snapshot IN.wasm OUT.wasm`: starts the component once, and writes it with the memory that it has then.
//!
//! A fresh instance would spend most of its first call on compiling the tables of its sources. Here that happens at build
//! time, as [Wizer](https://docs.rs/wasmtime-wizer) does it: the component gets an empty payload for each source, its memory
//! becomes the data that every instance starts from, and nothing else changes, neither imports nor exports. Every import
//! traps meanwhile: what is kept can depend on the component alone, not on the machine that builds, and its bytes are the
//! same each time.
//!
//! Only the usual spelling of fields is prepared. The other one would add a tenth to the file and to the start of every
//! instance; asked for it, an instance compiles its tables as it would without a snapshot.

use std::error::Error;
use std::path::Path;
use std::pin::pin;
use std::process::ExitCode;
use std::task::{Context, Poll, Waker};
use std::{env, fs};

use wasmtime::component::{Component, ComponentNamedList, Instance, Lift, Linker, WasmList};
use wasmtime::{Engine, Result, Store};
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use bindings::exports::udmill::normalizer::transform::{FieldNames, Options};

mod bindings {
    wasmtime::component::bindgen!({ path: "../../wit", world: "normalizer" });
}

fn main() -> ExitCode {
    let args: Vec<_> = env::args_os().skip(1).collect();
    let [from, to] = args.as_slice() else {
        eprintln!("usage: udmill-snapshot IN.wasm OUT.wasm");
        return ExitCode::FAILURE;
    };
    let made = fs::read(from)
        .map_err(Box::<dyn Error>::from)
        .and_then(|wasm| Ok(snapshot(&wasm)?))
        .and_then(|wasm| replace(Path::new(to), &wasm));
    match made {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("udmill-snapshot: {}: {error:?}", from.display());
            ExitCode::FAILURE
        }
    }
}

/// The component, ready for its first log.
fn snapshot(wasm: &[u8]) -> Result<Vec<u8>> {
    let wizer = Wizer::new();
    let (context, instrumented) = wizer.instrument_component(wasm)?;
    let engine = Engine::default();
    let component = Component::new(&engine, instrumented)?;
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_traps(&component)?;
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &component)?;
    warm_up(&mut store, &instance)?;
    let mut started = Started { store, instance };
    let mut snapshot = pin!(wizer.snapshot_component(&context, &mut started));
    // Nothing in it waits.
    match snapshot
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(wasm) => wasm,
        Poll::Pending => unreachable!("every answer of the instance is there at once"),
    }
}

/// Puts a new file in place of the old one, which may be cargo's own under a second name: it is never written into.
fn replace(to: &Path, wasm: &[u8]) -> Result<(), Box<dyn Error>> {
    let new = to.with_extension("new");
    fs::write(&new, wasm)?;
    Ok(fs::rename(new, to)?)
}

/// Asks for everything that the component makes once and keeps, with the options that callers give most.
fn warm_up(store: &mut Store<()>, instance: &Instance) -> Result<()> {
    let world = bindings::Normalizer::new(&mut *store, instance)?;
    let transform = world.udmill_normalizer_transform();
    for source in transform.call_sources(&mut *store)? {
        let options = Options {
            log_type: source.log_type,
            split_delimiter: None,
            namespace: None,
            labels: Vec::new(),
            field_names: FieldNames::LowerCamel,
        };
        let batch = transform.call_normalize(&mut *store, b"", &options)?;
        batch.map_err(|error| wasmtime::format_err!("{error:?}"))?;
    }
    Ok(())
}

/// A started instance, for Wizer to look into.
struct Started {
    store: Store<()>,
    instance: Instance,
}

impl Started {
    /// What one of the functions that Wizer has added answers.
    fn ask<R>(&mut self, instance: &str, function: &str) -> R
    where
        (R,): ComponentNamedList + Lift + 'static,
        R: Send + Sync,
    {
        let (instance, store) = (
            self.instance.get_export(&mut self.store, None, instance),
            &mut self.store,
        );
        let instance = instance.expect("Wizer exports its functions").1;
        let function = self
            .instance
            .get_export(&mut *store, Some(&instance), function);
        let function = function.expect("Wizer asks for what it exports").1;
        let function = self
            .instance
            .get_typed_func::<(), (R,)>(&mut *store, function);
        let answer = function.and_then(|function| function.call(&mut *store, ()));
        answer.expect("Wizer knows the types").0
    }
}

impl ComponentInstanceState for Started {
    async fn call_func_ret_list_u8(
        &mut self,
        instance: &str,
        function: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) {
        let bytes: WasmList<u8> = self.ask(instance, function);
        contents(bytes.as_le_slice(&self.store));
    }

    async fn call_func_ret_s32(&mut self, instance: &str, function: &str) -> i32 {
        self.ask(instance, function)
    }

    async fn call_func_ret_s64(&mut self, instance: &str, function: &str) -> i64 {
        self.ask(instance, function)
    }

    async fn call_func_ret_f32(&mut self, instance: &str, function: &str) -> u32 {
        self.ask::<f32>(instance, function).to_bits()
    }

    async fn call_func_ret_f64(&mut self, instance: &str, function: &str) -> u64 {
        self.ask::<f64>(instance, function).to_bits()
    }
}
