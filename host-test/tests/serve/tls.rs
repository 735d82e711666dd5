use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use host_test::running::{Start, config};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// A new certificate for `receiver.example` and its key, written as PEM files.
fn certify(folder: &Path) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["receiver.example".to_owned()]).unwrap();
    let pem = |label, der: &[u8]| {
        format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
            lines(der)
        )
    };
    fs::write(
        folder.join("key.pem"),
        pem("PRIVATE KEY", &signing_key.serialize_der()),
    )
    .unwrap();
    fs::write(folder.join("cert.pem"), pem("CERTIFICATE", cert.der())).unwrap();
    cert.der().clone()
}

fn lines(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy);
    lines.collect::<Vec<_>>().join("\n")
}

/// What the host answers to whoever trusts this certificate alone.
fn ask(address: SocketAddr, trusted: &CertificateDer<'static>) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "receiver.example".try_into().unwrap();
    let client = ClientConnection::new(Arc::new(client), name).unwrap();
    let mut stream = StreamOwned::new(client, TcpStream::connect(address)?);
    stream.write_all(
        b"GET /healthz HTTP/1.1\r\nhost: receiver.example\r\nconnection: close\r\n\r\n",
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_renewed_certificate_is_used_for_the_next_connection_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name| folder.path().join(name).to_str().unwrap().to_owned();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let first = certify(folder.path());
    let host = Start::with(&config("", "type = \"stdout\""))
        .arguments(&["--tls-cert", &cert, "--tls-key", &key])
        .run();
    assert!(
        ask(host.address, &first)
            .unwrap()
            .starts_with("HTTP/1.1 200 OK\r\n")
    );

    let second = certify(folder.path());
    assert!(ask(host.address, &first).is_err());
    assert!(
        ask(host.address, &second)
            .unwrap()
            .starts_with("HTTP/1.1 200 OK\r\n")
    );

    fs::write(&cert, "no certificate").unwrap();
    assert!(
        ask(host.address, &second)
            .unwrap()
            .starts_with("HTTP/1.1 200 OK\r\n")
    );
    host.logged("the former certificate stays in use");
}

#[test]
fn a_file_without_a_key_is_told_before_anything_is_served() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path());
    let cert = folder.path().join("cert.pem");
    let mut command = Command::new(host_test::command());
    command.env("XDG_CACHE_HOME", host_test::cache());
    command.args(["serve", "--listen", "127.0.0.1:0", "--state"]);
    command.arg(folder.path().join("state")).arg("--tls-cert");
    let output = command.arg(&cert).arg("--tls-key").arg(&cert).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let expected = format!("udmill: expected a private key in PEM in {cert:?}, but found none\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
}
