//! Access tokens for Google's APIs.

use std::time::Duration;

use super::Fault;
use crate::Host;
use crate::config::section::{Secret, Section};

/// The tokens that an instance of the receiver has.
#[derive(Debug, Default)]
pub struct Tokens {}

/// Who asks for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A metadata server of Google Cloud.
    Metadata {
        /// Where it answers.
        url: String,
    },
}

impl Credentials {
    /// The credentials of a destination's table.
    pub fn read(section: &mut Section<'_>) -> Option<Credentials> {
        let url = section.required_text("token_url")?;
        Some(Credentials::Metadata { url })
    }
}

impl Tokens {
    /// A token that is valid for the time of a request.
    ///
    /// # Errors
    ///
    /// When no token can be had before the deadline.
    pub async fn bearer<H: Host>(
        &self,
        _host: &H,
        _credentials: &Credentials,
        _deadline: Duration,
    ) -> Result<Secret, Fault> {
        Err(Fault {
            kind: "credentials",
            message: "there are no tokens yet".to_owned(),
            retry_after: Duration::from_secs(60),
            alarm: true,
        })
    }

    /// Forgets the token, since it was refused.
    pub fn forget(&self, _credentials: &Credentials) {}
}
