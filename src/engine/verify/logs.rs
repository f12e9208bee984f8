//! The logs: their headers, their records, and what of them is not in the shards yet.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Request,
    report::{Finding, LogFigures, Report, Severity},
    shards::Shards,
};
use crate::engine::{
    error::Result,
    log::{self, Content, Examined, Log, Lsn},
    log_search, numbered,
};

pub(super) fn verify(request: &Request, shards: &Shards, report: &mut Report) {
    let Some(path) = request.log.as_ref().or(shards.log.as_ref()) else {
        let text = "No log was found: what was not flushed, if anything, is not looked at. Name the log if there is one.";
        return report.add(Finding::new(Severity::Note, &request.base, text));
    };
    let path = &log_search::resolved(path.clone());
    let examined = match log::examine(path) {
        Ok(examined) => {
            verify_log(path, &examined, shards, report);
            Some(examined)
        }
        Err(error) => {
            report.add(Finding::of(&error, path));
            None
        }
    };
    verify_beside(path, examined.as_ref(), shards, report);
    match numbered::existing(path) {
        Ok(others) => others.iter().for_each(|path| verify_numbered(path, shards, report)),
        Err(error) => report.add(Finding::of(&error, path)),
    }
}

/// What may be the log of a process that had the database open together with others, and did not close it.
fn verify_numbered(path: &Path, shards: &Shards, report: &mut Report) {
    match log::examine(path) {
        // Files that happen to have such a name.
        Ok(Examined::Other | Examined::Old(_)) => {}
        Ok(examined) if shards.are_not_of(&examined) => {}
        Ok(examined) => {
            verify_log(path, &examined, shards, report);
            verify_beside(path, Some(&examined), shards, report);
        }
        Err(error) => {
            report.add(Finding::of(&error, path));
            verify_beside(path, None, shards, report);
        }
    }
}

/// What lies beside a log.
fn verify_beside(path: &Path, main: Option<&Examined>, shards: &Shards, report: &mut Report) {
    match log::examine_beside(path, main) {
        Ok(None) => {}
        Ok(Some(examined)) => verify_large(path, &examined, shards, report),
        Err(error) => report.add(Finding::of(&error, path)),
    }
    for kept in kept(path).into_iter().chain(kept(&log::large_path(path))) {
        let text = "An earlier opening found the log damaged and kept it here.";
        report.add(Finding::new(Severity::Note, &kept, text));
    }
}

fn verify_log(path: &Path, examined: &Examined, shards: &Shards, report: &mut Report) {
    let (severity, text) = match examined {
        examined if shards.are_not_of(examined) => (
            Severity::Unchecked,
            "The log belongs to another database; name the one of this database.".to_owned(),
        ),
        Examined::Log { log, content, synced, is_one_header_damaged, wrong_size, .. } => {
            if *is_one_header_damaged {
                let text = "One of the two copies of the log's header is not whole, as a crash may leave it; the other one \
                            counts.";
                report.add(Finding::new(Severity::Note, path, text));
            }
            if let Some(bytes) = wrong_size {
                let text = format!("The log has {bytes} bytes, another length than its header says.");
                report.add(Finding::new(Severity::Damage, path, text));
            }
            return verify_records(path, log, content, *synced, shards, report);
        }
        Examined::Damaged => {
            let text = "Both headers of the log are damaged; restore it, or move it away to open the database without the \
                        writes that it holds.";
            (Severity::Damage, text.to_owned())
        }
        Examined::Unknown { version, .. } => (Severity::Unchecked, of_another_format(*version)),
        Examined::Old(writes) => {
            let (path, writes) = (path.to_owned(), *writes as u64);
            let figures = LogFigures { path, records: writes, writes, unflushed: writes, damaged_bytes: 0 };
            return report.logs.push(figures);
        }
        Examined::Other | Examined::Dropped { .. } => {
            (Severity::Unchecked, "This is not a kimdb log; name the right one.".to_owned())
        }
    };
    report.add(Finding::new(severity, path, text));
}

/// Holds what a log has against what its header says and the shards have.
fn verify_records(
    path: &Path,
    log: &Arc<Log>,
    content: &Content,
    synced: Lsn,
    shards: &Shards,
    report: &mut Report,
) {
    let applied = shards.applied(log.id());
    let mut damage = |text: String| report.add(Finding::new(Severity::Damage, path, text));
    for part in &content.damaged {
        let bytes = part.end.0 - part.start.0;
        let has_it = |applied: &Option<Lsn>| applied.is_some_and(|applied| applied >= part.end);
        let verdict = if applied.iter().all(has_it) {
            "the shards have everything that was written there"
        } else {
            "writes are lost there; restore what is missing from a backup"
        };
        damage(format!(
            "{bytes} bytes of the log from position {} on were on the disk and are not whole, and {verdict}.",
            part.start.0
        ));
    }
    // The log is on the disk before a shard gets anything of it. Only the empty record behind which a large one is applied
    // may be missing after a power cut, and no write is as small.
    let end = log.head().max(synced);
    let is_ahead = |applied: Option<Lsn>| applied.is_some_and(|it| it.0 >= end.0 + log::LEAST_WRITE);
    for (shard, applied) in applied.iter().enumerate().filter(|(_, applied)| is_ahead(**applied)) {
        damage(format!(
            "Shard {shard} has the log up to position {}, but the log ends at {}; restore the log, or what other \
             shards miss from a backup.",
            applied.unwrap_or_default().0,
            end.0
        ));
    }
    let has = |shard: usize, end: Lsn| applied.get(shard).copied().flatten().is_some_and(|it| it >= end);
    match count(log, &content.intact, shards, &has) {
        Ok(figures) => report.logs.push(LogFigures {
            path: path.to_owned(),
            damaged_bytes: content.damaged_bytes(),
            ..figures
        }),
        Err(error) => report.add(Finding::of(&error, path)),
    }
}

fn of_another_format(version: u32) -> String {
    format!("The log has format {version}; verify it with the version of kimdb that wrote it.")
}

/// The record that was too large for the log.
fn verify_large(path: &Path, examined: &Examined, shards: &Shards, report: &mut Report) {
    let path = log::large_path(path);
    if shards.are_not_of(examined) {
        return;
    }
    let damage = || {
        let text = "A write too large for the log is damaged and may be missing in some shards; restore its documents from \
                    a backup.";
        Finding::new(Severity::Damage, &path, text)
    };
    let unfinished = || {
        let text =
            "A write too large for the log was being made when the process ended; it was never confirmed.";
        Finding::new(Severity::Note, &path, text)
    };
    let (log, content, synced, is_cut) = match examined {
        Examined::Log { log, content, synced, wrong_size, .. } => {
            (log, content, *synced, wrong_size.is_some())
        }
        Examined::Damaged => return report.add(damage()),
        Examined::Dropped { .. } => {
            let text = "A write too large for the log is left that has failed or is in the shards; the next opening removes it.";
            return report.add(Finding::new(Severity::Note, &path, text));
        }
        Examined::Unknown { version, .. } => {
            let text = of_another_format(*version);
            return report.add(Finding::new(Severity::Unchecked, &path, &text));
        }
        _ => return report.add(unfinished()),
    };
    let applied = shards.applied(log.id());
    let is_known = applied.iter().flatten().any(|applied| *applied > Lsn(0));
    let was_whole = if is_cut { synced > Lsn(0) } else { !content.damaged.is_empty() };
    if (is_cut || content.intact.is_empty()) && (is_known || was_whole) {
        return report.add(damage());
    }
    if is_cut {
        return report.add(unfinished());
    }
    let has = |shard: usize, _| applied.get(shard).copied().flatten().is_some_and(|it| it > Lsn(0));
    match count(log, &content.intact, shards, &has) {
        Ok(figures) => report.logs.push(LogFigures { path, ..figures }),
        Err(error) => report.add(Finding::of(&error, &path)),
    }
}

/// Counts what a log holds. `has`: whether a shard has everything up to a place.
fn count(
    log: &Arc<Log>,
    intact: &[std::ops::Range<Lsn>],
    shards: &Shards,
    has: &dyn Fn(usize, Lsn) -> bool,
) -> Result<LogFigures> {
    let router = shards.router();
    let mut figures =
        LogFigures { path: PathBuf::new(), records: 0, writes: 0, unflushed: 0, damaged_bytes: 0 };
    for part in intact {
        let mut last = None;
        log.claim(part.start).walk(part.start, part.end, |met| {
            figures.records += u64::from(last.replace(met.end) != Some(met.end));
            figures.writes += 1;
            figures.unflushed += u64::from(!has(router.shard(met.op.id) as usize, met.end));
            ControlFlow::Continue(())
        })?;
    }
    Ok(figures)
}

/// Damaged logs that earlier openings kept.
fn kept(path: &Path) -> Vec<PathBuf> {
    let Some((folder, name)) = path.parent().zip(path.file_name()) else { return Vec::new() };
    let prefix = format!("{}.corrupt-", name.to_string_lossy());
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut kept: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
        .map(|entry| entry.path())
        .collect();
    kept.sort_unstable();
    kept
}
