//! The receiver as a Spin HTTP trigger.
//!
//! Nothing is decided here. An instance answers up to 128 requests, some of them at the same time, so that
//! configuration and tokens are read once for all of them.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use spin_sdk::wasip3;
use spin_sdk::wasip3::exports::http::handler::Guest;
use spin_sdk::wasip3::http::types::{self, ErrorCode};

use crate::exchange::Response;
use crate::host::Host;
use crate::receiver::Receiver;
use crate::spin::{self, Spin};

/// When an answer that is still not there is given up, body included: for a store that hangs. Everything else has its
/// own deadline.
const GIVE_UP: Duration = Duration::from_secs(27);
/// How long a receiver without a configuration is kept.
const UNREADY: Duration = Duration::from_secs(5);

struct Component;

wasip3::http::service::export!(Component);

impl Guest for Component {
    async fn handle(request: types::Request) -> Result<types::Response, ErrorCode> {
        let host = SHELL.with(|shell| shell.spin.clone());
        let arrived = host.elapsed();
        let receiver = receiver(&host, arrived).await;
        let request = spin::request(request, arrived, receiver.max_body()).await;
        let within = (arrived + GIVE_UP).saturating_sub(host.elapsed());
        let answer = spin::or_late(within, receiver.answer(&*host, request)).await;
        let late = || Response::error(503, "deadline").with("retry-after", "30");
        spin::respond(answer.unwrap_or_else(late))
    }
}

/// The receiver of this instance. One without a configuration is not kept for long, since whoever mends it has to
/// restart nothing.
async fn receiver(spin: &Spin, now: Duration) -> Rc<Receiver> {
    let kept = SHELL.with(|shell| shell.receiver.borrow().clone());
    match kept {
        Some((receiver, time)) if receiver.config.is_ok() || now < time + UNREADY => receiver,
        _ => {
            let receiver = Rc::new(Receiver::load(spin).await);
            SHELL.with(|shell| shell.receiver.replace(Some((receiver.clone(), now))));
            receiver
        }
    }
}

thread_local! {
    static SHELL: Shell = Shell::default();
}

/// What an instance keeps between requests.
#[derive(Default)]
struct Shell {
    spin: Rc<Spin>,
    receiver: RefCell<Option<(Rc<Receiver>, Duration)>>,
}
