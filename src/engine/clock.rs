//! Wall-clock time, cheap enough to read at every write.

/// Milliseconds since 1970 (UTC). On Linux from the kernel's coarse clock, a few milliseconds behind at most,
/// for a fifth of the price of the exact one.
pub(crate) fn now_ms() -> u64 {
    #[cfg(target_os = "linux")]
    {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
        now.tv_sec.max(0) as u64 * 1000 + now.tv_nsec.max(0) as u64 / 1_000_000
    }
    #[cfg(not(target_os = "linux"))]
    {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(0, |now| now.as_millis() as u64)
    }
}

/// A time as SQLite's `CURRENT_TIMESTAMP` writes it: `YYYY-MM-DD HH:MM:SS`, UTC.
pub(crate) fn sql_time(seconds: u64) -> [u8; 19] {
    // Days since 0000-03-01, so that a leap day ends its year (Howard Hinnant, "chrono-compatible low-level date
    // algorithms").
    let days = (seconds / 86_400) as i64 + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let time = seconds % 86_400;
    let mut text = *b"0000-00-00 00:00:00";
    let mut put = |at: usize, digits: usize, mut value: u64| {
        for place in (at..at + digits).rev() {
            text[place] = b'0' + (value % 10) as u8;
            value /= 10;
        }
    };
    put(0, 4, year as u64);
    put(5, 2, month as u64);
    put(8, 2, day as u64);
    put(11, 2, time / 3600);
    put(14, 2, time / 60 % 60);
    put(17, 2, time % 60);
    text
}

#[cfg(test)]
mod test {
    use super::sql_time;

    #[test]
    fn times_read_as_sqlite_writes_them() {
        let sqlite = rusqlite::Connection::open_in_memory().expect("memory database");
        for seconds in
            (0..5_000_000_000_u64).step_by(7_777_777).chain([951_782_399, 951_782_400, 1_709_251_199])
        {
            let theirs: String = sqlite
                .query_row("SELECT datetime(?, 'unixepoch')", [seconds as i64], |row| row.get(0))
                .expect("a date");
            assert_eq!(String::from_utf8_lossy(&sql_time(seconds)), theirs);
        }
    }
}
