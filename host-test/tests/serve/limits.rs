use std::fs::File;
use std::io::ErrorKind;
use std::process::{Command, Stdio};

use host_test::running::{Receiver, Start, config};
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

#[test]
fn an_origin_that_the_host_was_not_told_is_denied() {
    let (listener, text) = destination();
    listener.set_nonblocking(true).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let read = |name| std::fs::read(host_test::component_file(name)).unwrap();
    let engine = Engine::new(Limits::default()).unwrap();
    let (receiver, transform) = (read("udmill_receiver.wasm"), read("udmill_transform.wasm"));
    let application = Application::load(&engine, &receiver, &transform, None).unwrap();
    let variables = [
        ("udmill_config", text.as_str()),
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
        allowed: Allowed::new(["http://127.0.0.1:1"]),
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
    let answer = event_grid::send(address, "/v1/feeds/azdo?key=k&secret=s", &delivery()).unwrap();
    assert_eq!(answer.status, 503);
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
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
