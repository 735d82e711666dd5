//! After the Lambda of Google's page: its state, and where that lies.

use super::*;

/// Defects 1, 2 and 12 of the Lambda: it skips events after every run, and its state is ingested as a log.
#[test]
fn the_lambdas_state_is_taken_over_without_a_gap_and_moved_out_of_the_feeds_prefix() {
    for store in STORES {
        let mut service = Service::default();
        for minute in 0..300 {
            service.add(now() - (310 - minute) * MINUTE, 0);
        }
        let since = now() - 120 * MINUTE;
        let first = service
            .events
            .iter()
            .find(|it| it.time >= since - 60 * MINUTE);
        let first = first.unwrap().id.clone();
        let world = World::with(service, store());
        let state = format!(
            "{{\n  \"since\": {since},\n  \"pageToken\": null,\n  \"lastRun\": {since}\n}}"
        );
        world
            .s3
            .set("harness/audit/state.json", Some(state.as_bytes()));
        let summary = world.collected();
        let objects = world.s3.objects();
        assert!(!objects.contains_key("harness/audit/state.json"));
        assert_eq!(
            objects["harness/audit-state/lambda-state.json"],
            state.as_bytes()
        );
        let lines = world.lines("harness/audit/");
        assert_eq!(
            lines.len(),
            summary["eventsCollected"].as_u64().unwrap() as usize
        );
        assert!(lines.iter().any(|it| it["auditId"] == first.as_str()));
        // An hour of overlap, and everything since.
        assert!((165..=171).contains(&lines.len()), "{}", lines.len());
        assert!(
            summary["warnings"].to_string().contains("took over"),
            "{summary}"
        );
    }
}

/// Defect 20 of the Lambda: a null in its state crashes it, or has it begin at the epoch.
#[test]
fn a_broken_state_is_never_taken_for_none() {
    for (key, text) in [
        ("harness/audit/state.json", "{\"since\": null}"),
        ("harness/audit-state/harness.json", "{\"version\": 2}"),
        ("harness/audit-state/harness.json", ""),
    ] {
        let world = World::new(service(3));
        world.s3.set(key, Some(text.as_bytes()));
        let ended = world.collect(&["--once"]);
        assert_eq!(ended.status, Some(3), "{}", ended.errors);
        assert_eq!(ended.summary["errorType"], "State", "{}", ended.errors);
        assert!(ended.errors.contains(key), "{}", ended.errors);
        assert_eq!(world.s3.objects()[key], text.as_bytes());
    }
}
