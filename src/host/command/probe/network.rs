//! The way to a receiver: its address, a connection, TLS, and HTTP/1.1 over it. A connection a request, as a first delivery of
//! Event Grid has it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, fs};

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wasmtime_wasi_http::io::TokioIo;

/// How long Event Grid waits for an answer ("Message delivery and retry", learn.microsoft.com, February 2026).
const ANSWER: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(10);
/// The most of an answer that is read.
const BODY: usize = 1 << 20;

/// Where a receiver is.
pub struct Base {
    uri: Uri,
    pub host: String,
    pub port: u16,
    pub is_https: bool,
}

/// What a receiver answers.
pub struct Answer {
    pub status: u16,
    /// Null if the body is no JSON.
    pub body: Value,
}

/// A way that leads to the receiver.
pub struct Way {
    address: SocketAddr,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Base {
    /// Reads a URL with https, or with http on loopback.
    pub fn read(text: &str) -> Result<Base, String> {
        let wrong = || "expected a URL with https, or with http on loopback".to_owned();
        let uri: Uri = text.trim_end_matches('/').parse().map_err(|_| wrong())?;
        let host = uri
            .host()
            .ok_or_else(wrong)?
            .trim_matches(['[', ']'])
            .to_owned();
        let is_loopback = host == "localhost"
            || host
                .parse()
                .is_ok_and(|it: std::net::IpAddr| it.is_loopback());
        let is_https = uri.scheme_str() == Some("https");
        let is_local = uri.scheme_str() == Some("http") && is_loopback;
        if !is_https && !is_local {
            return Err(wrong());
        }
        if uri.query().is_some() {
            return Err(
                "expected a URL without a query: secrets have options of their own".to_owned(),
            );
        }
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        Ok(Base {
            uri,
            host,
            port,
            is_https,
        })
    }

    /// The addresses of its name.
    pub async fn addresses(&self) -> Result<Vec<SocketAddr>, String> {
        let found = within(CONNECT, lookup_host((self.host.as_str(), self.port))).await?;
        let addresses: Vec<SocketAddr> = found.collect();
        match addresses.is_empty() {
            true => Err("there is no address of this name".to_owned()),
            false => Ok(addresses),
        }
    }

    /// The way over one of its addresses.
    pub fn way(&self, address: SocketAddr, ca: Option<&Path>) -> Result<Way, String> {
        let tls = match self.is_https {
            false => None,
            true => {
                let name = ServerName::try_from(self.host.clone());
                let name =
                    name.map_err(|_| format!("{:?} is no name that a certificate has", self.host))?;
                Some((TlsConnector::from(Arc::new(client(ca)?)), name))
            }
        };
        Ok(Way { address, tls })
    }
}

impl Way {
    /// Opens a connection and closes it again.
    pub async fn connect(&self) -> Result<TcpStream, String> {
        within(CONNECT, TcpStream::connect(self.address)).await
    }

    /// Shakes hands over TLS, if that is the way.
    pub async fn secure(&self) -> Result<Option<TlsStream<TcpStream>>, String> {
        let Some((connector, name)) = &self.tls else {
            return Ok(None);
        };
        let stream = self.connect().await?;
        let stream = within(CONNECT, connector.connect(name.clone(), stream)).await?;
        Ok(Some(stream))
    }

    /// Sends a request to a path below the base, and reads its answer.
    pub async fn send(
        &self,
        base: &Base,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Answer, String> {
        let authority = base.uri.authority().map_or("", |it| it.as_str());
        let host = HeaderValue::try_from(authority).map_err(|it| it.to_string())?;
        request.headers_mut().insert(HOST, host);
        let prefix = base.uri.path().trim_end_matches('/');
        let target = format!("{prefix}{}", request.uri());
        *request.uri_mut() = target
            .parse()
            .map_err(|_| "the path cannot be used".to_owned())?;
        match self.secure().await? {
            Some(stream) => within(ANSWER, exchange(stream, request)).await,
            None => within(ANSWER, exchange(self.connect().await?, request)).await,
        }
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Answer, String> {
    let told = |error: hyper::Error| format!("{}", Causes(&error));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(told)?;
    // It ends with the sender; what goes wrong with it, the sender is told.
    tokio::spawn(async {
        let _ = connection.await;
    });
    let answer = sender.send_request(request).await.map_err(told)?;
    let status = answer.status().as_u16();
    let body = Limited::new(answer.into_body(), BODY).collect().await;
    let body = body.map_err(|error| error.to_string())?.to_bytes();
    Ok(Answer {
        status,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    })
}

/// A client that trusts Mozilla's roots, and the authorities in a file.
fn client(ca: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(path) = ca {
        let wrong = |error: &dyn fmt::Display| format!("cannot read {path:?}: {error}");
        let pem = fs::read(path).map_err(|error| wrong(&error))?;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| wrong(&error))?;
            roots.add(certificate).map_err(|error| wrong(&error))?;
        }
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

async fn within<T, E: fmt::Display>(
    time: Duration,
    future: impl Future<Output = Result<T, E>>,
) -> Result<T, String> {
    match time::timeout(time, future).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err(format!("nothing within {} s", time.as_secs())),
    }
}

/// An error with what caused it.
struct Causes<'e>(&'e dyn std::error::Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_over_https_or_stay_on_this_machine() {
        for (url, is_one) in [
            ("https://receiver.example", true),
            ("https://receiver.example:8443/audit/", true),
            ("http://127.0.0.1:3000", true),
            ("http://[::1]:3000/", true),
            ("http://localhost", true),
            ("http://receiver.example", false),
            ("http://127.0.0.1.example", false),
            ("ftp://127.0.0.1", false),
            ("receiver.example", false),
            ("https://receiver.example/?secret=x", false),
            ("", false),
        ] {
            assert_eq!(Base::read(url).is_ok(), is_one, "{url}");
        }
    }
}
