//! Tests of the components on wasmtime, and of the command as a process.
//!
//! They take what `cargo xtask test` builds before it runs them.

pub mod running;
pub mod s3;
mod spin;

use std::path::{Path, PathBuf};
use std::{env, fs};

use udmill::{Component, Engine, Limits};

/// The component that was built last, under these limits.
///
/// # Panics
///
/// Where there is none, or where it cannot be loaded.
pub fn component(limits: Limits) -> Component {
    let wasm = fs::read(component_file("udmill_transform.wasm")).unwrap();
    let engine = Engine::new(limits).unwrap();
    Component::load(&engine, &wasm, None).unwrap()
}

/// The file of a component that was built last.
///
/// # Panics
///
/// Where there is none.
pub fn component_file(name: &str) -> PathBuf {
    built(&format!("wasm32-wasip2/guest/{name}"))
}

/// The command that was built last.
///
/// # Panics
///
/// Where there is none.
pub fn command() -> PathBuf {
    built("release/udmill")
}

/// A folder for the compiled components of tests.
pub fn cache() -> PathBuf {
    target().join("tmp/cache")
}

/// A file or folder of the project.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A file below the target folder, in which a test runs as `release/deps/…`.
fn built(path: &str) -> PathBuf {
    let file = target().join(path);
    assert!(
        file.is_file(),
        "expected {}, but found none: run `cargo xtask test`",
        file.display()
    );
    file
}

fn target() -> PathBuf {
    let test = env::current_exe().unwrap();
    test.ancestors().nth(3).unwrap().to_owned()
}
