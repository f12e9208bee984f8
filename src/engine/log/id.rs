//! Names of databases and logs: random bytes.

use crate::engine::error::{Code, Error, Result};

/// A random name for a database or a log.
pub type Id = [u8; 16];

/// A new one.
pub(crate) fn random_id() -> Result<Id> {
    let mut id = [0; 16];
    getrandom::fill(&mut id)
        .map_err(|error| Error::new(Code::Io, format!("The system gave no random bytes: {error}.")))?;
    Ok(id)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
