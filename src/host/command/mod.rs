//! The command line: one file a subcommand.
//!
//! Standard output carries results and nothing else; everything said about them goes to standard error. The exit status is
//! 0 when all went well, 1 for wrong usage or configuration, 2 when logs were rejected or events are not valid, 3 when an
//! input or an output failed, and 130 after an interrupt.

mod application;
mod args;
mod collect;
mod deliver;
mod explain;
mod feed;
mod output;
mod probe;
mod progress;
mod rejects;
mod rounds;
mod sample;
mod secret;
mod serve;
mod sources;
mod table;
mod transform;
mod validate;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

/// Turns raw audit logs into Google SecOps UDM events.
///
/// Without a command: `serve` as it is without a configuration.
#[derive(Parser)]
#[command(name = "udmill", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Transform(transform::Args),
    Explain(explain::Args),
    Validate(validate::Args),
    Sources(sources::Args),
    Serve(Box<serve::Args>),
    Deliver(Box<deliver::Args>),
    Collect(collect::Args),
    Feed(feed::Args),
    Probe(Box<probe::Args>),
    Secret(secret::Args),
}

/// How a command ended, where it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    /// All went well.
    Done = 0,
    /// Some logs were rejected, or events are not valid.
    Rejected = 2,
    /// An input or an output failed; the others were done.
    Failed = 3,
}

/// Why a command cannot go on.
enum Stop {
    /// Wrong usage or configuration.
    Usage(String),
    /// An input or an output failed.
    Failed(String),
    /// Whoever read the results has gone, which is no error.
    Closed,
}

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    let cli = match Cli::command()
        .try_get_matches()
        .and_then(|it| Cli::from_arg_matches(&it))
    {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to standard output, and whoever closed it knows why.
            let _ = error.print();
            return ExitCode::from(u8::from(error.use_stderr()));
        }
    };
    // A server ends in its own way, and so does what works in rounds.
    let ends_itself = matches!(
        cli.command,
        None | Some(Command::Serve(_) | Command::Collect(_) | Command::Feed(_))
    );
    if !ends_itself {
        output::exit_when_interrupted();
    }
    let ended = match cli.command {
        Some(Command::Transform(args)) => transform::run(args),
        Some(Command::Explain(args)) => explain::run(args),
        Some(Command::Validate(args)) => validate::run(args),
        Some(Command::Sources(args)) => sources::run(args),
        Some(Command::Serve(args)) => serve::run(*args),
        Some(Command::Deliver(args)) => deliver::run(*args),
        Some(Command::Collect(args)) => collect::run(args),
        Some(Command::Feed(args)) => feed::run(args),
        Some(Command::Probe(args)) => probe::run(*args),
        Some(Command::Secret(args)) => secret::run(args),
        None => serve::run_alone(),
    };
    match ended {
        Ok(status) => ExitCode::from(status as u8),
        Err(Stop::Closed) => ExitCode::SUCCESS,
        Err(Stop::Usage(message)) => {
            output::complain(&message);
            ExitCode::from(1)
        }
        Err(Stop::Failed(message)) => {
            output::complain(&message);
            ExitCode::from(Status::Failed as u8)
        }
    }
}
