//! Looking at the files of a database that is not open.

use std::path::PathBuf;

use napi::{
    Env,
    bindgen_prelude::{FnArgs, Function},
};
use napi_derive::napi;

use super::{
    error::or_throw,
    options::{base_of, former},
};
use crate::engine::verify::{self, Finding, LogFigures, Report, Request, Severity};

/// What is there of a database.
#[napi(object)]
#[derive(Debug)]
pub struct NativeLocated {
    /// Number of shards; 0: there is no database.
    pub shards: u32,
    /// Whether they are files that kimdb 7 named in its own way, which nobody has opened since.
    pub is_former: bool,
    /// Its log, as far as its shards know where that is.
    pub log: Option<String>,
    /// Bytes of that log's ring.
    pub log_size: Option<f64>,
}

/// What to verify.
#[napi(object)]
#[derive(Debug)]
pub struct NativeRequest {
    /// Absolute path whose name without `.db` begins the names of the shard files.
    pub db_path: String,
    /// Absolute path of the log; left out: the one that the shards know of.
    pub wal_path: Option<String>,
    /// Without comparing indexes with their tables.
    pub quick: bool,
}

/// One thing that was found.
#[napi(object)]
#[derive(Debug)]
pub struct NativeFinding {
    /// 'damage', 'unchecked' or 'note'.
    pub severity: String,
    /// A sentence.
    pub text: String,
    /// The file.
    pub path: String,
    /// The shard.
    pub shard: Option<u32>,
    /// The collection.
    pub collection: Option<String>,
    /// The document.
    pub id: Option<String>,
}

/// What a log holds.
#[napi(object)]
#[derive(Debug)]
pub struct NativeLogFigures {
    /// The file.
    pub path: String,
    /// Whole records in it.
    pub records: f64,
    /// Writes in these.
    pub writes: f64,
    /// Writes that are not in the shards yet.
    pub unflushed: f64,
    /// Bytes that are not whole.
    pub damaged_bytes: f64,
}

/// What a verification found.
#[napi(object)]
#[derive(Debug)]
pub struct NativeReport {
    /// Number of shards.
    pub shards: u32,
    /// Documents looked at.
    pub documents: f64,
    /// The logs.
    pub logs: Vec<NativeLogFigures>,
    /// What was found.
    pub findings: Vec<NativeFinding>,
}

/// Looks at files without opening a database.
#[napi]
pub struct Files {}

#[napi]
impl Files {
    /// Looks for the database at a path, or where kimdb 7 kept it. Nothing is opened for good, made or changed.
    #[napi]
    pub fn locate(
        env: Env,
        db_path: String,
        former_paths: Option<Vec<String>>,
    ) -> napi::Result<NativeLocated> {
        let former = former_paths.as_deref().and_then(former);
        let located = or_throw(&env, verify::locate(&base_of(&db_path), former.as_ref()))?;
        Ok(NativeLocated {
            shards: located.shards,
            is_former: located.is_former,
            log: located.log.map(|path| path.to_string_lossy().into_owned()),
            log_size: located.log_size.map(|bytes| bytes as f64),
        })
    }

    /// Verifies a database that nobody has open, and changes nothing. `progress` gets the shard and the number of
    /// documents looked at since its last call.
    #[napi]
    pub fn verify(
        env: Env,
        request: NativeRequest,
        progress: Function<'_, FnArgs<(u32, f64)>, ()>,
    ) -> napi::Result<NativeReport> {
        let request = Request {
            base: base_of(&request.db_path),
            log: request.wal_path.map(PathBuf::from),
            quick: request.quick,
        };
        let mut refused = None;
        let report = verify::verify(&request, &mut |shard, documents| {
            if refused.is_none() {
                refused = progress.call((shard, documents as f64).into()).err();
            }
        });
        refused.map_or(Ok(()), Err)?;
        or_throw(&env, report).map(NativeReport::from)
    }
}

impl From<Report> for NativeReport {
    fn from(report: Report) -> Self {
        NativeReport {
            shards: report.shards,
            documents: report.documents as f64,
            logs: report.logs.into_iter().map(NativeLogFigures::from).collect(),
            findings: report.findings.into_iter().map(NativeFinding::from).collect(),
        }
    }
}

impl From<LogFigures> for NativeLogFigures {
    fn from(log: LogFigures) -> Self {
        NativeLogFigures {
            path: log.path.to_string_lossy().into_owned(),
            records: log.records as f64,
            writes: log.writes as f64,
            unflushed: log.unflushed as f64,
            damaged_bytes: log.damaged_bytes as f64,
        }
    }
}

impl From<Finding> for NativeFinding {
    fn from(finding: Finding) -> Self {
        let severity = match finding.severity {
            Severity::Damage => "damage",
            Severity::Unchecked => "unchecked",
            Severity::Note => "note",
        };
        NativeFinding {
            severity: severity.to_owned(),
            text: finding.text,
            path: finding.path.to_string_lossy().into_owned(),
            shard: finding.shard,
            collection: finding.collection,
            id: finding.id,
        }
    }
}
