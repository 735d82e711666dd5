//! `udmill serve`: the receiver over HTTP.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use receiver::secret::endpoint;
use serde_json::Value;
use tokio::runtime;
use udmill::Component;
use udmill::serve::{Allowed, Server, ServerLimits, Settings, TlsFiles, Variables, new_secret};

use super::application::{ReceiverArgs, read, stop};
use super::args;
use super::sample::SAMPLE;
use super::{Status, Stop, output};

/// Receive audit logs over HTTP, from Azure Event Grid or anybody who knows a feed's secret
///
/// Without a configuration: the feed `azdo` with a secret of its own, whose events are printed.
#[derive(Parser)]
pub struct Args {
    #[command(flatten)]
    receiver: ReceiverArgs,
    /// The collector to use instead of the one that came with this command.
    #[arg(
        long,
        value_name = "FILE.wasm",
        env = "UDMILL_COLLECTOR",
        hide_env_values = true
    )]
    collector: Option<PathBuf>,
    /// Where requests come to; port 0 takes any that is free.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// Where /metrics and /healthz are shown, to whoever can reach it; nowhere by default.
    #[arg(long, value_name = "ADDR")]
    admin_listen: Option<SocketAddr>,
    /// The certificate chain for HTTPS, in PEM; read again when it changes.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The most requests at once; beyond, they are answered 503.
    #[arg(long, value_name = "N", default_value_t = ServerLimits::default().requests)]
    max_requests: usize,
    /// The most MiB of the store; beyond, it is full.
    #[arg(long, value_name = "MIB", default_value_t = ServerLimits::default().store >> 20)]
    max_state: u64,
}

/// The configuration of whoever has none.
const EMBEDDED: &str = r#"
[feed.azdo]
log_type = "AZURE_DEVOPS"
auth = { secrets = ["{azdo_secret}"] }
destination = "stdout"

[destination.stdout]
type = "stdout"
"#;

/// As `serve` without options.
pub fn run_alone() -> Result<Status, Stop> {
    run(Args::parse_from(["serve"]))
}

pub fn run(args: Args) -> Result<Status, Stop> {
    let mut given = args.receiver.given.variables()?;
    let secret = match Variables::new(given.clone()).get("udmill_config") {
        Some(_) => None,
        None => Some(new_secret().map_err(|error| Stop::Failed(error.to_string()))?),
    };
    if let Some(secret) = &secret {
        given.push(("udmill_config".to_owned(), EMBEDDED.to_owned()));
        given.push(("azdo_secret".to_owned(), secret.clone()));
    }
    let (mut application, normalizer) = args.receiver.load()?;
    if let Some(collector) =
        args::read_if_there(args.collector.as_deref(), "udmill_collector.wasm")?
    {
        let with = application.with_collector(&collector, args::cache().as_ref());
        application = with.map_err(stop)?;
    }
    let settings = Settings {
        listen: args.listen,
        admin: args.admin_listen,
        state: args.receiver.state.folder()?,
        tls: args
            .tls_cert
            .zip(args.tls_key)
            .map(|(certificates, key)| TlsFiles { certificates, key }),
        allowed: allowed(&given, args.listen, &normalizer),
        variables: given,
        limits: ServerLimits {
            requests: args.max_requests,
            store: args.max_state << 20,
            ..ServerLimits::default()
        },
    };
    let scheme = if settings.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let runtime = runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Stop::Failed(error.to_string()))?;
    runtime.block_on(async {
        let mut signals = Signals::new().map_err(|error| Stop::Failed(error.to_string()))?;
        let server = Server::start(&application, settings).await.map_err(stop)?;
        let base = format!("{scheme}://{}", server.address());
        let mut text = format!("udmill: listening on {base}\n");
        if let Some(address) = server.admin_address() {
            let _ = writeln!(text, "udmill: metrics on http://{address}/metrics");
        }
        if let Some(secret) = &secret {
            text += &welcome(&base, secret);
        }
        let _ = io::stderr().write_all(text.as_bytes());
        server.run(signals.next()).await;
        Ok(())
    })?;
    // What is still under way has had its time.
    runtime.shutdown_background();
    Ok(Status::Done)
}

/// Where the configuration sends to. Its mistakes are told now; until they are mended, the receiver answers 503.
fn allowed(given: &[(String, String)], listen: SocketAddr, normalizer: &Component) -> Allowed {
    match read(given, listen.ip().is_loopback(), normalizer) {
        Ok(config) => Allowed::new(config.hosts()),
        Err(problems) => {
            output::complain(
                &"the configuration cannot be used, and every delivery is answered 503:",
            );
            for problem in problems {
                output::complain(&problem);
            }
            Allowed::default()
        }
    }
}

/// What to try first.
fn welcome(base: &str, secret: &str) -> String {
    let sample: Value = serde_json::from_slice(SAMPLE).unwrap_or_default();
    // Within single quotes a shell leaves everything as it is but these.
    let sample = Value::Array(vec![sample])
        .to_string()
        .replace('\'', r"'\''");
    let url = endpoint(base, "azdo", secret);
    format!(
        "udmill: the feed `azdo` prints the events of Azure DevOps audit logs; its secret ends with this process.\n\
         \x20 URL     {base}/v1/feeds/azdo\n\
         \x20 secret  {secret}\n\
         udmill: a log to begin with, from another terminal:\n\
         curl -i -H 'content-type: application/json' -H 'aeg-event-type: Notification' -d '{sample}' '{url}'\n"
    )
}

/// What ends a server. The second time, it ends at once.
struct Signals {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
}

impl Signals {
    #[cfg(unix)]
    fn new() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            signals: [
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
            ],
        })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        let [interrupt, terminate] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        output::complain(&"requests that are under way may end; once more ends at once");
        output::exit_when_interrupted();
    }

    #[cfg(not(unix))]
    fn new() -> io::Result<Signals> {
        Ok(Signals {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
