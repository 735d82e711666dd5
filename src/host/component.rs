//! Components of the world `normalizer`: checked, compiled, ready to be instantiated.

use std::fmt;

use wasmtime::component::Component as Compiled;

use crate::bindings::NormalizerPre;
use crate::engine::State;
use crate::{Cache, Engine, Transform, Trap};

/// The interfaces that a component may import: what the runtime of a language links in, useless without a capability.
/// Clocks, files, sockets, HTTP and true random numbers are not among them: the same bytes in have to give the same
/// bytes out.
const ALLOWED: &[&str] = &["wasi:cli/", "wasi:io/", "wasi:random/insecure-seed@"];

/// A compiled component. Cheap to clone.
#[derive(Clone)]
pub struct Component {
    pre: NormalizerPre<State>,
    engine: Engine,
}

/// Why a component cannot be used.
#[derive(Debug)]
pub enum LoadError {
    /// It is no component, or none that this host can run.
    Invalid(wasmtime::Error),
    /// It asks for more than a parser needs; the names of the imports.
    Imports(Vec<String>),
    /// It does not export the world's interfaces.
    Exports(wasmtime::Error),
}

impl Component {
    /// Checks and compiles a component, or takes what the cache has of it.
    ///
    /// # Errors
    ///
    /// Where `wasm` is no component of the world `normalizer`, or imports more than a parser needs.
    pub fn load(
        engine: &Engine,
        wasm: &[u8],
        cache: Option<&Cache>,
    ) -> Result<Component, LoadError> {
        let compiled = match cache {
            Some(cache) => cache.component(engine, wasm),
            None => Compiled::from_binary(&engine.wasmtime, wasm),
        }
        .map_err(LoadError::Invalid)?;
        let mut refused = names(compiled.component_type().imports(&engine.wasmtime));
        refused.retain(|name| !is_allowed(name));
        if !refused.is_empty() {
            return Err(LoadError::Imports(refused));
        }
        let linker = engine.linker().map_err(LoadError::Invalid)?;
        let pre = linker
            .instantiate_pre(&compiled)
            .map_err(LoadError::Invalid)?;
        Ok(Component {
            pre: NormalizerPre::new(pre).map_err(LoadError::Exports)?,
            engine: engine.clone(),
        })
    }

    /// A new instance, with nothing of any other.
    ///
    /// # Errors
    ///
    /// Where the component fails as it starts.
    pub fn instantiate(&self) -> Result<Transform, Trap> {
        Transform::new(&self.engine, &self.pre)
    }

    /// The engine that runs the component.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The names of the imported interfaces, in the component's order.
    pub fn imports(&self) -> Vec<String> {
        names(
            self.compiled()
                .component_type()
                .imports(&self.engine.wasmtime),
        )
    }

    /// The names of the exported interfaces, in the component's order.
    pub fn exports(&self) -> Vec<String> {
        names(
            self.compiled()
                .component_type()
                .exports(&self.engine.wasmtime),
        )
    }

    pub(crate) fn compiled(&self) -> &Compiled {
        self.pre.instance_pre().component()
    }
}

/// Whether a normalizer may import this interface.
fn is_allowed(import: &str) -> bool {
    ALLOWED.iter().any(|allowed| import.starts_with(allowed))
}

fn names<'a, T>(items: impl Iterator<Item = (&'a str, T)>) -> Vec<String> {
    items.map(|(name, _)| name.to_owned()).collect()
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Invalid(error) => {
                write!(f, "expected a component, but found that {error:#}")
            }
            LoadError::Imports(names) => write!(
                f,
                "expected a component that needs no capability, but found the imports {}",
                names.join(", ")
            ),
            LoadError::Exports(error) => write!(
                f,
                "expected a component of the world udmill:normalizer/normalizer, but found {error:#}"
            ),
        }
    }
}

impl std::error::Error for LoadError {}
