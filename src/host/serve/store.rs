//! The durable store behind `spin:key-value`: a table in an SQLite file.
//!
//! Whoever is told that a value was written may rely on it, whatever happens to the process or the machine: the
//! journal is a write-ahead log that is synchronised at every commit (`synchronous = FULL`,
//! <https://www.sqlite.org/pragma.html>). Since that costs a trip to the disk, one thread does all writing, and what
//! was asked meanwhile shares the next commit.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use rusqlite::{Connection, OptionalExtension, Transaction};
use tokio::sync::oneshot;
use tokio::task;

use crate::folders;

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    reads: Arc<Mutex<Connection>>,
    writes: mpsc::Sender<Write>,
}

/// Something to write, and who waits for it.
struct Write {
    key: String,
    /// None removes the key.
    value: Option<Vec<u8>>,
    done: oneshot::Sender<Result<(), String>>,
}

/// The most writes that share a commit. Each may have 256 KiB.
const TOGETHER: usize = 64;

/// SQLite's size of a page where nobody chose another.
const PAGE: u64 = 4096;

impl Store {
    /// The store in a folder, both of which are made if they are not there; it takes about `most` bytes.
    ///
    /// # Errors
    ///
    /// Where the folder or the file cannot be made, or the file is no database.
    pub fn open(folder: &Path, most: u64) -> Result<Store, String> {
        let told =
            |error: &dyn std::fmt::Display| format!("cannot open a store in {folder:?}: {error}");
        // It holds raw logs.
        folders::make_private(folder).map_err(|error| told(&error))?;
        let file = folder.join("store.sqlite");
        let writer = connect(&file, most).map_err(|error| told(&error))?;
        // A store that cannot be written to would be noticed with the first delivery only.
        let written = writer.execute_batch("BEGIN IMMEDIATE; COMMIT");
        written.map_err(|error| told(&error))?;
        let reader = connect(&file, most).map_err(|error| told(&error))?;
        let (writes, asked) = mpsc::channel();
        thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || write_all(writer, &asked))
            .map_err(|error| told(&error))?;
        Ok(Store {
            reads: Arc::new(Mutex::new(reader)),
            writes,
        })
    }

    /// Where the store of a user is, if nothing else was said: the folder `udmill` where the system has programs keep
    /// state.
    ///
    /// # Errors
    ///
    /// Where the user has no home.
    pub fn folder_of_user() -> Result<PathBuf, String> {
        folders::state().ok_or_else(|| {
            "expected a folder for the store, but the user has no home; name one with --state"
                .to_owned()
        })
    }

    /// The value of a key.
    ///
    /// # Errors
    ///
    /// What SQLite says, here and below.
    pub async fn get(&self, key: String) -> Result<Option<Vec<u8>>, String> {
        self.read(move |reads| {
            let mut select = reads.prepare_cached("SELECT value FROM entries WHERE key = ?1")?;
            select.query_row([key], |row| row.get(0)).optional()
        })
        .await
    }

    /// Whether there is such a key.
    pub async fn exists(&self, key: String) -> Result<bool, String> {
        self.read(move |reads| {
            let mut select = reads.prepare_cached("SELECT 1 FROM entries WHERE key = ?1")?;
            select.exists([key])
        })
        .await
    }

    /// All keys, in their order.
    pub async fn keys(&self) -> Result<Vec<String>, String> {
        self.read(|reads| {
            let mut select = reads.prepare_cached("SELECT key FROM entries ORDER BY key")?;
            let keys = select.query_map([], |row| row.get(0))?;
            keys.collect()
        })
        .await
    }

    /// Writes a value, or without one removes the key; it is on the disk when this returns.
    pub async fn write(&self, key: String, value: Option<Vec<u8>>) -> Result<(), String> {
        let (done, told) = oneshot::channel();
        let gone = || "the store's writer has ended".to_owned();
        let sent = self.writes.send(Write { key, value, done });
        sent.map_err(|_| gone())?;
        told.await.map_err(|_| gone())?
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, String> {
        let reads = Arc::clone(&self.reads);
        let read = task::spawn_blocking(move || {
            read(&reads.lock().unwrap_or_else(PoisonError::into_inner))
        });
        match read.await {
            Ok(value) => value.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn connect(file: &Path, most: u64) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    // Even an empty store needs some pages.
    let most = i64::try_from(most.div_ceil(PAGE).max(16)).unwrap_or(i64::MAX);
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "max_page_count", most)?;
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL)",
    )?;
    Ok(connection)
}

/// Writes what is asked for until nobody can ask any more.
fn write_all(mut connection: Connection, asked: &mpsc::Receiver<Write>) {
    while let Ok(first) = asked.recv() {
        let mut writes = vec![first];
        writes.extend(asked.try_iter().take(TOGETHER - 1));
        let written = commit(&mut connection, &writes).map_err(|error| error.to_string());
        // One that does not fit must not fail the others.
        let alone = written.is_err() && writes.len() > 1;
        for write in writes {
            let written = match alone {
                true => commit(&mut connection, std::slice::from_ref(&write))
                    .map_err(|error| error.to_string()),
                false => written.clone(),
            };
            let _ = write.done.send(written);
        }
    }
}

fn commit(connection: &mut Connection, writes: &[Write]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for write in writes {
        apply(&transaction, write)?;
    }
    transaction.commit()
}

fn apply(transaction: &Transaction<'_>, write: &Write) -> rusqlite::Result<()> {
    match &write.value {
        Some(value) => transaction
            .prepare_cached(
                "INSERT INTO entries (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            )?
            .execute((&write.key, value))?,
        None => transaction.prepare_cached("DELETE FROM entries WHERE key = ?1")?.execute([&write.key])?,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn run<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(future)
    }

    #[test]
    fn values_are_there_when_the_store_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..2 {
            let store = Store::open(folder.path(), MIB).unwrap();
            run(async {
                if round == 0 {
                    store
                        .write("a".to_owned(), Some(b"1".to_vec()))
                        .await
                        .unwrap();
                    store
                        .write("a".to_owned(), Some(b"2".to_vec()))
                        .await
                        .unwrap();
                    store.write("b".to_owned(), Some(Vec::new())).await.unwrap();
                    store.write("c".to_owned(), Some(Vec::new())).await.unwrap();
                    store.write("c".to_owned(), None).await.unwrap();
                }
                assert_eq!(store.keys().await.unwrap(), ["a", "b"]);
                assert_eq!(
                    store.get("a".to_owned()).await.unwrap(),
                    Some(b"2".to_vec())
                );
                assert_eq!(store.get("c".to_owned()).await.unwrap(), None);
                assert!(store.exists("b".to_owned()).await.unwrap());
            });
        }
    }

    #[test]
    fn a_full_store_says_so_and_keeps_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), MIB).unwrap();
        run(async {
            let value = vec![7; 256 << 10];
            let mut kept = 0;
            let error = loop {
                match store.write(format!("{kept}"), Some(value.clone())).await {
                    Ok(()) => kept += 1,
                    Err(error) => break error,
                }
            };
            assert_eq!(error, "database or disk is full");
            assert_eq!(kept, 3);
            assert_eq!(store.keys().await.unwrap().len(), kept);
            store.write("0".to_owned(), None).await.unwrap();
            store.write("again".to_owned(), Some(value)).await.unwrap();
        });
    }

    #[test]
    fn a_store_that_cannot_be_made_or_written_to_is_told_by_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("file"), "").unwrap();
        std::fs::create_dir_all(path("taken/store.sqlite")).unwrap();
        std::fs::create_dir(path("other")).unwrap();
        std::fs::write(path("other/store.sqlite"), "a file of somebody else's").unwrap();
        // No mode of a file stops root, but the version of its format that says who may write to it does: bytes 18 and
        // 19 of the header, which here also say that it has no write-ahead log
        // (<https://www.sqlite.org/fileformat2.html>).
        std::fs::create_dir(path("read-only")).unwrap();
        let file = path("read-only/store.sqlite");
        drop(connect(&file, MIB).unwrap());
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[18..20].copy_from_slice(&[3, 1]);
        std::fs::write(&file, bytes).unwrap();
        for (name, why) in [
            ("file", "exists"),
            ("file/below", "irectory"),
            ("taken", "unable to open"),
            ("other", "not a database"),
            ("read-only", "readonly"),
        ] {
            let folder = path(name);
            let told = Store::open(&folder, MIB).err().unwrap();
            let place = format!("cannot open a store in {folder:?}: ");
            assert!(told.starts_with(&place) && told.contains(why), "{told}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_new_folder_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("state");
        Store::open(&folder, MIB).unwrap();
        assert_eq!(
            folder.metadata().unwrap().permissions().mode() & 0o777,
            0o700
        );
    }
}
