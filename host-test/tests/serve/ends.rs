use std::thread;

use host_test::running::{Start, feed};
use rustix::process::{Pid, Signal, kill_process};

use crate::{answer, delivery, destination, get, is_open, next};

#[test]
fn requests_under_way_end_well_when_the_host_is_told_to_end() {
    for signal in [Signal::TERM, Signal::INT] {
        let (listener, config) = destination();
        let mut host = Start::with(&config).run();
        let address = host.address;
        let sender = thread::spawn(move || event_grid::send(address, &feed(), &delivery()));
        let waiting = next(&listener);
        kill_process(Pid::from_raw(host.id() as i32).unwrap(), signal).unwrap();
        host.logged("requests that are under way may end");
        while is_open(address) {
            thread::yield_now();
        }
        answer(waiting);
        assert_eq!(sender.join().unwrap().unwrap().status, 200);
        assert_eq!(host.end(), Some(0));
    }
}

#[test]
fn what_was_stored_is_there_after_a_kill_and_a_restart() {
    let (listener, config) = destination();
    let config = config.replace("[destination", "ack = \"stored\"\n[destination");
    let mut host = Start::with(&config).run();
    // The drain may try it at any time; it gets no answer before the kill.
    assert_eq!(host.deliver(&delivery()).status, 200);
    host.restart();
    assert_eq!(host.send("/healthz", &get()).status, 200);
    let store = rusqlite::Connection::open(host.state().join("store.sqlite")).unwrap();
    let count = "SELECT count(*) FROM entries WHERE key LIKE 'spool:%'";
    let entries: u32 = store.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(entries, 1);
    drop(listener);
}
