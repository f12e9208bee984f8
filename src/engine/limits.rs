//! How large names and documents may be.

use super::error::{Code, Error, Result};

/// Largest collection name, in UTF-8 bytes (the log stores its length in 16 bits).
pub const MAX_COLLECTION: usize = u16::MAX as usize;

/// Largest id and JSON text together, in UTF-8 bytes: SQLite's limit for a row, less what a row has besides.
pub const MAX_DOCUMENT: usize = 1_000_000_000 - 4096;

/// Checks one operation before anything is touched.
///
/// # Errors
/// [`Code::TooLarge`].
pub fn check(collection: &str, id: &str, value: usize) -> Result<()> {
    if collection.len() > MAX_COLLECTION {
        let text = format!(
            "A collection name has {} bytes and at most {MAX_COLLECTION} are stored.",
            collection.len()
        );
        return Err(Error::new(Code::TooLarge, text));
    }
    let size = id.len().saturating_add(value);
    if size > MAX_DOCUMENT {
        let text = format!(
            "The document takes {size} bytes and SQLite holds at most {MAX_DOCUMENT}; split it into smaller documents."
        );
        return Err(Error::new(Code::TooLarge, text).in_collection(collection));
    }
    Ok(())
}

/// Largest batch, in bytes of its record: a record's length has 32 bits.
pub const MAX_BATCH: usize = 2_000_000_000;

/// Checks a batch before anything is touched.
///
/// # Errors
/// [`Code::TooLarge`].
pub fn check_batch(bytes: usize) -> Result<()> {
    if bytes > MAX_BATCH {
        let text = format!(
            "The batch takes more than {MAX_BATCH} bytes, and no more are written at once; split it."
        );
        return Err(Error::new(Code::TooLarge, text));
    }
    Ok(())
}
