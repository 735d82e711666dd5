//! `cargo xtask`: what takes more than one cargo command, and nothing a shell script would do better.
//!
//! - `run [ARGS]`: builds everything, then runs `udmill ARGS` and ends as it does
//! - `build`: the components with their own profile, then the command, then the normalizer's snapshot
//! - `test`: builds, then runs every test
//! - `bench [ARGS]`: builds, then measures; `host-test/bench/main.rs` says what
//!
//! No build script runs cargo, so that each step can be seen and done by hand.

use std::env;
use std::ffi::OsString;
use std::path::{self, Path, PathBuf};
use std::process::{Command, ExitCode};

/// The components: packages that are built for [`TARGET`] and for nothing else.
const GUESTS: &[&str] = &["udmill-transform", "udmill-receiver", "udmill-collector"];
/// The component that is shipped as a snapshot.
const NORMALIZER: &str = "udmill_transform.wasm";
const TARGET: &str = "wasm32-wasip2";
/// Wide instructions make the scanner faster; every runtime that hosts components has them.
const GUEST_FLAGS: &str = "-C target-feature=+simd128";

/// The status of a process that failed.
struct Failed(u8);

fn main() -> ExitCode {
    let mut args = env::args_os().skip(1);
    let task = args.next().unwrap_or_default();
    let ended = match task.to_str() {
        Some("run") => build().and_then(|()| run(args.collect())),
        Some("build") => build(),
        Some("test") => build().and_then(|()| test()),
        Some("bench") => build().and_then(|()| bench(args.collect())),
        _ => {
            eprintln!("usage: cargo xtask run [ARGS] | build | test | bench [ARGS]");
            Err(Failed(1))
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed(status)) => ExitCode::from(status),
    }
}

fn build() -> Result<(), Failed> {
    add_target()?;
    if !target_folder().join("release/udmill").exists() {
        eprintln!("xtask: building, which takes some minutes the first time");
    }
    for guest in GUESTS {
        // One by one, and as components only now: each may use the other as a library.
        let mut build = guests("rustc");
        build.args(["--package", guest, "--crate-type", "cdylib"]);
        finish(build)?;
    }
    finish(cargo(&[
        "build",
        "--quiet",
        "--release",
        "--package",
        "udmill",
    ]))?;
    snapshot()
}

/// Lets the normalizer begin with its tables compiled: `src/host/snapshot.rs` says how. It takes part of a second, and is
/// done each time, since cargo also puts its own file in place each time.
fn snapshot() -> Result<(), Failed> {
    let folder = target_folder().join(TARGET).join("guest");
    let mut snapshot = Command::new(target_folder().join("release/udmill-snapshot"));
    snapshot.arg(folder.join("deps").join(NORMALIZER));
    snapshot.arg(folder.join(NORMALIZER));
    finish(snapshot)
}

fn run(args: Vec<OsString>) -> Result<(), Failed> {
    let mut command = Command::new(target_folder().join("release/udmill"));
    finish_quietly(command.args(args))
}

fn test() -> Result<(), Failed> {
    s3()?;
    finish(tests())?;
    python("host-test/oracle/run.py")?;
    python("host-test/clients/run.py")?;
    under_spin()
}

/// Runs the tests that ask nothing of a host but to run the receiver under the Spin that SPIN names or that is on PATH.
/// Components speak WASI 0.3, as Spin does since 4.1.
fn under_spin() -> Result<(), Failed> {
    // Tests run in a folder of their own.
    let named = env::var_os("SPIN").map(|it| path::absolute(&it).map_or(it, OsString::from));
    let spin = named.clone().unwrap_or_else(|| "spin".into());
    let output = Command::new(&spin).arg("--version").output();
    let found = output.map(|it| String::from_utf8_lossy(&it.stdout).trim().to_owned());
    if found.as_deref().is_ok_and(is_new_enough) {
        let mut tests = tests();
        tests.args(["--test", "receiver", "--", "deliveries::", "handshakes::"]);
        tests.env("UDMILL_SPIN", spin);
        return finish(tests);
    }
    if named.is_some() {
        eprintln!("xtask: expected Spin 4.1 or newer in SPIN, but found {spin:?}: {found:?}");
        return Err(Failed(1));
    }
    println!("the receiver under Spin: skipped: no Spin 4.1 on PATH");
    Ok(())
}

/// Whether it is 4.1 or newer: `spin 4.1.0 (94a8fc8 2026-08-21)`.
fn is_new_enough(version: &str) -> bool {
    let numbers = version.strip_prefix("spin ").unwrap_or_default();
    let mut numbers = numbers.split('.').map_while(|it| it.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(4), Some(1))
}

/// All packages together share the features of what they depend on, and so take the wasmtime that was just built. The
/// normalizer's component has no tests of its own, and no linker but WebAssembly's takes the names of its exports.
fn tests() -> Command {
    let mut tests = cargo(&["test", "--release", "--workspace"]);
    tests.args(["--exclude", "udmill-transform"]);
    tests
}

/// The S3 server that destinations are tested before, built apart since the features that it asks of shared packages
/// would have wasmtime compiled again.
fn s3() -> Result<(), Failed> {
    let mut server = cargo(&["build", "--quiet", "--release"]);
    let manifest = root().join("host-test/s3/Cargo.toml");
    server.arg("--manifest-path").arg(manifest);
    server.arg("--target-dir").arg(target_folder());
    finish(server)
}

/// The benchmark is a workspace of its own in the same target folder, so that wasmtime is compiled once. VRL is built
/// apart: the features that it asks of shared packages would have wasmtime compiled again.
fn bench(args: Vec<OsString>) -> Result<(), Failed> {
    let programs = || cargo(&["build", "--quiet", "--release"]);
    for (mut step, package) in [
        (guests("build"), "udmill-bench-guest"),
        (guests("build"), "udmill-bench-hello"),
        (programs(), "udmill-bench"),
        (programs(), "udmill-bench-vrl"),
    ] {
        let manifest = root().join("host-test/bench/Cargo.toml");
        step.arg("--manifest-path").arg(manifest);
        step.arg("--target-dir").arg(target_folder());
        step.args(["--package", package]);
        finish(step)?;
    }
    let mut bench = Command::new(target_folder().join("release/udmill-bench"));
    finish_quietly(bench.args(args))
}

/// Runs a script that brings implementations of others to hold ours against.
fn python(script: &str) -> Result<(), Failed> {
    let mut python = Command::new("python3");
    python.current_dir(root()).arg(root().join(script));
    finish(python)
}

/// The toolchain file asks rustup for the target, but a toolchain that is there already may lack it.
fn add_target() -> Result<(), Failed> {
    let library = Command::new("rustc")
        .current_dir(root())
        .args(["--print", "target-libdir", "--target", TARGET])
        .output();
    let folder = library.map(|it| String::from_utf8_lossy(&it.stdout).trim().to_owned());
    if folder.is_ok_and(|folder| Path::new(&folder).is_dir()) {
        return Ok(());
    }
    let mut rustup = Command::new("rustup");
    rustup.current_dir(root()).args(["target", "add", TARGET]);
    finish(rustup)
}

/// A cargo command for what runs in a component.
fn guests(command: &str) -> Command {
    let mut guests = cargo(&[command, "--quiet", "--profile", "guest", "--target", TARGET]);
    guests.env("CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS", GUEST_FLAGS);
    guests
}

fn cargo(args: &[&str]) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).args(args);
    cargo
}

/// Cargo says where it runs this from; what is compiled in may be the place of another copy that shares the target folder.
fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| ".".into());
    Path::new(&package).join("../..")
}

fn target_folder() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// Runs a step, and says which one failed.
fn finish(mut step: Command) -> Result<(), Failed> {
    finish_quietly(&mut step).inspect_err(|_| eprintln!("xtask: this step failed: {step:?}"))
}

fn finish_quietly(step: &mut Command) -> Result<(), Failed> {
    match step.status() {
        Ok(status) if status.success() => Ok(()),
        // Without a status, a signal ended it.
        Ok(status) => Err(Failed(status.code().map_or(1, |code| code as u8))),
        Err(error) => {
            eprintln!("xtask: cannot run {:?}: {error}", step.get_program());
            Err(Failed(1))
        }
    }
}
