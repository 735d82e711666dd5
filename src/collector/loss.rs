//! Thirty days in which everything fails, for the collector and for the Lambda's way, from the same seed.

use harness::Tokens;

use crate::pace::Chance;
use crate::settings::Settings;
use crate::testing::store::Conditions;
use crate::testing::{EPOCH, MINUTE, World, lambda, settings};
use crate::{Plan, Step};

const DAYS: i64 = 30;
/// Unoptimized, a tenth of them takes long enough.
const EVENTS: u64 = if cfg!(debug_assertions) {
    20_000
} else {
    200_000
};
/// No event is later than this.
const LATEST: i64 = 9 * MINUTE;
const EVERY: i64 = 30;

/// What came of it.
#[derive(Debug, Default, PartialEq)]
struct Balance {
    missing: usize,
    repeats: u64,
    crashes: u64,
    requests: u64,
    unconfirmed: u64,
}

#[test]
fn no_event_is_missing_after_thirty_days_of_faults_crashes_and_rivals() {
    let [collector, kept, plain, bound, loose] = std::thread::scope(|scope| {
        let all = [
            scope.spawn(|| collect(11, true, Conditions::Honoured)),
            scope.spawn(|| collect(12, false, Conditions::Honoured)),
            scope.spawn(|| collect(13, true, Conditions::Ignored)),
            scope.spawn(|| lambdas(11, Tokens::Bound)),
            scope.spawn(|| lambdas(11, Tokens::Loose)),
        ];
        all.map(|it| it.join().expect("a balance"))
    });
    println!("{EVENTS} events in {DAYS} days   missing  repeats  crashes  requests");
    for (name, it) in [
        ("collector", &collector),
        ("collector, objects kept", &kept),
        ("collector, plain writes", &plain),
        ("Lambda, tokens bound", &bound),
        ("Lambda, tokens loose", &loose),
    ] {
        let Balance {
            missing,
            repeats,
            crashes,
            requests,
            ..
        } = it;
        println!("{name:<24} {missing:>9} {repeats:>8} {crashes:>8} {requests:>9}");
    }
    // Without conditional writes two runs may do the same work, but neither undoes what the other one did.
    assert_eq!((collector.missing, kept.missing, plain.missing), (0, 0, 0));
    // What a run wrote before it died is read back, if it is still there.
    assert_eq!(kept.repeats, 0);
    assert!(collector.crashes > 100, "{collector:?}");
    // A page may come twice only where a feed took an object before the next run could see it.
    assert!(
        collector.repeats <= collector.unconfirmed * 100,
        "{collector:?}"
    );
    assert!(bound.missing + loose.missing > 0);
}

fn world(seed: u64) -> World {
    let mut world = World::new(seed);
    let mut chance = Chance::new(seed + 1);
    let mut events: Vec<(i64, i64)> = (0..EVENTS)
        .map(|_| {
            let time = EPOCH + chance.below((DAYS * 24 * 60 * MINUTE) as u64) as i64;
            // Most are seconds late, some by minutes, as an outbox that blocks has it.
            let late = match chance.below(50) {
                0 => chance.below(LATEST as u64) as i64,
                _ => chance.below(3000) as i64,
            };
            (time, late)
        })
        .collect();
    events.sort_unstable();
    for (time, late) in events {
        world.server.add(time, late);
    }
    world.server.fails_one_of = 25;
    world.store.fails_one_of = 50;
    world
}

fn collect(seed: u64, deletes: bool, conditions: Conditions) -> Balance {
    let (mut world, settings) = (
        world(seed),
        settings(&[
            ("WINDOW_HOURS", "2"),
            ("PAGE_SIZE", "100"),
            ("WINDOW_PAGES", "3"),
        ]),
    );
    world.store.conditions = conditions;
    let mut balance = Balance::default();
    for _ in 0..DAYS * 24 * 60 / EVERY + 20 {
        world.skew = world.chance.below(4 * MINUTE as u64) as i64 - 2 * MINUTE;
        let rivals = 1 + u64::from(world.chance.below(10) == 0);
        turn(&mut world, &settings, rivals, &mut balance);
        if deletes && world.chance.below(2) == 0 {
            world.store.feed("harness/audit/");
        }
        world.pass(EVERY);
    }
    world.server.fails_one_of = 0;
    world.store.fails_one_of = 0;
    for _ in 0..3 {
        world.pass(EVERY);
        let outcome = world.run(&settings);
        assert_eq!(outcome.error, None);
        balance.unconfirmed += outcome.summary.unconfirmed;
    }
    world.store.feed("harness/audit/");
    balanced(&world, balance)
}

/// One run, or two at once, each of which may die at any step.
fn turn(world: &mut World, settings: &Settings, rivals: u64, balance: &mut Balance) {
    let mut runs: Vec<_> = (0..rivals)
        .map(|_| (world.start(settings, Plan::Live, 240_000), None))
        .collect();
    while !runs.is_empty() {
        let at = world.chance.below(runs.len() as u64) as usize;
        let (run, reply) = &mut runs[at];
        let action = match run.step(reply.take(), world.now()) {
            Step::Do(action) => action,
            Step::Done(outcome) => {
                balance.unconfirmed += outcome.summary.unconfirmed;
                runs.swap_remove(at);
                continue;
            }
        };
        let dies = world.chance.below(100);
        if dies == 0 {
            balance.crashes += 1;
            runs.swap_remove(at);
            continue;
        }
        let found = world.perform(action);
        if dies == 1 {
            balance.crashes += 1;
            runs.swap_remove(at);
            continue;
        }
        runs[at].1 = Some(found);
    }
}

fn lambdas(seed: u64, tokens: Tokens) -> Balance {
    let (mut world, settings) = (world(seed), settings(&[]));
    world.server.tokens = tokens;
    let mut balance = Balance::default();
    let mut memory = None;
    for _ in 0..DAYS * 24 * 60 / EVERY + 20 {
        world.skew = world.chance.below(4 * MINUTE as u64) as i64 - 2 * MINUTE;
        let rivals = 1 + u64::from(world.chance.below(10) == 0);
        let before = memory.clone();
        for _ in 0..rivals {
            let dies_after = match world.chance.below(8) {
                0 => world.chance.below(6),
                _ => u64::MAX,
            };
            balance.crashes += u64::from(dies_after < u64::MAX);
            memory = lambda::run(&mut world, &settings, &before, dies_after).or(memory);
        }
        world.pass(EVERY);
    }
    balanced(&world, balance)
}

fn balanced(world: &World, balance: Balance) -> Balance {
    let taken = &world.store.taken;
    let missing = world
        .server
        .events
        .iter()
        .filter(|it| !taken.contains_key(&it.id));
    Balance {
        missing: missing.count(),
        repeats: taken.values().map(|it| it - 1).sum(),
        requests: world.server.count,
        ..balance
    }
}
