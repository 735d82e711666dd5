//! The application's variables: `spin:variables`, answered from what the command was told.
//!
//! Names are those of Spin's manifest: lower-case letters, digits and underscores. As under `spin up`, a value of the
//! command line goes before `SPIN_VARIABLE_<NAME>` of the environment, in capitals.

use std::collections::BTreeMap;
use std::env;
use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::Accessor;

use super::bindings::spin::variables::variables::{Error, Host, HostWithStore};
use super::context::{Context, Spin};

/// Values by name. Cheap to clone.
#[derive(Clone, Default)]
pub struct Variables(Arc<BTreeMap<String, String>>);

const PREFIX: &str = "SPIN_VARIABLE_";

impl Variables {
    /// The variables of the environment, and over them those `given`, of which a later one wins.
    pub fn new(given: impl IntoIterator<Item = (String, String)>) -> Variables {
        let environment = env::vars_os().filter_map(|(name, value)| {
            let name = name.to_str()?.strip_prefix(PREFIX)?.to_ascii_lowercase();
            Some((name, value.into_string().ok()?))
        });
        Variables(Arc::new(environment.chain(given).collect()))
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All of them.
    pub fn all(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// Whether a variable can have this name.
    pub fn is_name(name: &str) -> bool {
        let mut bytes = name.bytes();
        bytes.next().is_some_and(|first| first.is_ascii_lowercase())
            && bytes.all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_')
    }
}

impl<T: Send + 'static> HostWithStore<T> for Spin {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> Result<Result<String, Error>> {
        if !Variables::is_name(&name) {
            return Ok(Err(Error::InvalidName(name)));
        }
        let value = accessor.with(|mut access| {
            let variables = &access.get().variables;
            variables.get(&name).map(str::to_owned)
        });
        Ok(value.ok_or(Error::Undefined(name)))
    }
}

impl Host for &mut Context {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_of_two_values_wins() {
        let given = [("key", "old"), ("key", "new")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(Variables::new(given).get("key"), Some("new"));
    }

    #[test]
    fn names_are_those_of_a_manifest() {
        for (name, is) in [
            ("azdo_key2", true),
            ("", false),
            ("Key", false),
            ("2key", false),
            ("a-b", false),
        ] {
            assert_eq!(Variables::is_name(name), is, "{name}");
        }
    }
}
