//! Tests of the components on wasmtime, and of the command as a process.
//!
//! They take what `cargo xtask build` has made, so they run as part of `cargo xtask test`.

use std::env;
use std::path::{Path, PathBuf};

/// The component that was built last.
///
/// # Panics
///
/// Where there is none.
pub fn component() -> PathBuf {
    built("wasm32-wasip2/guest/udmill_transform.wasm")
}

/// The command that was built last.
///
/// # Panics
///
/// Where there is none.
pub fn command() -> PathBuf {
    built("release/udmill")
}

/// The goldens of Azure DevOps.
pub fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/udm/azure_devops/golden")
}

/// A file below the target folder, in which this test runs as `release/deps/…`.
fn built(path: &str) -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    let target = test.ancestors().nth(3).expect("a test stands in target");
    let file = target.join(path);
    assert!(
        file.is_file(),
        "expected {}, but found none: run `cargo xtask build`",
        file.display()
    );
    file
}
