//! The 37 defects of the Lambda that Google's page "Collect Harness IO audit logs" publishes
//! (docs.cloud.google.com/chronicle, as of November 2026): one test each, which says by number and in a sentence what
//! the Lambda does wrong, and shows that the collector does not.
//!
//! Where it can be seen from outside, the Lambda's way runs in the same world and is shown to fail. Its way of ending,
//! the part of defect 14 that is Lambda's own, is tested with the runtime of `deploy/aws`, in `host-test/lambda`.

mod asking;
mod failing;
mod keeping;
mod setting_up;
mod writing;

use crate::settings::Settings;
use crate::testing::lambda::{self, Memory};
use crate::testing::{EPOCH, MINUTE, World};

/// A world an hour old, with so many events in its last half an hour.
fn busy(events: i64) -> World {
    let mut world = World::new(7);
    world.pass(60);
    for at in 0..events {
        world
            .server
            .add(EPOCH + 30 * MINUTE + at * 30 * MINUTE / events, 0);
    }
    world
}

/// The Lambda's way, once an hour and without a fault of its own.
fn lambda(world: &mut World, settings: &Settings, hours: u32) -> Memory {
    let mut memory = None;
    for hour in 0..hours {
        if hour > 0 {
            world.pass(60);
        }
        memory = lambda::run(world, settings, &memory, u64::MAX).or(memory);
    }
    memory
}

#[test]
fn each_of_the_37_defects_has_its_test() {
    let files = [
        include_str!("defects/asking.rs"),
        include_str!("defects/failing.rs"),
        include_str!("defects/keeping.rs"),
        include_str!("defects/setting_up.rs"),
        include_str!("defects/writing.rs"),
    ];
    let lines = || files.iter().flat_map(|it| it.lines());
    for number in 1..=37 {
        let doc = format!("/// Defect {number}: ");
        let found = lines().filter(|it| it.starts_with(&doc)).count();
        assert_eq!(found, 1, "{doc}");
    }
    let docs = lines().filter(|it| it.starts_with("/// Defect ")).count();
    assert_eq!(docs, 37);
}
