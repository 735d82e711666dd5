//! A bucket of any S3-compatible store: requests as they are signed, and what the store answers to them.
//!
//! It follows the Amazon S3 API Reference (docs.aws.amazon.com/AmazonS3/latest/API, November 2026): GetObject,
//! PutObject, DeleteObject, ListObjectsV2, and Signature Version 4 in the query, for five minutes. Of headers those
//! are signed that have to be: `host` and `x-amz-*`. Nothing is sent here. Left out: other ways of signing, uploads
//! in parts, versions.

mod answer;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use jiff::Timestamp;
use rusty_s3::signing::sign;
use rusty_s3::{Credentials, Method, UrlStyle};
use url::Url;

pub use answer::{Listing, Object, code, list};

use crate::config::section::{Secret, Section, quoted};
use crate::destination::settings::{check_header, endpoint, origin, required_name};
use crate::host::{Outbound, USUAL};

/// A bucket, and who may use it. [`std::fmt::Debug`] shows no key.
#[derive(Clone)]
pub struct Bucket {
    bucket: rusty_s3::Bucket,
    credentials: Credentials,
}

/// What the settings of a bucket are called.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// The bucket's name; has to be there.
    pub bucket: &'static str,
    /// The region, which is part of the signature; has to be there.
    pub region: &'static str,
    /// Where the store is, unless it is Amazon's.
    pub endpoint: &'static str,
    /// The id of the key; has to be there.
    pub access_key: &'static str,
    /// The key; has to be there.
    pub secret_key: &'static str,
    /// What temporary credentials have besides.
    pub session_token: &'static str,
    /// Whether the bucket stands in the path, not in the host's name.
    pub path_style: &'static str,
}

/// The names in a table that is a bucket's own.
pub const NAMES: Names = Names {
    bucket: "bucket",
    region: "region",
    endpoint: "endpoint",
    access_key: "access_key",
    secret_key: "secret_key",
    session_token: "session_token",
    path_style: "path_style",
};

/// Where a list begins.
#[derive(Clone, Copy, Debug)]
pub enum From<'a> {
    /// With the first key.
    Start,
    /// Behind this key, which need not be there.
    After(&'a str),
    /// With the page that [`Listing::next`] of the page before names.
    Page(&'a str),
}

/// How long a signature holds, in seconds.
const VALID: u64 = 300;
/// A page of a list has at most 1000 keys of at most 1024 bytes, of which each may become three.
const LIST: usize = 4 << 20;

impl Bucket {
    /// Reads a bucket's settings. Every mistake is told to the section; then the answer may be none.
    pub fn read(section: &mut Section<'_>, names: &Names) -> Option<Bucket> {
        let name = required_name(section, names.bucket);
        let region = required_name(section, names.region);
        let style = section.flag(names.path_style);
        // Stores of one's own seldom have a name in the DNS for every bucket.
        let style = style.unwrap_or(section.has(names.endpoint));
        let known = region.as_deref().unwrap_or("us-east-1");
        let amazon = format!("https://s3.{known}.amazonaws.com");
        let endpoint = endpoint(section, names.endpoint, &amazon);
        let access_key = section.required_text(names.access_key);
        let secret_key = section.required_secret(names.secret_key);
        let session_token = section.secret(names.session_token);
        for (key, secret) in [
            (names.secret_key, &secret_key),
            (names.session_token, &session_token),
        ] {
            if let Some(Secret(secret)) = secret {
                check_header(section, key, secret);
            }
        }
        let (name, region, endpoint) = (name?, region?, endpoint?);
        let style = match style {
            true => UrlStyle::Path,
            false => UrlStyle::VirtualHost,
        };
        let Ok(bucket) = rusty_s3::Bucket::new(endpoint, style, name.clone(), region) else {
            let path_style = names.path_style;
            let expected = format!("a name that can be part of a host's, or `{path_style} = true`");
            section.wrong(names.bucket, &expected, &quoted(&name));
            return None;
        };
        let (key, Secret(secret)) = (access_key?, secret_key?);
        let credentials = match session_token {
            Some(Secret(token)) => Credentials::new_with_token(key, secret, token),
            None => Credentials::new(key, secret),
        };
        Some(Bucket {
            bucket,
            credentials,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.bucket.name()
    }

    /// Where its requests go: `https://audit.s3.eu-central-1.amazonaws.com:443`.
    pub fn origin(&self) -> String {
        origin(self.bucket.base_url())
    }

    /// GetObject, of which at most so many bytes are kept; with a range, from one byte to another, both included.
    /// Like all requests for an object, it is none for a key that no URL can carry: an empty one, or one with `.` or
    /// `..` between slashes.
    pub fn get(
        &self,
        key: &str,
        range: Option<(u64, u64)>,
        most: usize,
        now: DateTime<Utc>,
    ) -> Option<Outbound> {
        let range = range.map(|(from, to)| ("range", format!("bytes={from}-{to}")));
        let range = range.iter().map(|(name, value)| (*name, value.as_str()));
        let headers: Vec<(&str, &str)> = range.collect();
        self.object(Method::Get, key, &headers, Vec::new(), most, now)
    }

    /// PutObject, with more headers, in lower case: `content-type`, `if-none-match`, `x-amz-meta-…`.
    pub fn put(
        &self,
        key: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
        now: DateTime<Utc>,
    ) -> Option<Outbound> {
        self.object(Method::Put, key, headers, body, USUAL, now)
    }

    /// DeleteObject.
    pub fn delete(&self, key: &str, now: DateTime<Utc>) -> Option<Outbound> {
        self.object(Method::Delete, key, &[], Vec::new(), USUAL, now)
    }

    /// ListObjectsV2: the keys that start so, in the order of their bytes, at most a thousand. [`list`] reads the
    /// answer.
    pub fn list(&self, prefix: &str, from: From<'_>, now: DateTime<Utc>) -> Outbound {
        let mut query = vec![("encoding-type", "url"), ("list-type", "2")];
        query.extend((!prefix.is_empty()).then_some(("prefix", prefix)));
        query.extend(match from {
            From::Start => None,
            From::After(key) => Some(("start-after", key)),
            From::Page(next) => Some(("continuation-token", next)),
        });
        query.sort_unstable();
        let url = self.bucket.base_url().clone();
        let mut request = self.request(Method::Get, url, &query, &[], now);
        request.most = LIST;
        request
    }

    fn object(
        &self,
        method: Method,
        key: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
        most: usize,
        now: DateTime<Utc>,
    ) -> Option<Outbound> {
        let is_plain = !key.is_empty() && key.split('/').all(|it| it != "." && it != "..");
        let url = is_plain.then(|| self.bucket.object_url(key))?;
        Some(Outbound {
            body,
            most,
            ..self.request(method, url, &[], headers, now)
        })
    }

    fn request(
        &self,
        method: Method,
        url: Url,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        now: DateTime<Utc>,
    ) -> Outbound {
        let time = Timestamp::from_second(now.timestamp()).unwrap_or_default();
        let mut signed: Vec<(&str, &str)> = headers.to_vec();
        // What no signature needs may be lost on the way to a store that knows nothing of it.
        signed.retain(|(name, _)| name.starts_with("x-amz-"));
        signed.sort_unstable();
        let url = sign(
            &time,
            method,
            url,
            self.credentials.key(),
            self.credentials.secret(),
            self.credentials.token(),
            self.bucket.region(),
            VALID,
            query.iter().copied(),
            signed.into_iter(),
        );
        let headers = headers.iter();
        Outbound {
            method: method.to_str(),
            url: url.into(),
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: Vec::new(),
            most: USUAL,
        }
    }
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.bucket.fmt(f)
    }
}
