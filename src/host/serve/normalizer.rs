//! The normalizer as other components call it: linked by the host, in a store of its own beside each instance's.
//!
//! Spin composes the two into one component, by the dependency that spin.toml names. Everything that crosses between
//! them is then copied byte by byte, and a log crosses four times. Here the host stands between them and copies whole
//! lists. It also keeps them apart: a normalizer has memory and time of its own, and streams that lead nowhere,
//! whoever calls it.
//!
//! What is linked is `normalize` and `read` for what is delivered whole, and `reader` for what comes in pieces. A
//! reader of the caller's stands for one in the normalizer's instance.

use std::mem;
use std::sync::Arc;

use wasmtime::component::{
    ComponentExportIndex, ComponentNamedList, Func, InstancePre, Lift, Linker, Lower, Resource,
    ResourceAny, ResourceType, TypedFunc, WasmList,
};
use wasmtime::error::Context as _;
use wasmtime::{Result, Store};

use super::context::{Busy, Context, limit};
use crate::engine::State;
use crate::transform::reason;
use crate::webhook::{Delivery, Request};
use crate::wit::{Batch, Invalid, Options};
use crate::{Component, Engine};

const TRANSFORM: &str = "udmill:normalizer/transform@0.1.0";
const WEBHOOK: &str = "udmill:normalizer/webhook@0.1.0";

/// A normalizer that others can be linked with. Cheap to clone.
#[derive(Clone)]
pub(super) struct Normalizer(Arc<Ready>);

/// What instances are made of.
struct Ready {
    engine: Engine,
    pre: InstancePre<State>,
    normalize: ComponentExportIndex,
    read: ComponentExportIndex,
    open: ComponentExportIndex,
    push: ComponentExportIndex,
    finish: ComponentExportIndex,
}

/// The instance of a normalizer that belongs to another instance: made when that calls it first, and gone after a
/// trap.
#[derive(Default)]
pub(super) struct Beside(Option<Instance>);

struct Instance {
    store: Store<State>,
    busy: Busy,
    normalize: Normalize,
    read: Read,
    open: Open,
    push: Func,
    finish: Finish,
}

/// A reader of the caller's: which one of the normalizer's it is.
struct Reader(ResourceAny);

type Normalize = TypedFunc<(Vec<u8>, Options), (Result<Batch, Invalid>,)>;
type Read = TypedFunc<(Request,), (Delivery,)>;
type Open = TypedFunc<(Options,), (ResourceAny,)>;
type Push<'a> = TypedFunc<(ResourceAny, &'a [u8]), (Result<Batch, Invalid>,)>;
type Finish = TypedFunc<(ResourceAny,), (Result<Batch, Invalid>,)>;

/// As the component model calls the functions of a resource.
const OPEN: &str = "[constructor]reader";
const PUSH: &str = "[method]reader.push";
const FINISH: &str = "[method]reader.finish";

impl Normalizer {
    /// Links a normalizer with what its language's runtime needs.
    pub fn new(component: &Component) -> Result<Normalizer> {
        let engine = component.engine();
        let compiled = component.compiled();
        let export = |interface, name| {
            let interface = compiled.get_export_index(None, interface);
            let function = interface.and_then(|it| compiled.get_export_index(Some(&it), name));
            function.with_context(|| format!("the normalizer exports no {name}"))
        };
        let mut linker = Linker::new(engine.wasmtime());
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        Ok(Normalizer(Arc::new(Ready {
            engine: engine.clone(),
            pre: linker.instantiate_pre(compiled)?,
            normalize: export(TRANSFORM, "normalize")?,
            read: export(WEBHOOK, "read")?,
            open: export(TRANSFORM, OPEN)?,
            push: export(TRANSFORM, PUSH)?,
            finish: export(TRANSFORM, FINISH)?,
        })))
    }

    /// Offers the normalizer to components that are linked by this.
    pub fn add_to_linker(&self, linker: &mut Linker<Context>) -> Result<()> {
        self.add_function(linker, TRANSFORM, "normalize", |it| it.normalize)?;
        self.add_function(linker, WEBHOOK, "read", |it| it.read)?;
        self.add_reader(linker)
    }

    fn add_reader(&self, linker: &mut Linker<Context>) -> Result<()> {
        let mut interface = linker.instance(TRANSFORM)?;
        let of_host = ResourceType::host::<Reader>();
        interface.resource_async("reader", of_host, |mut store, reader| {
            Box::new(async move {
                let context = store.data_mut();
                let Reader(reader) = context.table.delete(Resource::new_own(reader))?;
                // After a trap there is nothing left of it.
                match &mut context.normalizer.0 {
                    Some(instance) => reader.resource_drop_async(&mut instance.store).await,
                    None => Ok(()),
                }
            })
        })?;
        let normalizer = self.clone();
        interface.func_wrap_async(OPEN, move |mut store, params: (Options,)| {
            let normalizer = normalizer.clone();
            Box::new(async move {
                let context = store.data_mut();
                let beside = &mut context.normalizer;
                let (reader,) = normalizer.call(beside, |it| Ok(it.open), params).await?;
                Ok((context.table.push(Reader(reader))?,))
            })
        })?;
        let normalizer = self.clone();
        interface.func_wrap_async(
            PUSH,
            move |mut store, (reader, bytes): (Resource<Reader>, WasmList<u8>)| {
                let normalizer = normalizer.clone();
                Box::new(async move {
                    let context = store.data_mut();
                    let reader = context.table.get(&reader)?.0;
                    let mut beside = mem::take(&mut context.normalizer);
                    // Out of one memory into the other.
                    let bytes = bytes.as_le_slice(&store);
                    let push = |it: &Instance| -> Result<Push<'_>> { it.push.typed(&it.store) };
                    let answer = normalizer.call(&mut beside, push, (reader, bytes)).await;
                    store.data_mut().normalizer = beside;
                    answer
                })
            },
        )?;
        let normalizer = self.clone();
        interface.func_wrap_async(FINISH, move |mut store, (reader,): (Resource<Reader>,)| {
            let normalizer = normalizer.clone();
            Box::new(async move {
                let context = store.data_mut();
                let reader = context.table.get(&reader)?.0;
                let beside = &mut context.normalizer;
                normalizer.call(beside, |it| Ok(it.finish), (reader,)).await
            })
        })
    }

    fn add_function<Params, Return>(
        &self,
        linker: &mut Linker<Context>,
        interface: &str,
        name: &str,
        function: fn(&Instance) -> TypedFunc<Params, Return>,
    ) -> Result<()>
    where
        Params: ComponentNamedList + Lift + Lower + Send + Sync + 'static,
        Return: ComponentNamedList + Lift + Lower + Send + Sync + 'static,
    {
        let normalizer = self.clone();
        let mut interface = linker.instance(interface)?;
        interface.func_wrap_async(name, move |mut store, params: Params| {
            let normalizer = normalizer.clone();
            Box::new(async move {
                let beside = &mut store.data_mut().normalizer;
                normalizer.call(beside, |it| Ok(function(it)), params).await
            })
        })
    }

    /// One call, with its full time. A trap ends the caller's instance too: the interfaces have no word for it.
    async fn call<Params, Return>(
        &self,
        beside: &mut Beside,
        function: impl FnOnce(&Instance) -> Result<TypedFunc<Params, Return>>,
        params: Params,
    ) -> Result<Return>
    where
        Params: ComponentNamedList + Lower + Send + Sync,
        Return: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        // A call that is given up leaves nothing behind.
        let mut instance = match beside.0.take() {
            Some(instance) => instance,
            None => self.instantiate().await?,
        };
        instance.busy.reset();
        let function = function(&instance)?;
        match function.call_async(&mut instance.store, params).await {
            Ok(answer) => {
                beside.0 = Some(instance);
                Ok(answer)
            }
            Err(error) => Err(reason(&self.0.engine, &instance.store, &error).into()),
        }
    }

    async fn instantiate(&self) -> Result<Instance> {
        let Ready { engine, pre, .. } = &*self.0;
        let mut store = engine.store();
        let busy = Busy::default();
        limit(&mut store, engine, &busy);
        let instance = pre.instantiate_async(&mut store).await;
        let instance = instance.map_err(|error| reason(engine, &store, &error))?;
        Ok(Instance {
            normalize: instance.get_typed_func(&mut store, self.0.normalize)?,
            read: instance.get_typed_func(&mut store, self.0.read)?,
            open: instance.get_typed_func(&mut store, self.0.open)?,
            push: instance
                .get_func(&mut store, self.0.push)
                .context("the normalizer exports no reader.push")?,
            finish: instance.get_typed_func(&mut store, self.0.finish)?,
            store,
            busy,
        })
    }
}
