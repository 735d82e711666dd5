//! Paths of a run, against a server and a store that behave as the published ones; more of them in `defects`.

use std::collections::BTreeMap;

use harness::Tokens;
use udmill_receiver::config::check::check;

use crate::config::origins;
use crate::environment;
use crate::settings::Settings;
use crate::testing::store::Conditions;
use crate::testing::{EPOCH, MINUTE, World, settings};
use crate::{Action, Error, Outcome, Plan, Reply};

pub(crate) const STATE: &str = "harness/audit-state/harness.json";

/// A world two hours old, with an event every minute.
pub(crate) fn world() -> World {
    let mut world = World::new(7);
    world.pass(120);
    for minute in 0..120 {
        world.server.add(EPOCH + minute * MINUTE, 100);
    }
    world
}

pub(crate) fn small() -> Settings {
    settings(&[("PAGE_SIZE", "10")])
}

/// A run that has to succeed.
pub(crate) fn good(world: &mut World, settings: &Settings) -> Outcome {
    let outcome = world.run(settings);
    assert_eq!(outcome.error, None);
    assert!(outcome.summary.complete);
    outcome
}

/// How many of the events in `minutes` are missing, and how many came twice; the feed takes all that there is.
pub(crate) fn balance(world: &mut World, minutes: std::ops::Range<i64>) -> (usize, u64) {
    world.store.feed("harness/audit/");
    let due = |time: i64| minutes.contains(&((time - EPOCH) / MINUTE));
    let events = world.server.events.iter().filter(|it| due(it.time));
    let taken = &world.store.taken;
    let missing = events.filter(|it| !taken.contains_key(&it.id)).count();
    (missing, taken.values().map(|it| it - 1).sum())
}

#[test]
fn a_first_run_begins_where_it_is_told_and_the_next_one_goes_on() {
    let mut world = world();
    let first = good(&mut world, &small());
    assert_eq!(
        first.summary.events, 57,
        "from an hour back to the settle delay"
    );
    let json = first.to_json(&small());
    for key in [
        "statusCode",
        "message",
        "eventsCollected",
        "pagesProcessed",
        "paginationComplete",
        "s3Key",
        "s3Keys",
        "filters",
    ] {
        assert!(json.get(key).is_some(), "{key}");
    }
    world.pass(60);
    let second = good(&mut world, &small());
    assert_eq!(
        (second.summary.events, balance(&mut world, 61..120)),
        (2, (0, 0))
    );
}

/// The Lambda's own key does not follow its prefix, so that it is easily named wrongly.
#[test]
fn a_state_of_the_lambda_that_is_not_where_it_should_be_is_told_of_once() {
    for (more, told) in [(None, false), (Some(("STATE_KEY", "eu/state.json")), true)] {
        let settings = settings(more.as_slice());
        let mut world = world();
        for told in [told, false] {
            let warnings = good(&mut world, &settings).summary.warnings.join("");
            assert_eq!(warnings.contains("`eu/state.json`"), told, "{warnings}");
            world.pass(10);
        }
    }
}

#[test]
fn no_form_of_token_stops_a_run() {
    for tokens in [
        Tokens::Missing,
        Tokens::Same,
        Tokens::Refused,
        Tokens::Loose,
        Tokens::Bound,
    ] {
        let mut world = world();
        world.server.tokens = tokens;
        good(&mut world, &small());
        assert_eq!(balance(&mut world, 61..117), (0, 0), "{tokens:?}");
    }
}

#[test]
fn a_large_window_is_split_and_nothing_of_it_lost_or_repeated() {
    let mut world = world();
    let settings = settings(&[("PAGE_SIZE", "5"), ("WINDOW_PAGES", "2")]);
    let outcome = good(&mut world, &settings);
    assert!(outcome.summary.windows > 4, "{:?}", outcome.summary);
    assert_eq!(balance(&mut world, 61..117), (0, 0));
}

#[test]
fn a_query_that_takes_the_server_too_long_is_made_shorter() {
    let mut world = world();
    world.server.too_many = 12;
    let outcome = good(&mut world, &small());
    assert!(outcome.summary.retries > 1);
    assert_eq!(balance(&mut world, 61..117), (0, 0));
}

#[test]
fn a_store_without_conditional_writes_is_told_of_and_used_all_the_same() {
    for conditions in [Conditions::Ignored, Conditions::Refused] {
        let mut world = world();
        world.store.conditions = conditions;
        for _ in 0..2 {
            let outcome = good(&mut world, &small());
            let warnings = outcome.summary.warnings.join("\n");
            assert!(
                warnings.contains("conditional writes"),
                "{conditions:?} {warnings}"
            );
            world.pass(10);
        }
        assert_eq!(balance(&mut world, 61..117), (0, 0), "{conditions:?}");
    }
}

/// Of two runs at once, one deletes what the other one's state names, which must not block every later run.
#[test]
fn without_conditional_writes_ids_that_are_gone_cost_repeats_and_no_more() {
    for (conditions, blocks) in [(Conditions::Honoured, true), (Conditions::Ignored, false)] {
        let mut world = world();
        world.store.conditions = conditions;
        good(&mut world, &small());
        for key in world.store.keys("harness/audit-state/harness-ids/") {
            world.store.objects.remove(&key);
        }
        world.pass(10);
        let outcome = world.run(&small());
        assert_eq!(matches!(outcome.error, Some(Error::State(_))), blocks);
        if !blocks {
            let warnings = outcome.summary.warnings.join("");
            assert!(warnings.contains("harness-ids/"), "{warnings}");
            assert_eq!(balance(&mut world, 61..117).0, 0);
        }
    }
}

#[test]
fn a_run_out_of_time_keeps_its_progress_and_says_that_there_is_more() {
    let mut world = world();
    let mut runs = 0;
    loop {
        let mut run = world.start(&small(), Plan::Live, 600);
        let outcome = world.finish(&mut run, u64::MAX).expect("an end");
        assert_eq!(outcome.error, None);
        runs += 1;
        assert!(runs < 50, "no progress");
        if outcome.summary.complete {
            break;
        }
    }
    assert!(runs > 2, "{runs}");
    assert_eq!(balance(&mut world, 61..117), (0, 0));
}

/// Before its first page, a run has asked for the server's clock and for its state.
#[test]
fn a_budget_that_is_over_before_the_first_page_is_enough_for_one() {
    for tokens in [
        Tokens::Bound,
        Tokens::Missing,
        Tokens::Same,
        Tokens::Refused,
    ] {
        let mut world = world();
        world.server.tokens = tokens;
        for runs in 0.. {
            assert!(runs < 20, "no progress with {tokens:?}");
            let mut run = world.start(&small(), Plan::Live, 1);
            let outcome = world.finish(&mut run, u64::MAX).expect("an end");
            assert_eq!(outcome.error, None);
            if outcome.summary.complete {
                break;
            }
            assert_eq!(outcome.summary.pages, 1, "{tokens:?}");
        }
        assert_eq!(balance(&mut world, 61..117), (0, 0), "{tokens:?}");
    }
}

#[test]
fn a_run_ends_though_new_events_are_due_while_the_overlap_is_read_again() {
    let mut world = World::new(7);
    world.pass(60);
    for at in 0..1000 {
        world.server.add(EPOCH + 30 * MINUTE + at * 1800, 0);
    }
    // An overlap of 475 pages, which Harness' limit makes longer than a minute.
    let settings = settings(&[("PAGE_SIZE", "2"), ("WINDOW_PAGES", "1000")]);
    for _ in 0..2 {
        let before = world.elapsed;
        good(&mut world, &settings);
        let took = world.elapsed - before;
        assert!((60_000..200_000).contains(&took), "{took}");
        world.pass(5);
    }
}

#[test]
fn a_broken_state_or_one_of_another_account_is_an_error_and_stays() {
    let mut world = world();
    for state in ["{", "{\"version\":9}"] {
        world.store.put(STATE, state);
        assert!(matches!(world.run(&small()).error, Some(Error::State(_))));
        assert_eq!(world.store.text(STATE), state);
    }
    let mut world = self::world();
    good(&mut world, &small());
    let other = settings(&[
        ("HARNESS_ACCOUNT_ID", "b"),
        ("HARNESS_API_KEY", "sat.b.i.s"),
    ]);
    (world.server.account, world.server.key) = ("b".to_owned(), "sat.b.i.s".to_owned());
    assert!(matches!(world.run(&other).error, Some(Error::State(_))));
}

#[test]
fn a_backfill_that_ends_too_late_says_so() {
    for (minutes, is_told) in [(-10, false), (0, true), (60, true)] {
        let mut world = world();
        let (from, to) = (world.time() - 60 * MINUTE, world.time() + minutes * MINUTE);
        let mut run = world.start(&small(), Plan::Backfill { from, to }, 600_000);
        let outcome = world.finish(&mut run, u64::MAX).expect("an end");
        let told = outcome.summary.warnings.join("\n");
        assert_eq!(
            told.contains("begin it again"),
            is_told,
            "{minutes}: {told}"
        );
    }
}

/// The window would be closed without them, and the next pass write its events once more.
#[test]
fn ids_that_cannot_be_written_leave_their_window_open() {
    for pages in ["50", "3"] {
        let settings = settings(&[("PAGE_SIZE", "10"), ("WINDOW_PAGES", pages)]);
        let mut world = world();
        let mut run = world.start(&settings, Plan::Live, 600_000);
        let outcome = world.finish_with(&mut run, |it| match it {
            Action::Write(write) if write.key.contains("-ids/") => {
                Some(Reply::Failed("403 AccessDenied".into(), false))
            }
            _ => None,
        });
        assert!(matches!(outcome.error, Some(Error::Store(_))), "{pages}");
        assert!(outcome.summary.events > 0, "{pages}");
        world.pass(10);
        good(&mut world, &settings);
        assert_eq!(balance(&mut world, 61..120), (0, 0), "{pages}");
    }
}

#[test]
fn the_configuration_that_is_there_to_be_copied_is_right() {
    let text = include_str!("../../deploy/harness/collect.toml");
    let variables = [
        ("admin_key", "0123456789abcdef0123456789abcdef"),
        ("harness_api_key", "sat.kZ3vQxY1TQ2mPa9fLr8bWw.token.secret"),
        ("s3_access_key", "AKIACOLLECTOR"),
        ("s3_secret_key", "one"),
    ];
    // Spin hands over what its manifest declares, and nothing else.
    let manifest = include_str!("../../spin.toml");
    let (_, declared) = manifest
        .split_once("[component.collector.variables]")
        .expect("variables");
    for (name, _) in variables {
        assert!(
            declared.contains(&format!("\n{name} = \"{{{{ {name} }}}}\"\n")),
            "{name}"
        );
    }
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = check(text, &variables.into(), true, &|_| Ok(()), &origins);
    let config = config.map_err(|it| it.into_iter().map(|it| it.message).collect::<Vec<_>>());
    let hosts = config.expect("a configuration").hosts();
    assert_eq!(hosts.len(), 2, "Harness and a bucket, not {hosts:?}");
}

#[test]
fn the_environment_that_is_there_to_be_copied_has_known_names_and_all_that_is_needed() {
    let text = include_str!("../../deploy/harness/collector.env");
    let lines = text.lines().filter(|it| !it.starts_with('#'));
    let pairs = lines.map(|it| it.split_once('=').expect("a variable"));
    let pairs: BTreeMap<String, String> =
        pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let read = environment::read("harness", &pairs);
    assert_eq!(
        read.text.lines().count(),
        1 + pairs.len(),
        "each is a setting: {}",
        read.text
    );
    let names = ["HARNESS_API_KEY", "AWS_SECRET_ACCESS_KEY"];
    assert!(
        names.iter().all(|it| pairs[*it].ends_with('…')),
        "no secret to copy"
    );
    let variables = [
        ("harness_api_key", "sat.kZ3vQxY1TQ2mPa9fLr8bWw.token.secret"),
        ("s3_secret_key", "one"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let text = read.text.replace('…', "X");
    assert!(
        check(&text, &variables.into(), true, &|_| Ok(()), &origins).is_ok(),
        "{text}"
    );
}
