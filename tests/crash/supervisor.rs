//! Starts children, kills them, and compares what they find with what they acknowledged.

use std::{
    collections::BTreeSet,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use crate::{
    child::{Orders, SHARDS},
    figures::{Figures, Progress},
    model::{self, AHEAD, Habit, State, WRITERS},
    old_log,
    process::{Heard, Process},
    random::Random,
    wire::Message,
};

/// Another size than the last makes the opening replace the log's file. The smallest are full all the time.
const WAL_SIZES: [u64; 4] = [1 << 16, 1 << 18, 1 << 20, 2 << 20];

/// When a child is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Opening,
    Writing,
    Closing,
    /// Before the so many-th call of a thread that changes or syncs files.
    Call(u64),
    /// It is not: it writes and closes.
    Never,
    /// It is not, and only opens and closes.
    Idle,
    /// It is not, and uses the log if the others did, so that what they left of one is found.
    Last,
}

struct Supervisor {
    random: Random,
    seed: u64,
    safe_mode: bool,
    base: String,
    run: u64,
    /// What each writer has on record: the state at the last verdict.
    known: State,
    /// Operations since, that were acknowledged.
    acknowledged: [u64; WRITERS.len()],
    /// The run that wrote them.
    written_in: u64,
    /// Whether that run was killed, so that some more may be there.
    killed: bool,
    /// Whether these lie in a log of the old library's.
    in_old_log: bool,
    wal_size: u64,
    /// How long the last opening took, to hit the next one.
    opening: Duration,
    figures: Figures,
}

/// Kills children `kills` times at random moments. An error tells what was lost.
pub fn run(seed: u64, kills: u64, safe_mode: bool) -> Result<String, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut supervisor = Supervisor::new(folder.path(), seed, safe_mode);
    let mut progress = Progress::new();
    while supervisor.figures.all_kills() < kills {
        if safe_mode && supervisor.random.one_in(20) {
            supervisor.leave_old_log()?;
        }
        let moment = match supervisor.random.below(10) {
            // An old log is recovered once, so that opening is what to hit.
            _ if supervisor.in_old_log && !supervisor.random.one_in(3) => Moment::Opening,
            0..=3 => Moment::Opening,
            4..=6 => Moment::Writing,
            7..=8 => Moment::Closing,
            _ => Moment::Never,
        };
        supervisor.one_child(moment)?;
        progress.tell(|| supervisor.figures.progress(kills));
    }
    supervisor.finish(folder.path())?;
    Ok(supervisor.figures.text())
}

/// Kills children before their first, second, third ... call that changes or syncs files, `calls` of them: once while
/// they make the database and once while they recover it.
pub fn run_at_calls(seed: u64, calls: u64) -> Result<String, String> {
    if let Some(why) = Process::cannot_die() {
        return Ok(format!("skipped, {why}"));
    }
    let lasting = tempfile::tempdir().expect("a folder");
    let mut recovering = Supervisor::new(lasting.path(), seed, true);
    let mut figures = Figures::default();
    let mut progress = Progress::new();
    for call in 1..=calls {
        progress.tell(|| format!("kills at file calls: call {call} of {calls}"));
        let folder = tempfile::tempdir().expect("a folder");
        let mut making = Supervisor::new(folder.path(), seed, true);
        making
            .one_child(Moment::Call(call))
            .and_then(|()| making.finish(folder.path()))
            .map_err(|loss| format!("a new database, killed at call {call}: {loss}"))?;
        figures.add(&making.figures);
        let kill = |recovering: &mut Supervisor, moment| {
            recovering.one_child(moment).map_err(|loss| format!("killed at call {call}: {loss}"))
        };
        kill(&mut recovering, Moment::Writing)?;
        kill(&mut recovering, Moment::Call(call))?;
    }
    recovering.finish(lasting.path())?;
    figures.add(&recovering.figures);
    Ok(figures.text())
}

impl Supervisor {
    fn new(folder: &Path, seed: u64, safe_mode: bool) -> Supervisor {
        Supervisor {
            random: Random::new(seed),
            seed,
            safe_mode,
            base: folder.join("app").to_str().expect("UTF-8").to_owned(),
            run: 0,
            known: State::default(),
            acknowledged: [0; WRITERS.len()],
            written_in: 0,
            killed: false,
            in_old_log: false,
            wal_size: WAL_SIZES[0],
            opening: Duration::from_millis(20),
            figures: Figures::default(),
        }
    }

    /// A last child finds and leaves everything in order, and another one nothing to recover.
    fn finish(&mut self, folder: &Path) -> Result<(), String> {
        self.one_child(Moment::Last)?;
        let recovered = self.figures.recovered;
        self.one_child(Moment::Last)?;
        if self.figures.recovered != recovered {
            return Err("an opening after a clean close recovered something".to_owned());
        }
        // Nothing lies about that a killed process was about to make or to replace.
        let names = std::fs::read_dir(folder).expect("a folder");
        let names = names.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        let mut expected: BTreeSet<String> =
            (0..SHARDS).map(|shard| format!("app_shard{shard}.db")).collect();
        expected.extend(self.safe_mode.then(|| "app.wal".to_owned()));
        let left: BTreeSet<String> = names.collect();
        if left != expected {
            return Err(format!("the kills left other files: {left:?}"));
        }
        Ok(())
    }

    /// Puts a log of the old library's in the place of ours, as if it had run in between and been killed.
    fn leave_old_log(&mut self) -> Result<(), String> {
        // Leaves an empty log, and nothing that is not verified.
        self.one_child(Moment::Idle)?;
        self.run += 1;
        let mut ops = Vec::new();
        for (writer, acknowledged) in self.acknowledged.iter_mut().enumerate() {
            *acknowledged = self.random.below(80);
            let records = 0..*acknowledged;
            ops.extend(records.flat_map(|index| model::record(self.seed, self.run, writer, index)));
        }
        old_log::write(&format!("{}.wal", self.base), &ops, self.random.below(40) as usize);
        self.figures.acknowledged += self.acknowledged.iter().sum::<u64>();
        (self.written_in, self.killed, self.in_old_log) = (self.run, false, true);
        Ok(())
    }

    fn orders(&mut self, moment: Moment) -> Orders {
        let random = &mut self.random;
        let orderly = matches!(moment, Moment::Never | Moment::Idle | Moment::Last) || random.one_in(2);
        // Some runs use no log. They recover what others left in one, and are not killed once they have written.
        let can_do_without =
            matches!(moment, Moment::Opening | Moment::Closing | Moment::Never | Moment::Idle);
        let safe_mode = self.safe_mode && !(can_do_without && random.one_in(6));
        let writes = moment != Moment::Idle && (safe_mode == self.safe_mode || moment == Moment::Never);
        let write_ms = if matches!(moment, Moment::Call(_)) { 20 } else { 20 + random.below(150) };
        if random.one_in(3) {
            self.wal_size = WAL_SIZES[random.below(WAL_SIZES.len() as u64) as usize];
        }
        Orders {
            seed: self.seed,
            run: self.run,
            safe_mode,
            write_ms: if writes { write_ms } else { 0 },
            orderly,
            wal_size: self.wal_size,
            batch_size: if random.one_in(3) { 1 + random.below(40) as usize } else { 0 },
            flush_interval_ms: 1 + random.below(30),
            buffer_size: 20 + random.below(3000),
            base: self.base.clone(),
        }
    }

    fn one_child(&mut self, moment: Moment) -> Result<(), String> {
        self.run += 1;
        let orders = self.orders(moment);
        let delay = |random: &mut Random, most: Duration| most.mul_f64(random.below(1000) as f64 / 1000.0);
        let mut heard = Heard::default();
        if let Moment::Call(number) = moment {
            return self.ended(Process::start_to_die(&orders, number), heard);
        }
        let mut process = Process::start(&orders);
        heard.listen_until(&mut process, &Message::Opening)?;
        let opening = Instant::now();
        if moment == Moment::Opening {
            thread::sleep(delay(&mut self.random, self.opening.mul_f64(1.2)));
            process.kill();
            return self.ended(process, heard);
        }
        heard.listen_until_found(&mut process)?;
        self.opening = opening.elapsed();
        match moment {
            Moment::Writing => {
                thread::sleep(delay(&mut self.random, Duration::from_millis(orders.write_ms)));
                process.kill();
            }
            Moment::Closing => {
                heard.listen_until(&mut process, &Message::Closing)?;
                thread::sleep(delay(&mut self.random, Duration::from_millis(30)));
                process.kill();
            }
            Moment::Never | Moment::Idle | Moment::Last | Moment::Opening | Moment::Call(_) => {
                heard.listen_until(&mut process, &Message::Closed)?;
            }
        }
        self.ended(process, heard)
    }

    /// Hears the child out, which was killed or has closed, and judges what it found.
    fn ended(&mut self, mut process: Process, mut heard: Heard) -> Result<(), String> {
        heard.listen_to_the_end(&mut process)?;
        let status = process.wait()?;
        // What counts is where it was hit, not where it was aimed at.
        match (heard.recovered, heard.closing, heard.closed) {
            (_, _, true) if status.success() => self.figures.closes += 1,
            _ if status.code().is_some_and(|code| code < 128) => {
                return Err(format!("the child ended by itself: {status}"));
            }
            (None, ..) => {
                self.figures.kills[0] += 1;
                self.figures.old_log_kills += u64::from(self.in_old_log);
            }
            (_, false, _) => self.figures.kills[1] += 1,
            (_, true, _) => self.figures.kills[2] += 1,
        }
        if let Some(recovered) = heard.recovered {
            self.judge(&heard.found)?;
            self.figures.recovered += recovered;
            self.take_note(&heard);
        }
        Ok(())
    }

    /// Remembers what was acknowledged since the last verdict.
    fn take_note(&mut self, heard: &Heard) {
        self.acknowledged = heard.acknowledged;
        self.figures.acknowledged += heard.acknowledged.iter().sum::<u64>();
        (self.written_in, self.killed) = (self.run, !heard.closed);
    }

    /// Compares what was found with what may be there, and takes it as known.
    fn judge(&mut self, found: &State) -> Result<(), String> {
        let mut known = State::default();
        for (writer, habit) in WRITERS.iter().enumerate() {
            let found = found.of(writer);
            let mut expected = self.known.of(writer);
            let apply = |state: &mut State, index| {
                state.apply(model::record(self.seed, self.written_in, writer, index))
            };
            let acknowledged = self.acknowledged[writer];
            (0..acknowledged).for_each(|index| apply(&mut expected, index));
            // A closed database holds what was acknowledged; a write that came too late may have been taken.
            let on_their_way = match (self.killed, habit) {
                (false, _) => 0,
                (true, Habit::Ahead) => AHEAD,
                (true, _) => 1,
            };
            let must = expected.clone();
            let mut more = 0;
            while expected != found {
                if more == on_their_way {
                    let differences = must.differences(&found).join("\n  ");
                    return Err(format!(
                        "run {}: {acknowledged} records of writer {writer} ({habit:?}) in run {} were acknowledged, and \
                         neither they nor they and up to {on_their_way} more make what was found:\n  {differences}",
                        self.run, self.written_in
                    ));
                }
                apply(&mut expected, acknowledged + more);
                more += 1;
            }
            self.figures.unacknowledged += more;
            known.extend(expected);
        }
        self.known = known;
        self.acknowledged = [0; WRITERS.len()];
        (self.killed, self.in_old_log) = (false, false);
        Ok(())
    }
}
