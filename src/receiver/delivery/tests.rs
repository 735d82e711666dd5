//! What acknowledging a delivery promises, whatever fails.

use super::*;
use crate::host::{Outbound, StoreError};
use crate::store::quarantine::Entry;
use crate::testing::feeds::{Takers, config, log, payload, read};
use crate::testing::{Memory, answer, block_on, run};

const DEADLINE: Duration = Duration::from_secs(25);

async fn deliver_to(host: &Memory, config: &Config, feed: &str, payload: &[u8]) -> Delivered {
    let (feed, tokens) = (&config.feeds[feed], Tokens::default());
    deliver(
        host,
        config,
        feed,
        payload,
        "",
        &tokens,
        host.elapsed.get() + DEADLINE,
    )
    .await
}

fn quarantined(host: &Memory) -> Vec<(Entry, String)> {
    let (entries, _) = block_on(quarantine::list(host, "", usize::MAX)).expect("a store");
    let with_raw = entries.into_iter().map(|entry| {
        let raw = block_on(quarantine::raw(host, &entry)).expect("a store");
        let raw = String::from_utf8(raw.expect("all parts")).expect("text");
        (entry, raw)
    });
    with_raw.collect()
}

/// Five good logs, one that is none, and one that the destination refuses.
fn mixed() -> Vec<u8> {
    let logs = [
        log("1"),
        log("2"),
        "no log".to_owned(),
        log("3"),
        log("poison"),
        log("4"),
        log("5"),
    ];
    logs.join("\n").into_bytes()
}

#[test]
fn every_log_is_accepted_or_in_quarantine_with_its_reason() {
    let (host, config) = (Memory::new(), config());
    let takers = Takers::of(&host);
    let delivered = block_on(deliver_to(&host, &config, "azdo", &mixed()));
    assert_eq!(delivered.fault, None);
    assert_eq!(takers.ids(), ["1", "2", "3", "4", "5"]);
    let held: Vec<_> = quarantined(&host)
        .into_iter()
        .map(|(it, raw)| (it.about.log, it.about.source, it.about.destination, raw))
        .collect();
    let main = || "main".to_owned();
    assert_eq!(held.len(), 2);
    assert!(held.contains(&(Some(2), Source::Rejected, main(), "no log".to_owned())));
    assert!(held.contains(&(Some(4), Source::Refused, main(), log("poison"))));
    let tally = &delivered.tally;
    assert_eq!((tally.logs, tally.events), (7, 6));
    assert_eq!(
        (tally.rejected, tally.refused, tally.quarantined),
        (1, 1, 2)
    );
    assert_eq!(delivered.quarantined.len(), 2);
}

#[test]
fn a_raw_destination_gets_rejected_logs_too() {
    let (host, config) = (Memory::new(), config());
    let takers = Takers::of(&host);
    let delivered = block_on(deliver_to(&host, &config, "raw", &mixed()));
    assert_eq!(delivered.fault, None);
    assert_eq!(takers.ids(), ["1", "2", "3", "4", "5", "no log"]);
    let held: Vec<_> = quarantined(&host).into_iter().map(|it| it.1).collect();
    assert_eq!(held, [log("poison")]);
}

#[test]
fn whenever_the_process_dies_a_repeated_delivery_loses_nothing() {
    let config = config();
    let mut crashes = 0;
    loop {
        let host = Memory::new();
        let takers = Takers::of(&host);
        host.crash_before(crashes);
        let first = run(deliver_to(&host, &config, "azdo", &mixed()));
        host.restart();
        if first.is_none() {
            let again = block_on(deliver_to(&host, &config, "azdo", &mixed()));
            assert_eq!(again.fault, None);
        }
        assert_eq!(takers.ids(), ["1", "2", "3", "4", "5"], "at call {crashes}");
        assert_eq!(quarantined(&host).len(), 2, "at call {crashes}");
        assert!(
            takers.repeated() <= 2,
            "more than a sub-request again at call {crashes}"
        );
        if first.is_some() {
            break;
        }
        crashes += 1;
    }
    assert!(crashes > 20, "found only {crashes} places to die");
}

#[test]
fn whatever_call_to_the_store_fails_an_acknowledged_delivery_is_safe() {
    let config = config();
    for error in [StoreError::Full, StoreError::Failed("broken".to_owned())] {
        let mut faults = 0;
        for call in 0.. {
            let host = Memory::new();
            let takers = Takers::of(&host);
            let failing = error.clone();
            host.break_store(move |it| (it.before == call).then(|| failing.clone()));
            let mut delivered = block_on(deliver_to(&host, &config, "azdo", &mixed()));
            if let Some(fault) = &delivered.fault {
                assert_eq!(fault.kind, "store");
                faults += 1;
                delivered = block_on(deliver_to(&host, &config, "azdo", &mixed()));
            }
            host.mend_store();
            assert_eq!(delivered.fault, None);
            assert_eq!(takers.ids(), ["1", "2", "3", "4", "5"]);
            assert_eq!(quarantined(&host).len(), 2);
            assert!(takers.repeated() <= 2);
            if call > 100 {
                break;
            }
        }
        assert!(faults > 10, "found only {faults} faults");
    }
}

#[test]
fn a_repeated_delivery_sends_only_what_is_missing() {
    let (host, config) = (Memory::new(), config());
    let takers = Takers::of(&host);
    let payload = payload(["1", "2", "3", "4", "stuck"]);
    takers.stuck.borrow_mut().push("stuck".to_owned());
    let delivered = block_on(deliver_to(&host, &config, "azdo", &payload));
    assert_eq!(delivered.fault.map(|it| it.kind), Some("unavailable"));
    takers.stuck.borrow_mut().clear();
    let delivered = block_on(deliver_to(&host, &config, "azdo", &payload));
    assert_eq!((delivered.fault, delivered.tally.sub_requests), (None, 1));
    assert_eq!(takers.ids(), ["1", "2", "3", "4", "stuck"]);
    assert_eq!(takers.repeated(), 0);
}

#[test]
fn a_fault_of_the_destination_is_never_acknowledged() {
    let config = config();
    for status in [401, 403, 404, 429, 500, 503] {
        let host = Memory::new();
        Takers::of(&host).status.set(Some(status));
        let delivered = block_on(deliver_to(&host, &config, "azdo", &mixed()));
        assert!(delivered.fault.is_some(), "{status}");
        // What is known to be bad is kept, whether or not the delivery comes again.
        assert_eq!(quarantined(&host).len(), 1);
    }
}

#[test]
fn what_cannot_be_put_into_quarantine_is_not_acknowledged() {
    let (host, config) = (Memory::new(), config());
    Takers::of(&host);
    host.break_store(|it| it.key.starts_with("parts:").then_some(StoreError::Full));
    let delivered = block_on(deliver_to(&host, &config, "azdo", b"no log"));
    let fault = delivered.fault.expect("a fault");
    assert_eq!(fault.kind, "store");
    assert!(fault.message.contains("full"), "{}", fault.message);
}

#[test]
fn many_bad_logs_are_one_entry() {
    let (host, config) = (Memory::new(), config());
    Takers::of(&host);
    let payload: String = (0..5000).map(|it| format!("no log {it}\n")).collect();
    let delivered = block_on(deliver_to(&host, &config, "azdo", payload.as_bytes()));
    assert_eq!((delivered.fault, delivered.tally.quarantined), (None, 5000));
    let [(entry, raw)] = quarantined(&host).try_into().expect("one entry");
    assert_eq!((entry.about.log, raw), (None, payload));
    assert!(
        entry
            .about
            .reason
            .starts_with("5000 of 5000 logs; the first: ")
    );
}

#[test]
fn secops_events_are_accepted_when_the_archive_has_the_raw_logs_too() {
    let host = Memory::new();
    let config = read(&ARCHIVED.replace("{hash}", &"ab".repeat(32)));
    let (takers, archive) = (Takers::default(), Takers::default());
    let answers = (takers.clone(), archive.clone());
    host.answers(move |request| match request.url.as_str() {
        "http://127.0.0.1:9/token" => answer(
            200,
            r#"{"access_token":"t","expires_in":3600,"token_type":"Bearer"}"#,
        ),
        "https://raw.example/in" => answers.1.answer(request),
        _ => answers.0.answer(&Outbound {
            url: "https://main.example/in".to_owned(),
            ..request.clone()
        }),
    });
    archive.status.set(Some(503));
    let delivered = block_on(deliver_to(&host, &config, "azdo", &mixed()));
    assert!(delivered.fault.is_some(), "without the archive");
    let events = takers.accepted.borrow().clone();
    assert!(!events.is_empty());
    archive.status.set(None);
    let delivered = block_on(deliver_to(&host, &config, "azdo", &mixed()));
    assert_eq!(delivered.fault, None);
    assert_eq!(*takers.accepted.borrow(), events, "events were sent again");
    let raw = ["1", "2", "3", "4", "5", "no log"];
    assert_eq!(archive.ids(), raw);
    assert_eq!(archive.repeated(), 0);
    // The archive refuses the poisoned log, too; the event's refusal came first.
    let held: Vec<_> = quarantined(&host)
        .into_iter()
        .map(|(it, raw)| (it.about.source, it.about.destination, raw))
        .collect();
    let main = || "main".to_owned();
    assert_eq!(held.len(), 2);
    assert!(held.contains(&(Source::Rejected, main(), "no log".to_owned())));
    assert!(held.contains(&(Source::Refused, main(), log("poison"))));
}

/// Events to Google SecOps, and raw logs to `raw.example`.
const ARCHIVED: &str = r#"
[feed.azdo]
log_type = "AZURE_DEVOPS"
destination = "main"
auth = { secrets = ["sha256:{hash}"] }
[destination.main]
type = "secops-events"
archive = "raw"
region = "europe"
project = "p"
instance = "00000000-0000-4000-8000-000000000000"
metadata = "http://127.0.0.1:9/token"
[destination.raw]
type = "http"
url = "https://raw.example/in"
format = "raw"
max_items = 2
"#;

#[test]
fn an_empty_delivery_is_acknowledged_and_sends_nothing() {
    let (host, config) = (Memory::new(), config());
    for payload in ["", "[]", " \n"] {
        let delivered = block_on(deliver_to(&host, &config, "azdo", payload.as_bytes()));
        assert_eq!((delivered.fault, delivered.tally.logs), (None, 0));
    }
    assert_eq!(host.requests.borrow().len(), 0);
}

#[test]
fn standard_output_needs_no_store() {
    let host = Memory::new();
    let config = read(
        "[feed.azdo]\nlog_type = \"AZURE_DEVOPS\"\nauth = \"none\"\ndestination = \"main\"\n\
         [destination.main]\ntype = \"stdout\"\n",
    );
    host.break_store(|_| Some(StoreError::Full));
    let good = payload(["1", "2"]);
    let delivered = block_on(deliver_to(&host, &config, "azdo", &good));
    assert_eq!(delivered.fault, None);
    assert_eq!(host.printed_text().lines().count(), 2);
    let delivered = block_on(deliver_to(&host, &config, "azdo", &mixed()));
    assert_eq!(delivered.fault.map(|it| it.kind), Some("store"));
    host.mend_store();
    host.print_fails.set(true);
    let delivered = block_on(deliver_to(&host, &config, "azdo", &good));
    assert!(delivered.fault.is_some());
}

#[test]
fn a_normalizer_that_miscounts_costs_no_log() {
    let batch = |events: &str, log_indexes: &[u32]| Batch {
        events: events.as_bytes().to_vec(),
        log_indexes: log_indexes.to_vec(),
        logs: vec![crate::wit::transform::Span {
            offset: 0,
            length: 3,
        }],
        notes: Vec::new(),
        rejections: Vec::new(),
    };
    let count = |batch: &Batch| {
        let lines: Vec<_> = lines(&batch.events).collect();
        udm_events(batch, &lines).map(|it| it.len())
    };
    assert_eq!(count(&batch("{}\n{}\n", &[0, 0])).ok(), Some(2));
    assert_eq!(count(&batch("{}\n{}", &[0, 0])).ok(), Some(2));
    for wrong in [
        batch("{}\n{}\n", &[0]),
        batch("{}\n", &[1]),
        batch("", &[0]),
    ] {
        assert_eq!(count(&wrong).unwrap_err().kind, "normalizer");
    }
    assert_eq!(
        raw_logs(b"abc", &batch("", &[])).map(|it| it.len()).ok(),
        Some(1)
    );
    assert!(raw_logs(b"ab", &batch("", &[])).is_err());
}

#[test]
fn equal_logs_of_another_delivery_are_sent_again_unless_they_carry_their_senders_ids() {
    for (unlike, expected) in [(["", ""], 0), (["r1", "r2"], 1), (["r1", "r1"], 0)] {
        let (host, config) = (Memory::new(), config());
        let takers = Takers::of(&host);
        let (feed, tokens) = (&config.feeds["raw"], Tokens::default());
        for unlike in unlike {
            let payload = b"heartbeat";
            let delivered = deliver(&host, &config, feed, payload, unlike, &tokens, DEADLINE);
            assert_eq!(block_on(delivered).fault, None);
        }
        assert_eq!(takers.repeated(), expected, "{unlike:?}");
    }
}
