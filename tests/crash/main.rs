//! Kills a writing process again and again and checks what the next one finds.
//!
//! The test re-executes itself. A child opens the database, tells everything that it finds there, writes a sequence of
//! operations that the seed determines, and reports each acknowledgement over a pipe. The parent kills it at a random
//! moment: while it opens, while it writes, while it closes. Between two runs the log's size may change, the log may be
//! left out, and the old library may have left a log of its own. What the next child finds must be, for each writer, the
//! state after the acknowledged operations or after a few of those that were on their way: nothing lost, nothing
//! half-applied, nothing applied twice (versions are exact).
//!
//! Where `strace` is at hand, children are also killed before each call that changes or syncs a file.
//!
//! `KIMDB_KILLS` sets the number of kills (100), `KIMDB_SEED` the seed, `KIMDB_PROGRESS` the seconds between two lines that
//! tell how far it is (10).

#[path = "../common/random.rs"]
mod random;

mod child;
mod figures;
mod model;
mod old_log;
mod process;
mod supervisor;
mod wire;

use std::{env, panic, process::ExitCode};

/// The tests of this file, told as the standard harness does it.
const TESTS: [(&str, fn()); 3] = [
    ("kills_lose_nothing", kills_lose_nothing),
    ("kills_at_file_calls_lose_nothing", kills_at_file_calls_lose_nothing),
    ("the_check_notices_losses", the_check_notices_losses),
];

fn main() -> ExitCode {
    if let Ok(orders) = env::var(child::ORDERS) {
        child::run(&orders);
        return ExitCode::SUCCESS;
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let filters: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let chosen =
        |name: &str| filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()));
    let tests: Vec<_> = TESTS.iter().filter(|(name, _)| chosen(name) && !has("--ignored")).collect();
    if has("--list") {
        tests.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", tests.len());
    let mut failed = 0;
    for (name, test) in &tests {
        let passed = panic::catch_unwind(test).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += usize::from(!passed);
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    let passed = tests.len() - failed;
    println!(
        "\ntest result: {verdict}. {passed} passed; {failed} failed; {} filtered out\n",
        TESTS.len() - tests.len()
    );
    ExitCode::from(u8::from(failed > 0))
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not '{text}'")))
}

fn seed() -> u64 {
    number("KIMDB_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(1, |now| now.as_nanos() as u64 % 1_000_000_000)
    })
}

fn kills() -> u64 {
    number("KIMDB_KILLS").unwrap_or(100)
}

fn kills_lose_nothing() {
    let (seed, kills) = (seed(), kills());
    println!("kills_lose_nothing: KIMDB_SEED={seed}");
    match supervisor::run(seed, kills, true) {
        Ok(summary) => println!("kills_lose_nothing: {summary}"),
        Err(loss) => panic!("KIMDB_SEED={seed}: {loss}"),
    }
}

fn kills_at_file_calls_lose_nothing() {
    let seed = seed();
    println!("kills_at_file_calls_lose_nothing: KIMDB_SEED={seed}");
    // A child makes fewer calls than the most of these.
    match supervisor::run_at_calls(seed, (kills() / 10).clamp(40, 200)) {
        Ok(summary) => println!("kills_at_file_calls_lose_nothing: {summary}"),
        Err(loss) => panic!("KIMDB_SEED={seed}: {loss}"),
    }
}

/// The control: without a log, kills do lose writes, and the same check must say so.
fn the_check_notices_losses() {
    let seed = seed();
    let loss = supervisor::run(seed, 25, false).expect_err("25 kills without a log lose something");
    assert!(loss.contains("were acknowledged"), "KIMDB_SEED={seed}: {loss}");
}
