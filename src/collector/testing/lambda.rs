//! The Lambda's way, written anew from its published description: the window moves with every request, all pages go
//! into one object, and the watermark is the moment after the upload.

use serde_json::Value;

use super::World;
use crate::answer;
use crate::harness::{Cursor, request};
use crate::settings::Settings;
use crate::step::{Action, Reply};

/// Its state: `since` and `pageToken`.
pub type Memory = Option<(i64, Option<String>)>;

/// A run from a state; the events are the feed's at once. None if it fails or dies before its state is written, which
/// then stays as it was.
pub fn run(world: &mut World, settings: &Settings, memory: &Memory, dies_after: u64) -> Memory {
    let now = |world: &World| world.now().wall;
    let (since, mut token) = match memory.clone() {
        Some(memory) => memory,
        None => (now(world) - 60 * super::MINUTE, None),
    };
    let (mut events, mut pages, mut actions) = (Vec::new(), 0, 0);
    let mut complete = false;
    while pages < 100 {
        let cursor = token.clone().map_or(Cursor::Index(0), Cursor::Token);
        let mut calls = 0;
        let page = loop {
            actions += 1;
            if actions > dies_after {
                return None;
            }
            let request = request(settings, (since, now(world)), settings.page_size, &cursor);
            let Reply::Answer(answer) = world.perform(Action::Send(request, 30_000)) else {
                return None;
            };
            calls += 1;
            match answer::read(&answer, settings.page_size, 0) {
                Ok(page) => break page,
                Err(_) if answer.status == 429 && calls <= 3 => world.elapsed += 60_000,
                Err(_) => return None,
            }
        };
        pages += 1;
        events.extend(page.content);
        token = page.token;
        complete = !page.has_next;
        if !page.has_next || token.is_none() {
            break;
        }
        world.elapsed += 500;
    }
    if actions + 1 > dies_after {
        return None;
    }
    world.elapsed += 200;
    for event in &events {
        let value: Value = serde_json::from_str(event).expect("JSON");
        let id = value["auditId"].as_str().unwrap_or(event).to_owned();
        *world.store.taken.entry(id).or_default() += 1;
    }
    if actions + 2 > dies_after {
        return None;
    }
    match complete {
        true => Some((now(world), None)),
        false => Some((since, token)),
    }
}
