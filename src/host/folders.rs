//! The user's own folders, where the system has programs keep things: the XDG Base Directory Specification 0.8
//! (<https://specifications.freedesktop.org/basedir-spec/latest/>), and what stands in its place on macOS and Windows.

use std::fs::DirBuilder;
use std::path::{Path, PathBuf};
use std::{env, io};

/// Where `udmill` may keep what can be made again; none for a user without a home.
pub fn cache() -> Option<PathBuf> {
    of_user("XDG_CACHE_HOME", ".cache", "Library/Caches")
}

/// Where `udmill` may keep what has to stay; none for a user without a home.
pub fn state() -> Option<PathBuf> {
    let macos = "Library/Application Support";
    of_user("XDG_STATE_HOME", ".local/state", macos)
}

/// Makes a folder that only its owner can look into, if there is none.
pub fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// The specification has relative paths in variables ignored.
fn of_user(variable: &str, at_home: &str, on_macos: &str) -> Option<PathBuf> {
    let absolute = |name| {
        let path = env::var_os(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    let folder = if cfg!(windows) {
        absolute("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        absolute("HOME").map(|home| home.join(on_macos))
    } else {
        absolute(variable).or_else(|| absolute("HOME").map(|home| home.join(at_home)))
    };
    Some(folder?.join("udmill"))
}
