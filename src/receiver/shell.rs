//! What a component of ours keeps between requests, and how it answers one: a service over Spin's interfaces.
//!
//! Nothing is decided here. An instance answers up to 128 requests, some of them at the same time, so that
//! configuration and tokens are read once for all of them.

use std::cell::RefCell;
use std::rc::Rc;
use std::thread::LocalKey;
use std::time::Duration;

use spin_sdk::wasip3::http::types::{self, ErrorCode};

use crate::exchange::{Request, Response};
use crate::host::Host;
use crate::spin::{self, Spin};

/// How long a service that is not ready is kept: whoever mends its configuration has to restart nothing.
const UNREADY: Duration = Duration::from_secs(5);

/// What answers requests.
#[expect(
    async_fn_in_trait,
    reason = "a component has one thread, and nothing sends the futures elsewhere"
)]
pub trait Service: Sized {
    /// When an answer that is still not there is given up, body included: for a store that hangs. Everything else has
    /// its own deadline.
    const GIVE_UP: Duration;

    /// Reads the configuration.
    async fn load(spin: &Spin) -> Self;

    /// Whether the configuration can be used.
    fn is_ready(&self) -> bool;

    /// The most bytes of a request's body.
    fn max_body(&self) -> usize;

    /// Answers a request.
    async fn answer(&self, spin: &Spin, request: Request) -> Response;
}

/// What an instance keeps between requests.
pub struct Shell<S> {
    spin: Rc<Spin>,
    /// The service, and when it was loaded.
    service: RefCell<Option<(Rc<S>, Duration)>>,
}

impl<S> Default for Shell<S> {
    fn default() -> Shell<S> {
        Shell {
            spin: Rc::default(),
            service: RefCell::default(),
        }
    }
}

/// Answers a request.
///
/// # Errors
/// When the answer cannot be handed to Spin.
pub async fn handle<S: Service>(
    shell: &'static LocalKey<Shell<S>>,
    request: types::Request,
) -> Result<types::Response, ErrorCode> {
    let spin = shell.with(|shell| shell.spin.clone());
    let arrived = spin.elapsed();
    let service = service(shell, &spin, arrived).await;
    let request = spin::request(request, arrived, service.max_body()).await;
    let within = (arrived + S::GIVE_UP).saturating_sub(spin.elapsed());
    let answer = spin::or_late(within, service.answer(&spin, request)).await;
    let late = || Response::error(503, "deadline").with("retry-after", "30");
    spin::respond(answer.unwrap_or_else(late))
}

/// The service of this instance.
async fn service<S: Service>(
    shell: &'static LocalKey<Shell<S>>,
    spin: &Spin,
    now: Duration,
) -> Rc<S> {
    let kept = shell.with(|shell| shell.service.borrow().clone());
    match kept {
        Some((service, time)) if service.is_ready() || now < time + UNREADY => service,
        _ => {
            let service = Rc::new(S::load(spin).await);
            shell.with(|shell| shell.service.replace(Some((service.clone(), now))));
            service
        }
    }
}
