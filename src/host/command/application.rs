//! Arguments of the commands that run the receiver or the collector: configuration, store, components.

use std::fs;
use std::path::{Path, PathBuf};

use receiver::config::check::check;
use receiver::config::section::Problem;
use receiver::config::{Collect, Config};
use receiver::wit::transform;
use tokio::runtime::{self, Runtime};
use udmill::Component;
use udmill::serve::{Allowed, Application, Inside, ServerLimits, StartError, Store, Variables};
use udmill::wit::{FieldNames, Invalid, Label, Options};

use super::Stop;
use super::args::{self, ComponentArgs};

/// What every command is given that runs components by a configuration.
#[derive(clap::Args)]
pub struct GivenArgs {
    /// Feeds, destinations and collectors, in TOML; the variable `udmill_config` by default.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A variable that the configuration names as {NAME}; also taken from SPIN_VARIABLE_<NAME>, where no process list
    /// shows it. May be repeated.
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = variable)]
    variables: Vec<(String, String)>,
    #[command(flatten)]
    component: ComponentArgs,
}

/// The receiver, and what it is given.
#[derive(clap::Args)]
pub struct ReceiverArgs {
    #[command(flatten)]
    pub given: GivenArgs,
    #[command(flatten)]
    pub state: StateArgs,
    /// The receiver to use instead of the one that came with this command.
    #[arg(
        long,
        value_name = "FILE.wasm",
        env = "UDMILL_RECEIVER",
        hide_env_values = true
    )]
    receiver: Option<PathBuf>,
}

/// The collector, and what it is given.
#[derive(clap::Args)]
pub struct CollectorArgs {
    #[command(flatten)]
    pub given: GivenArgs,
    /// The collector to use instead of the one that came with this command.
    #[arg(
        long,
        value_name = "FILE.wasm",
        env = "UDMILL_COLLECTOR",
        hide_env_values = true
    )]
    collector: Option<PathBuf>,
}

/// Where the store is.
#[derive(clap::Args)]
pub struct StateArgs {
    /// The folder of the store: spool, quarantine, ledger, progress. The user's state folder by default.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl GivenArgs {
    /// Whether a file has the configuration.
    pub fn has_config(&self) -> bool {
        self.config.is_some()
    }

    /// The variables of the command line, and the configuration's text as one of them.
    pub fn variables(&self) -> Result<Vec<(String, String)>, Stop> {
        let mut given = self.variables.clone();
        if let Some(path) = &self.config {
            given.push(("udmill_config".to_owned(), text(path)?));
        }
        Ok(given)
    }

    /// The application around this component, and the normalizer that is in it.
    fn load(&self, component: &[u8]) -> Result<(Application, Component), Stop> {
        let (_, normalizer) = self.component.read()?;
        let (engine, cache) = (args::engine()?, args::cache());
        let application = Application::load(&engine, component, &normalizer, cache.as_ref());
        let application = application.map_err(stop)?;
        let normalizer = Component::load(&engine, &normalizer, cache.as_ref());
        let normalizer = normalizer
            .map_err(|error| Stop::Usage(format!("cannot use the normalizer: {error}")))?;
        Ok((application, normalizer))
    }
}

impl ReceiverArgs {
    /// The receiver, and the normalizer that is in it.
    pub fn load(&self) -> Result<(Application, Component), Stop> {
        let receiver = self.receiver.as_deref();
        let (_, receiver) = args::read(receiver, "udmill_receiver.wasm", "--receiver")?;
        self.given.load(&receiver)
    }
}

impl CollectorArgs {
    /// The collector, and the normalizer that is in it.
    pub fn load(&self) -> Result<(Application, Component), Stop> {
        let collector = self.collector.as_deref();
        let (_, collector) = args::read(collector, "udmill_collector.wasm", "--collector")?;
        self.given.load(&collector)
    }
}

impl StateArgs {
    /// The folder of the store.
    pub fn folder(&self) -> Result<PathBuf, Stop> {
        match &self.state {
            Some(folder) => Ok(folder.clone()),
            None => Store::folder_of_user().map_err(Stop::Usage),
        }
    }
}

/// The configuration among these variables and those of the environment, of which the normalizer sees the feeds' options.
pub fn read(
    given: &[(String, String)],
    is_loopback: bool,
    normalizer: &Component,
) -> Result<Config, Vec<Problem>> {
    read_with(given, is_loopback, normalizer, &collector::config::origins)
}

/// The same for whoever wants to see the tables of collectors.
pub fn read_with(
    given: &[(String, String)],
    is_loopback: bool,
    normalizer: &Component,
    collect: Collect<'_>,
) -> Result<Config, Vec<Problem>> {
    let variables = Variables::new(given.iter().cloned());
    let text = variables.get("udmill_config").unwrap_or_default();
    let options = |options: &transform::Options| {
        let answer = normalizer
            .instantiate()
            .and_then(|mut it| it.normalize(&[], &options_of(options)));
        match answer.map_err(|trap| trap.to_string())? {
            Ok(_) => Ok(()),
            Err(Invalid::UnknownLogType(message) | Invalid::InvalidOption(message)) => Err(message),
        }
    };
    check(text, variables.all(), is_loopback, &options, collect)
}

/// A feed's options, as the normalizer takes them.
pub fn options_of(feed: &transform::Options) -> Options {
    let label = |it: &transform::Label| Label {
        key: it.key.clone(),
        value: it.value.clone(),
        rbac_enabled: it.rbac_enabled,
    };
    Options {
        log_type: feed.log_type.clone(),
        split_delimiter: feed.split_delimiter.clone(),
        namespace: feed.namespace.clone(),
        labels: feed.labels.iter().map(label).collect(),
        field_names: FieldNames::LowerCamel,
    }
}

/// The application in this process, which listens nowhere, and what it runs in.
pub fn inside(
    application: &Application,
    state: &Path,
    given: Vec<(String, String)>,
    allowed: Allowed,
) -> Result<(Runtime, Inside), Stop> {
    let runtime = runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Stop::Failed(error.to_string()))?;
    let inside = {
        let _entered = runtime.enter();
        Inside::start(application, state, given, allowed, ServerLimits::default())
    };
    Ok((runtime, inside.map_err(stop)?))
}

/// The text of a configuration.
fn text(path: &Path) -> Result<String, Stop> {
    fs::read_to_string(path)
        .map_err(|error| Stop::Usage(format!("cannot read the configuration {path:?}: {error}")))
}

/// What does not start was told something wrong.
pub fn stop(error: StartError) -> Stop {
    Stop::Usage(error.to_string())
}

/// A variable of the command line.
fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if Variables::is_name(name) => Ok((name.to_owned(), value.to_owned())),
        _ => Err(
            "expected NAME=VALUE, the name in lower-case letters, digits and underscores"
                .to_owned(),
        ),
    }
}
