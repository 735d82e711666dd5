//! An object store as S3 is, with conditional writes or without, that loses answers by chance.

use std::collections::BTreeMap;

use crate::event;
use crate::feed::marker;
use crate::pace::Chance;
use crate::step::{Action, Condition, Reply, Write};

/// What a store does about conditions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conditions {
    #[default]
    Honoured,
    /// As behind a proxy that drops the headers.
    Ignored,
    /// 501.
    Refused,
}

#[derive(Default)]
pub struct Store {
    pub objects: BTreeMap<String, (Write, String)>,
    pub conditions: Conditions,
    /// One of so many writes fails by chance, half of them after they were done; 0 for none.
    pub fails_one_of: u64,
    /// What a feed took, by id and how often.
    pub taken: BTreeMap<String, u64>,
    pub writes: u64,
}

impl Store {
    pub fn perform(&mut self, action: Action, chance: &mut Chance) -> Reply {
        match action {
            Action::Read(key) => {
                let object = self.objects.get(&key);
                Reply::Object(object.map(|(write, etag)| (write.body.clone(), etag.clone())))
            }
            Action::Delete(key) => {
                self.objects.remove(&key);
                Reply::Done
            }
            Action::Claim(prefix) => self.claim(&prefix),
            Action::Write(write) => {
                let fails = self.fails_one_of > 0 && chance.below(self.fails_one_of) == 0;
                if fails && chance.below(2) == 0 {
                    return Reply::Failed("503".into(), true);
                }
                let reply = self.write(write);
                if fails {
                    Reply::Failed("connection reset".into(), true)
                } else {
                    reply
                }
            }
            other => panic!("no work for a store: {other:?}"),
        }
    }

    /// As the marker of the feed reader has it, without the faults of its network.
    fn claim(&mut self, prefix: &str) -> Reply {
        let key = marker::key(prefix);
        if !self.objects.contains_key(&key) {
            self.put(&key, marker::SECOPS);
        }
        match self.text(&key).as_str() {
            marker::SECOPS => Reply::Done,
            other => Reply::Taken(format!("taken by {other}")),
        }
    }

    fn write(&mut self, write: Write) -> Reply {
        let current = self.objects.get(&write.key).map(|(_, etag)| etag);
        let holds = match (&write.condition, self.conditions) {
            (Condition::None, _) | (_, Conditions::Ignored) => true,
            (_, Conditions::Refused) => return Reply::Unsupported,
            (Condition::Absent, _) => current.is_none(),
            (Condition::Matches(etag), _) => current == Some(etag),
        };
        if !holds {
            return Reply::Refused;
        }
        self.writes += 1;
        let etag = format!("etag-{}", self.writes);
        self.objects
            .insert(write.key.clone(), (write, etag.clone()));
        Reply::Written(etag)
    }

    pub fn put(&mut self, key: &str, body: &str) {
        let write = Write {
            key: key.into(),
            body: body.into(),
            content_type: "application/json",
            metadata: Vec::new(),
            condition: Condition::None,
        };
        self.write(write);
    }

    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let keys = self.objects.keys();
        keys.filter(|it| it.starts_with(prefix)).cloned().collect()
    }

    pub fn text(&self, key: &str) -> String {
        let (write, _) = self.objects.get(key).expect("an object");
        String::from_utf8(write.body.clone()).expect("text")
    }

    /// A feed ingests all objects under the prefix, and deletes them.
    pub fn feed(&mut self, prefix: &str) {
        for key in self.keys(prefix) {
            let text = self.text(&key);
            assert!(text.ends_with('\n'), "{key}");
            for line in text.lines() {
                let (id, _) = event::of_line(line).expect("a line of JSON");
                *self.taken.entry(id).or_default() += 1;
            }
            self.objects.remove(&key);
        }
    }
}
