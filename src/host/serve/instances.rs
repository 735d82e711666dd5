//! Instances of the application, made when they are needed and used again: for one request at a time, so that what
//! one request does to its instance is never seen by another at that moment, and for so many in all.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};
use std::time::{Duration, Instant};

use tokio::time::{self, Sleep};
use wasmtime::component::{Component as Compiled, GuestTaskId};
use wasmtime::{Store, StoreContextMut, Trap};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, ProxyPre, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::p3::bindings::ServicePre;

use super::Application;
use super::context::{self, Context, Shared};
use super::lines::Sink;
use crate::Engine;

/// Makes instances.
pub(super) struct Instances {
    engine: Engine,
    shared: Shared,
    pre: ProxyPre<Context>,
}

/// How often an instance is used again.
const REUSE: usize = 128;

/// The longest that a request may take. The receiver itself ends everything after 25 s.
const REQUEST: Duration = Duration::from_secs(30);

/// How long an instance waits for its next request.
const IDLE: Duration = Duration::from_secs(30);

impl Instances {
    /// Links one of the application's components with what it imports.
    ///
    /// # Errors
    ///
    /// Where it imports something else, or is no HTTP handler of WASI 0.3.
    pub fn new(
        application: &Application,
        component: &Compiled,
        shared: &Shared,
    ) -> wasmtime::Result<Self> {
        let Application {
            engine, normalizer, ..
        } = application;
        let pre = context::linker(engine, normalizer)?.instantiate_pre(component)?;
        Ok(Instances {
            engine: engine.clone(),
            shared: shared.clone(),
            pre: ProxyPre::P3(ServicePre::new(pre)?),
        })
    }
}

impl HandlerState for Instances {
    type StoreData = Context;
    type WorkerExpiration = Patience;
    type WorkerState = Reuse;

    async fn instantiate(&self) -> wasmtime::Result<Instance<Context, Patience, Reuse>> {
        let mut store = context::instance(&self.engine, &self.shared);
        let proxy = self.pre.instantiate_async(&mut store).await?;
        Ok(Instance {
            store,
            proxy,
            view: Context::http,
            expiration: Patience(Box::pin(time::sleep(IDLE))),
            state: Reuse(Arc::clone(&self.shared.stderr)),
        })
    }
}

/// What an instance takes on.
pub(super) struct Reuse(Arc<Sink>);

impl WorkerState for Reuse {
    type StoreData = Context;
    type RequestData = ();

    fn should_accept_request(&self, at_once: usize, in_all: usize) -> ShouldAccept {
        match (at_once, in_all) {
            (_, REUSE..) => ShouldAccept::Never,
            (0, _) => ShouldAccept::Yes,
            _ => ShouldAccept::No,
        }
    }

    fn on_request_start(
        &self,
        store: StoreContextMut<'_, Context>,
        (): (),
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        store.data().begin_wait();
        Box::pin(time::sleep(REQUEST))
    }

    fn drop(&self, store: Store<Context>, ended: Result<(), wasmtime::Error>) {
        if let Err(error) = ended {
            let reason = if error.downcast_ref() == Some(&Trap::Interrupt) {
                "it computed for too long".to_owned()
            } else if store.data().was_refused_memory() {
                "it asked for more memory than it may have".to_owned()
            } else {
                error.root_cause().to_string()
            };
            // So are also instances called that were idle as the process ended; a true panic has told of itself.
            if reason == "worker panicked" {
                return;
            }
            self.0
                .say(&format!("udmill: an instance was ended: {reason}"));
        }
    }
}

/// How long is waited for an instance: what the future of [`Reuse::on_request_start`] cannot end while the instance
/// computes, this ends a second later.
pub(super) struct Patience(Pin<Box<Sleep>>);

impl WorkerExpiration for Patience {
    fn poll(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
        status: WorkerStatus,
        since: Instant,
    ) -> Poll<()> {
        let patience = match status {
            WorkerStatus::Idle => IDLE,
            WorkerStatus::Requests | WorkerStatus::PostReturn => REQUEST + Duration::from_secs(1),
        };
        let end = time::Instant::from_std(since + patience);
        if self.0.deadline() != end {
            self.0.as_mut().reset(end);
        }
        self.0.as_mut().poll(task)
    }
}
