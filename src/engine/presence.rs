//! Which processes have a database open.
//!
//! Each holds the kernel's lock on `<base>.lock`, shared with the others or alone, which the kernel takes back the moment the
//! process dies. The file lists their pids, for people. Who opens or closes goes through a [`Gate`] meanwhile, one at a time.

use std::{
    fs::{File, TryLockError},
    io::{ErrorKind, Read, Seek, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use super::{
    error::{Code, Error, Result},
    io::{is_open_twice, with_suffix},
    lock_file::{LockFile, Sharing, if_free, persistently},
};

/// How long an opening waits while another process opens or closes the database: a recovery takes a while.
pub(crate) const TO_OPEN: Duration = Duration::from_secs(30);

/// How long a closing waits for that: it can also leave without the gate.
pub(crate) const TO_CLOSE: Duration = Duration::from_secs(2);

/// Between two looks at the gate.
const LOOK: Duration = Duration::from_millis(5);

/// Held while the database is opened or closed.
#[derive(Debug)]
pub(crate) struct Gate(LockFile);

/// Held as long as the database is open.
#[derive(Debug)]
pub(crate) struct Presence {
    base: PathBuf,
    held: LockFile,
    is_exclusive: bool,
}

impl Gate {
    /// Waits for others to come through.
    ///
    /// # Errors
    /// [`Code::Locked`] if one of them stays in it.
    pub(crate) fn enter(base: &Path, patience: Duration) -> Result<Gate> {
        let path = with_suffix(base, ".opening");
        let start = Instant::now();
        loop {
            if let Some(held) = LockFile::take(&path, Sharing::Alone)? {
                return Ok(Gate(held));
            }
            if start.elapsed() > patience {
                let text = format!(
                    "Another process has been opening or closing the database '{}' for {} seconds; try again once it \
                     is done.",
                    base.display(),
                    patience.as_secs()
                );
                return Err(Error::new(Code::Locked, text).at(base));
            }
            thread::sleep(LOOK);
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.0.remove();
    }
}

impl Presence {
    /// Joins those who have the database at `base` open. To be called in the gate. The second is whether there is nobody
    /// else; then nobody can come before [`Presence::share`].
    ///
    /// # Errors
    /// [`Code::Locked`] with the pids of the others, if they or this one want to be alone, or if another copy of the library in this
    /// process is among them.
    pub(crate) fn enter(base: &Path, wants_to_be_alone: bool) -> Result<(Presence, bool)> {
        let path = with_suffix(base, ".lock");
        let take = |sharing| persistently(|| LockFile::take(&path, sharing));
        let (held, is_alone) = match take(Sharing::Alone)? {
            Some(held) => (held, true),
            None if wants_to_be_alone => {
                return Err(in_use(base, "close it there first, or leave 'exclusive' out to share it"));
            }
            None => {
                let theirs = || {
                    in_use(base, "that one wants it for itself alone, with 'exclusive'; close it there first")
                };
                let held = take(Sharing::Shared)?.ok_or_else(theirs)?;
                // IMPORTANT: SQLite's locks are the process's, and each copy of SQLite knows only its own: they would both write.
                if is_open_twice(&held.file) {
                    return Err(of_another_copy(base));
                }
                (held, false)
            }
        };
        let presence = Presence { base: base.to_owned(), held, is_exclusive: wants_to_be_alone };
        presence.list(|pids| pids.push(std::process::id()), is_alone)?;
        Ok((presence, is_alone))
    }

    /// Whose it is.
    pub(crate) fn base(&self) -> &Path {
        &self.base
    }

    /// Lets others in, unless this one wants to be alone.
    pub(crate) fn share(&self) -> Result<()> {
        if self.is_exclusive {
            return Ok(());
        }
        let file = &self.held.file;
        let failed = |error| Error::io("share the lock", &self.held.path, &error);
        // Nobody can come between, because of the gate. Not everywhere can one lock become the other.
        file.unlock().map_err(failed)?;
        match persistently(|| if_free(file.try_lock_shared()).map_err(failed))? {
            Some(()) => Ok(()),
            None => Err(failed(ErrorKind::WouldBlock.into())),
        }
    }

    /// Whether nobody else has the database open. To be called in the gate, before leaving: nobody can come then.
    pub(crate) fn is_last(&self) -> bool {
        let file = &self.held.file;
        let alone = |()| persistently(|| if_free(file.try_lock()));
        let is_last = matches!(file.unlock().and_then(alone), Ok(Some(())));
        if !is_last {
            // Nobody else is in the gate to take it.
            let _ = persistently(|| if_free(file.try_lock_shared()));
        }
        is_last
    }

    /// Changes the list of pids. Those that are gone are left out.
    fn list(&self, change: impl FnOnce(&mut Vec<u32>), is_alone: bool) -> Result<()> {
        let mut file = &self.held.file;
        let mut pids = if is_alone { Vec::new() } else { pids(file) };
        pids.retain(|pid| is_alive(*pid));
        change(&mut pids);
        let lines: String = pids.iter().map(|pid| format!("{pid}\n")).collect();
        let written =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(lines.as_bytes()));
        written.map_err(|error| Error::io("write the lock", &self.held.path, &error))
    }

    /// Leaves. To be called in the gate.
    pub(crate) fn leave(self) {
        if self.is_last() {
            self.held.remove();
        } else {
            // It is for people only.
            let own = std::process::id();
            let _ = self.list(|pids| pids.retain(|pid| *pid != own), false);
        }
    }
}

/// Makes sure that nobody has the database at `base` open right now. Nothing is made or changed, and nothing held.
///
/// # Errors
/// [`Code::Locked`] with the pids of those who have.
pub(crate) fn check_free(base: &Path) -> Result<()> {
    let path = with_suffix(base, ".lock");
    let file = match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        file => file.map_err(|error| Error::io("open the lock", &path, &error))?,
    };
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(in_use(base, "close it there first")),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", &path, &error)),
    }
}

/// What to tell whoever cannot have the database because of others.
pub(crate) fn in_use(base: &Path, advice: &str) -> Error {
    let file = File::open(with_suffix(base, ".lock"));
    let pids = file.map(|file| pids(&file)).unwrap_or_default();
    let mut alive: Vec<u32> = pids.into_iter().filter(|pid| is_alive(*pid)).collect();
    // This one may be on the list, because it is about to open it. Where there is no other, a second copy of the library has it.
    let own = std::process::id();
    if alive.iter().any(|pid| *pid != own) {
        alive.retain(|pid| *pid != own);
    }
    let alive: Vec<String> = alive.iter().map(u32::to_string).collect();
    let holders = match &alive[..] {
        [] => "another process".to_owned(),
        [pid] => format!("process {pid}"),
        pids => format!("the processes {}", pids.join(", ")),
    };
    let text = format!("The database '{}' is in use by {holders}; {advice}.", base.display());
    Error::new(Code::Locked, text).at(base)
}

fn of_another_copy(base: &Path) -> Error {
    let text = format!(
        "The database '{}' is open in this process by another copy of kimdb; load one copy only, 'npm ls kimdb' lists them.",
        base.display()
    );
    Error::new(Code::Locked, text).at(base)
}

fn pids(mut file: &File) -> Vec<u32> {
    let mut text = String::new();
    if file.rewind().and_then(|()| file.read_to_string(&mut text)).is_err() {
        return Vec::new();
    }
    text.lines().filter_map(|line| line.trim().parse().ok()).collect()
}

#[cfg(unix)]
fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

#[cfg(not(unix))]
fn is_alive(_: u32) -> bool {
    true
}
