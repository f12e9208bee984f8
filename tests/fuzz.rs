//! A short run of the fuzz targets, for those who have no fuzzer: every input in fuzz/corpus, and mutations of them that
//! are the same each time. `FUZZ_RUNS` sets how many a target gets; `npm run fuzz` looks for new ones.

#[path = "../fuzz/src/lib.rs"]
mod targets;

#[path = "common/random.rs"]
#[allow(dead_code, reason = "every test file compiles this and uses a part of it")]
mod random;

use std::{fs, panic, path::Path};

use random::Random;

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs: Vec<_> = fs::read_dir(folder)
        .expect("a corpus")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (path.display().to_string(), fs::read(&path).expect("reads")))
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "fuzz/corpus/{target} is empty");
    inputs
}

fn mutated(random: &mut Random, corpus: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut any = || corpus[random.below(corpus.len() as u64) as usize].1.clone();
    let (mut input, other) = (any(), any());
    for _ in 0..=random.below(4) {
        let at = random.below(input.len() as u64 + 1) as usize;
        match random.below(5) {
            0 => input.truncate(at),
            1 => input.insert(at, random.next() as u8),
            2 => {
                let from = random.below(other.len() as u64 + 1) as usize;
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ if at < input.len() => input[at] = random.next() as u8,
            _ => input.extend((0..random.below(40)).map(|_| random.next() as u8)),
        }
    }
    input.truncate(4096);
    input
}

fn smoke(name: &str, default_runs: u64) {
    let (_, run) = targets::TARGETS.iter().find(|(target, _)| *target == name).expect("a target");
    let corpus = corpus(name);
    let attempt = |what: &str, input: &[u8]| {
        if let Err(panic) = panic::catch_unwind(|| run(input)) {
            eprintln!("the input of {what}: {input:?}");
            panic::resume_unwind(panic);
        }
    };
    corpus.iter().for_each(|(path, input)| attempt(path, input));
    let runs = std::env::var("FUZZ_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(default_runs);
    let mut random = Random::new(1);
    for number in 0..runs {
        attempt(&format!("mutation {number}"), &mutated(&mut random, &corpus));
    }
}

#[test]
fn records() {
    smoke("record", 20_000);
}

#[test]
fn recovery() {
    smoke("recovery", 150);
}

#[test]
fn the_old_log() {
    smoke("legacy", 150);
}

#[test]
fn the_model() {
    smoke("model", 60);
}
