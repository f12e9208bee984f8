//! Looking for the logs of a database: at `walPath`, where it was last, and those of processes that have it open together.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    error::{Code, Error, Result},
    io::same_path,
    log::{self, Access, Id, Opened},
    numbered,
    options::Options,
    registry,
};

/// Where a log is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    /// The log that it comes after, if it is [numbered].
    pub(super) first: Option<PathBuf>,
}

/// A log that nobody else uses.
pub(super) struct Found {
    pub(super) opened: Opened,
    pub(super) place: Place,
}

/// All logs of a database that nobody uses, and the place of the one to use. They are looked for even if this opening
/// uses none, and in all places where an earlier one may have left one. `last`: where the last one was.
pub(super) fn find(
    options: &Options,
    database: Id,
    last: Option<PathBuf>,
    is_alone: bool,
) -> Result<(Vec<Found>, Place)> {
    let own = options.wal_path_is_default.then(|| options.own_wal_path());
    let mut places = vec![options.wal_path.clone()];
    places.extend(own.filter(|own| *own != options.wal_path));
    // IMPORTANT: the logs of all have to be where the next that opens looks for them.
    if let Some(theirs) = last.as_ref().filter(|_| !is_alone) {
        if !options.wal_path_is_default && !is_same(&options.wal_path, theirs) {
            return Err(of_others(options, theirs));
        }
        places = vec![theirs.clone()];
    }
    let may_be_anothers = places.len() > 1 || !options.safe_mode;
    let mut search = Search::new(options, database, is_alone, may_be_anothers);
    for place in places.into_iter().map(resolved) {
        let is_ours = search.look_at_first(&place)?;
        if is_ours {
            search.look_at_numbered(&place)?;
        }
    }
    search.take_next_number()?;
    if let Some(place) = last.filter(|_| is_alone).map(resolved) {
        search.look_at_last(&place)?;
    }
    if options.safe_mode && search.chosen.is_none() {
        let text = "Both places for the log are in use by other databases; set walPath to a file of its own.";
        return Err(Error::new(Code::WalMismatch, text).at(&options.wal_path));
    }
    Ok((search.logs, search.chosen.unwrap_or_default()))
}

/// What a link names is the log, and what is replaced when it is made anew.
pub(super) fn resolved(place: PathBuf) -> PathBuf {
    if place.is_symlink() { place.canonicalize().unwrap_or(place) } else { place }
}

fn is_same(a: &Path, b: &Path) -> bool {
    registry::key(&resolved(a.to_owned())) == registry::key(&resolved(b.to_owned()))
}

fn of_others(options: &Options, theirs: &Path) -> Error {
    let text = format!(
        "The database is open in another process with walPath: '{}', and walPath: '{}' was asked for; use the same value \
         everywhere.",
        theirs.display(),
        options.wal_path.display()
    );
    Error::new(Code::OptionConflict, text).at(&options.base)
}

struct Search<'a> {
    options: &'a Options,
    database: Id,
    access: Access,
    is_alone: bool,
    may_be_anothers: bool,
    logs: Vec<Found>,
    chosen: Option<Place>,
    /// The log of this database that another process uses.
    taken: Option<PathBuf>,
}

impl<'a> Search<'a> {
    fn new(options: &'a Options, database: Id, is_alone: bool, may_be_anothers: bool) -> Self {
        let access = Access {
            files: Arc::clone(&options.files),
            backend: options.wal_backend,
            capacity: options.wal_size,
        };
        let (logs, chosen, taken) = (Vec::new(), None, None);
        Search { options, database, access, is_alone, may_be_anothers, logs, chosen, taken }
    }

    fn open(&self, place: &Place) -> Result<Found> {
        let opened = log::open(&place.path, self.database, &self.access)?;
        Ok(Found { opened, place: place.clone() })
    }

    fn is_ours(&self, path: &Path) -> Result<bool> {
        log::belongs_to(path, self.database, &*self.options.files)
    }

    fn is_in_use(&self, error: &Error) -> bool {
        error.code() == Code::Locked && !self.is_alone
    }

    /// The place of a first log; made if it is the one to use. False: it is another database's.
    fn look_at_first(&mut self, path: &Path) -> Result<bool> {
        let is_wanted = self.options.safe_mode && self.chosen.is_none() && self.taken.is_none();
        if self.is_known(path) || !is_wanted && !path.exists() {
            return Ok(true);
        }
        let place = Place { path: path.to_owned(), first: None };
        match self.open(&place) {
            Ok(found) => {
                self.chosen.get_or_insert(place);
                self.logs.push(found);
            }
            Err(error) if self.is_in_use(&error) => _ = self.taken.get_or_insert(place.path),
            Err(error) if error.code() == Code::WalMismatch && self.is_anothers(path)? => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// Whether what cannot be opened there is another database's, and not this one's in a format that this version cannot read.
    fn is_anothers(&self, path: &Path) -> Result<bool> {
        Ok(self.may_be_anothers && !self.is_ours(path)?)
    }

    /// The logs of processes that came when others had the database open.
    fn look_at_numbered(&mut self, first: &Path) -> Result<()> {
        self.remove_unfinished(first)?;
        for found in self.numbered(first)? {
            if self.options.safe_mode {
                self.chosen.get_or_insert_with(|| found.place.clone());
            }
            self.logs.push(found);
        }
        Ok(())
    }

    /// What processes left that were killed while they made a log with a number, which nobody may ever make again.
    fn remove_unfinished(&self, first: &Path) -> Result<()> {
        // Others may be making them.
        if !self.is_alone {
            return Ok(());
        }
        let suffix = log::beside(Path::new(""), self.database);
        for log in numbered::named(first, &suffix.to_string_lossy())? {
            // Where this fails they are in nobody's way.
            let _ = self.options.files.remove(&log::beside(&log, self.database));
        }
        Ok(())
    }

    /// Those after a first log that are not known yet, as far as nobody uses them.
    fn numbered(&self, first: &Path) -> Result<Vec<Found>> {
        let mut logs = Vec::new();
        for path in numbered::existing(first)? {
            if self.is_known(&path) || !self.is_ours(&path)? {
                continue;
            }
            match self.open(&Place { path, first: Some(first.to_owned()) }) {
                Ok(found) => logs.push(found),
                Err(error) if self.is_in_use(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(logs)
    }

    /// By whatever path it was found: its folder may be reached by several.
    fn is_known(&self, path: &Path) -> bool {
        self.logs.iter().any(|found| found.place.path == path || same_path(&found.place.path, path))
    }

    /// Makes a log where all that there are are in use.
    fn take_next_number(&mut self) -> Result<()> {
        let Some(first) = self.taken.as_ref().filter(|_| self.options.safe_mode && self.chosen.is_none())
        else {
            return Ok(());
        };
        let mut paths = (1..).map(|number| numbered::path(first, number));
        let path = paths.find(|path| path.symlink_metadata().is_err()).expect("numbers do not end");
        let place = Place { path, first: Some(first.clone()) };
        self.logs.push(self.open(&place)?);
        self.chosen = Some(place);
        Ok(())
    }

    /// The logs at the place where they were last, as far as they are not known yet.
    fn look_at_last(&mut self, path: &Path) -> Result<()> {
        let mut logs = Vec::new();
        if !self.is_known(path) && self.is_ours(path)? {
            logs.push(self.open(&Place { path: path.to_owned(), first: None })?);
        }
        logs.extend(self.numbered(path)?);
        // What they hold is newer than what the others do; the last one is recovered first.
        self.logs.splice(..0, logs);
        Ok(())
    }
}
