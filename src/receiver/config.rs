//! The receiver's configuration: feeds as they are in SecOps, plus a destination and a mode of acknowledgement.
//!
//! TOML, checked whole: all mistakes are told at once, each with its place and, where one is near, a suggestion. A text that
//! is wholly `{name}` stands for a Spin variable, so that secrets stay with Spin's providers of variables.

pub mod section;

use std::collections::BTreeMap;

use crate::destination::Destination;
use crate::wit::transform::Options;
use section::Secret;

/// A configuration without mistakes.
#[derive(Debug)]
pub struct Config {
    /// The most bytes of a request's body.
    pub max_body: usize,
    /// The key of the admin routes; without one they do not exist.
    pub admin_key: Option<Secret>,
    /// By name.
    pub feeds: BTreeMap<String, Feed>,
    /// By name.
    pub destinations: BTreeMap<String, Destination>,
}

/// A feed, as it is in SecOps, with what happens to its logs.
#[derive(Debug)]
pub struct Feed {
    /// What stands in the path behind `/v1/feeds/`.
    pub name: String,
    /// Log type, split delimiter, namespace, labels.
    pub options: Options,
    /// The topics that are let in; none lets in any.
    pub topics: Vec<String>,
    /// The origins that are let in without credentials.
    pub origins: Vec<String>,
    /// Who may post.
    pub auth: Auth,
    /// The status for bad credentials of a delivery: 503 or 401.
    pub on_unauthorized: u16,
    /// What 200 means.
    pub ack: Ack,
    /// The name of its destination.
    pub destination: String,
}

/// Who may post to a feed.
#[derive(Debug)]
pub enum Auth {
    /// Anybody: on loopback only.
    None,
    /// Whoever has these credentials.
    Credentials {
        /// SHA-256 of the keys, any of which has to be given, unless there are none.
        api_keys: Vec<[u8; 32]>,
        /// SHA-256 of the secrets, any of which has to be given, unless there are none.
        secrets: Vec<[u8; 32]>,
        /// Microsoft Entra protected delivery.
        entra: Option<Entra>,
        /// Both a shared secret and Entra are needed, not either.
        require_all: bool,
    },
}

/// Microsoft Entra protected delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entra {
    /// The tenant's id.
    pub tenant: String,
    /// The application id, or its URI.
    pub audience: String,
    /// The application that calls: Event Grid's own in the public cloud, unless told otherwise.
    pub application: String,
    /// A role that the token has to have; empty for none.
    pub role: String,
    /// Where the tenant's signing keys are read.
    pub keys_url: String,
}

/// What 200 means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ack {
    /// The destination accepted, or quarantine holds, every log.
    Delivered,
    /// Every log is in the durable store.
    Stored,
}
