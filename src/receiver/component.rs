//! The receiver as a Spin HTTP trigger. Nothing is decided here.

use std::time::Duration;

use spin_sdk::wasip3;
use spin_sdk::wasip3::exports::http::handler::Guest;
use spin_sdk::wasip3::http::types::{self, ErrorCode};

use crate::exchange::{Request, Response};
use crate::receiver::Receiver;
use crate::shell::{self, Service, Shell};
use crate::spin::Spin;

struct Component;

wasip3::http::service::export!(Component);

impl Guest for Component {
    async fn handle(request: types::Request) -> Result<types::Response, ErrorCode> {
        shell::handle(&SHELL, request).await
    }
}

thread_local! {
    static SHELL: Shell<Receiver> = Shell::default();
}

impl Service for Receiver {
    const GIVE_UP: Duration = Duration::from_secs(27);

    async fn load(spin: &Spin) -> Receiver {
        Receiver::load(spin).await
    }

    fn is_ready(&self) -> bool {
        self.config.is_ok()
    }

    fn max_body(&self) -> usize {
        Receiver::max_body(self)
    }

    async fn answer(&self, spin: &Spin, request: Request) -> Response {
        Receiver::answer(self, spin, request).await
    }
}
