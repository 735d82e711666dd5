//! Many requests at once.

use std::collections::BTreeSet;
use std::sync::mpsc;
use std::thread;

use event_grid::Event;
use secops::{Reaction, SecOps};

use crate::destinations::set_up;
use crate::{assert_later, delivery, events, ids};
use host_test::running::{Receiver, config, feed};

#[test]
fn every_line_is_whole_when_64_deliveries_of_20_kb_events_are_printed_at_once() {
    let receiver = Receiver::start(&config("", "type = \"stdout\""));
    let long = "x".repeat(20_000);
    let sent: Vec<Event> = events(256).into_iter().map(|it| it.saying(&long)).collect();
    thread::scope(|scope| {
        for batch in sent.chunks(4) {
            let receiver = &receiver;
            scope.spawn(move || assert_eq!(receiver.deliver(&delivery(batch)).status, 200));
        }
    });
    let printed = receiver.events(256);
    let expected: BTreeSet<&str> = sent.iter().map(Event::id).collect();
    assert_eq!(ids(&printed).into_iter().collect::<BTreeSet<_>>(), expected);
    assert_eq!(printed.len(), 256);
    // The events of a delivery stay together.
    for batch in printed.chunks(4) {
        let first = sent.iter().position(|it| it.id() == ids(batch)[0]).unwrap();
        let expected: Vec<&str> = sent[first..first + 4].iter().map(Event::id).collect();
        assert_eq!(ids(batch), expected);
    }
}

#[test]
fn more_requests_than_there_are_places_are_answered_503_with_30_seconds() {
    let secops = SecOps::start();
    let (hung, hangs) = mpsc::channel();
    secops.react(move |_| {
        // Nobody listens any more once the test is over.
        let _ = hung.send(());
        Reaction::Hang
    });
    let receiver = set_up("webhook", &secops, "")
        .arguments(&["--max-requests", "8"])
        .run();
    let sent = events(8);
    let senders: Vec<_> = (sent.iter())
        .map(|event| {
            let address = receiver.address;
            let request = delivery(std::slice::from_ref(event));
            thread::spawn(move || event_grid::send(address, &feed(), &request))
        })
        .collect();
    for _ in &sent {
        hangs.recv().unwrap();
    }
    assert_later(&receiver.deliver(&delivery(&sent[..1])), 30);
    // The others need not wait for their time to be up.
    drop(receiver);
    for sender in senders {
        assert!(sender.join().unwrap().is_err());
    }
}
