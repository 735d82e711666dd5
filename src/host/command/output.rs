//! What is written, and how a command ends in the middle of it.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Stop;

static WHOLE: Mutex<()> = Mutex::new(());

/// As long as this is held, an interrupt waits: what is written meanwhile is written whole.
pub fn whole() -> MutexGuard<'static, ()> {
    WHOLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Results, to standard output.
pub fn print(bytes: &[u8]) -> Result<(), Stop> {
    let mut out = io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    written.map_err(|error| failed("standard output", &error))
}

/// What a failed write to `place` means.
pub fn failed(place: &str, error: &io::Error) -> Stop {
    match error.kind() {
        ErrorKind::BrokenPipe => Stop::Closed,
        _ => Stop::Failed(format!("cannot write to {place}: {error}")),
    }
}

/// A message for whoever runs the command. If nobody can read it, that is no reason to stop.
pub fn complain(message: &dyn Display) {
    let message = printable(&message.to_string());
    let _ = writeln!(io::stderr(), "udmill: {message}");
}

/// Text that a terminal shows and does not obey.
pub fn printable(text: &str) -> String {
    let shown = |char: char| match char.is_control() {
        true => char.escape_default().to_string(),
        false => char.to_string(),
    };
    text.chars().map(shown).collect()
}

/// Ends the process at an interrupt, between what is written whole; at a second one, at once.
#[cfg(unix)]
pub fn exit_when_interrupted() {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag;
    use std::process;
    use std::sync::atomic::AtomicBool;

    let signals = [SIGINT, SIGTERM];
    let again = Arc::new(AtomicBool::new(false));
    for signal in signals {
        // As a shell reports a process that a signal ended.
        let status = 128 + signal;
        let _ = flag::register_conditional_shutdown(signal, status, Arc::clone(&again));
        let _ = flag::register(signal, Arc::clone(&again));
    }
    if let Ok(mut signals) = signal_hook::iterator::Signals::new(signals) {
        std::thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                let _whole = whole();
                process::exit(128 + signal);
            }
        });
    }
}

/// Notes which signal asks the process to end, for whoever looks; a second one ends it at once. 0 as long as there was none.
#[cfg(unix)]
pub fn note_interrupts() -> Arc<AtomicUsize> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag;
    use std::sync::atomic::AtomicBool;

    let noted = Arc::new(AtomicUsize::new(0));
    let again = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let _ = flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&again));
        let _ = flag::register(signal, Arc::clone(&again));
        let number = usize::try_from(signal).unwrap_or_default();
        let _ = flag::register_usize(signal, Arc::clone(&noted), number);
    }
    noted
}

/// Elsewhere than on Unix, the system ends the process.
#[cfg(not(unix))]
pub fn note_interrupts() -> Arc<AtomicUsize> {
    Arc::default()
}

/// Elsewhere than on Unix, the system ends the process.
#[cfg(not(unix))]
pub fn exit_when_interrupted() {}
