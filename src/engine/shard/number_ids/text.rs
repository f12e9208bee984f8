//! How SQLite and JavaScript write a number.

/// Most digits that the old library's SQLite wrote of a number; one that has them all may be another number, rounded.
const DIGITS: usize = 15;

/// How JavaScript writes the number that SQLite writes like this. `None`: it is no such text, both write the same, or it
/// may be several numbers.
pub(in crate::engine::shard) fn number_of(stored: &str) -> Option<String> {
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

/// Whether an id reads like a number or a version, but neither as SQLite writes a whole number nor as it writes an
/// exponent: '5', '1.5', '5.00', '1.0.2'. Whoever has such ids may have '5.0' among them, as a text.
pub(super) fn is_like_numbers(id: &str) -> bool {
    let is_numeric =
        id.parse::<f64>().is_ok() || id.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit());
    is_numeric && number_of(id).is_none() && !has_exponent(id)
}

/// Whether a number is written as `-?<digit>.<digits>e<sign><two digits>`.
fn has_exponent(number: &str) -> bool {
    number.split_once('e').is_some_and(|(mantissa, power)| {
        let is_normal = mantissa.trim_start_matches('-').as_bytes().get(1) == Some(&b'.');
        is_normal && power.starts_with(['+', '-']) && power.len() > 2
    })
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
    use super::{is_like_numbers, number_of};

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

    #[test]
    fn what_only_resembles_a_number_of_sqlites_is_told_from_it() {
        for id in ["5", "-5", "0", "1.5", "0.25", "5.00", "05.0", "1e+21", "1.0e5", "1.0.2", "10.0.0.1"] {
            assert!(is_like_numbers(id), "{id}");
        }
        for id in ["5.0", "-3.0", "1.0e+20", "1.5e+300", "9.00719925474099e+15", "1.25e-07"] {
            assert!(!is_like_numbers(id), "{id}: SQLite writes it");
        }
        for id in ["u5", "5a", "2024-05-06", "0e2f-11", "5 "] {
            assert!(!is_like_numbers(id), "{id}: it has nothing of a number");
        }
    }
}
