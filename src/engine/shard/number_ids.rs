//! Number ids as the old library stored them.
//!
//! It found the shard of 5 by the text '5', but gave SQLite the number, which a column of texts keeps as '5.0'. So a row
//! '5.0' in the shard of '5', which is not that of '5.0', is a number's, and gets the name '5'. A row that lies where
//! both would lie is a number's if others of its table are and none is a text. Where nothing tells (one shard), it
//! keeps its name.
//!
//! Done once, when a shard of the old library is adopted.

use std::collections::HashSet;

use rusqlite::{
    Connection, OptionalExtension, params,
    types::{ToSqlOutput, ValueRef},
};

use super::{Router, ShardId, schema};

/// Rows whose ids are looked at in one go.
const PAGE: usize = 4096;

/// Most digits that the old library's SQLite wrote of a number; one that has them all may be another number, rounded.
const DIGITS: usize = 15;

/// A shard among others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) shard: ShardId,
    pub(super) shards: u32,
}

/// What an id that reads like a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    /// Its shard is that of both.
    Doubtful,
    /// Its shard is that of neither.
    Misplaced,
}

impl Place {
    fn kind(self, stored: &str, number: &str) -> Kind {
        let router = Router::new(self.shards);
        match (router.shard(number) == self.shard, router.shard(stored) == self.shard) {
            (true, false) => Kind::Number,
            (false, true) => Kind::Text,
            (true, true) => Kind::Doubtful,
            (false, false) => Kind::Misplaced,
        }
    }
}

/// Tables, in lower case, in which ids are known to be numbers or texts.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    numbers: HashSet<String>,
    texts: HashSet<String>,
    has_doubtful: bool,
}

impl Evidence {
    /// Adds what a shard shows.
    pub(super) fn gather(&mut self, connection: &Connection, place: Place) -> rusqlite::Result<()> {
        for table in tables(connection)? {
            let key = table.to_ascii_lowercase();
            each_candidate(connection, &table, |stored, number| {
                match place.kind(stored, number) {
                    Kind::Number if !self.numbers.contains(&key) => drop(self.numbers.insert(key.clone())),
                    Kind::Text if !self.texts.contains(&key) => drop(self.texts.insert(key.clone())),
                    Kind::Doubtful => self.has_doubtful = true,
                    _ => {}
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Whether there is anything to rename by it.
    pub(super) fn tells_something(&self) -> bool {
        self.has_doubtful && !self.numbers.is_subset(&self.texts)
    }

    fn says_numbers(&self, table: &str) -> bool {
        let key = table.to_ascii_lowercase();
        self.numbers.contains(&key) && !self.texts.contains(&key)
    }
}

/// Renames the rows that their shard proves to be numbers'.
pub(super) fn rename_proven(connection: &Connection, place: Place) -> rusqlite::Result<()> {
    rename(connection, place, Kind::Number, |_| true)
}

/// Renames the rows that only the others of their table tell to be numbers'.
pub(super) fn rename_doubtful(
    connection: &Connection,
    place: Place,
    evidence: &Evidence,
) -> rusqlite::Result<()> {
    rename(connection, place, Kind::Doubtful, |table| evidence.says_numbers(table))
}

fn rename(
    connection: &Connection,
    place: Place,
    kind: Kind,
    wanted: impl Fn(&str) -> bool,
) -> rusqlite::Result<()> {
    for table in tables(connection)?.iter().filter(|table| wanted(table)) {
        each_candidate(connection, table, |stored, number| {
            if place.kind(stored, number) == kind {
                give_name(connection, table, stored, number)
            } else {
                Ok(())
            }
        })?;
    }
    Ok(())
}

fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let names = schema::names(connection)?.into_iter();
    let is_ours = |name: &str| name.to_ascii_lowercase().starts_with(schema::PREFIX);
    Ok(names.filter(|(name, is_documents)| *is_documents && !is_ours(name)).map(|(name, _)| name).collect())
}

/// Calls with each id that is how SQLite writes a number, and with how JavaScript does, where the two differ. Rows may be
/// renamed meanwhile.
fn each_candidate(
    connection: &Connection,
    table: &str,
    mut work: impl FnMut(&str, &str) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    // In the order of ids, so that it is read from the index: '-' and digits are next to each other but for '.' and '/'.
    let sql = format!(
        "SELECT id FROM {} WHERE id > ? AND id < ':' AND typeof(id) = 'text' ORDER BY id LIMIT {PAGE}",
        schema::quote(table)
    );
    let mut statement = connection.prepare(&sql)?;
    let mut last = b"-".to_vec();
    loop {
        let after = ToSqlOutput::Borrowed(ValueRef::Text(&last));
        let ids: Vec<Vec<u8>> = statement
            .query_map([after], |row| Ok(row.get_ref(0)?.as_bytes()?.to_vec()))?
            .collect::<rusqlite::Result<_>>()?;
        for stored in ids.iter().filter_map(|id| str::from_utf8(id).ok()) {
            if let Some(number) = number_of(stored) {
                work(stored, &number)?;
            }
        }
        match ids.into_iter().next_back() {
            Some(id) => last = id,
            None => return Ok(()),
        }
    }
}

/// Gives a row the name of its number. If there is a document of that name, the one that was changed later has it from
/// now on, and the other is set aside: both were what the program meant by this id.
fn give_name(connection: &Connection, table: &str, stored: &str, number: &str) -> rusqlite::Result<()> {
    let quoted = schema::quote(table);
    let time = format!("SELECT coalesce(updated_at, '') FROM {quoted} WHERE id = ?");
    let mut time = connection.prepare_cached(&time)?;
    let mut time = |id: &str| time.query_row([id], |row| row.get::<_, String>(0)).optional();
    if let Some(theirs) = time(number)? {
        let older = if time(stored)?.is_some_and(|own| own > theirs) { number } else { stored };
        connection.execute_batch(schema::CREATE_SET_ASIDE)?;
        let keep = format!(
            "INSERT INTO _kimdb_set_aside SELECT ?, id, data, _version, updated_at FROM {quoted} WHERE id = ?"
        );
        connection.prepare_cached(&keep)?.execute(params![table, older])?;
        connection.prepare_cached(&format!("DELETE FROM {quoted} WHERE id = ?"))?.execute([older])?;
    }
    // Finds nothing if this is the one that was set aside.
    let rename = format!("UPDATE {quoted} SET id = ? WHERE id = ?");
    connection.prepare_cached(&rename)?.execute([number, stored]).map(|_| ())
}

/// How JavaScript writes the number that SQLite writes like this. `None`: it is no such text, both write the same, or it
/// may be several numbers.
pub(super) fn number_of(stored: &str) -> Option<String> {
    if !stored.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        return None;
    }
    let value: f64 = stored.parse().ok().filter(|value: &f64| value.is_finite())?;
    // The shortest digits that make this number, and its power of ten.
    let shortest = format!("{:e}", value.abs());
    let (mantissa, power) = shortest.split_once('e')?;
    let digits = mantissa.replace('.', "");
    let power: i32 = power.parse().ok()?;
    let is_exact = digits.len() < DIGITS || power < DIGITS as i32 && digits.len() == DIGITS;
    if !is_exact || sqlite_text(value < 0.0, &digits, power) != stored {
        return None;
    }
    Some(javascript_text(value < 0.0, &digits, power)).filter(|number| number != stored)
}

/// `-?<digits>.<digits>e<sign><two digits>`, or without exponent from 0.0001 to fifteen digits.
fn sqlite_text(is_negative: bool, digits: &str, power: i32) -> String {
    let sign = if is_negative { "-" } else { "" };
    if (-4..DIGITS as i32).contains(&power) {
        let plain = decimal(digits, power);
        return if plain.contains('.') { format!("{sign}{plain}") } else { format!("{sign}{plain}.0") };
    }
    let (first, rest) = digits.split_at(1);
    let rest = if rest.is_empty() { "0" } else { rest };
    let power_sign = if power < 0 { '-' } else { '+' };
    format!("{sign}{first}.{rest}e{power_sign}{:02}", power.abs())
}

/// ECMAScript's Number::toString: without exponent from 0.000001 to 21 digits.
fn javascript_text(is_negative: bool, digits: &str, power: i32) -> String {
    let sign = if is_negative { "-" } else { "" };
    if (-7 < power) && power < 21 {
        return format!("{sign}{}", decimal(digits, power));
    }
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let power_sign = if power < 0 { '-' } else { '+' };
    format!("{sign}{first}{point}{rest}e{power_sign}{}", power.abs())
}

/// The number whose first digit counts ten to the power of `power`.
fn decimal(digits: &str, power: i32) -> String {
    let zeros = |count: i32| "0".repeat(count.max(0) as usize);
    if power < 0 {
        return format!("0.{}{digits}", zeros(-power - 1));
    }
    let whole = power as usize + 1;
    if digits.len() <= whole {
        return format!("{digits}{}", zeros((whole - digits.len()) as i32));
    }
    format!("{}.{}", &digits[..whole], &digits[whole..])
}

#[cfg(test)]
mod test {
    use super::number_of;

    // What better-sqlite3 11.10 (SQLite 3.49.2) stored; newer versions of SQLite write more digits.
    #[test]
    fn what_sqlite_made_of_a_number_is_recognised() {
        for (stored, number) in [
            ("5.0", "5"),
            ("-3.0", "-3"),
            ("100.0", "100"),
            ("1700000000123.0", "1700000000123"),
            ("123456789012345.0", "123456789012345"),
            ("999999999999999.0", "999999999999999"),
            ("1.0e+15", "1000000000000000"),
            ("1.5e+15", "1500000000000000"),
            ("1.0e+20", "100000000000000000000"),
            ("1.0e+21", "1e+21"),
            ("-2.0e+300", "-2e+300"),
            ("1.0e-05", "0.00001"),
            ("1.5e-06", "0.0000015"),
            ("1.0e-07", "1e-7"),
            ("1.25e-07", "1.25e-7"),
        ] {
            assert_eq!(number_of(stored).as_deref(), Some(number));
        }
        // JavaScript writes the same, or it may be one of several numbers, rounded.
        for stored in
            ["1.5", "-0.25", "0.0001", "1.5e+300", "0.3", "123456.789012346", "9.00719925474099e+15"]
        {
            assert_eq!(number_of(stored), None, "{stored}");
        }
    }

    #[test]
    fn what_no_number_is_written_like_is_a_text() {
        for text in [
            "5", "05.0", "5.00", "5.", ".5", "-", "", "5.0 ", "1e5", "1E+21", "+5.0", "5.0.0", "Infinity",
            "inf", "-inf", "0x5.0", "5,0",
        ] {
            assert_eq!(number_of(text), None, "{text}");
        }
    }
}
