//! An S3 server as a process of its own: `host-test/s3/main.rs` says what it can. It is killed when it is dropped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::{fs, io};

use tempfile::TempDir;

use crate::running::Output;

/// What gets in. They occur nowhere else.
pub const ACCESS_KEY: &str = "AKIACANARYOFTHES3KEY";
/// See [`ACCESS_KEY`].
pub const SECRET_KEY: &str = "canary-of-the-s3-secret-key-4c19e7a2";
/// The bucket that is there from the beginning.
pub const BUCKET: &str = "audit";

/// An S3 server that is running.
pub struct S3 {
    child: Child,
    folder: TempDir,
    told: Arc<Output>,
    /// `http://127.0.0.1:40000`
    pub origin: String,
}

impl S3 {
    /// Starts one with an empty bucket.
    ///
    /// # Panics
    ///
    /// Where it has not been built, or does not start.
    pub fn start() -> S3 {
        S3::start_with(&[])
    }

    /// One that takes no notice of conditions.
    ///
    /// # Panics
    ///
    /// As [`S3::start`].
    pub fn start_unconditional() -> S3 {
        S3::start_with(&[("S3_UNCONDITIONAL", "true")])
    }

    fn start_with(more: &[(&str, &str)]) -> S3 {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut child = Command::new(crate::built("release/udmill-s3"))
            .arg(folder.path())
            .env("S3_ACCESS_KEY", ACCESS_KEY)
            .env("S3_SECRET_KEY", SECRET_KEY)
            .envs(more.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let told = Output::of(child.stdout.take().unwrap());
        let origin = told.wait(|text| text.lines().next().map(str::to_owned));
        S3 {
            child,
            folder,
            told,
            origin,
        }
    }

    /// Puts an object there without a request, or takes it away.
    ///
    /// # Panics
    ///
    /// Where that cannot be done.
    pub fn set(&self, key: &str, bytes: Option<&[u8]>) {
        let file = self.folder.path().join(BUCKET).join(key);
        match bytes {
            Some(bytes) => {
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, bytes).unwrap();
            }
            None => fs::remove_file(file).unwrap(),
        }
    }

    /// The file of an object.
    pub fn file(&self, key: &str) -> PathBuf {
        self.folder.path().join(BUCKET).join(key)
    }

    /// What the bucket holds: the bytes of each object by its key.
    ///
    /// # Panics
    ///
    /// Where a file goes away while it is read.
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let bucket = self.folder.path().join(BUCKET);
        let files = files(&bucket).unwrap().into_iter();
        let object = |file: PathBuf| {
            let key = file.strip_prefix(&bucket).unwrap().to_str().unwrap();
            (key.to_owned(), fs::read(&file).unwrap())
        };
        files.map(object).collect()
    }

    /// Each request so far, once there are so many: `PUT /audit/2026/08/01/a.jsonl 200`.
    pub fn requests(&self, count: usize) -> Vec<String> {
        self.told.wait(|text| {
            let lines: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
            (lines.len() >= count).then_some(lines)
        })
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        // It may have ended on its own, which the test has then noticed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => found.extend(files(&path)?),
            false => found.push(path),
        }
    }
    Ok(found)
}
