//! What the Chronicle API's import methods have in common: where an instance is, and how it is asked.
//!
//! Follows the pages "Ingestion methods" and the REST reference of `events.import` and `logTypes.logs.import`. Bodies
//! may be compressed; the limits count what they hold uncompressed.

use chrono::{DateTime, SecondsFormat, Utc};
use url::Url;

use super::answer::{Sender, google};
use super::batch::Limits;
use super::google_token::Credentials;
use super::gzip::gzip;
use super::settings::{SECOPS_MOST, endpoint, limits, origin, required_name};
use crate::config::section::Section;
use crate::host::{Outbound, USUAL};

/// An instance of Google SecOps.
#[derive(Debug)]
pub(super) struct Chronicle {
    pub endpoint: Url,
    origin: String,
    version: &'static str,
    /// `projects/…/locations/…/instances/…`
    pub instance: String,
    pub credentials: Credentials,
    gzip: bool,
    pub limits: Limits,
}

impl Chronicle {
    /// `project`, `region`, `instance`, and what may stand beside them.
    pub(super) fn read(section: &mut Section<'_>) -> Option<Chronicle> {
        let project = required_name(section, "project");
        let region = required_name(section, "region");
        let instance = required_name(section, "instance");
        let version = section.one_of("api_version", &["v1alpha", "v1beta", "v1"]);
        let gzip = section.flag("gzip");
        let otherwise = Limits {
            bytes: 1_000_000,
            most: SECOPS_MOST,
            items: 1000,
        };
        let limits = limits(section, otherwise);
        let credentials = Credentials::read(section);
        let known = region.as_deref().unwrap_or("us");
        let regional = format!("https://chronicle.{known}.rep.googleapis.com");
        let endpoint = endpoint(section, "endpoint", &regional);
        let (project, region, instance) = (project?, region?, instance?);
        let endpoint = endpoint?;
        Some(Chronicle {
            origin: origin(&endpoint),
            endpoint,
            // The version that Google's own clients use.
            version: version.unwrap_or("v1alpha"),
            instance: format!("projects/{project}/locations/{region}/instances/{instance}"),
            credentials: credentials?,
            gzip: gzip.unwrap_or(false),
            limits,
        })
    }

    /// A POST to a method of the instance: `events:import`.
    pub(super) fn post(&self, method: &str, body: Vec<u8>) -> Outbound {
        let base = self.endpoint.as_str().trim_end_matches('/');
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let body = match self.gzip {
            true => {
                headers.push(("content-encoding".to_owned(), "gzip".to_owned()));
                gzip(&body)
            }
            false => body,
        };
        Outbound {
            method: "POST",
            url: format!("{base}/{}/{}/{method}", self.version, self.instance),
            headers,
            body,
            most: USUAL,
        }
    }

    /// The origins of the API and of whoever gives out tokens.
    pub(super) fn hosts(&self) -> Vec<String> {
        let mut hosts = vec![self.origin.clone()];
        hosts.extend(Url::parse(self.credentials.url()).iter().map(origin));
        hosts
    }

    /// How to read its answers.
    pub(super) fn sender<'d>(&'d self, name: &'d str) -> Sender<'d> {
        Sender {
            name,
            origin: &self.origin,
            says: google,
            refusals: &[400, 413],
            secrets: Vec::new(),
        }
    }
}

/// RFC 3339, of the same width for all times.
pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}
