//! The Harness server that all tests share, as a run without a network reaches it.

use harness::Service;

use crate::answer::Answer;
use crate::harness::Request;
use crate::step::Reply;

/// What comes of a request that is sent at a time, in epoch milliseconds; one that is never answered takes `within`
/// milliseconds off `elapsed`.
pub fn answer(
    service: &mut Service,
    request: &Request,
    within: u64,
    now: i64,
    elapsed: &mut u64,
) -> Reply {
    match service.answer(&plain(request), now) {
        harness::Reply::Answer(answer) => Reply::Answer(Answer {
            status: answer.status,
            headers: answer.headers,
            body: answer.body,
        }),
        harness::Reply::Cut(_) => Reply::NoAnswer("connection closed too early".into(), false),
        harness::Reply::Reset => Reply::NoAnswer("connection reset".into(), false),
        harness::Reply::Hang => {
            *elapsed += within;
            Reply::NoAnswer("timed out".into(), true)
        }
    }
}

/// The bodies and the tokens that came.
pub fn requests(service: &Service) -> Vec<(&str, Option<&str>)> {
    let requests = service.calls.iter().map(|call| {
        let token = call.query.iter().find(|(name, _)| name == "pageToken");
        (call.body.as_str(), token.map(|(_, token)| token.as_str()))
    });
    requests.collect()
}

fn plain(request: &Request) -> harness::Request {
    let (_, rest) = request.url.split_once("://").expect("a scheme");
    let (path, query) = rest.split_once('?').expect("a query");
    let headers = request.headers.iter();
    harness::Request {
        method: "POST".to_owned(),
        path: path[path.find('/').expect("a path")..].to_owned(),
        query: query.to_owned(),
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        body: request.body.clone().into_bytes(),
    }
}
