//! Which objects of a prefix are taken, in stretches of the list.
//!
//! A bucket lists its keys in the order of their bytes. What is known of them stands in records of about a thousand
//! objects that lie beside each other in that order, each linked to the next; so a walk over a list reads one record
//! where the store lists one page, and no record of its own for every object. What a walk does not meet any more, the
//! store has not either, and the record forgets it: records grow and shrink with the bucket.
//!
//! The store has no atomic update. A record that is split writes its second half first, one that takes in the next is
//! written before that is deleted; whoever dies in between leaves a record that nobody reads.

use std::collections::BTreeMap;
use std::mem;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use udmill_receiver::Host;
use udmill_receiver::host::StoreError;
use udmill_receiver::s3::Object;
use udmill_receiver::store::hex;

/// What tells an object from all others, and from what its key held before.
pub type Digest = [u8; 16];

/// As many objects as a record has at most; less than half of them, and it takes in the next one.
const MOST: usize = 1000;
/// The bytes of an entry in a record.
const ENTRY: usize = 20;

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It is taken.
    Taken,
    /// It is taken and has still to be deleted.
    Delete,
    /// Its rest was left alone, and it stays.
    Unreadable,
    /// It could not be read in that hour since 1970, and may be some other time.
    Denied(u32),
}

/// The digest of an object as a list shows it. A store without ETags has the time.
pub fn digest(object: &Object) -> Digest {
    let version = match (object.etag.as_str(), object.modified) {
        ("", Some(time)) => format!("{} {}", time.timestamp_millis(), object.size),
        (etag, _) => etag.to_owned(),
    };
    let digest = Sha256::new()
        .chain_update((object.key.len() as u64).to_le_bytes())
        .chain_update(&object.key)
        .chain_update(version)
        .finalize();
    let mut short = [0; 16];
    short
        .iter_mut()
        .zip(digest)
        .for_each(|(to, from)| *to = from);
    short
}

/// A walk over the records.
pub struct Taken<'h, H> {
    host: &'h H,
    name: String,
    /// The record in hand is of the keys behind this one.
    after: String,
    record: Record,
    /// Objects of the record that the walk has passed; those in `record.marks` it has not met yet.
    passed: BTreeMap<Digest, Mark>,
    is_changed: bool,
    /// Where records began that this one has taken in.
    absorbed: Vec<String>,
}

/// What the store holds.
#[derive(Debug, Default, PartialEq)]
struct Record {
    link: Link,
    marks: BTreeMap<Digest, Mark>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Link {
    /// The last key of the record, behind which the next one begins; none for the last record.
    upto: Option<String>,
}

impl<'h, H: Host> Taken<'h, H> {
    /// Begins a walk with the keys behind `after`, or with the first where no record begins there. `name` is what the
    /// records' keys begin with.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn open(host: &'h H, name: &str, after: &str) -> Result<Taken<'h, H>, StoreError> {
        let mut taken = Taken {
            host,
            name: name.to_owned(),
            after: after.to_owned(),
            record: Record::default(),
            passed: BTreeMap::new(),
            is_changed: false,
            absorbed: Vec::new(),
        };
        let mut found = taken.load(after).await?;
        if found.is_none() && !after.is_empty() {
            taken.after.clear();
            found = taken.load("").await?;
        }
        taken.record = found.unwrap_or_default();
        Ok(taken)
    }

    /// Behind which key the record in hand begins: where another walk can go on.
    pub fn after(&self) -> &str {
        &self.after
    }

    /// What is known of an object, once its key is reached.
    pub fn mark(&self, digest: &Digest) -> Option<Mark> {
        let passed = self.passed.get(digest);
        passed.or_else(|| self.record.marks.get(digest)).copied()
    }

    /// Whether a key behind the one that was reached belongs to the record in hand, so that [`Taken::mark`] knows it.
    pub fn reaches(&self, key: &str) -> bool {
        let upto = self.record.link.upto.as_deref();
        upto.is_none_or(|it| key <= it)
    }

    /// Goes to the record that a key belongs to. Keys come in order.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn reach(&mut self, key: &str) -> Result<(), StoreError> {
        while let Some(upto) = self.record.link.upto.clone().filter(|it| key > it.as_str()) {
            self.leave(upto).await?;
        }
        Ok(())
    }

    /// The list goes on behind this object; a mark stays.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn pass(
        &mut self,
        key: &str,
        digest: Digest,
        mark: Option<Mark>,
    ) -> Result<(), StoreError> {
        self.is_changed |= self.record.marks.remove(&digest) != mark;
        let Some(mark) = mark else { return Ok(()) };
        self.passed.insert(digest, mark);
        match self.passed.len() < MOST {
            true => Ok(()),
            false => self.cut(key).await,
        }
    }

    /// Ends the record with this key, which is the last one that was passed: a walk can go on behind it.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn cut(&mut self, key: &str) -> Result<(), StoreError> {
        if key <= self.after.as_str() {
            return self.save().await;
        }
        if self.record.link.upto.as_deref() == Some(key) {
            return self.next(key.to_owned()).await;
        }
        // What is not passed yet begins a record of its own, which is there before this one points to it.
        let rest = mem::take(&mut self.record.marks);
        let upto = self.record.link.upto.replace(key.to_owned());
        let next = Record {
            link: Link { upto },
            marks: rest,
        };
        self.write(key, &next).await?;
        self.is_changed = true;
        self.save().await?;
        self.after = key.to_owned();
        self.record = next;
        self.passed.clear();
        self.is_changed = false;
        Ok(())
    }

    /// Writes the record in hand, if anything in it has changed.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn save(&mut self) -> Result<(), StoreError> {
        if self.is_changed {
            let marks = self.record.marks.iter().chain(&self.passed);
            let record = Record {
                link: Link {
                    upto: self.record.link.upto.clone(),
                },
                marks: marks.map(|(digest, mark)| (*digest, *mark)).collect(),
            };
            self.write(&self.after, &record).await?;
            self.is_changed = false;
        }
        for after in mem::take(&mut self.absorbed) {
            self.host.delete(&self.key(&after)).await?;
        }
        Ok(())
    }

    /// The list has ended.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn end(&mut self) -> Result<(), StoreError> {
        while let Some(upto) = self.record.link.upto.clone() {
            self.leave(upto).await?;
        }
        self.is_changed |= !self.record.marks.is_empty();
        self.record.marks.clear();
        self.save().await
    }

    /// Goes to the next record, or takes it in.
    async fn leave(&mut self, upto: String) -> Result<(), StoreError> {
        if self.passed.len() < MOST / 2 {
            self.record = self.load(&upto).await?.unwrap_or_default();
            self.is_changed = true;
            self.absorbed.push(upto);
            return Ok(());
        }
        self.next(upto).await
    }

    /// Goes to the next record.
    async fn next(&mut self, upto: String) -> Result<(), StoreError> {
        // The list has gone past them.
        self.is_changed |= !self.record.marks.is_empty();
        self.record.marks.clear();
        let next = self.load(&upto).await?.unwrap_or_default();
        self.save().await?;
        self.record = next;
        self.after = upto;
        self.passed.clear();
        Ok(())
    }

    async fn load(&self, after: &str) -> Result<Option<Record>, StoreError> {
        let value = self.host.get(&self.key(after)).await?;
        let read = |value: Vec<u8>| {
            Record::read(&value).ok_or_else(|| {
                let found = "expected a record of objects, but found something else".to_owned();
                StoreError::Failed(found)
            })
        };
        value.map(read).transpose()
    }

    async fn write(&self, after: &str, record: &Record) -> Result<(), StoreError> {
        self.host.set(&self.key(after), &record.bytes()).await
    }

    fn key(&self, after: &str) -> String {
        let digest = Sha256::digest(after);
        let short = digest.get(..16).unwrap_or_default();
        format!("{}:{}", self.name, hex(short))
    }
}

impl Record {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(&self.link).unwrap_or_default();
        bytes.push(b'\n');
        for (digest, mark) in &self.marks {
            bytes.extend_from_slice(digest);
            let (kind, hour) = match mark {
                Mark::Taken => (0, 0),
                Mark::Delete => (1, 0),
                Mark::Denied(hour) => (2_u32, *hour),
                Mark::Unreadable => (3, 0),
            };
            bytes.extend_from_slice(&(kind << 24 | hour & 0xff_ffff).to_be_bytes());
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Record> {
        let end = bytes.iter().position(|it| *it == b'\n')?;
        let link = serde_json::from_slice(bytes.get(..end)?).ok()?;
        let entries = bytes.get(end + 1..)?;
        if entries.len() % ENTRY != 0 {
            return None;
        }
        let marks = entries.chunks_exact(ENTRY).map(|entry| {
            let (digest, mark) = entry.split_first_chunk()?;
            let mark = u32::from_be_bytes(mark.try_into().ok()?);
            let mark = match mark >> 24 {
                0 => Mark::Taken,
                1 => Mark::Delete,
                2 => Mark::Denied(mark & 0xff_ffff),
                3 => Mark::Unreadable,
                _ => return None,
            };
            Some((*digest, mark))
        });
        Some(Record {
            link,
            marks: marks.collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests;
