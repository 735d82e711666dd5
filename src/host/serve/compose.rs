//! One component out of two: the receiver, and the normalizer that it imports.
//!
//! Spin composes them at `spin up` by the dependency that spin.toml names; here `wac-graph` does it as the host starts. What
//! a composed component imports is the union of what both import, and its parts cannot be told apart afterwards: so the
//! normalizer's own imports are checked before.

use std::fmt;

use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, PackageId};

use crate::component::is_allowed;

/// Why two components cannot be composed.
#[derive(Debug)]
pub enum ComposeError {
    /// One of them is no component; which, and why.
    Invalid(&'static str, String),
    /// The normalizer asks for more than a parser needs; the names of the imports.
    Imports(Vec<String>),
    /// The receiver imports what the normalizer does not export, or not with these types; the names of the interfaces.
    Unmet(Vec<String>),
    /// They fit, but together give no component.
    Failed(String),
}

/// The interfaces that only the normalizer can answer.
const NORMALIZER: &str = "udmill:normalizer/";

/// The receiver with every interface that it imports of the normalizer answered by `normalizer`.
///
/// # Errors
///
/// Where one of them is no component, the normalizer imports more than a parser needs, or they do not fit together.
pub fn compose(receiver: &[u8], normalizer: &[u8]) -> Result<Vec<u8>, ComposeError> {
    let mut graph = CompositionGraph::new();
    let socket = register(&mut graph, "receiver", receiver)?;
    let plug = register(&mut graph, "normalizer", normalizer)?;

    let mut refused = imports(&graph, plug);
    refused.retain(|name| !is_allowed(name));
    if !refused.is_empty() {
        return Err(ComposeError::Imports(refused));
    }
    let mut wanted = imports(&graph, socket);
    wanted.retain(|name| name.starts_with(NORMALIZER));
    if wanted.is_empty() {
        // A component of another kind: a program may serve any that needs no normalizer.
        return Ok(receiver.to_vec());
    }
    if wac_graph::plug(&mut graph, vec![plug], socket).is_err() {
        return Err(ComposeError::Unmet(wanted));
    }
    let unmet = graph.types()[graph[socket].ty()].imports.keys();
    let unmet: Vec<_> = unmet
        .filter(|name| name.starts_with(NORMALIZER) && !exports(&graph, plug, name))
        .cloned()
        .collect();
    if !unmet.is_empty() {
        return Err(ComposeError::Unmet(unmet));
    }
    let composed = graph.encode(EncodeOptions::default());
    composed.map_err(|error| ComposeError::Failed(format!("{error:#}")))
}

fn register(
    graph: &mut CompositionGraph,
    name: &'static str,
    wasm: &[u8],
) -> Result<PackageId, ComposeError> {
    let package = Package::from_bytes(name, None, wasm, graph.types_mut())
        .map_err(|error| ComposeError::Invalid(name, format!("{error:#}")))?;
    let registered = graph.register_package(package);
    registered.map_err(|error| ComposeError::Invalid(name, error.to_string()))
}

fn imports(graph: &CompositionGraph, package: PackageId) -> Vec<String> {
    let world = &graph.types()[graph[package].ty()];
    world.imports.keys().cloned().collect()
}

fn exports(graph: &CompositionGraph, package: PackageId, name: &str) -> bool {
    graph.types()[graph[package].ty()]
        .exports
        .contains_key(name)
}

impl fmt::Display for ComposeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ComposeError::Invalid(name, error) => {
                write!(
                    f,
                    "expected the {name} to be a component, but found that {error}"
                )
            }
            ComposeError::Imports(names) => write!(
                f,
                "expected a normalizer that needs no capability, but found the imports {}",
                names.join(", ")
            ),
            ComposeError::Unmet(names) => write!(
                f,
                "expected a normalizer that exports {} with the receiver's types, but found none",
                names.join(" and ")
            ),
            ComposeError::Failed(error) => write!(
                f,
                "expected the receiver and the normalizer to make one component, but found that {error}"
            ),
        }
    }
}

impl std::error::Error for ComposeError {}
