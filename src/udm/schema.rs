//! Google's UDM schema: which fields an event may have, and what each of them holds.
//!
//! The authority is `schema.tsv` beside this file, taken from the protobuf descriptors that Google publishes as the
//! Python package google-backstory; its first lines name the version and the date. `host-test/oracle` holds it to that
//! package field by field. Only what an event can reach is in it: entities are left out, and so are field numbers,
//! since nothing here reads or writes binary protobuf.

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The root message of an event.
pub const EVENT: &str = "UDM";

/// The schema, read once on first use.
pub fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| read(include_str!("schema.tsv")))
}

/// The field at a path in proto names, `principal.user.email_addresses`; indexes as in `ip[0]` may stand in it.
#[cfg(test)]
pub fn field(path: &str) -> Option<&'static Field> {
    let mut message = EVENT;
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        let name = name.split_once('[').map_or(name, |(name, _)| name);
        let found = schema().fields(message).iter().find(|it| it.name == name)?;
        match found.kind {
            _ if names.peek().is_none() => return Some(found),
            Kind::Message(inner) => message = inner,
            _ => return None,
        }
    }
    None
}

/// Messages and enums by their names.
#[derive(Debug, Default)]
pub struct Schema {
    messages: BTreeMap<&'static str, Vec<Field>>,
    enums: BTreeMap<&'static str, Enum>,
}

impl Schema {
    /// The fields of a message, in the order of their numbers; none if there is no such message.
    pub fn fields(&self, message: &str) -> &[Field] {
        self.messages.get(message).map_or(&[], Vec::as_slice)
    }

    /// The enum of this name.
    pub fn values(&self, name: &str) -> Option<&Enum> {
        self.enums.get(name)
    }
}

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The proto name, `email_addresses`.
    pub name: &'static str,
    /// What the field, or each of its elements, holds.
    pub kind: Kind,
    /// Whether JSON writes it as an array.
    pub repeated: bool,
    /// Fields of a message that share this name exclude each other.
    pub oneof: Option<&'static str>,
}

impl Field {
    /// Whether a JSON key means this field: its proto name, or that name in lowerCamelCase.
    pub fn is_named(&self, key: &str) -> bool {
        is_name(key, self.name)
    }
}

/// What a field holds. Names are those of `schema.tsv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    String,
    /// Bytes, in JSON as base64.
    Bytes,
    /// True or false.
    Bool,
    /// An integer of 32 bits.
    Int32,
    /// An integer of 64 bits, in JSON as text or number.
    Int64,
    /// An integer of 32 bits, not negative.
    Uint32,
    /// An integer of 64 bits, not negative, in JSON as text or number.
    Uint64,
    /// A number of 32 bits with a fraction.
    Float,
    /// A number of 64 bits with a fraction.
    Double,
    /// A point in time, in JSON as RFC 3339.
    Timestamp,
    /// A span of time, in JSON as seconds with an `s`.
    Duration,
    /// An object of any shape.
    Struct,
    /// An object with keys of any name, each holding this message.
    Map(&'static str),
    /// One of this enum's values.
    Enum(&'static str),
    /// This message.
    Message(&'static str),
}

/// The values of an enum.
#[derive(Debug, Default)]
pub struct Enum {
    /// Names and numbers; the first is the default.
    pub values: Vec<(&'static str, i32)>,
    /// Whether Google does not publish all values, so that any text passes.
    pub open: bool,
}

/// Whether a JSON key is this proto name, or it in lowerCamelCase.
pub fn is_name(key: &str, name: &str) -> bool {
    key == name || is_lower_camel_of(key, name)
}

fn is_lower_camel_of(key: &str, name: &str) -> bool {
    let mut key = key.bytes();
    let mut capital = false;
    for byte in name.bytes() {
        if byte == b'_' {
            capital = true;
            continue;
        }
        let byte = if capital {
            byte.to_ascii_uppercase()
        } else {
            byte
        };
        capital = false;
        if key.next() != Some(byte) {
            return false;
        }
    }
    key.next().is_none()
}

fn read(table: &'static str) -> Schema {
    let mut schema = Schema::default();
    let mut message = "";
    for line in table.lines().filter(|it| !it.starts_with('#')) {
        let mut cells = line.split('\t');
        let first = cells.next().unwrap_or_default();
        let name = cells.next().unwrap_or_default();
        match first {
            "message" => {
                message = name;
                schema.messages.insert(name, Vec::new());
            }
            "enum" => {
                let values = read_values(cells.next().unwrap_or_default());
                let open = cells.any(|it| it == "open");
                schema.enums.insert(name, Enum { values, open });
            }
            _ => {
                let field = read_field(name, cells);
                schema.messages.entry(message).or_default().push(field);
            }
        }
    }
    // A type is an enum or a message; only the whole table tells which.
    let Schema { messages, enums } = &mut schema;
    for field in messages.values_mut().flatten() {
        if let Kind::Message(name) = field.kind
            && enums.contains_key(name)
        {
            field.kind = Kind::Enum(name);
        }
    }
    schema
}

fn read_field(name: &'static str, mut cells: std::str::Split<'static, char>) -> Field {
    let kind = match cells.next().unwrap_or_default() {
        "string" => Kind::String,
        "bytes" => Kind::Bytes,
        "bool" => Kind::Bool,
        "int32" => Kind::Int32,
        "int64" => Kind::Int64,
        "uint32" => Kind::Uint32,
        "uint64" => Kind::Uint64,
        "float" => Kind::Float,
        "double" => Kind::Double,
        "Timestamp" => Kind::Timestamp,
        "Duration" => Kind::Duration,
        "Struct" => Kind::Struct,
        other => match other
            .strip_prefix("map<string,")
            .and_then(|it| it.strip_suffix('>'))
        {
            Some(value) => Kind::Map(value),
            None => Kind::Message(other),
        },
    };
    let mut field = Field {
        name,
        kind,
        repeated: false,
        oneof: None,
    };
    for mark in cells {
        field.repeated |= mark == "repeated";
        field.oneof = field.oneof.or(mark.strip_prefix("oneof "));
    }
    field
}

fn read_values(text: &'static str) -> Vec<(&'static str, i32)> {
    let mut next = 0;
    let values = text.split(' ').map(|value| {
        let (name, number) = match value.split_once('=') {
            Some((name, number)) => (name, number.parse().unwrap_or(next)),
            None => (value, next),
        };
        next = number + 1;
        (name, number)
    });
    values.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_path() {
        let it = field("security_result[0].about.user.email_addresses").unwrap();
        assert_eq!((it.kind, it.repeated), (Kind::String, true));
        assert_eq!(
            field("metadata.event_timestamp").unwrap().kind,
            Kind::Timestamp
        );
        let it = field("metadata.event_type").unwrap();
        assert_eq!(
            (it.kind, it.repeated),
            (Kind::Enum("Metadata.EventType"), false)
        );
        assert_eq!(
            field("security_result.variables").unwrap().kind,
            Kind::Map("FindingVariable")
        );
        let it = field("principal.user.user_role").unwrap();
        assert_eq!(it.kind, Kind::Enum("User.Role"));
        let it = field("principal.user.attribute.roles").unwrap();
        assert_eq!(it.kind, Kind::Message("Role"));
        assert_eq!(field("additional").unwrap().kind, Kind::Struct);
        for path in [
            "",
            "principal.",
            "principal.IP",
            "metadata.event_type.x",
            "additional.fields",
        ] {
            assert_eq!(field(path), None, "{path}");
        }
    }

    #[test]
    fn both_spellings_name_a_field() {
        let it = field("principal.user.email_addresses").unwrap();
        assert!(it.is_named("email_addresses") && it.is_named("emailAddresses"));
        for key in [
            "emailaddresses",
            "emailAddress",
            "emailAddressesX",
            "EmailAddresses",
            "email_Addresses",
            "",
        ] {
            assert!(!it.is_named(key), "{key}");
        }
    }

    #[test]
    fn values_have_googles_numbers() {
        let protocols = schema().values("Network.IpProtocol").unwrap();
        assert_eq!(
            protocols.values[..4],
            [
                ("UNKNOWN_IP_PROTOCOL", 0),
                ("ICMP", 1),
                ("IGMP", 2),
                ("TCP", 6)
            ]
        );
        let types = schema().values("Metadata.EventType").unwrap();
        assert!(
            types
                .values
                .contains(&("USER_RESOURCE_UPDATE_CONTENT", 15010))
        );
        assert!(types.values.contains(&("GENERIC_EVENT", 100_000)) && !types.open);
        assert!(schema().values("UserAgentOsType").unwrap().open);
    }

    #[test]
    fn every_type_is_in_the_table() {
        let fields = schema().messages.values().flatten();
        let names = fields.filter_map(|it| match it.kind {
            Kind::Message(name) | Kind::Map(name) => Some(name),
            _ => None,
        });
        for name in names {
            assert!(!schema().fields(name).is_empty(), "{name}");
        }
    }
}
