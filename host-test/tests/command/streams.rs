//! Input of any length, readers that leave, disks that are full, and interrupts.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use crate::{lines, log, run, transform};

#[test]
fn an_event_comes_before_the_input_ends_and_an_interrupt_ends_with_130() {
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut child = transform(&[]).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        writeln!(stdin, "{}\n{{\"Id\":", log("1")).unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(lines(&line).len(), 1);

        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(status));
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let mut child = transform(&[]).spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let logs = format!("{}\n", log("1")).repeat(10_000);
    let all = thread::spawn(move || (0..1_000).all(|_| stdin.write_all(logs.as_bytes()).is_ok()));
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stderr, b"");
    assert!(!all.join().unwrap(), "it read on for nobody");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told() {
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let mut command = transform(&[]);
    command.stdout(full());
    let ended = run(command, log("1"));
    assert!(
        ended
            .stderr
            .starts_with("udmill: cannot write to standard output: ")
    );
    assert_eq!(ended.status, Some(3));

    let ended = run(transform(&["--rejects", "/dev/full"]), "no log");
    assert!(
        ended
            .stderr
            .starts_with("udmill: cannot write to \"/dev/full\": ")
    );
    assert_eq!(ended.status, Some(3));
}

#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_lines() {
    let line = format!("{}\n", log("1"));
    peak_is_bounded("", &line, 3_000_000, "");
}

#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_an_array() {
    let element = format!("{},", log("1"));
    peak_is_bounded("[", &element, 3_000_000, &format!("{}]", log("1")));
}

/// Streams a payload of more than 200 MB, and looks at the peak when all of it was read.
#[cfg(target_os = "linux")]
fn peak_is_bounded(before: &str, unit: &str, count: usize, after: &str) {
    // What is compiled need not be compiled again, and is no part of the measure.
    run(transform(&[]), "");
    let mut child = transform(&[]).stderr(Stdio::inherit()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let reader = thread::spawn(move || {
        let mut lines = 0;
        let mut line = Vec::new();
        while lines < count && stdout.read_until(b'\n', &mut line).unwrap() > 0 {
            lines += 1;
            line.clear();
        }
        (lines, stdout)
    });
    stdin.write_all(before.as_bytes()).unwrap();
    let thousand = unit.repeat(1_000);
    for _ in 0..count / 1_000 {
        stdin.write_all(thousand.as_bytes()).unwrap();
    }
    let (lines, _stdout) = reader.join().unwrap();
    assert_eq!(lines, count);
    assert!(peak(&child) < 48 << 20, "{} bytes", peak(&child));
    stdin.write_all(after.as_bytes()).unwrap();
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_a_log_and_it_is_rejected_whole() {
    run(transform(&[]), "");
    let folder = tempfile::tempdir().unwrap();
    let rejects = folder.path().join("rejects.jsonl");
    let mut child = transform(&["--rejects", rejects.to_str().unwrap()])
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let piece = "ü".repeat(1 << 20);
    stdin.write_all(b"{\"Id\":\"").unwrap();
    for _ in 0..50 {
        stdin.write_all(piece.as_bytes()).unwrap();
    }
    writeln!(stdin, "\"}}\n{}", log("1")).unwrap();
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(lines(&line).len(), 1);
    assert!(peak(&child) < 64 << 20, "{} bytes", peak(&child));
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(2));

    let rejects = lines(&fs::read_to_string(rejects).unwrap());
    let raw = format!("{{\"Id\":\"{}\"}}", piece.repeat(50));
    assert_eq!(rejects.len(), 1);
    assert_eq!(rejects[0]["length"], raw.len());
    assert!(rejects[0]["raw"] == raw);
}

/// The most memory that the process has had, in bytes.
#[cfg(target_os = "linux")]
fn peak(child: &Child) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap();
    kilobytes.parse::<usize>().unwrap() << 10
}
