//! Compiled components, kept between runs in a folder of the user's own.
//!
//! A compiled component is machine code that runs unchecked. So the folder is made for its owner alone, and neither a
//! folder nor a file is used that anybody else could have written. Nothing here is needed for a right answer: what
//! cannot be kept is compiled again.

use std::fmt;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::component::Component;

use crate::{Engine, folders};

/// A folder of compiled components.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

/// Why a folder is not used.
#[derive(Debug)]
pub enum CacheError {
    /// It cannot be made or read.
    Io(PathBuf, io::Error),
    /// Somebody else could put code into it.
    Unsafe(PathBuf, &'static str),
}

/// What was not written for this long is removed when something is added: old builds and versions.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

impl Cache {
    /// The folder `udmill` in the user's cache folder: `$XDG_CACHE_HOME`, or where the system has it.
    ///
    /// # Errors
    ///
    /// As [`Cache::at`]; also where the user has no home.
    pub fn of_user() -> Result<Cache, CacheError> {
        match folders::cache() {
            Some(folder) => Cache::at(folder),
            None => {
                let error = io::Error::new(io::ErrorKind::NotFound, "the user has no home");
                Err(CacheError::Io(PathBuf::from("~"), error))
            }
        }
    }

    /// This folder, made with mode 0700 if there is none.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be made, belongs to somebody else, or is writable by others.
    pub fn at(folder: PathBuf) -> Result<Cache, CacheError> {
        let found = folders::make_private(&folder).and_then(|()| folder.metadata());
        match found {
            Err(error) => Err(CacheError::Io(folder, error)),
            Ok(found) => match danger(&found) {
                Some(danger) => Err(CacheError::Unsafe(folder, danger)),
                None => Ok(Cache { folder }),
            },
        }
    }

    /// The compiled component, from the folder if it is there.
    pub(crate) fn component(&self, engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Component> {
        let path = self.folder.join(key(engine, wasm));
        if let Some(code) = read(&path) {
            // SAFETY: wasmtime wrote these bytes for this user, and nobody else can have changed them: the file belongs to
            // the user and is writable by no other, which was asked of the opened file. Wasmtime itself refuses code of
            // another version or configuration.
            if let Ok(component) = unsafe { Component::deserialize(&engine.wasmtime, code) } {
                return Ok(component);
            }
        }
        let component = Component::from_binary(&engine.wasmtime, wasm)?;
        // A full disk, a read-only one: then it is compiled again next time.
        let _ = self.write(&path, &component.serialize()?);
        Ok(component)
    }

    /// Writes beside the place and renames, so that no one ever reads half a file.
    fn write(&self, path: &Path, code: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(code)?;
        file.persist(path)?;
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let age = entry.metadata()?.modified()?.elapsed();
            if age.is_ok_and(|age| age > KEPT) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// The name of a component's file: the component's digest, and all that the engine's code depends on.
fn key(engine: &Engine, wasm: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    let environment = engine.wasmtime.precompile_compatibility_hash();
    environment.hash(&mut hasher);
    let digest: String = Sha256::digest(wasm)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{digest}-{:016x}.cwasm", hasher.finish())
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    if danger(&file.metadata().ok()?).is_some() {
        return None;
    }
    let mut code = Vec::new();
    file.read_to_end(&mut code).ok()?;
    Some(code)
}

/// Why somebody else could have written this.
#[cfg(unix)]
fn danger(found: &fs::Metadata) -> Option<&'static str> {
    use std::os::unix::fs::MetadataExt;
    if found.uid() != rustix::process::geteuid().as_raw() {
        Some("it belongs to somebody else")
    } else if found.mode() & 0o022 != 0 {
        Some("others can write to it")
    } else {
        None
    }
}

/// Elsewhere than on Unix, the folder's place in the user's profile protects it.
#[cfg(not(unix))]
fn danger(_: &fs::Metadata) -> Option<&'static str> {
    None
}

impl fmt::Display for CacheError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CacheError::Io(folder, error) => write!(f, "no cache at {folder:?}: {error}"),
            CacheError::Unsafe(folder, danger) => write!(f, "no cache at {folder:?}: {danger}"),
        }
    }
}

impl std::error::Error for CacheError {}
