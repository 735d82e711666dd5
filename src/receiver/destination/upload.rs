//! Sends items in sub-requests, and isolates what the destination refuses.
//!
//! Google's import calls take all of a request or nothing, and do not say which event was bad. So a refused
//! sub-request is halved until single items are refused: at most 2·n·⌈log₂ N⌉ + 1 requests for n bad ones of N. A
//! fault ends the sending: whoever delivered repeats the delivery, and the ledger tells what need not be sent again:
//! what was accepted, and which halves were refused, so that the search for many bad items goes on where the deadline
//! stopped it. There are no retries here but one, with a new token.

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::answer::{Sender, Verdict, classify, timed_out};
use super::batch::{Envelope, Limits, Piece, cut, digest};
use super::google_token::Credentials;
use super::lines::line;
use super::{Errand, Fault, Item, Sent};
use crate::Host;
use crate::config::Feed;
use crate::config::section::Secret;
use crate::host::{Outbound, StoreError};
use crate::store::{self, ledger};

/// How a destination is talked to. All of it is computed from what is given.
pub(super) trait Protocol {
    /// What stands around the items: unless told otherwise, nothing but a line feed behind each.
    fn envelope(&self, _feed: &Feed, _now: DateTime<Utc>) -> Envelope {
        Envelope::lines()
    }

    /// The sizes that are sent.
    fn limits(&self) -> Limits;

    /// An item as it is sent, unless told otherwise on one line, or why it cannot be.
    fn encode<'i>(&self, item: &'i [u8]) -> Result<Cow<'i, [u8]>, String> {
        line(item)
    }

    /// The request. The digest is the sub-request's.
    fn request(
        &self,
        feed: &Feed,
        body: Vec<u8>,
        digest: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Outbound;

    /// Who may be asked for a token, if the destination wants one.
    fn credentials(&self) -> Option<&Credentials> {
        None
    }

    /// How to read its answers.
    fn sender<'d>(&'d self, name: &'d str) -> Sender<'d>;
}

/// The most time that one request may take.
const ATTEMPT: Duration = Duration::from_secs(20);

/// With less time than this before the deadline, no request is begun.
const SHORTEST: Duration = Duration::from_millis(100);

/// Sends the items.
pub(super) async fn upload<H: Host>(
    host: &H,
    name: &str,
    protocol: &dyn Protocol,
    errand: &Errand<'_>,
    items: &[Item<'_>],
) -> Sent {
    let feed = errand.feed;
    let now = host.now();
    let envelope = protocol.envelope(feed, now);
    let mut sent = Sent::default();
    let pieces = pieces(protocol, &envelope, items, &mut sent);
    let cuts = cut(&pieces, &envelope, protocol.limits());
    let mut waiting: Vec<_> = cuts.into_iter().rev().map(|it| (it, false)).collect();
    let attempt = Attempt {
        host,
        name,
        protocol,
        errand,
    };
    while let Some((pieces, is_half)) = waiting.pop() {
        // Also the ledger takes its time.
        if attempt.left() < SHORTEST {
            sent.fault = Some(timed_out(&protocol.sender(name)));
            break;
        }
        let digest = digest(name, &feed.name, errand.delivery, pieces);
        let verdict = match known(host, &digest, is_half).await {
            Ok(Some(verdict)) => verdict,
            Ok(None) => {
                let request = || protocol.request(feed, envelope.body(pieces), &digest, now);
                let verdict = attempt.send(request, &mut sent.sub_requests).await;
                remember(host, &digest, &verdict).await;
                verdict
            }
            Err(error) => Verdict::Fault(store::fault(error)),
        };
        match verdict {
            Verdict::Accepted => sent.accepted += pieces.len(),
            Verdict::Refused(reason) => match pieces {
                [piece] => sent.refused.push((piece.item, reason)),
                pieces => {
                    let (left, right) = pieces.split_at(pieces.len() / 2);
                    waiting.extend([(right, true), (left, true)]);
                }
            },
            Verdict::Fault(fault) => {
                sent.fault = Some(fault);
                break;
            }
        }
    }
    sent.refused.sort_unstable();
    sent
}

/// The items that can be sent; the others are refused.
fn pieces<'i>(
    protocol: &dyn Protocol,
    envelope: &Envelope,
    items: &[Item<'i>],
    sent: &mut Sent,
) -> Vec<Piece<'i>> {
    let most = protocol.limits().most;
    let mut pieces = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let encoded = protocol.encode(item.bytes).and_then(|bytes| {
            let length = envelope.around(bytes.len());
            match length > most {
                true => Err(format!(
                    "expected a request of at most {most} bytes, but found {length} for this one alone"
                )),
                false => Ok(bytes),
            }
        });
        match encoded {
            Ok(bytes) => pieces.push(Piece {
                item: index,
                raw: item.bytes,
                bytes,
            }),
            Err(reason) => sent.refused.push((index, reason)),
        }
    }
    pieces
}

/// What the ledger knows of a sub-request. Only halves are refused on its word: their whole was sent just now, and
/// refused again.
async fn known<H: Host>(
    host: &H,
    digest: &[u8; 32],
    is_half: bool,
) -> Result<Option<Verdict>, StoreError> {
    if ledger::knows(host, digest).await? {
        return Ok(Some(Verdict::Accepted));
    }
    if is_half && ledger::knows(host, &refusal(digest)).await? {
        let reason = "expected 200, but found that it was refused less than a day ago";
        return Ok(Some(Verdict::Refused(reason.to_owned())));
    }
    Ok(None)
}

/// Tells the ledger. Without its entry a repeated delivery may send twice; it can lose nothing.
async fn remember<H: Host>(host: &H, digest: &[u8; 32], verdict: &Verdict) {
    let _ = match verdict {
        Verdict::Accepted => ledger::accepted(host, digest).await,
        Verdict::Refused(_) => ledger::accepted(host, &refusal(digest)).await,
        Verdict::Fault(_) => Ok(()),
    };
}

/// What the ledger knows the refusal of a sub-request by.
fn refusal(digest: &[u8; 32]) -> [u8; 32] {
    Sha256::new()
        .chain_update(b"refused")
        .chain_update(digest)
        .finalize()
        .into()
}

struct Attempt<'a, H> {
    host: &'a H,
    name: &'a str,
    protocol: &'a dyn Protocol,
    errand: &'a Errand<'a>,
}

impl<H: Host> Attempt<'_, H> {
    /// Sends a request, and once more with a new token if the first was refused.
    async fn send(&self, request: impl Fn() -> Outbound, requests: &mut usize) -> Verdict {
        let mut renewed = false;
        loop {
            let bearer = match self.bearer().await {
                Ok(bearer) => bearer,
                Err(fault) => return Verdict::Fault(fault),
            };
            let mut sender = self.protocol.sender(self.name);
            let mut request = request();
            if let Some(Secret(bearer)) = &bearer {
                sender.secrets.push(bearer);
                let value = format!("Bearer {bearer}");
                request.headers.push(("authorization".to_owned(), value));
            }
            let left = self.left();
            if left < SHORTEST {
                return Verdict::Fault(timed_out(&sender));
            }
            *requests += 1;
            let answer = self.host.send(request, left.min(ATTEMPT)).await;
            let unauthorized = answer.as_ref().is_ok_and(|it| it.status == 401);
            if let (true, Some(credentials)) = (unauthorized, self.protocol.credentials()) {
                self.errand.tokens.forget(credentials);
                if !std::mem::replace(&mut renewed, true) {
                    continue;
                }
            }
            let answer = answer.as_ref().map_err(Clone::clone);
            return classify(&sender, answer, self.host.now());
        }
    }

    fn left(&self) -> Duration {
        self.errand.deadline.saturating_sub(self.host.elapsed())
    }

    async fn bearer(&self) -> Result<Option<Secret>, Fault> {
        match self.protocol.credentials() {
            None => Ok(None),
            Some(credentials) => {
                let Errand {
                    tokens, deadline, ..
                } = self.errand;
                let bearer = tokens.bearer(self.host, credentials, *deadline);
                bearer.await.map(Some)
            }
        }
    }
}
