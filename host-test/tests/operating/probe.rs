use std::fs;
use std::net::TcpListener;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use host_test::running::{ADMIN, KEY, Receiver, SECRET, Start, config};
use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::{Desk, Ended};

const STDOUT: &str = "type = \"stdout\"";

fn probe(url: &str, args: &[&str]) -> Ended {
    let desk = Desk::with("", &[]);
    desk.run(&[&["probe", "--url", url, "--feed", "azdo"], args].concat())
}

fn at(host: &Receiver) -> String {
    format!("http://{}", host.address)
}

const CREDENTIALS: &[&str] = &["--secret", SECRET, "--api-key", KEY];

#[test]
fn every_hop_has_a_line_and_the_event_is_marked() {
    let host = Receiver::start(&config("", STDOUT));
    let admin = [CREDENTIALS, &["--admin-key", ADMIN]].concat();
    let ended = probe(&at(&host), &admin);
    ended.assert(0, "");
    let hops: Vec<&str> = ended
        .stdout
        .lines()
        .map(|it| it.split_whitespace().nth(1).unwrap())
        .collect();
    let expected = [
        "name",
        "connection",
        "/healthz",
        "/readyz",
        "handshake",
        "stranger",
        "delivery",
        "/status",
    ];
    assert_eq!(hops, expected, "{}", ended.stdout);
    ended.assert(0, "ok      stranger     401 without credentials");
    ended.assert(
        0,
        "0 waiting, the oldest for 0 s; 0 in quarantine (of the feed)",
    );
    let event = host.events(1).remove(0);
    let metadata = &event["metadata"];
    assert_eq!(metadata["productEventType"], "Udmill.Probe");
    let id = metadata["productLogId"].as_str().unwrap();
    assert!(
        id.starts_with("udmill-probe-") && ended.stdout.contains(id),
        "{id}"
    );
    assert!(
        metadata["description"]
            .as_str()
            .unwrap()
            .starts_with("udmill probe")
    );
    host.requests(hops.len() - 2);
    let said = ended.stdout + &ended.stderr + &host.written();
    assert!(!said.contains(SECRET) && !said.contains(KEY) && !said.contains(ADMIN));
}

#[test]
fn the_event_of_a_probe_is_valid_udm() {
    let host = Receiver::start(&config("", STDOUT));
    probe(&at(&host), CREDENTIALS).assert(0, "(of all feeds)");
    let desk = Desk::with("", &[]);
    desk.file("event.json", host.printed(1));
    let ended = desk.run(&["validate", "event.json"]);
    assert_eq!(
        (ended.status, ended.stdout.as_str()),
        (Some(0), ""),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_wrong_secret_ends_at_the_handshake() {
    let host = Receiver::start(&config("", STDOUT));
    let wrong = ["--secret", "not the feed's", "--api-key", KEY];
    probe(&at(&host), &wrong).assert(
        3,
        "FAILED  handshake    401 unauthorized: the secret, or the API key, is not the feed's",
    );
    probe(&at(&host), &[]).assert(3, "the feed wants credentials");
    // Each probe asks /healthz and /readyz, and ends with its handshake.
    let requests = host.requests(6);
    let routes: Vec<&str> = requests
        .iter()
        .filter_map(|it| it["route"].as_str())
        .collect();
    assert_eq!(
        routes.iter().filter(|it| **it == "feed").count(),
        2,
        "{routes:?}"
    );
}

#[test]
fn what_is_wrong_is_said_at_its_hop() {
    let host = Receiver::start(&config("", STDOUT));
    let desk = Desk::with("", &[]);
    let url = at(&host);
    let other = [&["probe", "--url", &url, "--feed", "other"], CREDENTIALS].concat();
    desk.run(&other)
        .assert(3, "503 unknown_feed: the receiver has no feed of this name");
    let topics = Receiver::start(&config("topics = [\"/subscriptions/1\"]", STDOUT));
    probe(&at(&topics), CREDENTIALS).assert(3, "name one of them with --topic");
    let listed = [CREDENTIALS, &["--topic", "/subscriptions/1"]].concat();
    probe(&at(&topics), &listed).assert(0, "note    stranger     200 without credentials");
    let unready = Receiver::start(&config("colour = 1", STDOUT));
    probe(&at(&unready), CREDENTIALS).assert(
        3,
        "FAILED  /readyz      503, configuration 1 mistake, store ok",
    );
}

#[test]
fn where_nobody_listens_the_connection_is_the_last_hop() {
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let ended = probe(&format!("http://{nobody}"), CREDENTIALS);
    ended.assert(3, "FAILED  connection");
    assert_eq!(ended.stdout.lines().count(), 2, "{}", ended.stdout);
    probe("https://no-such-host.invalid", CREDENTIALS).assert(3, "FAILED  name");
    probe("http://receiver.example", CREDENTIALS).assert(1, "expected a URL with https");
}

#[test]
fn a_certificate_is_shown_with_its_end_and_refused_if_nobody_trusts_it() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [chain, key] = ["cert.pem", "key.pem"].map(|it| folder.path().join(it));
    fs::write(&chain, pem("CERTIFICATE", cert.der())).unwrap();
    fs::write(&key, pem("PRIVATE KEY", &signing_key.serialize_der())).unwrap();
    let paths = [&chain, &key].map(|it| it.to_str().unwrap());
    let start = Start::with(&config("", STDOUT));
    let host = start
        .arguments(&["--tls-cert", paths[0], "--tls-key", paths[1]])
        .run();
    let url = format!("https://localhost:{}", host.address.port());
    probe(&url, CREDENTIALS).assert(3, "FAILED  certificate");
    let trusted = [CREDENTIALS, &["--ca", paths[0]]].concat();
    let ended = probe(&url, &trusted);
    ended.assert(0, "ok      certificate  TLS 1.3, valid until 4096-01-01");
    ended.assert(0, "ok      delivery");
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}
