//! The few fields of an envelope that decide what a delivery is, read without a tree.
//!
//! Values of no interest are checked and skipped; strings are borrowed from the body. Of a key that occurs twice the
//! last counts. Nesting is not limited here: it is skipped without recursion, and whoever reads the log itself has a
//! limit.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Schema;

/// All events of a body: the elements of an array, or one or more values in a row.
#[derive(Default)]
pub(super) struct Summary<'a> {
    /// As [`Logs::schema`](super::Logs::schema).
    pub(super) schema: Schema,
    /// As [`Logs::sources`](super::Logs::sources).
    pub(super) sources: Vec<String>,
    /// The same, to find one among very many.
    seen: BTreeSet<String>,
    /// How many events there are, whatever their form.
    count: usize,
    first: Event<'a>,
}

/// One event. A value that is not an object has none of the fields.
#[derive(Default)]
pub(super) struct Event<'a> {
    topic: Option<Cow<'a, str>>,
    event_type: Option<Cow<'a, str>>,
    has_subject: bool,
    has_data: bool,
    specversion: Option<Cow<'a, str>>,
    source: Option<Cow<'a, str>>,
    r#type: Option<Cow<'a, str>>,
    pub(super) data: Data<'a>,
}

/// What Event Grid's own messages have in `data`.
#[derive(Default)]
pub(super) struct Data<'a> {
    /// `validationCode`
    pub(super) code: Option<Cow<'a, str>>,
    /// `eventSubscriptionId`
    pub(super) subscription: Option<Cow<'a, str>>,
}

/// Whether these bytes are one JSON value.
pub(super) fn is_json(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// Whether a text is JSON values in a row. A number that no f64 holds, in the place of an event or of a field of its envelope,
/// is JSON all the same.
fn are_values(text: &str) -> bool {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    values.all(|value| value.is_ok())
}

/// The body without a byte order mark, which some senders put before UTF-8.
pub(super) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

impl<'a> Summary<'a> {
    /// None if the body is not JSON: not UTF-8, empty, or broken anywhere.
    pub(super) fn of(body: &'a [u8]) -> Option<Summary<'a>> {
        // Skipped strings would not be checked otherwise.
        let text = str::from_utf8(without_mark(body)).ok()?;
        let mut all: Option<Summary<'_>> = None;
        for value in serde_json::Deserializer::from_str(text).into_iter::<Read<Summary>>() {
            match (value, &mut all) {
                (Ok(Read(value)), Some(all)) => all.join(value),
                (Ok(Read(value)), none) => *none = Some(value),
                (Err(_), _) => return are_values(text).then(Summary::default),
            }
        }
        all
    }

    /// The event, if there is exactly one.
    pub(super) fn only(&self) -> Option<&Event<'a>> {
        (self.count == 1).then_some(&self.first)
    }

    fn add(&mut self, event: Event<'a>) {
        self.note(event.schema(), event.source());
        if self.count == 0 {
            self.first = event;
        }
        self.count += 1;
    }

    fn join(&mut self, other: Summary<'a>) {
        self.note(other.schema, None);
        for source in &other.sources {
            self.note(other.schema, Some(source));
        }
        if self.count == 0 {
            self.first = other.first;
        }
        self.count += other.count;
    }

    fn note(&mut self, schema: Schema, source: Option<&str>) {
        if self.schema == Schema::Raw {
            self.schema = schema;
        }
        // Nearly always all events of a delivery come from one topic.
        let Some(source) = source.filter(|it| self.sources.last().is_none_or(|last| last != it))
        else {
            return;
        };
        if self.seen.insert(source.to_owned()) {
            self.sources.push(source.to_owned());
        }
    }
}

impl Event<'_> {
    /// Event Grid requires an `eventType`, as other records have it too; never alone, though.
    fn schema(&self) -> Schema {
        if self.specversion.is_some() {
            Schema::CloudEvents
        } else if self.event_type.is_some()
            && (self.topic.is_some() || self.has_subject || self.has_data)
        {
            Schema::EventGrid
        } else {
            Schema::Raw
        }
    }

    /// The topic, or the CloudEvents source.
    pub(super) fn source(&self) -> Option<&str> {
        match self.schema() {
            Schema::EventGrid => self.topic.as_deref(),
            Schema::CloudEvents => self.source.as_deref(),
            Schema::Raw => None,
        }
    }

    /// The event's type, however its schema calls it.
    pub(super) fn kind(&self) -> Option<&str> {
        match self.schema() {
            Schema::EventGrid => self.event_type.as_deref(),
            Schema::CloudEvents => self.r#type.as_deref(),
            Schema::Raw => None,
        }
    }
}

/// A JSON value of which some shapes matter. Every other shape reads as the default.
trait Part<'a>: Default {
    fn text(_: Cow<'a, str>) -> Self {
        Self::default()
    }

    fn array<A: SeqAccess<'a>>(mut elements: A) -> Result<Self, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }

    fn object<A: MapAccess<'a>>(mut entries: A) -> Result<Self, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

impl<'a> Part<'a> for Summary<'a> {
    fn array<A: SeqAccess<'a>>(mut elements: A) -> Result<Self, A::Error> {
        let mut summary = Summary::default();
        while let Some(Read(event)) = elements.next_element()? {
            summary.add(event);
        }
        // Only Event Grid has a reason to send an array without events.
        if summary.count == 0 {
            summary.schema = Schema::EventGrid;
        }
        Ok(summary)
    }

    fn object<A: MapAccess<'a>>(entries: A) -> Result<Self, A::Error> {
        let mut summary = Summary::default();
        summary.add(Event::object(entries)?);
        Ok(summary)
    }
}

impl<'a> Part<'a> for Event<'a> {
    fn object<A: MapAccess<'a>>(mut entries: A) -> Result<Self, A::Error> {
        let mut event = Event::default();
        while let Some(key) = key(&mut entries)? {
            match key.as_ref() {
                "topic" => event.topic = value(&mut entries)?,
                "eventType" => event.event_type = value(&mut entries)?,
                "specversion" => event.specversion = value(&mut entries)?,
                "source" => event.source = value(&mut entries)?,
                "type" => event.r#type = value(&mut entries)?,
                "data" => {
                    event.has_data = true;
                    event.data = value(&mut entries)?;
                }
                other => {
                    event.has_subject |= other == "subject";
                    entries.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(event)
    }
}

impl<'a> Part<'a> for Data<'a> {
    fn object<A: MapAccess<'a>>(mut entries: A) -> Result<Self, A::Error> {
        let mut data = Data::default();
        while let Some(key) = key(&mut entries)? {
            match key.as_ref() {
                "validationCode" => data.code = value(&mut entries)?,
                "eventSubscriptionId" => data.subscription = value(&mut entries)?,
                _ => drop(entries.next_value::<IgnoredAny>()?),
            }
        }
        Ok(data)
    }
}

impl<'a> Part<'a> for Option<Cow<'a, str>> {
    fn text(text: Cow<'a, str>) -> Self {
        Some(text)
    }
}

fn key<'a, A: MapAccess<'a>>(entries: &mut A) -> Result<Option<Cow<'a, str>>, A::Error> {
    Ok(entries.next_key::<Read<_>>()?.and_then(|Read(key)| key))
}

fn value<'a, T: Part<'a>, A: MapAccess<'a>>(entries: &mut A) -> Result<T, A::Error> {
    Ok(entries.next_value::<Read<T>>()?.0)
}

struct Read<T>(T);

impl<'a, T: Part<'a>> Deserialize<'a> for Read<T> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(AnyShape(PhantomData))
            .map(Read)
    }
}

struct AnyShape<T>(PhantomData<T>);

impl<'a, T: Part<'a>> Visitor<'a> for AnyShape<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::text(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<T, E> {
        Ok(T::text(Cow::Borrowed(text)))
    }

    fn visit_seq<A: SeqAccess<'a>>(self, elements: A) -> Result<T, A::Error> {
        T::array(elements)
    }

    fn visit_map<A: MapAccess<'a>>(self, entries: A) -> Result<T, A::Error> {
        T::object(entries)
    }
}
