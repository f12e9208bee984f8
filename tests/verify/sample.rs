//! Databases to verify, and what a report says of them.

use kimdb::{
    Database,
    verify::{Finding, Report, Request, Severity, verify},
};

use crate::common::{Home, set};

pub const DOCUMENTS: u64 = 200;

pub fn request(home: &Home) -> Request {
    Request { base: home.base(), log: None, quick: false }
}

pub fn report(home: &Home) -> Report {
    verify(&request(home), &mut |_, _| ()).expect("verifies")
}

/// A closed database.
pub fn closed() -> Home {
    let home = Home::new();
    let db = home.open();
    for i in 0..DOCUMENTS {
        set(&db, if i % 2 == 0 { "users" } else { "글 목록" }, &format!("id{i}"), format!("{{\"n\":{i}}}"));
    }
    db.close().expect("closes");
    home
}

/// The files of a killed process: half of the documents are in the shards, the others only in the log.
pub fn killed() -> (Home, std::sync::Arc<Database>) {
    let home = Home::new();
    let db = home.open();
    for i in 0..DOCUMENTS {
        set(&db, "users", &format!("id{i}"), format!("{{\"n\":{i}}}"));
        if i == DOCUMENTS / 2 - 1 {
            db.flush_wait().expect("flushes");
        }
    }
    (home, db)
}

pub fn of(report: &Report, severity: Severity) -> Vec<&Finding> {
    report.findings.iter().filter(|finding| finding.severity == severity).collect()
}

/// The only damage in a report.
pub fn only(report: &Report) -> &Finding {
    match of(report, Severity::Damage)[..] {
        [one] => one,
        ref all => panic!("one damage, not {all:#?}"),
    }
}
