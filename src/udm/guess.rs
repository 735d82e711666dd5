//! Which key comes next: one of those that came here before.
//!
//! Services write the keys of a log in one order. A key that is guessed costs one comparison of words; it is neither
//! followed to its end nor looked up, and what stands behind it can be read before the comparison is through. A guess is
//! what the look-up would have given: it makes reading faster, and never another event.

use std::collections::hash_map::Entry;

use wide::u8x16;

use crate::json::Piece;
use crate::keys::TextMap;
use crate::plan::NONE;

/// The longest key that is guessed, in bytes, with its quotes and the colon.
const MOST: usize = 32;
/// How many keys may come at one place.
const WAYS: usize = 4;
/// How many keys there is room for from the start.
const ROOM: usize = 64;
/// How many keys are remembered, each behind all that came before it, until all are forgotten.
const MAX_KEYS: Place = 2048;

/// Sequences of keys that objects had, as a tree.
pub struct Guesses {
    /// The starts of the levels' objects, then what was learned.
    keys: Vec<Key>,
    levels: usize,
    /// By level and node, the places behind keys that have none of their own.
    elsewhere: TextMap<u64, Place>,
}

/// A key in its place: an index of [`Guesses`]. A level stands for the start of its objects.
pub type Place = u16;

/// A key with its quotes and the colon.
#[derive(Clone, Copy)]
struct Key {
    text: [u8; MOST],
    length: u32,
    node: u16,
    /// What came behind it; 0 for nothing.
    next: [Place; WAYS],
}

impl Key {
    const START: Key = Key {
        text: [0; MOST],
        length: 0,
        node: NONE,
        next: [0; WAYS],
    };
}

impl Guesses {
    /// Nothing seen so far. `levels` is how many kinds of objects there are.
    pub fn new(levels: usize) -> Guesses {
        // With room for the keys of the first logs: to make room later would touch all that is here.
        let mut keys = Vec::with_capacity(levels + ROOM);
        keys.resize(levels, Key::START);
        Guesses {
            keys,
            levels,
            elsewhere: TextMap::default(),
        }
    }

    /// To be called between two logs: forgets what was seen when it is too much.
    pub fn make_room(&mut self) {
        if self.keys.len() >= MAX_KEYS as usize {
            *self = Guesses::new(self.levels);
        }
    }

    /// The key at an offset, the node that it leads to and its place, if it came here before.
    #[inline(always)]
    pub fn key(
        &self,
        before: Place,
        text: &[u8],
        at: usize,
    ) -> Option<(Piece, Option<u16>, Place)> {
        let found = text.get(at..at + MOST)?.first_chunk::<MOST>()?;
        for place in self.keys.get(before as usize)?.next {
            if place == 0 {
                return None;
            }
            let key = self.keys.get(place as usize)?;
            if equal_bytes(found, &key.text) >= key.length {
                let piece = Piece {
                    start: at as u32 + 1,
                    end: at as u32 + key.length - 2,
                    escaped: false,
                };
                let node = (key.node != NONE).then_some(key.node);
                return Some((piece, node, place));
            }
        }
        None
    }

    /// Takes note of a key that was not guessed; gives its place. Where that is one too many, what came behind the same key
    /// elsewhere has to do.
    #[inline(never)]
    pub fn learn(
        &mut self,
        (before, level): (Place, u16),
        text: &[u8],
        key: Piece,
        node: Option<u16>,
    ) -> Place {
        let start = key.start as usize - 1;
        let length = key.end as usize + 2 - start;
        let is_plain = !key.escaped && text.get(key.end as usize + 1) == Some(&b':');
        let found = text.get(start..).and_then(|it| it.first_chunk::<MOST>());
        let new = self.keys.len() as Place;
        let mut next = self
            .keys
            .get_mut(before as usize)
            .map(|it| it.next.iter_mut());
        let free = next.as_mut().and_then(|next| next.find(|it| **it == 0));
        match (found, free) {
            (Some(found), Some(free)) if is_plain && length <= MOST && new < MAX_KEYS => {
                *free = new;
                self.keys.push(Key {
                    text: *found,
                    length: length as u32,
                    node: node.unwrap_or(NONE),
                    next: [0; WAYS],
                });
                new
            }
            _ => self.elsewhere(level, node.unwrap_or(NONE)),
        }
    }

    /// The place behind a key that has none of its own: one for each node of a level, as nothing else tells what may come.
    fn elsewhere(&mut self, level: u16, node: u16) -> Place {
        let new = self.keys.len() as Place;
        match self
            .elsewhere
            .entry(u64::from(level) << 16 | u64::from(node))
        {
            Entry::Occupied(place) => *place.get(),
            Entry::Vacant(place) if new < MAX_KEYS => {
                self.keys.push(Key::START);
                *place.insert(new)
            }
            Entry::Vacant(_) => level,
        }
    }
}

/// How many bytes at the start are equal.
#[inline(always)]
fn equal_bytes(one: &[u8; MOST], other: &[u8; MOST]) -> u32 {
    let [(one, _), (other, _)] = [one, other].map(|it| it.as_chunks::<16>());
    let blocks = one.iter().zip(other).zip([0, 16]);
    let equal = blocks.map(|((one, other), at)| {
        let equal = u8x16::new(*one).simd_eq(u8x16::new(*other));
        u64::from(equal.to_bitmask()) << at
    });
    equal.fold(0, |all, equal| all | equal).trailing_ones()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Reader, SOURCES};

    fn key(text: &str) -> Piece {
        Piece {
            start: 1,
            end: text.rfind('"').unwrap() as u32,
            escaped: text.contains('\\'),
        }
    }

    #[test]
    fn a_key_is_guessed_where_it_came_before_and_nowhere_else() {
        let mut guesses = Guesses::new(2);
        let room = " ".repeat(MOST);
        let text = |key: &str| format!("{key}{room}").into_bytes();
        for (at, name) in ["\"a\":", "\"b\":", "\"ab\":"].into_iter().enumerate() {
            let node = Some(at as u16);
            let place = guesses.learn((0, 0), &text(name), key(name), node);
            let found = guesses.key(0, &text(name), 0);
            assert_eq!(found, Some((key(name), node, place)));
            for elsewhere in [1, place] {
                assert_eq!(guesses.key(elsewhere, &text(name), 0), None);
            }
        }
        for other in [
            "\"c\":",
            "\"A\":",
            "\"a\" :",
            "\"abc\":",
            "\"a",
            "\"\\u0061\":",
        ] {
            assert_eq!(guesses.key(0, &text(other), 0), None, "{other}");
        }
        assert_eq!(guesses.key(0, b"\"a\":1}", 0), None);
    }

    #[test]
    fn keys_that_are_too_many_or_too_long_are_not_remembered() {
        let mut guesses = Guesses::new(1);
        let before = guesses.keys.len();
        let long = format!("\"{}\": ", "a".repeat(MOST));
        guesses.learn((0, 0), long.as_bytes(), key(&long), None);
        for count in 0..3 * WAYS {
            let name = format!("\"key {count:030}\": ");
            let name = name.replacen("00000000000000000000", "", 1);
            guesses.learn((0, 0), format!("{name}{long}").as_bytes(), key(&name), None);
        }
        let behind_the_others = 1;
        assert_eq!(guesses.keys.len(), before + WAYS + behind_the_others);
        guesses.keys.resize(MAX_KEYS as usize, Key::START);
        guesses.make_room();
        assert_eq!(guesses.keys.len(), before);
    }

    #[test]
    fn keys_of_an_object_are_not_guessed_in_another_one_that_shares_a_field() {
        let options = Options {
            log_type: "HARNESS_IO".to_owned(),
            ..Options::default()
        };
        let log = |http: &str, request: &str| {
            format!(
                r#"{{"auditId":"1","action":"CREATE","timestamp":1717768800000,"resource":{{"type":"PIPELINE"}},
                "httpRequestInfo":{{{http}}},"requestMetadata":{{{request}}},
                "module":"no guess is made so near the end"}}"#
            )
        };
        // All that is guessed at the start of either object is something else.
        let mut reader = Reader::new(&options).unwrap();
        for count in 0..2 * WAYS {
            let other = format!(r#""other{count}":"""#);
            reader.normalize(log(&other, &other).as_bytes());
        }
        let (address, method) = (r#""clientIP":"203.0.113.24""#, r#""requestMethod":"post""#);
        let (agent, both) = (r#""userAgent":"curl/8""#, format!("{address},{method}"));
        for log in [
            log(&both, ""),
            log("", &both),
            log("", &format!("{address},{agent}")),
            log(&format!("{address},{agent}"), agent),
            log(&both, &both),
        ] {
            let alone = crate::normalize(log.as_bytes(), &options).unwrap();
            assert_eq!(reader.normalize(log.as_bytes()), alone, "{log}");
        }
    }

    #[test]
    fn an_event_does_not_depend_on_the_logs_before_it() {
        let options = Options {
            log_type: SOURCES[0].log_type.to_owned(),
            ..Options::default()
        };
        let keys = [
            "ActionId", "Area", "Details", "Data", "data", "Unknown", "Id",
        ];
        let value = |key: &str| match key {
            "Data" => r#"{"Id":"1","RepoId":"2","Id":"3","Area":"4"}"#.to_owned(),
            "data" => r#"{"Id":"5","Data":{"Unknown":"6"},"Area":"7"}"#.to_owned(),
            key => format!("\"{key}\""),
        };
        let mut reader = Reader::new(&options).unwrap();
        for turn in 0..keys.len() * keys.len() {
            let mut order = keys.to_vec();
            order.rotate_left(turn % keys.len());
            order.truncate(1 + turn / keys.len());
            let members: Vec<_> = order
                .iter()
                .map(|it| format!("\"{it}\":{}", value(it)))
                .collect();
            let log = format!(
                "{{{},\"time\":\"2024-06-07T14:00:00Z\"}}",
                members.join(",")
            );
            let alone = crate::normalize(log.as_bytes(), &options).unwrap();
            assert_eq!(reader.normalize(log.as_bytes()), alone, "{log}");
        }
    }
}
