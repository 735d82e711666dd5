//! The collector as a Spin HTTP trigger. Nothing is decided here.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use spin_sdk::wasip3;
use spin_sdk::wasip3::exports::http::handler::Guest;
use spin_sdk::wasip3::http::types::{self, ErrorCode};
use udmill_receiver::Host;
use udmill_receiver::exchange::Response;
use udmill_receiver::spin::{self, Spin};

use crate::service::Service;

/// When an answer that is still not there is given up; a run that is dropped is one that died, which loses nothing.
const GIVE_UP: Duration = Duration::from_secs(28);
/// How long a configuration with mistakes is kept.
const UNREADY: Duration = Duration::from_secs(5);
/// No request here needs a body.
const MOST_BODY: usize = 1 << 10;

struct Component;

wasip3::http::service::export!(Component);

impl Guest for Component {
    async fn handle(request: types::Request) -> Result<types::Response, ErrorCode> {
        let host = SHELL.with(|shell| shell.spin.clone());
        let arrived = host.elapsed();
        let service = service(&host, arrived).await;
        let request = spin::request(request, arrived, MOST_BODY).await;
        let within = (arrived + GIVE_UP).saturating_sub(host.elapsed());
        let answer = spin::or_late(within, service.answer(&*host, request)).await;
        let late = || Response::error(503, "deadline").with("retry-after", "30");
        spin::respond(answer.unwrap_or_else(late))
    }
}

/// The service of this instance. Whoever mends a configuration has to restart nothing.
async fn service(spin: &Spin, now: Duration) -> Rc<Service> {
    let kept = SHELL.with(|shell| shell.service.borrow().clone());
    match kept {
        Some((service, time)) if service.whole.is_ok() || now < time + UNREADY => service,
        _ => {
            let service = Rc::new(Service::load(spin).await);
            SHELL.with(|shell| shell.service.replace(Some((service.clone(), now))));
            service
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
    service: RefCell<Option<(Rc<Service>, Duration)>>,
}
