//! Going over to a new log file when the present one cannot be trusted any more.
//!
//! After a failed sync the kernel may have thrown away what it could not write and call the rest clean, so a later
//! success on that file proves nothing. But the log is also in memory: it is copied to a new file, checked, synced, and
//! put in the old one's place.

use std::{fs::TryLockError, io, ops::Range, path::Path, sync::Arc};

use super::{
    Log, Lsn,
    header::{Found, LogHeader, RING_AT},
    make, recovery,
    ring::Ring,
    shared::Location,
};
use crate::engine::{
    error::{Code, Error, Result},
    io::{File, look_at_file, look_at_path, read_front, rewrite, same_file, write_in_pages},
};

impl Log {
    /// Copies the log to a new file that takes the place of the present one. Everything in it is on the disk then.
    /// Nobody writes meanwhile, or else that is copied with the append lock held.
    ///
    /// # Errors
    /// [`Code::Corrupt`] if the log in memory is not whole either; what the operating system says. Nothing has
    /// changed then, unless the new file has the name already and cannot be mapped: writes are refused until another attempt succeeds.
    pub fn replace(&self) -> Result<()> {
        let Some(location) = &self.location else { return Ok(()) };
        let failed = |error: io::Error| Error::io("replace the log", &location.path, &error);
        // The tail stays where it is.
        let _one_at_a_time = self.reclaiming.lock();
        let header = self.header();
        self.check_name(location, &header).map_err(failed)?;
        let beside = make::beside(&location.path, header.database);
        let (fresh, _) = make::create_over(&*location.files, &beside, &header).map_err(failed)?;
        let replaced = self.go_over(fresh, &beside, location);
        if replaced.is_err() {
            // Where it has its name already, this finds nothing.
            let _ = location.files.remove(&beside);
        }
        replaced
    }

    fn go_over(&self, fresh: Arc<dyn File>, beside: &Path, location: &Location) -> Result<()> {
        let failed = |error: io::Error| Error::io("replace the log", &location.path, &error);
        let header = self.header();
        fresh.handle().lock().map_err(failed)?;
        let (tail, head) = (self.tail(), self.head());
        self.copy(tail..head, &*fresh).map_err(failed)?;
        fresh.sync().map_err(failed)?;
        // NOTE: no more than that, because what Linux reads at once it keeps in memory as one piece, see `pages.rs`.
        let copied = Ring::copied(&*fresh, self.capacity(), tail.0..head.0).map_err(failed)?;
        let copied = recovery::scan(&Arc::new(Log::new(copied, None, LogHeader { synced: head, ..header })));
        if !copied.damaged.is_empty() {
            let text = format!(
                "The log '{}' lost writes when the disk failed: {} bytes of it are gone; open the database again to \
                 go on with what is whole.",
                location.path.display(),
                copied.damaged_bytes()
            );
            return Err(Error::new(Code::Corrupt, text).at(&location.path));
        }

        let _nobody_writes_headers = self.fronts.lock();
        let mut appender = self.appender_in_turn();
        let rest = head..self.head();
        if !rest.is_empty() {
            self.copy(rest, &*fresh).map_err(failed)?;
            fresh.sync().map_err(failed)?;
        }
        let header = LogHeader { synced: self.head(), ..appender.header };
        let header = make::write_headers(&*fresh, header).map_err(failed)?;
        fresh.sync().map_err(failed)?;
        let _nobody_opens_it = self.check_name(location, &header).map_err(failed)?;
        location.files.rename(beside, &location.path).map_err(failed)?;
        // IMPORTANT: from here on the name is the new file's, so it is used even if this fails.
        let named = location.files.sync_folder(&location.path);
        let went_over = self.ring.go_over_to(Arc::clone(&fresh)).map_err(failed);
        // IMPORTANT: its lock stays, or others take it for the log of a process that died.
        *self.named.lock() = went_over.is_err().then_some(fresh);
        // Nor does a write that waits for the lock go to a file that has no name; the next attempt brings all of it to another.
        appender.refusal = went_over.as_ref().err().cloned();
        went_over?;
        appender.header = header;
        drop(appender);
        self.tell_synced(header.synced);
        named.map_err(failed)
    }

    /// Fails if the name is another file's by now, which may hold what nobody else does: the log of another database, where a link or a
    /// folder was put in place of the one that was there, or of a process that found none, or a copy of this one in which another process
    /// writes. Returns what is to be kept until the name is this one's again: its lock keeps others from opening what has the name.
    fn check_name(&self, location: &Location, own: &LogHeader) -> io::Result<Option<Arc<dyn File>>> {
        let is_named = |file: &Arc<dyn File>| same_file(file.handle(), &location.path);
        if self.has_its_name() || self.named.lock().as_ref().is_some_and(is_named) {
            return Ok(None);
        }
        let found = match location.files.open(&location.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        match found.handle().try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(make::name_is_taken()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let front = read_front(&*found, RING_AT as usize)?;
        let is_a_copy = |found: &LogHeader| (found.database, found.log) == (own.database, own.log);
        if front.is_empty() || matches!(LogHeader::find(&front), Found::Header(found) if is_a_copy(&found)) {
            return Ok(Some(found));
        }
        Err(make::name_is_taken())
    }

    /// Whether its name is that of the file that it is written to.
    pub(crate) fn has_its_name(&self) -> bool {
        let (Some(location), Some(file)) = (&self.location, self.ring.file()) else { return false };
        same_file(file.handle(), &location.path)
    }

    /// Copies a part of the ring to its place in another file. What is mapped is read as a file, because reading memory
    /// that the disk fails to deliver is a signal that ends the process.
    fn copy(&self, part: Range<Lsn>, to: &dyn File) -> io::Result<()> {
        let from = self.ring.mapped_file();
        let mut buffer = vec![0; 1 << 20];
        let mut at = part.start.0;
        while at < part.end.0 {
            let length = self.ring.to_lap_end(at).min(part.end.0 - at).min(buffer.len() as u64) as usize;
            let offset = self.ring.offset(at);
            match &from {
                Some(file) => {
                    let read = file.read_at(&mut buffer[..length], offset)?;
                    if read == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    write_in_pages(to, &buffer[..read], offset)?;
                    at += read as u64;
                }
                None => {
                    // SAFETY: between tail and head, hence written; the tail does not move.
                    write_in_pages(to, unsafe { self.ring.bytes(at, length) }, offset)?;
                    at += length as u64;
                }
            }
        }
        Ok(())
    }

    /// Writes parts of a log under recovery over themselves, so that the next sync tells the truth about them.
    pub(super) fn rewrite(&self, parts: &[Range<Lsn>]) -> io::Result<()> {
        let Some(file) = self.ring.file() else { return Ok(()) };
        for part in parts {
            let mut at = part.start.0;
            while at < part.end.0 {
                let length = self.ring.to_lap_end(at).min(part.end.0 - at);
                let offset = self.ring.offset(at);
                rewrite(&*file, offset..offset + length)?;
                at += length;
            }
        }
        Ok(())
    }

    /// Fails if what is written no longer reaches the file of that name. A file that was cut gets its length back, so
    /// that reading it finds zeros, not a signal that ends the process.
    pub(super) fn check_file(&self) -> io::Result<()> {
        let (Some(location), Some(file)) = (&self.location, self.ring.file()) else { return Ok(()) };
        let size = self.ring.offset(0) + self.capacity();
        let open = look_at_file(file.handle())?;
        if open.size < size {
            file.allocate(size)?;
            return Err(io::Error::other("its end was cut off while it was open"));
        }
        if !look_at_path(&location.path).is_ok_and(|named| named.identity == open.identity) {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "it was removed or replaced while it was open",
            ));
        }
        Ok(())
    }

    /// Whether [`Log::check_file`] would fail, for who leaves to others what follows from that: it tells of a file that was cut only once.
    pub(crate) fn has_lost_its_file(&self) -> bool {
        let Some(file) = self.ring.file() else { return false };
        let size = self.ring.offset(0) + self.capacity();
        !self.has_its_name() || look_at_file(file.handle()).is_ok_and(|open| open.size < size)
    }

    /// Lets go of the kernel's lock on the file.
    pub fn unlock(&self) {
        self.named.lock().take();
        if let Some(file) = self.ring.file() {
            // NOTE: the mapping shares this lock and may outlive this call by a reader.
            let _ = file.handle().unlock();
        }
    }
}
