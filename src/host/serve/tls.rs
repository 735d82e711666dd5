//! HTTPS, since Event Grid posts to nothing else: a certificate chain and its key in PEM files, read again when they
//! change.
//!
//! Whoever renews certificates only has to replace the files. While they do not fit together, the former ones stay in
//! use.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::lines::Sink;

/// The files.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate, then what it was signed with.
    pub certificates: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Certificates that follow their files.
pub(super) struct Tls {
    files: TlsFiles,
    loaded: Mutex<Loaded>,
    log: Arc<Sink>,
}

struct Loaded {
    seen: Option<[Stamp; 2]>,
    acceptor: TlsAcceptor,
}

/// What tells a file from the one that replaced it.
type Stamp = (SystemTime, u64);

/// Why certificates cannot be used.
#[derive(Debug)]
pub struct TlsError(String);

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// Where they cannot be read, are no PEM files, or do not fit together.
    pub fn new(files: TlsFiles, log: &Arc<Sink>) -> Result<Tls, TlsError> {
        let seen = stamps(&files).ok();
        let acceptor = read(&files)?;
        Ok(Tls {
            files,
            loaded: Mutex::new(Loaded { seen, acceptor }),
            log: Arc::clone(log),
        })
    }

    /// What the next connection is accepted with.
    pub fn acceptor(&self) -> TlsAcceptor {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamps(&self.files).ok();
        if now != loaded.seen {
            // Also if it fails: then it is tried, and told, again when the files change again.
            loaded.seen = now;
            match read(&self.files) {
                Ok(acceptor) => {
                    loaded.acceptor = acceptor;
                    self.log.say("udmill: the changed certificate is in use");
                }
                Err(error) => self.log.say(&format!(
                    "udmill: the former certificate stays in use: {error}"
                )),
            }
        }
        loaded.acceptor.clone()
    }
}

fn stamps(files: &TlsFiles) -> io::Result<[Stamp; 2]> {
    let stamp = |path: &Path| -> io::Result<Stamp> {
        let found = fs::metadata(path)?;
        Ok((found.modified()?, found.len()))
    };
    Ok([stamp(&files.certificates)?, stamp(&files.key)?])
}

fn read(files: &TlsFiles) -> Result<TlsAcceptor, TlsError> {
    let wrong =
        |path: &Path, error: &dyn fmt::Display| TlsError(format!("cannot read {path:?}: {error}"));
    let path = &files.certificates;
    let text = fs::read(path).map_err(|error| wrong(path, &error))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = certificates.map_err(|error| wrong(path, &error))?;
    let path = &files.key;
    let text = fs::read(path).map_err(|error| wrong(path, &error))?;
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError(format!(
            "expected a private key in PEM in {path:?}, but found none"
        )),
        error => wrong(path, &error),
    })?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map(|it| it.with_no_client_auth())
        .and_then(|it| it.with_single_cert(certificates, key));
    let mut config = config.map_err(|error| {
        let TlsFiles { certificates, key } = files;
        TlsError(format!("expected a certificate in {certificates:?} and its key in {key:?}, but found that {error}"))
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config).into())
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}
