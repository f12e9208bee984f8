//! Names of the logs of processes that have a database open together: `walPath`, `walPath.1`, `walPath.2` and so on.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::{
    error::{Error, Result},
    io::with_suffix,
};

/// The log number `number` of those that begin with `first`.
pub(super) fn path(first: &Path, number: u32) -> PathBuf {
    with_suffix(first, &format!(".{number}"))
}

fn number(path: &Path, first: &Path) -> Option<u32> {
    let name = path.file_name()?.to_str()?.strip_prefix(first.file_name()?.to_str()?)?;
    let digits = name.strip_prefix('.')?;
    let number: u32 = digits.parse().ok()?;
    (number > 0 && number.to_string() == digits && path.parent() == first.parent()).then_some(number)
}

/// Those after the first that exist, in order.
///
/// # Errors
/// What the operating system says. A log that is passed over is replayed later, over what is newer.
pub(super) fn existing(first: &Path) -> Result<Vec<PathBuf>> {
    named(first, "")
}

/// Those whose names go on with `suffix`, without it.
pub(super) fn named(first: &Path, suffix: &str) -> Result<Vec<PathBuf>> {
    let folder = first.parent().unwrap_or(Path::new("."));
    let failed = |error| Error::io("list the folder", folder, &error);
    let entries = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        entries => entries.map_err(failed)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(suffix)) else {
            continue;
        };
        let path = path.with_file_name(name);
        found.extend(number(&path, first).map(|number| (number, path)));
    }
    found.sort_unstable();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

#[cfg(test)]
mod test {
    use std::path::Path;

    use super::{number, path};

    #[test]
    fn only_whole_numbers_from_1_are_numbers() {
        let first = Path::new("/a/buffer.wal");
        for (name, expected) in [
            ("/a/buffer.wal", None),
            ("/a/buffer.wal.1", Some(1)),
            ("/a/buffer.wal.12", Some(12)),
            ("/a/buffer.wal.0", None),
            ("/a/buffer.wal.01", None),
            ("/a/buffer.wal.corrupt-1", None),
            ("/a/buffer.wal.large", None),
            ("/a/buffer.wal.1.large", None),
            ("/a/buffer.wal1", None),
            ("/b/buffer.wal.1", None),
        ] {
            assert_eq!(number(Path::new(name), first), expected, "{name}");
        }
        assert_eq!(path(first, 3), Path::new("/a/buffer.wal.3"));
    }
}
