//! Hostile requests.

use udmill::webhook::{Delivery, Refusal, Request};

use super::{COMPONENT, LOG, fill};

#[test]
fn requests_are_told_apart_whatever_they_hold() {
    let mut transform = COMPONENT.instantiate().unwrap();
    let topic = |number| format!(r#"{{"eventType":"a","subject":"","topic":"/{number}"}},"#);
    let topics: String = (0..50_000).map(topic).collect();
    let texts = [
        ("brackets", fill("[", LOG)),
        ("objects", fill("{\"a\":", LOG)),
        ("data in data", fill("{\"data\":", LOG)),
        ("closed lists", fill("[", LOG / 2) + &fill("]", LOG / 2)),
        ("quotes", fill("\"", LOG)),
        ("backslashes", fill("\\", LOG)),
        ("empty objects", format!("[{}{{}}]", fill("{},", LOG))),
        ("values in a row", fill("1 ", LOG)),
        ("topics", format!("[{topics}{{}}]")),
        (
            "a topic again",
            format!("{{{}\"a\":1}}", fill("\"topic\":\"a\",", LOG)),
        ),
    ];
    let mut bodies: Vec<(&str, Vec<u8>)> = vec![("no text", vec![0xff; LOG])];
    bodies.extend(texts.map(|(name, text)| (name, text.into_bytes())));
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let many = |name| (0..20_000).map(move |number| (format!("{name}{number}"), "%".to_owned()));
    let binary = [
        header("ce-specversion", "1.0"),
        header("Content-Type", "text/plain"),
    ];
    let heads: [(&str, Vec<(String, String)>); 4] = [
        ("none", Vec::new()),
        ("json", vec![header("Content-Type", "application/json")]),
        ("many", many("x-").collect()),
        ("binary", many("ce-").chain(binary).collect()),
    ];
    for (head, headers) in &heads {
        for (name, body) in &bodies {
            let request = Request {
                method: "POST".to_owned(),
                headers: headers.clone(),
                body: body.clone(),
            };
            match transform.read(&request) {
                Ok(Delivery::Logs(logs)) => {
                    assert!(logs.payload == *body || *head == "binary", "{name}");
                }
                Ok(Delivery::Refused(Refusal::NotJson | Refusal::UnsupportedMedia)) => {}
                other => panic!("{name}, headers {head}: {other:?}"),
            }
        }
    }
}
