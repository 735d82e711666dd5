//! Runs one after the other, beside each other, killed and interrupted.

use std::thread;

use host_test::running::Start;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::*;

/// A run that has written so many objects, and is at work still.
fn at_work(world: &World, objects: usize) -> Child {
    let child = world.command(&["--once"]).spawn().unwrap();
    while world.lines("harness/audit/").len() < objects {
        thread::yield_now();
    }
    child
}

fn signal(child: &Child, signal: Signal) {
    let id = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(id, signal).unwrap();
}

/// Defects 1, 5 and 28 of the Lambda, and the keys of its result.
#[test]
fn a_run_writes_what_is_due_and_the_next_one_what_came_since() {
    for store in STORES {
        let world = World::with(service(270), store());
        let first = world.collected();
        assert_eq!(first["eventsCollected"], 270, "{first}");
        assert_eq!(first["pagesProcessed"], 6);
        assert_eq!(first["s3Key"], first["s3Keys"][0]);
        world.goes_on();
        let second = world.collected();
        assert_eq!(second["eventsCollected"], 1, "{second}");
        assert_eq!(second["duplicates"], 270, "{second}");
        world.check_all();
        assert!(world.s3.objects().contains_key(STATE));
    }
}

/// Defect 8 of the Lambda: a killed run repeats the same work for ever.
#[test]
fn a_killed_run_is_gone_on_with_and_nothing_is_missing_or_there_twice() {
    for store in STORES {
        let mut world = World::with(service(400), store());
        world.set("PAGE_SIZE", "10");
        for objects in [1, 100, 250] {
            let mut child = at_work(&world, objects);
            child.kill().unwrap();
            child.wait().unwrap();
            // The dead run's turn would end by itself after a minute.
            let mut state = world.state();
            state["lease"] = Value::Null;
            world.s3.set(STATE, Some(state.to_string().as_bytes()));
        }
        let last = world.collected();
        assert!(last["unconfirmedObjects"].as_u64() <= Some(1), "{last}");
        world.check_all();
    }
}

/// Defect 10 of the Lambda: runs at once overwrite each other's state.
#[test]
fn of_two_runs_at_once_one_gives_way_and_nothing_is_there_twice() {
    let mut world = World::new(service(400));
    world.set("PAGE_SIZE", "10");
    let first = at_work(&world, 20);
    let second = world.collect(&["--once"]);
    assert_eq!(second.status, Some(3), "{}", second.errors);
    assert_eq!(second.summary["errorType"], "Busy");
    assert_eq!(ended(first).status, Some(0));
    world.check_all();
}

#[test]
fn an_interrupt_keeps_the_progress_and_gives_the_turn_back() {
    for ((by, status), store) in [(Signal::INT, 130), (Signal::TERM, 143)]
        .into_iter()
        .zip(STORES)
    {
        let mut world = World::with(service(400), store());
        world.set("PAGE_SIZE", "10");
        let child = at_work(&world, 20);
        signal(&child, by);
        let interrupted = ended(child);
        assert_eq!(interrupted.status, Some(status), "{}", interrupted.errors);
        assert_eq!(
            interrupted.summary["error"],
            Value::Null,
            "{}",
            interrupted.errors
        );
        assert_eq!(world.state()["lease"], Value::Null);
        // Nobody waits for a turn.
        world.collected();
        world.check_all();
    }
}

#[test]
fn rounds_go_on_where_another_run_has_the_turn() {
    let world = World::new(service(30));
    world.collected();
    world.goes_on();
    let mut state = world.state();
    let until = now() + MINUTE;
    state["lease"] = json!({"owner": "a run that was killed", "until": until});
    world.s3.set(STATE, Some(state.to_string().as_bytes()));
    let before = world.server.with(|it| it.count);
    let child = world.command(&["--every", "100ms"]).spawn().unwrap();
    while world.server.with(|it| it.count) < before + 3 {
        thread::yield_now();
    }
    // Its turn is over.
    state["lease"] = Value::Null;
    world.s3.set(STATE, Some(state.to_string().as_bytes()));
    while world.lines("harness/audit/").len() < 31 {
        thread::yield_now();
    }
    signal(&child, Signal::INT);
    let ended = ended(child);
    assert_eq!(ended.status, Some(130), "{}", ended.errors);
    let busy = ended.errors.matches("\"errorType\":\"Busy\"").count();
    assert!(busy >= 2, "{}", ended.errors);
    world.check_all();
}

#[test]
fn rounds_go_on_until_an_interrupt() {
    let world = World::new(service(30));
    let child = world.command(&["--every", "1s"]).spawn().unwrap();
    while world.server.with(|it| it.count) < 6 {
        thread::yield_now();
    }
    signal(&child, Signal::TERM);
    let ended = ended(child);
    assert_eq!(ended.status, Some(143), "{}", ended.errors);
    assert!(ended.errors.lines().count() >= 2, "{}", ended.errors);
    world.check_all();
}

#[test]
fn a_budget_ends_a_run_with_more_to_do() {
    for store in STORES {
        let mut world = World::with(service(200), store());
        world.set("PAGE_SIZE", "5");
        let ended = world.collect(&["--budget", "500ms"]);
        assert_eq!(ended.status, Some(0), "{}", ended.errors);
        assert_eq!(ended.summary["more"], true, "{}", ended.errors);
        world.collected();
        world.check_all();
    }
}

/// Defect 32 of the Lambda: no back-fill.
#[test]
fn a_backfill_takes_what_is_between_two_times_and_leaves_the_live_state_alone() {
    let mut service = service(0);
    for minute in 0..100 {
        service.add(1_767_225_600_000 + minute * MINUTE, 0);
    }
    let world = World::new(service);
    let ended = world.collect(&[
        "--from",
        "2026-01-01T00:10:00Z",
        "--to",
        "2026-01-01T01:19:59+00:00",
    ]);
    assert_eq!(ended.status, Some(0), "{}", ended.errors);
    assert_eq!(ended.summary["eventsCollected"], 70);
    let keys: Vec<String> = world.s3.objects().into_keys().collect();
    assert!(keys.iter().all(|it| it != STATE), "{keys:?}");
    let days = keys
        .iter()
        .filter(|it| it.starts_with("harness/audit/2026/01/01/"))
        .count();
    assert!(days > 0, "{keys:?}");
    world.check_contract();
}

#[test]
fn a_server_collects_by_its_route_call_by_call() {
    let world = World::new(service(300));
    let text = format!(
        "admin_key = \"{{admin_key}}\"\n[collect.main]\nharness_api_base = \"{}\"\nharness_account_id = \"{ACCOUNT}\"\n\
         harness_api_key = \"{{harness_key}}\"\noutput_shape = \"api\"\ns3_bucket = \"{BUCKET}\"\ns3_region = \"eu\"\n\
         s3_endpoint = \"{}\"\ns3_access_key = \"{ACCESS_KEY}\"\ns3_secret_key = \"{{s3_secret_key}}\"\n",
        world.server.base(),
        world.s3.origin
    );
    let start = Start::with(&text);
    let receiver = start
        .variables(&[("harness_key", KEY), ("s3_secret_key", SECRET_KEY)])
        .run();
    assert_eq!(receiver.ask("POST", "/v1/collect/other").status, 404);
    let answer = receiver.ask("POST", "/v1/collect/main");
    let body: Value = serde_json::from_str(&answer.text()).unwrap();
    assert_eq!(
        (answer.status, &body["eventsCollected"]),
        (200, &300.into()),
        "{body}"
    );
    assert_eq!(body["more"], false);
    world.check_all();
    let metrics = receiver.metrics();
    for expected in [
        "udmill_collector_events_total{collector=\"main\"} 300",
        "udmill_collector_runs_total{collector=\"main\",outcome=\"ok\"} 1",
        "udmill_collector_lag_seconds{collector=\"main\"}",
    ] {
        assert!(metrics.contains(expected), "{expected} in {metrics}");
    }
    assert!(!receiver.written().contains(KEY));
}
