//! The collector as a Spin HTTP trigger. Nothing is decided here.

use std::time::Duration;

use spin_sdk::wasip3;
use spin_sdk::wasip3::exports::http::handler::Guest;
use spin_sdk::wasip3::http::types::{self, ErrorCode};
use udmill_receiver::exchange::{Request, Response};
use udmill_receiver::shell::{self, Shell};
use udmill_receiver::spin::Spin;

use crate::service::Service;

/// No request here needs a body.
const MOST_BODY: usize = 1 << 10;

struct Component;

wasip3::http::service::export!(Component);

impl Guest for Component {
    async fn handle(request: types::Request) -> Result<types::Response, ErrorCode> {
        shell::handle(&SHELL, request).await
    }
}

thread_local! {
    static SHELL: Shell<Service> = Shell::default();
}

impl shell::Service for Service {
    /// A run that is dropped is one that died, which loses nothing.
    const GIVE_UP: Duration = Duration::from_secs(28);

    async fn load(spin: &Spin) -> Service {
        Service::load(spin).await
    }

    fn is_ready(&self) -> bool {
        self.whole.is_ok()
    }

    fn max_body(&self) -> usize {
        MOST_BODY
    }

    async fn answer(&self, spin: &Spin, request: Request) -> Response {
        Service::answer(self, spin, request).await
    }
}
