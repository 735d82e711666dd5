//! The receiver over HTTP: the same components that run under Spin, in a process of their own.
//!
//! - `instances` runs the receiver, one request at a time in each; `normalizer` is what it calls for every delivery
//! - `connections` and `front` stand between the network and the instances, and keep the limits
//! - `context` is what an instance may use: `variables`, `key_value` over the `store`, `outbound` HTTP, and `lines`
//!   to print
//! - `inside` hands logs over without a listener
//! - `drain` is the spool's clock; `metrics` counts the receiver's log, `admin` shows it; `tls` follows certificates
//!
//! What is not here: HTTP/2, since Event Grid posts over HTTP/1.1, and any other of Spin's interfaces than the
//! receiver uses.

mod admin;
mod connections;
mod context;
mod drain;
mod front;
mod inside;
mod instances;
mod key_value;
mod lines;
mod metrics;
mod normalizer;
mod outbound;
mod secret;
mod store;
mod tls;
mod variables;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time;
use wasmtime::component::Component as Compiled;

use crate::{Cache, Engine, LoadError};
use admin::Admin;
use context::Shared;
use front::Front;
use lines::Sink;
use metrics::Metrics;
use normalizer::Normalizer;
use tls::Tls;

pub use inside::{Handed, Inside};
pub use outbound::Allowed;
pub use secret::new_secret;
pub use store::Store;
pub use tls::{TlsError, TlsFiles};
pub use variables::Variables;

/// What `bindgen` makes of Spin's interfaces.
mod bindings {
    wasmtime::component::bindgen!({
        path: "serve/spin.wit",
        world: "spin-imports",
        imports: { default: trappable },
        require_store_data_send: true,
        with: { "spin:key-value/key-value.store": crate::serve::key_value::Opened },
    });
}

/// What a server is told.
pub struct Settings {
    /// Where requests come to; port 0 takes any.
    pub listen: SocketAddr,
    /// Where metrics are shown.
    pub admin: Option<SocketAddr>,
    /// The folder of the store.
    pub state: PathBuf,
    /// For HTTPS instead of HTTP.
    pub tls: Option<TlsFiles>,
    /// The application's variables, to which the host's own are added.
    pub variables: Vec<(String, String)>,
    /// Where the application may send requests.
    pub allowed: Allowed,
    /// What requests may use.
    pub limits: ServerLimits,
}

/// What requests may use together; [`crate::Limits`] says what each instance may.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// The most requests that are answered at once; others get 503.
    pub requests: usize,
    /// The most bytes of a request's body; the receiver's own limit is below.
    pub body: usize,
    /// The most bytes of all bodies at once; beyond, requests get 503.
    pub bodies: usize,
    /// How long a body may take to come.
    pub reading: Duration,
    /// The most bytes of the store; beyond, it is full.
    pub store: u64,
    /// How long requests have to end when the server does.
    pub ending: Duration,
}

const MIB: usize = 1 << 20;

impl Default for ServerLimits {
    fn default() -> ServerLimits {
        ServerLimits {
            requests: 128,
            body: 16 * MIB,
            bodies: 256 * MIB,
            reading: Duration::from_secs(20),
            store: 8 << 30,
            ending: Duration::from_secs(30),
        }
    }
}

/// A receiver, perhaps a collector, and the normalizer that they call, compiled.
pub struct Application {
    engine: Engine,
    receiver: Compiled,
    /// For the routes of [`COLLECTS`].
    collector: Option<Compiled>,
    normalizer: Normalizer,
}

/// How the routes of the collector begin.
const COLLECTS: &[&str] = &["/v1/collect/", "/v1/pull/"];

/// A server that listens, and answers as soon as it is run.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    admin: Option<(TcpListener, SocketAddr)>,
    tls: Option<Arc<Tls>>,
    front: Arc<Front>,
    metrics: Arc<Metrics>,
    drain_key: String,
    ending: Duration,
}

/// Why there is no server.
#[derive(Debug)]
pub enum StartError {
    /// The normalizer is none, or asks for more than a parser needs.
    Normalizer(LoadError),
    /// The receiver cannot be run.
    Component(wasmtime::Error),
    /// The address cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// The certificates cannot be used.
    Tls(TlsError),
    /// The store cannot be opened.
    Store(String),
    /// The system gives no randomness, or no standard streams.
    System(String),
}

impl Application {
    /// Checks and compiles a receiver and the normalizer that it imports, or takes what the cache has of them. A
    /// component of another kind may stand in the receiver's place, and call no normalizer.
    ///
    /// # Errors
    ///
    /// Where they are no components, or the normalizer exports less than its world or imports more than a parser
    /// needs.
    pub fn load(
        engine: &Engine,
        receiver: &[u8],
        normalizer: &[u8],
        cache: Option<&Cache>,
    ) -> Result<Application, StartError> {
        let normalizer =
            crate::Component::load(engine, normalizer, cache).map_err(StartError::Normalizer)?;
        let engine = engine.waiting().map_err(StartError::Component)?;
        Ok(Application {
            receiver: compiled(&engine, receiver, cache)?,
            engine,
            collector: None,
            normalizer: Normalizer::new(&normalizer).map_err(StartError::Component)?,
        })
    }

    /// The same with a collector beside the receiver, which has its own routes and may call the same normalizer.
    ///
    /// # Errors
    ///
    /// Where it is no component.
    pub fn with_collector(
        self,
        collector: &[u8],
        cache: Option<&Cache>,
    ) -> Result<Application, StartError> {
        Ok(Application {
            collector: Some(compiled(&self.engine, collector, cache)?),
            ..self
        })
    }
}

fn compiled(
    engine: &Engine,
    component: &[u8],
    cache: Option<&Cache>,
) -> Result<Compiled, StartError> {
    let compiled = match cache {
        Some(cache) => cache.component(engine, component),
        None => Compiled::from_binary(engine.wasmtime(), component),
    };
    compiled.map_err(StartError::Component)
}

impl Server {
    /// Opens the store and the addresses. To the settings' variables are added `udmill_loopback`, whether all
    /// requests come from this machine, and `udmill_drain_key`, with which the host itself asks the receiver to drain
    /// its spool.
    ///
    /// # Errors
    ///
    /// Where one of them cannot be opened, or the application imports what this host does not have.
    pub async fn start(
        application: &Application,
        settings: Settings,
    ) -> Result<Server, StartError> {
        let Settings { limits, tls, .. } = settings;
        let (listener, address) = listen(settings.listen).await?;
        let admin = match settings.admin {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let system = |error: &dyn fmt::Display| StartError::System(error.to_string());
        let metrics = Arc::new(Metrics::default());
        let stdout = Arc::new(Sink::stdout().map_err(|error| system(&error))?);
        let stderr = Arc::new(Sink::stderr(&metrics).map_err(|error| system(&error))?);
        let tls = tls.map(|files| Tls::new(files, &stderr)).transpose();
        let drain_key = new_secret().map_err(|error| system(&error))?;
        let own = [
            ("udmill_loopback", address.ip().is_loopback().to_string()),
            ("udmill_drain_key", drain_key.clone()),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        let shared = Shared {
            variables: Variables::new(settings.variables.into_iter().chain(own)),
            store: Store::open(&settings.state, limits.store).map_err(StartError::Store)?,
            outbound: outbound::Outbound::new(settings.allowed, &stderr),
            stdout,
            logs: Arc::clone(&stderr),
            stderr: Arc::clone(&stderr),
        };
        let front = Front::new(application, &shared, limits, &metrics);
        Ok(Server {
            listener,
            address,
            admin,
            tls: tls.map_err(StartError::Tls)?.map(Arc::new),
            front: Arc::new(front.map_err(StartError::Component)?),
            metrics,
            drain_key,
            ending: limits.ending,
        })
    }

    /// Where requests come to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where metrics are shown.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(|(_, address)| *address)
    }

    /// Answers requests until `stop` is done; then lets those that are under way end, within their time.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let (stopper, stopped) = watch::channel(false);
        tokio::spawn(connections::serve(
            self.listener,
            self.tls,
            Arc::clone(&self.front),
            stopped.clone(),
        ));
        if let Some((listener, _)) = self.admin {
            let admin = Arc::new(Admin(self.metrics));
            tokio::spawn(connections::serve(listener, None, admin, stopped.clone()));
        }
        tokio::spawn(drain::drain(self.front, self.drain_key, stopped));
        stop.await;
        // Everything that is under way holds a receiver.
        let _ = stopper.send(true);
        let _ = time::timeout(self.ending, stopper.closed()).await;
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let wrong = |error| StartError::Listen(address, error);
    let listener = TcpListener::bind(address).await.map_err(wrong)?;
    let bound = listener.local_addr().map_err(wrong)?;
    Ok((listener, bound))
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Normalizer(error) => write!(f, "the normalizer cannot be used: {error}"),
            StartError::Component(error) => {
                write!(
                    f,
                    "expected a receiver that this host can run, but found that {error:#}"
                )
            }
            StartError::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            StartError::Tls(error) => error.fmt(f),
            StartError::Store(error) => f.write_str(error),
            StartError::System(error) => write!(f, "the system failed: {error}"),
        }
    }
}

impl std::error::Error for StartError {}
