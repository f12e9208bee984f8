//! The child whose calls fail, and the commands that make them fail.

use std::{
    env,
    path::Path,
    process::{Command, Output, Stdio},
};

use kimdb::Options;

use crate::common::Home;

/// The variable with the folder of the database, set for a child.
pub const CHILD: &str = "KIMDB_TEST_FAULTS";

/// The child's database, or `None` in the test itself.
pub fn child() -> Option<Options> {
    let folder = env::var_os(CHILD)?;
    Some(Options {
        shard_count: 2,
        wal_size: 1 << 18,
        flush_interval_ms: 3_600_000,
        ..Options::new(Path::new(&folder).join("app"))
    })
}

pub fn options(home: &Home) -> Options {
    Options { shard_count: 2, wal_size: 1 << 18, ..home.options() }
}

pub fn strace_works() -> bool {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "true"]).stderr(Stdio::null());
    let works = command.status().is_ok_and(|status| status.success());
    if !works {
        println!("skipped: strace is not there or may not trace");
    }
    works
}

/// Runs the test of this name as a child.
pub fn run(mut command: Command, test: &str, home: &Home) -> Output {
    command.arg(env::current_exe().expect("this file"));
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD, home.path());
    command.output().expect("starts")
}

/// A command under which calls fail, on one file or on all: `call:error=E:when=N`.
pub fn failing_on(inject: &str, file: Option<&Path>) -> Command {
    let mut command = Command::new("strace");
    let call = inject.split(':').next().expect("a call");
    command.args(["-f", "-qq", "-o", "/dev/null"]);
    command.args(["-e", &format!("trace={call}"), "-e", &format!("inject={inject}")]);
    if let Some(file) = file {
        command.arg("-P").arg(file);
    }
    command
}

/// Runs the child with calls that fail on one file.
pub fn with_failing(inject: &str, file: &Path, test: &str, home: &Home) {
    check(&run(failing_on(inject, Some(file)), test, home), inject);
}

pub fn check(output: &Output, what: &str) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{what}: {}\n{out}\n{err}", output.status);
}
