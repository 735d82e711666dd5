//! The constructed pages of Harness' list API through whole runs: what is asked after each, and what is written.

use std::collections::BTreeSet;

use harness::Fault;

use crate::testing::{World, settings};
use crate::tests::good;
use crate::{Action, Plan, Step, event};

const PAGE_1: &str = include_str!("../udm/harness_io/golden/constructed_listv2_page_1.raw");
const PAGE_2: &str = include_str!("../udm/harness_io/golden/constructed_listv2_page_2.raw");
const OVERLAPPING: &str =
    include_str!("../udm/harness_io/golden/constructed_listv2_overlapping_page.raw");
const LAST_WITH_TOKEN: &str =
    include_str!("../udm/harness_io/golden/constructed_listv2_last_page_with_token.raw");
const WITHOUT_TOKEN: &str =
    include_str!("../udm/harness_io/golden/constructed_listv2_hasnext_without_token.raw");

/// A world three hours old whose server answers with these pages, after the question for its clock.
fn world(pages: &[&'static str]) -> World {
    let mut world = World::new(7);
    world.pass(180);
    let pages = pages.iter().zip(1..);
    world.server.scheduled = pages
        .map(|(page, at)| (at, Fault::Status(200, page)))
        .collect();
    world
}

/// The ids of what was written, once each or more often.
fn written(world: &World) -> Vec<String> {
    let keys = world.store.keys("harness/audit/");
    let texts: Vec<String> = keys.iter().map(|it| world.store.text(it)).collect();
    let lines = texts.iter().flat_map(|it| it.lines());
    lines
        .map(|it| event::of_line(it).expect("a line of JSON").0)
        .collect()
}

#[test]
fn two_pages_are_asked_for_word_for_word() {
    let mut world = world(&[PAGE_1, PAGE_2]);
    let settings = settings(&[("PAGE_SIZE", "40")]);
    let mut run = world.start(&settings, Plan::Live, 600_000);
    let (mut sent, mut reply) = (Vec::new(), None);
    while let Step::Do(action) = run.step(reply.take(), world.now()) {
        if let Action::Send(request, _) = &action {
            sent.push(request.clone());
        }
        reply = Some(world.perform(action));
    }
    let [_, first, second] = &sent[..] else {
        panic!("{sent:?}");
    };
    let url = "https://app.harness.io/audit/api/audits/listV2?accountIdentifier=acc&pageSize=40";
    assert_eq!(first.url, url);
    let token = "&pageToken=eyJ0cyI6MTc2NzIyNzk4MDQ0MiwiaWQiOiI2OTU1YmRhYyJ9%2F%2B%3D%3D";
    assert_eq!(second.url, url.to_owned() + token);
    assert_eq!(
        (&first.body, &first.headers),
        (&second.body, &second.headers)
    );
    let names: Vec<&str> = first.headers.iter().map(|it| it.0).collect();
    assert_eq!(names, ["x-api-key", "content-type", "accept"]);
    let ids = written(&world);
    assert_eq!(
        (ids.len(), ids.iter().collect::<BTreeSet<_>>().len()),
        (73, 73)
    );
}

#[test]
fn events_of_another_page_are_not_written_again() {
    let mut world = world(&[PAGE_1, OVERLAPPING, PAGE_2]);
    let outcome = good(&mut world, &settings(&[("PAGE_SIZE", "40")]));
    let ids = written(&world);
    assert_eq!(
        (ids.len(), ids.iter().collect::<BTreeSet<_>>().len()),
        (73, 73)
    );
    assert_eq!(outcome.summary.duplicates, 5);
}

#[test]
fn a_last_page_is_the_last_though_it_has_a_token() {
    let mut world = world(&[LAST_WITH_TOKEN]);
    let outcome = good(&mut world, &settings(&[("PAGE_SIZE", "3")]));
    assert_eq!((outcome.summary.pages, outcome.summary.events), (1, 2));
}

#[test]
fn a_page_that_has_a_next_and_no_token_is_followed_by_number() {
    let mut world = world(&[WITHOUT_TOKEN]);
    let outcome = good(&mut world, &settings(&[("PAGE_SIZE", "3")]));
    assert_eq!(outcome.summary.pages, 2);
    let next = &world.server.calls[2].query;
    assert!(
        next.contains(&("pageIndex".to_owned(), "1".to_owned())),
        "{next:?}"
    );
    assert!(next.iter().all(|(name, _)| name != "pageToken"));
}
