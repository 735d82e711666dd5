use super::*;

fn shows(metrics: &Metrics, line: &str) {
    let text = metrics.text();
    assert!(
        text.lines().any(|it| it == line),
        "expected {line} in\n{text}"
    );
}

#[test]
fn requests_are_summed_up_by_feed() {
    let metrics = Metrics::default();
    let line = br#"{"kind":"request","feed":"azdo","route":"delivery","status":200,"outcome":"delivered","logs":3,"events":2,
        "rejected":1,"duration_ms":7.5,"lag":{"60":1,"300":1,"inf":0},"last_event":"2024-01-01T00:00:00Z","quarantine":4,"feeds":{"azdo":{"quarantine":3}}}"#;
    let line: Vec<u8> = line.iter().copied().filter(|byte| *byte != b'\n').collect();
    metrics.count(
        &[
            &line[..],
            b"\n",
            &line[..],
            b"\nnot JSON\n{\"kind\":\"other\",\"logs\":9}\n",
        ]
        .concat(),
    );
    shows(
        &metrics,
        r#"udmill_requests_total{feed="azdo",route="delivery",outcome="delivered",status="200"} 2"#,
    );
    shows(&metrics, r#"udmill_logs_total{feed="azdo"} 6"#);
    shows(
        &metrics,
        r#"udmill_request_duration_seconds_bucket{feed="azdo",le="0.01"} 2"#,
    );
    shows(
        &metrics,
        r#"udmill_request_duration_seconds_sum{feed="azdo"} 0.015"#,
    );
    shows(
        &metrics,
        r#"udmill_event_lag_seconds_bucket{feed="azdo",le="60"} 2"#,
    );
    shows(
        &metrics,
        r#"udmill_event_lag_seconds_bucket{feed="azdo",le="300"} 4"#,
    );
    shows(&metrics, r#"udmill_event_lag_seconds_count{feed="azdo"} 4"#);
    shows(
        &metrics,
        r#"udmill_last_event_timestamp_seconds{feed="azdo"} 1704067200"#,
    );
    shows(&metrics, r#"udmill_quarantine_entries{feed="azdo"} 3"#);
}

#[test]
fn what_a_drain_delivers_counts_when_it_is_delivered() {
    let metrics = Metrics::default();
    metrics.count(
        br#"{"kind":"request","feed":"azdo","outcome":"stored","status":200,"bytes":9,"logs":0,"events":0}
{"kind":"drained","feed":"azdo","outcome":"waits","bytes":9,"logs":2,"events":2,"fault":"unavailable"}
{"kind":"drained","feed":"azdo","outcome":"delivered","bytes":9,"logs":2,"events":2,"lag":{"60":2},"last_event":"2024-01-01T00:00:00Z"}
"#,
    );
    shows(&metrics, r#"udmill_received_bytes_total{feed="azdo"} 9"#);
    shows(
        &metrics,
        r#"udmill_faults_total{feed="azdo",kind="unavailable"} 1"#,
    );
    shows(&metrics, r#"udmill_events_total{feed="azdo"} 2"#);
    shows(&metrics, r#"udmill_event_lag_seconds_count{feed="azdo"} 2"#);
    shows(
        &metrics,
        r#"udmill_last_event_timestamp_seconds{feed="azdo"} 1704067200"#,
    );
    shows(
        &metrics,
        r#"udmill_requests_total{feed="azdo",route="",outcome="stored",status="200"} 1"#,
    );
}

#[test]
fn labels_are_escaped_and_not_without_end() {
    let metrics = Metrics::default();
    metrics.count(br#"{"kind":"request","feed":"a\"\\\n"}"#);
    shows(
        &metrics,
        r#"udmill_requests_total{feed="a\"\\\n",route="",outcome="",status=""} 1"#,
    );
    for number in 0..2 * FEEDS {
        metrics.count(format!(r#"{{"kind":"request","feed":"{number}"}}"#).as_bytes());
    }
    let text = metrics.text();
    let requests = text
        .lines()
        .filter(|it| it.starts_with("udmill_requests_total{"));
    assert_eq!(requests.count(), FEEDS + 1);
}

#[test]
fn calls_of_collectors_are_counted_and_a_backfill_says_nothing_of_the_lag() {
    let metrics = Metrics::default();
    let line = |rest: &str| {
        let line =
            format!("{{\"kind\":\"collect\",\"collector\":\"main\",\"status\":200,{rest}}}\n");
        metrics.count(line.as_bytes());
    };
    line(
        r#""eventsCollected":3,"pagesProcessed":2,"duplicates":1,"retries":4,"lagMs":180500,"latestMs":1500"#,
    );
    line(
        r#""eventsCollected":2,"lagMs":null,"errorType":"Harness","error":"expected \"a\"","alarm":true"#,
    );
    line(r#""backfill":true,"eventsCollected":5,"lagMs":9000000"#);
    for expected in [
        r#"udmill_collector_events_total{collector="main"} 10"#,
        r#"udmill_collector_retries_total{collector="main"} 4"#,
        r#"udmill_collector_runs_total{collector="main",outcome="ok"} 2"#,
        r#"udmill_collector_runs_total{collector="main",outcome="harness"} 1"#,
        r#"udmill_collector_lag_seconds{collector="main"} 180.5"#,
        r#"udmill_collector_lateness_seconds{collector="main"} 1.5"#,
    ] {
        shows(&metrics, expected);
    }
}
