//! HTTP/1.1 over TCP, and over TLS where there are certificates: connections that come and go, and end well when the
//! server does.

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::rt::{Sleep, Timer};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time;
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::io::TokioIo;

use super::tls::Tls;

/// The most connections at once; others wait to be accepted.
const MOST: usize = 1024;

/// How long a client may take for its handshake, for the head of a request, and between two requests.
const HEAD: Duration = Duration::from_secs(60);

/// The most bytes of the head of a request.
const HEAD_BYTES: usize = 64 << 10;

/// Answers requests.
pub(super) trait Answer: Send + Sync + 'static {
    fn answer(&self, request: Request<Incoming>)
    -> impl Future<Output = Response<WasiBody>> + Send;
}

/// Serves connections until it is told to stop; what it spawned lives as long as there are clones of `stop`.
pub(super) async fn serve<A: Answer>(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    answer: Arc<A>,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(MOST));
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, stream) = tokio::select! {
            accepted = accepted => accepted,
            () = stopped(&mut stop) => return,
        };
        let Ok((stream, _)) = stream else {
            // The client has gone, or there are too many open files: those end some time.
            time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let (tls, answer, stop) = (tls.clone(), Arc::clone(&answer), stop.clone());
        tokio::spawn(async move {
            // What goes wrong with a connection is the client's to see.
            let _ = connect(stream, tls, answer, stop).await;
            drop(place);
        });
    }
}

async fn connect<A: Answer>(
    stream: TcpStream,
    tls: Option<Arc<Tls>>,
    answer: Arc<A>,
    stop: watch::Receiver<bool>,
) -> io::Result<()> {
    // A small answer goes out at once, not after the acknowledgement of what was sent before.
    stream.set_nodelay(true)?;
    match tls {
        None => talk(stream, answer, stop).await,
        Some(tls) => {
            let stream = time::timeout(HEAD, tls.acceptor().accept(stream)).await??;
            talk(stream, answer, stop).await
        }
    }
}

async fn talk<A: Answer>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: Arc<A>,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let service = service_fn(|request| {
        let answer = Arc::clone(&answer);
        async move { Ok::<_, Infallible>(answer.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(Clock)
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    ended.map_err(io::Error::other)
}

/// Waits until the server is told to stop, or has gone.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Tokio's clock, for hyper.
#[derive(Clone, Copy)]
struct Clock;

struct Alarm(Pin<Box<time::Sleep>>);

impl Timer for Clock {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(Alarm(Box::pin(time::sleep(duration))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Alarm(Box::pin(time::sleep_until(deadline.into()))))
    }
}

impl Future for Alarm {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(task)
    }
}

impl Sleep for Alarm {}
