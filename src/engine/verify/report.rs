//! What a verification found.

use std::path::{Path, PathBuf};

use crate::engine::error::{Code, Error};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Something is damaged or lost.
    Damage,
    /// Something could not be looked at.
    Unchecked,
    /// Worth knowing, and nothing is wrong.
    Note,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A sentence.
    pub text: String,
    /// The file.
    pub path: PathBuf,
    /// The shard, if it is about one.
    pub shard: Option<u32>,
    /// The collection or table, if it is about one.
    pub collection: Option<String>,
    /// The document's id, if it is about one.
    pub id: Option<String>,
}

impl Finding {
    pub(super) fn new(severity: Severity, path: &Path, text: impl Into<String>) -> Self {
        let text = text.into();
        Finding { severity, text, path: path.to_owned(), shard: None, collection: None, id: None }
    }

    /// What kept something from being looked at.
    pub(super) fn of(error: &Error, path: &Path) -> Self {
        let severity = if error.code() == Code::Corrupt { Severity::Damage } else { Severity::Unchecked };
        Finding::new(severity, path, error.to_string())
    }

    pub(super) fn in_shard(self, shard: u32) -> Self {
        Finding { shard: Some(shard), ..self }
    }

    pub(super) fn in_collection(self, name: &str) -> Self {
        Finding { collection: Some(name.to_owned()), ..self }
    }

    pub(super) fn about(self, id: &str) -> Self {
        Finding { id: Some(id.to_owned()), ..self }
    }
}

/// What a log holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFigures {
    /// The file.
    pub path: PathBuf,
    /// Whole records in it.
    pub records: u64,
    /// Writes in these.
    pub writes: u64,
    /// Writes that are not in the shards yet; the next opening recovers them.
    pub unflushed: u64,
    /// Bytes that are not whole, although they were on the disk.
    pub damaged_bytes: u64,
}

/// What a verification found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    /// Number of shards that the database should have.
    pub shards: u32,
    /// Documents looked at.
    pub documents: u64,
    /// The logs.
    pub logs: Vec<LogFigures>,
    /// What was found, shard by shard, then the logs.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether something of that severity was found.
    pub fn has(&self, severity: Severity) -> bool {
        self.findings.iter().any(|finding| finding.severity == severity)
    }

    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }
}
