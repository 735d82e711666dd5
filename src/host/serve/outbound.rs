//! Requests of the component to others: only to the origins that the configuration names, and no redirect is
//! followed.
//!
//! Under Spin, `allowed_outbound_hosts` in spin.toml does this. Certificates are checked against Mozilla's roots.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use wasmtime_wasi_http::{
    Error, RequestOptions, Result, WasiBody, WasiHttpHooks, default_send_request,
};

use super::context::Busy;
use super::lines::Sink;

/// Which origins an application may talk to: `https://x.example:443`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed(BTreeSet<String>);

/// The way out of an instance.
#[derive(Clone)]
pub(super) struct Outbound {
    allowed: Arc<Allowed>,
    log: Arc<Sink>,
    busy: Busy,
}

/// The longest that a connection, and then its next bytes, may take, unless the component said less. The whole
/// request has less than that anyway.
const LONGEST: Duration = Duration::from_secs(25);

impl Allowed {
    /// These origins or URLs; what is neither is left out.
    pub fn new<T: AsRef<str>>(origins: impl IntoIterator<Item = T>) -> Allowed {
        let origins = origins.into_iter();
        let origins = origins.filter_map(|it| origin(&it.as_ref().parse().ok()?));
        Allowed(origins.collect())
    }

    fn has(&self, uri: &Uri) -> bool {
        origin(uri).is_some_and(|it| self.0.contains(&it))
    }
}

/// Scheme, host and port in one spelling. A user name before the host is no part of it.
fn origin(uri: &Uri) -> Option<String> {
    let scheme = uri.scheme_str()?;
    let port = match (uri.port_u16(), scheme) {
        (Some(port), _) => port,
        (None, "https") => 443,
        (None, "http") => 80,
        (None, _) => return None,
    };
    let host = uri.host()?.to_ascii_lowercase();
    Some(format!("{scheme}://{host}:{port}"))
}

impl Outbound {
    pub fn new(allowed: Allowed, log: &Arc<Sink>) -> Outbound {
        Outbound {
            allowed: Arc::new(allowed),
            log: Arc::clone(log),
            busy: Busy::default(),
        }
    }

    pub fn of_instance(&self, busy: &Busy) -> Outbound {
        Outbound {
            busy: busy.clone(),
            ..self.clone()
        }
    }
}

/// What sending a request gives: the answer, and what drives its body.
type Sending = dyn Future<
        Output = Result<(
            http::Response<WasiBody>,
            Box<dyn Future<Output = Result<()>> + Send>,
        )>,
    > + Send;

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _sent: Box<dyn Future<Output = Result<()>> + Send>,
    ) -> Box<Sending> {
        self.busy.reset();
        if !self.allowed.has(request.uri()) {
            let origin = origin(request.uri()).unwrap_or_else(|| "no origin".to_owned());
            self.log.say(&format!(
                "udmill: a request to {origin} was denied: no destination of the configuration is there"
            ));
            return Box::new(async { Err(Error::HttpRequestDenied) });
        }
        let options = options.unwrap_or_default();
        let at_most = |asked: Option<Duration>| Some(asked.map_or(LONGEST, |it| it.min(LONGEST)));
        let options = RequestOptions {
            connect_timeout: at_most(options.connect_timeout),
            first_byte_timeout: at_most(options.first_byte_timeout),
            between_bytes_timeout: at_most(options.between_bytes_timeout),
        };
        Box::new(async move {
            use http_body_util::BodyExt;
            let (response, rest) = default_send_request(request, Some(options)).await?;
            let rest: Box<dyn Future<Output = Result<()>> + Send> = Box::new(rest);
            Ok((response.map(BodyExt::boxed_unsync), rest))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_origins_are_allowed() {
        let allowed = Allowed::new([
            "https://a.example",
            "http://b.example:8080/path?key=1",
            "nonsense",
        ]);
        for (uri, has) in [
            ("https://a.example/x", true),
            ("https://A.EXAMPLE:443/x", true),
            ("https://user@a.example/x", true),
            ("http://b.example:8080/", true),
            ("http://a.example/", false),
            ("https://a.example:444/", false),
            ("https://a.example.net/", false),
            ("https://a.example@evil.example/", false),
            ("http://b.example/", false),
            ("/a.example", false),
        ] {
            assert_eq!(allowed.has(&uri.parse().unwrap()), has, "{uri}");
        }
    }
}
