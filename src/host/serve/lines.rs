//! What instances print, in whole lines: those of several instances never mix, whoever reads them may be slow, and
//! one that cannot be written is told to the instance that printed it.
//!
//! What an instance printed waits here until it is flushed, as Rust's library does at the end of each call, and until
//! its last line feed is there: what was printed in one call stays together.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use tokio::task::{self, JoinHandle};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use super::metrics::Metrics;

/// A place that takes whole lines.
pub(super) struct Sink {
    file: File,
    /// Nobody reads a regular file slowly, nor what is written to nowhere.
    is_quick: bool,
    /// Whether the last write ended within a line.
    torn: Mutex<bool>,
    /// Who counts the lines.
    metrics: Option<Arc<Metrics>>,
}

/// What one instance prints to a sink.
#[derive(Clone)]
pub(super) struct Lines {
    sink: Arc<Sink>,
    begun: Arc<Mutex<Vec<u8>>>,
}

/// The longest line; a log has 4 MiB at most, and its event not much more.
const LONGEST: usize = 16 << 20;

/// What a pipe that can be written to takes without waiting, on Linux and elsewhere.
const PIECE: usize = 4096;

const NOWHERE: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

impl Sink {
    /// Standard output.
    pub fn stdout() -> io::Result<Sink> {
        Ok(Sink::to(duplicate(&io::stdout())?))
    }

    /// Standard error, with the lines counted.
    pub fn stderr(metrics: &Arc<Metrics>) -> io::Result<Sink> {
        let mut sink = Sink::to(duplicate(&io::stderr())?);
        sink.metrics = Some(Arc::clone(metrics));
        Ok(sink)
    }

    /// Nobody reads it.
    pub fn nowhere() -> io::Result<Sink> {
        Ok(Sink::to(File::options().write(true).open(NOWHERE)?))
    }

    pub fn to(file: File) -> Sink {
        Sink {
            is_quick: file
                .metadata()
                .is_ok_and(|it| it.is_file() || is_nowhere(&it)),
            file,
            torn: Mutex::new(false),
            metrics: None,
        }
    }

    /// Writes a line of the host itself. If nobody can read it, that is no reason to stop.
    pub fn say(&self, line: &str) {
        let line = line.replace(char::is_control, " ");
        let _ = self.write(format!("{line}\n").as_bytes());
    }

    /// Writes whole lines, and waits as long as it takes.
    fn write(&self, lines: &[u8]) -> io::Result<()> {
        let mut torn = self.torn.lock().unwrap_or_else(PoisonError::into_inner);
        self.write_after(lines, &mut torn)
    }

    /// Writes whole lines if nothing has to be waited for.
    fn write_now(&self, lines: &[u8]) -> Option<io::Result<()>> {
        let mut torn = self.torn.try_lock().ok()?;
        let fits = self.is_quick || lines.len() <= PIECE && is_ready(&self.file);
        fits.then(|| self.write_after(lines, &mut torn))
    }

    fn write_after(&self, lines: &[u8], torn: &mut bool) -> io::Result<()> {
        if *torn {
            // What is there of a line stays alone on its own.
            self.write_pieces(b"\n", torn)?;
        }
        self.write_pieces(lines, torn)
    }

    fn write_pieces(&self, mut bytes: &[u8], torn: &mut bool) -> io::Result<()> {
        while !bytes.is_empty() {
            match (&self.file).write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => {
                    *torn = bytes[length - 1] != b'\n';
                    bytes = &bytes[length..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Lines {
    pub fn new(sink: &Arc<Sink>) -> Lines {
        Lines {
            sink: Arc::clone(sink),
            begun: Arc::default(),
        }
    }

    fn add(&self, bytes: Bytes) -> io::Result<()> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if begun.len() + bytes.len() > LONGEST {
            begun.clear();
            let message = "the line is too long";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        if begun.is_empty() {
            // Of what nobody else has, this is no copy.
            *begun = bytes.into();
        } else {
            begun.extend_from_slice(&bytes);
        }
        Ok(())
    }

    /// Takes the lines that are complete; they are counted even if nobody takes them.
    fn complete(&self) -> Vec<u8> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let end = begun.iter().rposition(|byte| *byte == b'\n');
        let rest = begun.split_off(end.map_or(0, |end| end + 1));
        let lines = mem::replace(&mut *begun, rest);
        if let Some(metrics) = &self.sink.metrics {
            metrics.count(&lines);
        }
        lines
    }
}

/// An instance's way to its [`Lines`]: where the reader is slow, only this instance waits.
struct Writing {
    lines: Lines,
    task: Option<JoinHandle<io::Result<()>>>,
    failed: Option<io::Error>,
}

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Lines {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Writing {
            lines: self.clone(),
            task: None,
            failed: None,
        })
    }
}

#[async_trait]
impl Pollable for Writing {
    async fn ready(&mut self) {
        if let Some(task) = &mut self.task {
            let written = task.await;
            self.task = None;
            let written = written.unwrap_or_else(|error| Err(io::Error::other(error)));
            self.failed = written.err();
        }
    }
}

#[async_trait]
impl OutputStream for Writing {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.lines.add(bytes).map_err(told)
    }

    fn flush(&mut self) -> StreamResult<()> {
        let lines = self.lines.complete();
        if lines.is_empty() {
            return Ok(());
        }
        match self.lines.sink.write_now(&lines) {
            Some(written) => written.map_err(told),
            None => {
                let sink = Arc::clone(&self.lines.sink);
                self.task = Some(task::spawn_blocking(move || sink.write(&lines)));
                Ok(())
            }
        }
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        match (self.failed.take(), &self.task) {
            (Some(error), _) => Err(told(error)),
            (None, Some(_)) => Ok(0),
            (None, None) => Ok(LONGEST),
        }
    }
}

/// WASI 0.3 has no flush: every write is one.
impl AsyncWrite for Lines {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.add(Bytes::copy_from_slice(bytes)).and_then(|()| {
            let lines = self.complete();
            task::block_in_place(|| self.sink.write(&lines))
        });
        Poll::Ready(written.map(|()| bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn told(error: io::Error) -> StreamError {
    StreamError::LastOperationFailed(error.into())
}

#[cfg(unix)]
fn duplicate(stream: &impl std::os::fd::AsFd) -> io::Result<File> {
    Ok(stream.as_fd().try_clone_to_owned()?.into())
}

#[cfg(windows)]
fn duplicate(stream: &impl std::os::windows::io::AsHandle) -> io::Result<File> {
    Ok(stream.as_handle().try_clone_to_owned()?.into())
}

/// Whether what is written there is gone at once.
#[cfg(unix)]
fn is_nowhere(found: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(NOWHERE).is_ok_and(|it| it.rdev() == found.rdev())
}

/// Elsewhere than on Unix nobody can tell.
#[cfg(not(unix))]
fn is_nowhere(_: &Metadata) -> bool {
    false
}

/// Whether a write of a piece would not wait.
#[cfg(unix)]
fn is_ready(file: &File) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut asked = [PollFd::new(file, PollFlags::OUT)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut asked, Some(&at_once)).is_ok_and(|ready| ready > 0)
}

/// Elsewhere than on Unix nobody can tell.
#[cfg(not(unix))]
fn is_ready(_: &File) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek};

    fn sink() -> (Arc<Sink>, File) {
        let file = tempfile::tempfile().unwrap();
        (Arc::new(Sink::to(file.try_clone().unwrap())), file)
    }

    fn text(mut file: File) -> String {
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    }

    /// Prints to the end of a call.
    fn print(lines: &Lines, text: &[u8]) -> io::Result<()> {
        lines.add(Bytes::copy_from_slice(text))?;
        lines.sink.write(&lines.complete())
    }

    #[test]
    fn lines_of_two_instances_do_not_mix() {
        let (sink, file) = sink();
        let (a, b) = (Lines::new(&sink), Lines::new(&sink));
        for (lines, piece) in [
            (&a, "one "),
            (&b, "uno\ndue "),
            (&a, "two\nthree\nfo"),
            (&b, "tre\n"),
            (&a, "ur\n"),
        ] {
            print(lines, piece.as_bytes()).unwrap();
        }
        assert_eq!(text(file), "uno\none two\nthree\ndue tre\nfour\n");
    }

    #[test]
    fn what_follows_half_a_line_begins_on_its_own() {
        let (sink, file) = sink();
        (&sink.file).write_all(b"hal").unwrap();
        *sink.torn.lock().unwrap() = true;
        sink.write(b"whole\n").unwrap();
        sink.write(b"next\n").unwrap();
        assert_eq!(text(file), "hal\nwhole\nnext\n");
    }

    #[test]
    fn a_line_without_end_is_an_error_and_not_kept() {
        let (sink, file) = sink();
        let lines = Lines::new(&sink);
        print(&lines, &vec![b'x'; LONGEST]).unwrap();
        assert!(print(&lines, b"x").is_err());
        print(&lines, b"next\n").unwrap();
        assert_eq!(text(file), "next\n");
    }
}
