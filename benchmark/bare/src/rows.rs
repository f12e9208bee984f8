//! The rows that are written, like the documents of benchmark/support/documents.mjs.

use crate::{FILES, Outcome, ROWS_PER_ROUND};

/// Length of a small document's JSON text.
const SMALL_BYTES: usize = 200;
const EMPTY: &str = r#"{"note":""}"#;

pub struct Row {
    pub id: String,
    pub data: String,
}

pub enum Ids {
    Counted,
    Random,
}

impl Ids {
    pub fn parse(text: &str) -> Outcome<Ids> {
        match text {
            "counted" => Ok(Ids::Counted),
            "random" => Ok(Ids::Random),
            _ => Err(format!("ids are counted or random, not {text}").into()),
        }
    }
}

pub enum Documents {
    Seed,
    Small,
}

impl Documents {
    pub fn parse(text: &str) -> Outcome<Documents> {
        match text {
            "seed" => Ok(Documents::Seed),
            "small" => Ok(Documents::Small),
            _ => Err(format!("documents are seed or small, not {text}").into()),
        }
    }
}

/// Rows by file and round, sorted by id within each.
pub fn make(count: usize, ids: Ids, documents: Documents) -> Vec<Vec<Vec<Row>>> {
    let rounds = count.div_ceil(ROWS_PER_ROUND);
    let mut files: Vec<Vec<Vec<Row>>> =
        (0..FILES).map(|_| (0..rounds).map(|_| Vec::new()).collect()).collect();
    for i in 0..count {
        let chance = scatter(i as u64);
        let id = match ids {
            Ids::Counted => format!("id_{i}"),
            Ids::Random => uuid(chance, i as u64),
        };
        let data = match documents {
            Documents::Seed => format!("{{\"value\":{i}}}"),
            Documents::Small => format!("{{\"note\":\"{i:x<width$}\"}}", width = SMALL_BYTES - EMPTY.len()),
        };
        files[(chance % FILES as u64) as usize][i / ROWS_PER_ROUND].push(Row { id, data });
    }
    for rows in files.iter_mut().flatten() {
        rows.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    }
    files
}

fn uuid(chance: u64, i: u64) -> String {
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{i:012x}",
        chance >> 32,
        (chance >> 16) & 0xffff,
        (chance >> 4) & 0xfff,
        chance & 0xfff
    )
}

/// Mixes the bits of a number, so that neighbours are far from each other.
fn scatter(number: u64) -> u64 {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 32)
}
