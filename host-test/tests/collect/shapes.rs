//! What the objects hold.

use std::io::Read;

use flate2::read::GzDecoder;

use super::*;

#[test]
fn udm_is_what_the_command_transform_makes_of_the_same_events() {
    for store in STORES {
        let mut world = World::with(service(270), store());
        world.set("OUTPUT_SHAPE", "udm");
        world.set("ASSET_NAMESPACE", "harness.audit");
        world.set("INGESTION_LABELS", "source=harness");
        let summary = world.collected();
        assert_eq!(
            (&summary["eventsCollected"], &summary["rejected"]),
            (&270.into(), &0.into())
        );
        assert_eq!(world.lines("harness/audit/").len(), 0);
        let events = world.lines("harness/audit-udm/");
        assert_eq!(events.len(), 270);
        assert!(
            events
                .iter()
                .all(|it| it["metadata"]["logType"] == "HARNESS_IO")
        );
        assert!(
            events
                .iter()
                .any(|it| it.to_string().contains("harness.audit"))
        );
        assert!(
            events
                .iter()
                .all(|it| it["metadata"]["ingestionLabels"][0]["value"] == "harness")
        );
        // Another shape goes on where this one was.
        world.set("OUTPUT_SHAPE", "api");
        world.goes_on();
        assert_eq!(world.collected()["eventsCollected"], 1);
    }
}

#[test]
fn the_streaming_shape_has_the_fields_that_googles_parser_names() {
    let mut world = World::new(service(73));
    world.set("OUTPUT_SHAPE", "streaming");
    world.collected();
    let lines = world.lines("harness/audit/");
    assert_eq!(lines.len(), 73);
    for field in [
        "auditEventId",
        "auditModule",
        "auditAction",
        "auditEventTime",
        "auditEventAuthor",
    ] {
        assert!(lines.iter().all(|it| !it[field].is_null()), "{field}");
    }
}

/// SecOps reads what is streamed, and what another feed reads already is not for it.
#[test]
fn a_prefix_is_read_by_one_consumer() {
    const MARKER: &str = "harness/.udmill-consumer-audit.json";
    let mut world = World::new(service(3));
    world.set("OUTPUT_SHAPE", "streaming");
    world.collected();
    let marker = world.s3.objects().remove(MARKER).unwrap();
    let marker: Value = serde_json::from_slice(&marker).unwrap();
    assert_eq!(marker["consumer"], "secops");
    world
        .s3
        .set(MARKER, Some(b"{\"consumer\":\"a feed of udmill\"}"));
    let before = world.server.with(|it| it.count);
    let ended = world.collect(&["--once"]);
    assert_eq!(ended.status, Some(3), "{}", ended.errors);
    assert_eq!(ended.summary["errorType"], "Taken", "{}", ended.errors);
    assert!(
        ended.errors.contains("a feed of udmill"),
        "{}",
        ended.errors
    );
    assert_eq!(world.server.with(|it| it.count), before);
}

#[test]
fn objects_are_compressed_if_wanted_and_tell_what_they_hold() {
    let mut world = World::new(service(73));
    world.set("GZIP", "true");
    world.collected();
    let objects = world.s3.objects();
    let compressed = objects.iter().filter(|(key, _)| key.ends_with(".jsonl.gz"));
    let mut lines = 0;
    for (_, bytes) in compressed {
        let mut text = String::new();
        GzDecoder::new(bytes.as_slice())
            .read_to_string(&mut text)
            .unwrap();
        lines += text.lines().count();
    }
    assert_eq!(lines, 73);
}

/// A Lambda's environment says nothing of the shape, and goes on with the Lambda's own, but not silently.
#[test]
fn an_environment_without_a_shape_is_told_of_it() {
    let mut world = World::new(service(3));
    world.variables.remove("OUTPUT_SHAPE");
    let ended = world.collect(&["--once"]);
    assert_eq!(ended.status, Some(0), "{}", ended.errors);
    assert!(ended.errors.contains("OUTPUT_SHAPE"), "{}", ended.errors);
    world.check_all();
}
