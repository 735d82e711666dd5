//! `POST /v1/pull/{feed}`: a call of the reader on behalf of whoever has a schedule. Its answer counts what was done
//! and says with `more` whether the next call should come at once; what it could not do is a 503.

use std::time::Duration;

use serde_json::json;
use udmill_receiver::Host;
use udmill_receiver::config::Config;
use udmill_receiver::destination::google_token::Tokens;
use udmill_receiver::exchange::{Request, Response};
use udmill_receiver::record::Record;

use super::pull;

/// When everything has to be over, counted from a request's arrival.
const WITHIN: Duration = Duration::from_secs(25);

/// Answers a request of somebody who may ask. What it takes shorter than `budget`, it ends.
pub async fn answer<H: Host>(
    host: &H,
    config: &Config,
    tokens: &Tokens,
    name: &str,
    request: &Request,
    budget: Duration,
) -> Response {
    let mut record = Record::begin(host, &request.method, request.arrived);
    record.route = "pull";
    let feed = config.feeds.get(name).filter(|it| it.pull.is_some());
    let Some(feed) = feed else {
        record.outcome = "unknown_feed";
        record.status = 404;
        return Response::error(404, "unknown_feed");
    };
    record.feed = Some(feed.name.clone());
    let (deadline, hard) = (request.arrived + budget, request.arrived + WITHIN);
    let pulled = pull(host, config, feed, tokens, deadline, hard).await;
    let body = pulled.to_json();
    for key in [
        "objects",
        "unreadable",
        "too_old",
        "deleted",
        "undeleted",
        "warnings",
        "more",
    ] {
        record.state.insert(key.to_owned(), body[key].clone());
    }
    record.bytes = usize::try_from(pulled.bytes).unwrap_or(usize::MAX);
    record.tally = pulled.tally;
    record.alarm = pulled.unreadable + pulled.undeleted > 0;
    let Some(fault) = pulled.fault else {
        record.outcome = "pulled";
        record.status = 200;
        return Response::json(200, &body);
    };
    record.outcome = "unavailable";
    record.status = 503;
    record.fault = Some(fault.kind);
    record.alarm |= fault.alarm;
    record.message = Some(fault.message);
    let seconds = fault.retry_after.as_secs().max(1);
    Response::json(503, &json!(body)).with("retry-after", seconds.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use udmill_receiver::exchange::Body;
    use udmill_receiver::testing::block_on;

    use super::super::testing::{World, lines};
    use super::*;

    fn ask(world: &World, name: &str) -> (u16, Value) {
        let request = Request {
            method: "POST".to_owned(),
            path: format!("/v1/pull/{name}"),
            query: String::new(),
            headers: Vec::new(),
            body: Body::Whole(Vec::new()),
            arrived: world.host.elapsed(),
        };
        let tokens = Tokens::default();
        let budget = Duration::from_secs(4);
        let answer = answer(&world.host, &world.config, &tokens, name, &request, budget);
        let answer = block_on(answer);
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }

    #[test]
    fn a_call_says_what_it_did_and_leaves_its_line() {
        let world = World::new("");
        world.put("logs/1.jsonl", lines(0..3));
        world.put("logs/2.jsonl", "{}");
        let (status, body) = ask(&world, "azdo");
        assert_eq!(
            (status, &body["objects"], &body["logs"]),
            (200, &json!(2), &json!(4))
        );
        assert_eq!(
            (&body["quarantined"], &body["more"]),
            (&json!(1), &json!(false))
        );
        let line: Value = serde_json::from_str(&world.host.logged.borrow()[0]).unwrap();
        assert_eq!(
            (&line["kind"], &line["route"]),
            (&json!("request"), &json!("pull"))
        );
        assert_eq!((&line["status"], &line["events"]), (&json!(200), &json!(3)));
        assert_eq!(line["objects"], 2);
    }

    #[test]
    fn what_could_not_be_done_is_a_503_with_its_reason() {
        let world = World::new("");
        world.put("logs/1.jsonl", lines(0..3));
        world.takers.status.set(Some(401));
        let (status, body) = ask(&world, "azdo");
        assert_eq!(
            (status, &body["alarm"], &body["more"]),
            (503, &json!(true), &json!(true))
        );
        assert!(body["message"].is_string());
        assert_eq!(
            ask(&world, "other"),
            (404, json!({ "error": "unknown_feed" }))
        );
    }
}
