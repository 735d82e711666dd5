use std::fs::File;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use event_grid::{Answer, Random, Request, Schema, notification};
use host_test::running::{Receiver, Start, config};
use secops::SecOps;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use udmill::serve::{Allowed, Application, Server, ServerLimits, Settings};
use udmill::{Engine, Limits};

use crate::{delivery, destination};

#[test]
fn a_body_beyond_the_hosts_limit_is_answered_413() {
    let host = Receiver::start(&config("", "type = \"stdout\""));
    let mut request = delivery();
    request.body = vec![b' '; (16 << 20) + 1];
    // The host need not read to the end what it refuses.
    match event_grid::send(host.address, &host_test::running::feed(), &request) {
        Ok(answer) => assert_eq!(answer.status, 413),
        Err(error) => assert!(matches!(
            error.kind(),
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
        )),
    }
    assert_eq!(host.deliver(&delivery()).status, 200);
}

/// The receiver in this process, with limits of its own; it ends with the test.
struct Own {
    address: SocketAddr,
    _folder: TempDir,
    _runtime: Runtime,
}

impl Own {
    fn start(limits: Limits, text: &str, allowed: Allowed) -> Own {
        let folder = tempfile::tempdir().unwrap();
        let read = |name| std::fs::read(host_test::component_file(name)).unwrap();
        let engine = Engine::new(limits).unwrap();
        let (receiver, transform) = (read("udmill_receiver.wasm"), read("udmill_transform.wasm"));
        let application = Application::load(&engine, &receiver, &transform, None).unwrap();
        let variables = [
            ("udmill_config", text),
            ("admin_key", "a"),
            ("azdo_key", "k"),
            ("azdo_secret", "s"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            admin: None,
            state: folder.path().to_owned(),
            tls: None,
            variables: variables.into(),
            allowed,
            limits: ServerLimits::default(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let server = runtime
            .block_on(Server::start(&application, settings))
            .unwrap();
        let address = server.address();
        runtime.spawn(server.run(std::future::pending()));
        Own {
            address,
            _folder: folder,
            _runtime: runtime,
        }
    }

    fn deliver(&self, request: &Request) -> Answer {
        event_grid::send(self.address, "/v1/feeds/azdo?key=k&secret=s", request).unwrap()
    }
}

#[test]
fn an_origin_that_the_host_was_not_told_is_denied() {
    let (listener, text) = destination();
    listener.set_nonblocking(true).unwrap();
    let host = Own::start(
        Limits::default(),
        &text,
        Allowed::new(["http://127.0.0.1:1"]),
    );
    assert_eq!(host.deliver(&delivery()).status, 503);
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// A delivery that takes the components some work: of this many bytes.
fn long(length: usize) -> Request {
    let mut events = event_grid::events(&mut Random::new(8), 1);
    events[0] = events[0].clone().saying(&"x\\".repeat(length / 3));
    notification(&[&events[0]], Schema::EventGrid, 0)
}

/// Sends it until its instance is ended, which is answered 500: Event Grid repeats that. Another instance answers the next.
#[track_caller]
fn assert_ended(limits: Limits, request: &Request) {
    let secops = SecOps::start();
    let text = format!("type = \"http\"\nurl = \"{}\"", secops.lines_url());
    let host = Own::start(
        limits,
        &config("", &text),
        Allowed::new([secops.lines_url()]),
    );
    for _ in 0..2 {
        let mut answers = (0..100).map(|_| host.deliver(request));
        let ended = answers.find(|it| it.status == 500).unwrap();
        assert_eq!(ended.text(), "{\"error\":\"trapped\"}");
        // On a machine that has much else to do, also this may take longer than it should.
        let mut answers = (0..9).map(|_| host.deliver(&delivery()).status);
        assert!(answers.any(|it| it == 200));
    }
}

#[test]
fn an_instance_that_asks_for_too_much_memory_is_ended_alone_and_answered_500() {
    let limits = Limits {
        memory: 4 << 20,
        ..Limits::default()
    };
    assert_ended(limits, &long(3 << 20));
}

#[test]
fn an_instance_that_computes_for_too_long_is_ended_alone_and_answered_500() {
    // Nothing is known to keep the components busy for seconds; so what a delivery takes is too long here.
    let limits = Limits {
        call: Duration::ZERO,
        ..Limits::default()
    };
    assert_ended(limits, &long(3 << 20));
}

#[test]
fn a_normalizer_that_asks_for_too_much_memory_ends_with_its_request_and_the_next_is_answered() {
    let text = config("", "type = \"stdout\"");
    let host = Receiver::start(&format!("max_body = \"8MiB\"\n{text}"));
    // Of few bytes many logs, each rejected in many words.
    let body = "{}\n".repeat(2_500_000).into_bytes();
    let request = event_grid::post(&[("content-type", "text/plain".to_owned())], body);
    for _ in 0..2 {
        let answer = host.deliver(&request);
        assert_eq!(
            (answer.status, &*answer.text()),
            (500, "{\"error\":\"trapped\"}")
        );
        assert_eq!(host.deliver(&delivery()).status, 200);
    }
    host.logged("expected the component to need at most 128 MiB of memory");
}

#[cfg(target_os = "linux")]
#[test]
fn a_delivery_that_cannot_be_printed_is_answered_503() {
    let start = Start::with(&config("", "type = \"stdout\""));
    let host = start.run_with(|command: &mut Command| {
        command.stdout(Stdio::from(
            File::options().write(true).open("/dev/full").unwrap(),
        ));
    });
    assert_eq!(host.deliver(&delivery()).status, 503);
}
