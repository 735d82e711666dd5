//! Where the component comes from, and what is kept of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::{Ended, run, udmill};

/// Lists the sources with a cache below `home`.
fn sources(home: &Path) -> Ended {
    let mut command = udmill(&["sources"]);
    command.env("XDG_CACHE_HOME", home);
    run(command, "")
}

/// The files of the cache below `home`.
fn entries(home: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(home.join("udmill")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_compiled_component_is_kept_for_its_owner_alone() {
    let home = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let ended = sources(home.path());
        assert_eq!((ended.stderr.as_str(), ended.status), ("", Some(0)));
        let [file] = &entries(home.path())[..] else {
            panic!("{:?}", entries(home.path()));
        };
        assert_eq!(mode(&home.path().join("udmill")), 0o700);
        assert_eq!(mode(file), 0o600);
    }
}

#[test]
fn a_kept_component_that_is_broken_is_compiled_again() {
    let home = tempfile::tempdir().unwrap();
    sources(home.path());
    let file = entries(home.path()).remove(0);
    let kept = fs::read(&file).unwrap();
    fs::write(&file, b"nonsense").unwrap();
    assert_eq!(sources(home.path()).status, Some(0));
    assert_eq!(fs::read(&file).unwrap().len(), kept.len());
}

#[test]
fn a_folder_that_others_can_write_to_is_not_used() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("udmill");
    for mode in [0o770, 0o707, 0o777] {
        fs::create_dir_all(&folder).unwrap();
        set_mode(&folder, mode);
        let ended = sources(home.path());
        assert!(
            ended.stderr.contains("others can write to it"),
            "{}",
            ended.stderr
        );
        assert!(ended.stdout.contains("AZURE_DEVOPS"));
        assert_eq!(ended.status, Some(0));
        assert_eq!(entries(home.path()), [] as [PathBuf; 0]);
    }
}

#[test]
fn a_file_that_others_can_write_to_is_not_used() {
    let home = tempfile::tempdir().unwrap();
    sources(home.path());
    let file = entries(home.path()).remove(0);
    set_mode(&file, 0o666);
    assert_eq!(sources(home.path()).status, Some(0));
    // It was written anew.
    assert_eq!(mode(&file), 0o600);
}

#[test]
fn without_a_home_everything_works() {
    let mut command = udmill(&["sources"]);
    command.env_remove("XDG_CACHE_HOME").env_remove("HOME");
    let ended = run(command, "");
    assert_eq!((ended.stderr.as_str(), ended.status), ("", Some(0)));
}

#[test]
fn a_component_that_wants_a_capability_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clock.wasm");
    let name = b"wasi:clocks/wall-clock@0.2.6";
    // A component's header; the type of an instance without exports; its import.
    let mut wasm = b"\0asm\x0d\0\x01\0\x07\x03\x01\x42\0\x0a".to_vec();
    wasm.extend([name.len() as u8 + 5, 1, 0, name.len() as u8]);
    wasm.extend(name);
    wasm.extend([5, 0]);
    fs::write(&file, wasm).unwrap();
    for args in [
        &["sources", "--component", file.to_str().unwrap()][..],
        &["sources"],
        &[],
    ] {
        let mut command = udmill(args);
        command.env("UDMILL_COMPONENT", &file);
        let ended = run(command, "");
        assert!(
            ended.stderr.contains("wasi:clocks/wall-clock"),
            "{}",
            ended.stderr
        );
        assert_eq!((ended.stdout.as_str(), ended.status), ("", Some(1)));
    }
}
