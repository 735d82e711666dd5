//! The runtime of `deploy/aws` against Lambda's API, with a program in the place of `udmill` that ends as it is told:
//! what counts here is what becomes of its exit status.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

const BOOTSTRAP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/aws/bootstrap");

/// A function's folder, whose `udmill` is this script.
fn folder(script: &str) -> tempfile::TempDir {
    let _starting = lock(&STARTING);
    let folder = tempfile::tempdir().expect("a folder");
    fs::copy(BOOTSTRAP, folder.path().join("bootstrap")).expect("a copy");
    let program = folder.path().join("udmill");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
    folder
}

const LONG: Duration = Duration::from_secs(300);

#[test]
fn a_run_that_succeeds_answers_the_invocation_with_its_summary() {
    // 300 s, less what a run may take to end.
    let folder = folder(
        "case \"$*\" in 'collect harness --once --budget 26'[45]s) ;; *) echo \"$*\"; exit 1;; esac\n\
         echo '2 pages' >&2\n\
         echo '{\"eventsCollected\":7}' >&2",
    );
    let mut function = Function::start(folder.path(), &[("HARNESS_API_KEY", "k")]);
    for _ in 0..2 {
        let found = function.invoke(LONG);
        assert_eq!(
            found,
            Outcome::Response("{\"eventsCollected\":7}\n".to_owned())
        );
    }
}

/// Defect 14 of the Lambda: errors are swallowed, so that no metric, no retry and no alarm sees them.
#[test]
fn a_run_that_fails_fails_the_invocation_and_the_next_one_is_made_all_the_same() {
    let folder = folder(
        "test -e \"$0.done\" && exit 0\ntouch \"$0.done\"\necho '{\"statusCode\":500}' >&2\nexit 3",
    );
    let mut function = Function::start(folder.path(), &[("HARNESS_API_KEY", "k")]);
    let Outcome::Error(kind, body) = function.invoke(LONG) else {
        panic!("expected an error");
    };
    assert_eq!(kind, "Udmill.Collect");
    assert!(
        body.contains("\"errorMessage\":\"udmill collect harness ended with status 3;"),
        "{body}"
    );
    assert_eq!(function.invoke(LONG), Outcome::Response(String::new()));
}

#[test]
fn a_run_is_interrupted_before_lambdas_time_is_up() {
    let folder = folder("exec sleep 300");
    let mut function = Function::start(folder.path(), &[("HARNESS_API_KEY", "k")]);
    let found = function.invoke(Duration::from_secs(8));
    assert!(
        matches!(&found, Outcome::Error(_, body) if body.contains("status 124")),
        "{found:?}"
    );
}

#[test]
fn the_key_comes_out_of_the_secret_anew_for_each_run() {
    let folder = folder(&format!(
        "[ \"$HARNESS_API_KEY\" = '{SECRET}' ] && echo good"
    ));
    let variables = [("HARNESS_API_KEY_SECRET", SECRET_ID)];
    let mut function = Function::start(folder.path(), &variables);
    assert_eq!(
        function.invoke(LONG),
        Outcome::Response("good\n".to_owned())
    );
}

#[test]
fn without_its_key_a_run_is_not_begun() {
    let folder = folder("echo begun");
    let variables = [("HARNESS_API_KEY_SECRET", "arn:aws:secretsmanager:other")];
    let mut function = Function::start(folder.path(), &variables);
    let found = function.invoke(LONG);
    assert!(
        matches!(&found, Outcome::Error(_, body) if body.contains("status 1;")),
        "{found:?}"
    );
}
