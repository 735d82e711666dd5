//! Any bytes as a request.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use udm::webhook::{Delivery, Logs, Refusal, Request, read};
use udmill_fuzz::{account, check_keys, split_options};

fuzz_target!(|input: &[u8]| {
    let request = request(input);
    let delivery = read(request.clone());
    assert_eq!(read(request.clone()), delivery, "once more");
    let method = request.method.as_str();
    match &delivery {
        Delivery::Validation(it) => assert!(method == "POST" && !it.code.is_empty()),
        Delivery::Origin(it) => {
            assert!(method == "OPTIONS" && !it.name.is_empty() && it.rate != Some(0));
        }
        Delivery::Deleted(_) => assert_eq!(method, "POST"),
        Delivery::Logs(logs) => check_logs(logs, &request),
        Delivery::Refused(Refusal::MethodNotAllowed) => {
            assert!(!matches!(method, "POST" | "OPTIONS"));
        }
        Delivery::Refused(Refusal::NoOrigin) => assert_eq!(method, "OPTIONS"),
        Delivery::Refused(Refusal::MalformedHandshake) => assert_eq!(method, "POST"),
        Delivery::Refused(Refusal::NotJson | Refusal::UnsupportedMedia) => {
            assert_eq!(method, "POST");
            let is_json = serde_json::from_slice::<IgnoredAny>(&request.body).is_ok()
                && str::from_utf8(&request.body).is_ok();
            assert!(
                !is_json || has(&request, "content-encoding"),
                "JSON was refused"
            );
        }
    }
});

fn check_logs(logs: &Logs, request: &Request) {
    assert_eq!(request.method, "POST");
    if logs.payload != request.body {
        assert!(
            has(request, "ce-specversion"),
            "another payload than the body"
        );
        check_keys_of_envelope(&logs.payload);
    }
    let mut sources = logs.sources.clone();
    sources.sort();
    sources.dedup();
    assert_eq!(sources.len(), logs.sources.len(), "{:?}", logs.sources);
    for options in split_options(&[]).0 {
        let batch = udm::normalize(&logs.payload, &options).unwrap();
        account(&batch, logs.payload.len());
        for event in batch.events.split_inclusive(|byte| *byte == b'\n') {
            check_keys(event);
        }
    }
}

/// A request as the goldens write them; any other input is the body of a request without headers.
fn request(input: &[u8]) -> Request {
    match corpus::request(input) {
        Ok(it) => Request {
            method: it.method,
            headers: it.headers,
            body: it.body,
        },
        Err(_) => Request {
            method: "POST".to_owned(),
            headers: Vec::new(),
            body: input.to_vec(),
        },
    }
}

fn has(request: &Request, name: &str) -> bool {
    let mut names = request.headers.iter().map(|(name, _)| name);
    names.any(|it| it.eq_ignore_ascii_case(name))
}

/// The event that was made of headers and a body is one object. What the sender wrote in the body is the sender's.
fn check_keys_of_envelope(payload: &[u8]) {
    let event: BTreeMap<String, IgnoredAny> = serde_json::from_slice(payload).unwrap();
    assert!(event.contains_key("specversion"));
    assert!(!(event.contains_key("data") && event.contains_key("data_base64")));
}
