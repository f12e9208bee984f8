//! The ring's memory: a mapping of the log file, or memory of the process beside the file or without one.
//!
//! The only file with raw memory access to the log. With the feature `model` every access is also shown to loom. Two invariants make it sound, both kept by [`super::Log`]:
//! one thread at a time writes, and only to `[head, head + free)`; readers only look at `[tail, head)`.
//!
//! A third one nobody can keep: that no other program changes the file. It is accepted that one may, because every place and length
//! that is read is held against the bounds of its record and of the ring before it is used, checksums tell what is not what was written,
//! and what is no UTF-8 is no text: such a program costs documents, which is reported.

mod ahead;

use std::{
    io,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use memmap2::{MmapMut, MmapRaw};
use parking_lot::{Mutex, RwLock};

use super::{
    header::RING_AT,
    pages::{self, Pages},
    record::{ALIGN, HEADER_WORDS, RECORD_HEADER},
};
use crate::engine::io::{FAST, File};

#[derive(Debug)]
pub(crate) struct Ring {
    map: MmapRaw,
    /// None: nothing survives the process.
    file: Option<RwLock<Arc<dyn File>>>,
    /// Whether a sync of it has failed. Held meanwhile.
    has_lost: Mutex<bool>,
    /// Whether `map` is the file's pages. Otherwise it is a copy, and each write goes to the file too.
    is_mapped: bool,
    /// Bytes of the mapping in front of the ring.
    front: usize,
    capacity: u64,
    pages: Pages,
    #[cfg(feature = "model")]
    model: super::model::Memory,
}

impl Ring {
    /// Maps a log file whose blocks are all allocated.
    pub(crate) fn mapped(file: Arc<dyn File>, capacity: u64) -> io::Result<Self> {
        let map = MmapRaw::map_raw(file.handle())?;
        assert!(map.len() as u64 == RING_AT + capacity, "the file has the size that its header names");
        let (front, pages) = (RING_AT as usize, Pages::of(&map));
        let file = Some(RwLock::new(file));
        Ok(Ring { file, is_mapped: true, front, pages, ..Self::over(map, capacity) })
    }

    /// Keeps a copy of a log file in memory and writes both.
    pub(crate) fn written(file: Arc<dyn File>, capacity: u64) -> io::Result<Self> {
        let copy = Self::copied(&*file, capacity, 0..capacity)?;
        Ok(Ring { file: Some(RwLock::new(file)), ..copy })
    }

    /// Copies what a file holds of a part of a ring, of a lap at most, into memory.
    pub(crate) fn copied(file: &dyn File, capacity: u64, part: Range<u64>) -> io::Result<Self> {
        let mut map = MmapMut::map_anon(capacity as usize)?;
        let mut at = part.start;
        while at < part.end {
            let place = (at % capacity) as usize;
            let end = map.len().min(place + (part.end - at) as usize);
            let read = match file.read_at(&mut map[place..end], RING_AT + place as u64)? {
                // The file is too short.
                0 => end - place,
                read => read,
            };
            at += read as u64;
        }
        Ok(Self::over(map.into(), capacity))
    }

    /// A ring that dies with the process.
    pub(crate) fn anonymous(capacity: u64) -> io::Result<Self> {
        Ok(Self::over(MmapMut::map_anon(capacity as usize)?.into(), capacity))
    }

    fn over(map: MmapRaw, capacity: u64) -> Self {
        Ring {
            map,
            file: None,
            has_lost: Mutex::default(),
            is_mapped: false,
            front: 0,
            capacity,
            pages: Pages::none(),
            #[cfg(feature = "model")]
            model: super::model::Memory::new(capacity),
        }
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// The log file as it is now.
    pub(crate) fn file(&self) -> Option<Arc<dyn File>> {
        self.file.as_ref().map(|file| Arc::clone(&file.read()))
    }

    /// The log file, if its pages are the ring's memory.
    pub(crate) fn mapped_file(&self) -> Option<Arc<dyn File>> {
        self.file().filter(|_| self.is_mapped)
    }

    pub(crate) fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// Bytes from `at` to the end of its lap.
    pub(crate) fn to_lap_end(&self, at: u64) -> u64 {
        self.capacity - at % self.capacity
    }

    /// Where the byte `at` lies in the log file.
    pub(crate) fn offset(&self, at: u64) -> u64 {
        RING_AT + at % self.capacity
    }

    fn place(&self, at: u64, length: usize) -> *mut u8 {
        let offset = (at % self.capacity) as usize;
        assert!(offset + length <= self.capacity as usize, "a record never wraps");
        // SAFETY: the offset lies inside the mapping, as just asserted.
        unsafe { self.map.as_mut_ptr().add(self.front + offset) }
    }

    /// Copies a record into its place in memory; its first eight bytes go last, so that a torn copy is no record. Where the
    /// memory is not the file's, [`Ring::write_out`] brings it there.
    ///
    /// # Safety
    /// The caller is the only writer and nobody reads where the record will lie; `at` is a multiple of 8.
    pub(crate) unsafe fn write(&self, at: u64, header: [u64; HEADER_WORDS], body: &[u8]) {
        let length = RECORD_HEADER + body.len();
        let place = self.place(at, length);
        assert!(at.is_multiple_of(ALIGN), "records are aligned");
        #[cfg(feature = "model")]
        self.model.note_write(at, length);
        let [first, rest @ ..] = header.map(u64::to_le);
        // SAFETY: in bounds by `place`, exclusive by contract; the mapping starts on a page and `at` is a multiple
        // of 8, so words are aligned.
        unsafe {
            let words = place.cast::<u64>();
            // NOTE: word by word, because the processor would wait for them all before it could copy them as one.
            for (number, word) in rest.into_iter().enumerate() {
                words.add(1 + number).write(word);
            }
            std::ptr::copy_nonoverlapping(body.as_ptr(), place.add(RECORD_HEADER), body.len());
            AtomicU64::from_ptr(words).store(first, Ordering::Release);
        }
    }

    /// The same by system calls, one for each page, the first page last. False: it could not be written, and has to be copied. If they
    /// fail or take long, the next records are copied.
    ///
    /// # Safety
    /// As for [`Ring::write`].
    pub(crate) unsafe fn write_by_call(&self, at: u64, bytes: &[u8]) -> bool {
        self.place(at, bytes.len());
        let Some(file) = self.mapped_file() else { return false };
        #[cfg(feature = "model")]
        self.model.note_write(at, bytes.len());
        let offset = self.offset(at);
        // NOTE: what is written at once may become one piece in memory, see `pages.rs`.
        let (first, rest) = bytes.split_at(bytes.len().min((pages::PAGE - offset % pages::PAGE) as usize));
        let write = |bytes: &[u8], offset| bytes.is_empty() || file.write_at(bytes, offset).is_ok();
        // NOTE: time in which others had the processor counts too. To tell it apart takes as long as is gained.
        let start = Instant::now();
        let is_written = write(rest, offset + first.len() as u64) && write(first, offset);
        if !is_written || start.elapsed() >= FAST {
            self.pages.end_calls();
        }
        is_written
    }

    /// Whether what is in memory has to be [written out](Ring::write_out) to a file.
    pub(crate) fn is_written(&self) -> bool {
        self.file.is_some() && !self.is_mapped
    }

    /// Brings the bytes `[from, to)` from memory to the file, if they are not the file's.
    ///
    /// # Errors
    /// The file could not be written. Nothing can be said about what it holds there then.
    ///
    /// # Safety
    /// Nobody writes to these bytes meanwhile.
    pub(crate) unsafe fn write_out(&self, from: u64, to: u64) -> io::Result<()> {
        let Some(file) = self.file().filter(|_| self.is_written()) else { return Ok(()) };
        let mut at = from;
        while at < to {
            let length = self.to_lap_end(at).min(to - at);
            // SAFETY: in bounds by `place`, unchanged by contract.
            let bytes =
                unsafe { std::slice::from_raw_parts(self.place(at, length as usize), length as usize) };
            file.write_at(bytes, self.offset(at))?;
            at += length;
        }
        Ok(())
    }

    /// The bytes `[at, at + length)`.
    ///
    /// # Safety
    /// They were written before (or belong to a log under recovery) and nobody writes there while they are borrowed.
    pub(crate) unsafe fn bytes(&self, at: u64, length: usize) -> &[u8] {
        #[cfg(feature = "model")]
        self.model.note_read(at, length);
        // SAFETY: in bounds by `place`, unchanged while borrowed by contract.
        unsafe { std::slice::from_raw_parts(self.place(at, length), length) }
    }

    /// Overwrites one copy of the header. Does nothing for anonymous memory. One caller at a time.
    pub(crate) fn write_front(&self, offset: usize, bytes: &[u8]) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        if !self.is_mapped {
            return file.read().write_at(bytes, offset as u64);
        }
        assert!(offset + bytes.len() <= self.front, "the header lies in front of the ring");
        // SAFETY: in bounds; one caller at a time writes the front, and nobody reads it while the log is open.
        unsafe {
            let place = self.map.as_mut_ptr().add(offset);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len());
        }
        Ok(())
    }

    /// Takes the pages of `[from, to)` out of the mapping, before a sync. They stay in the system's page cache, and the
    /// next access maps them again.
    ///
    /// A sync takes the right to write away from each dirty page that is mapped, and interrupts every core for each:
    /// a tenth of all time in a bulk load. For a page that is not mapped it does not, and this needs one interrupt.
    pub(crate) fn let_go(&self, from: u64, to: u64) {
        if !self.is_mapped {
            return;
        }
        self.pages.cancel_mapping();
        #[cfg(not(target_os = "linux"))]
        let _ = (from, to);
        #[cfg(target_os = "linux")]
        {
            use pages::PAGE;
            let from = from.max(to.saturating_sub(self.capacity));
            // The last page is left alone, because the next record goes there, if it does not go by a call.
            let (mut at, to) = (from - from % PAGE, to - to % PAGE);
            while at < to {
                let length = self.to_lap_end(at).min(to - at);
                let offset = self.front + (at % self.capacity) as usize;
                let advice = memmap2::UncheckedAdvice::DontNeed;
                // SAFETY: it is a shared mapping of a file, whose bytes live in the page cache: an access during or after
                // the call, of whichever thread, meets the same bytes as before. An error changes nothing.
                let _ = unsafe { self.map.unchecked_advise_range(advice, offset, length as usize) };
                at += length;
            }
        }
    }

    /// Brings everything written so far to the disk. `awaited`: how many bytes were written since the sync before, if their writer waits.
    ///
    /// # Errors
    /// From the first failure on, until it [goes over](Ring::go_over_to) to another file.
    pub(crate) fn sync(&self, awaited: Option<u64>) -> io::Result<()> {
        // IMPORTANT: one after the other. The system tells of a loss once, and who syncs next is told that all is well.
        let mut has_lost = self.has_lost.lock();
        let Some(file) = self.file() else { return Ok(()) };
        if *has_lost {
            return Err(io::Error::other("an earlier sync of it has failed"));
        }
        let synced = self.sync_file(&*file);
        *has_lost = synced.is_err();
        if synced.is_ok() && self.is_mapped {
            self.pages.note_sync(awaited.filter(|_| file.takes_small_writes()));
        }
        synced
    }

    fn sync_file(&self, file: &dyn File) -> io::Result<()> {
        // A dirty mapping is not part of what a file sync covers there.
        #[cfg(not(target_os = "linux"))]
        if self.is_mapped {
            self.map.flush()?;
        }
        file.sync()
    }

    /// Goes over to another file that holds the same bytes in `[tail, head)`. The caller holds the append lock.
    ///
    /// # Errors
    /// The file could not be mapped. The log has the one that it had, unless the system took its pages away before it failed, as older
    /// versions of Linux may.
    pub(crate) fn go_over_to(&self, file: Arc<dyn File>) -> io::Result<()> {
        let current = self.file.as_ref().expect("only a log in a file goes over to another");
        let mut has_lost = self.has_lost.lock();
        if self.is_mapped {
            self.map_over(&*file)?;
        }
        *current.write() = file;
        *has_lost = false;
        Ok(())
    }

    #[cfg(unix)]
    fn map_over(&self, file: &dyn File) -> io::Result<()> {
        use rustix::mm::{MapFlags, ProtFlags, mmap};
        let size = file.handle().metadata()?.len();
        assert!(size == self.map.len() as u64, "the files have one size");
        let (address, protection) = (self.map.as_mut_ptr().cast(), ProtFlags::READ | ProtFlags::WRITE);
        // SAFETY: it replaces exactly the pages of our own mapping, at once and with the same bytes where anybody may
        // read, and the owner unmaps address and length as before.
        unsafe {
            mmap(address, self.map.len(), protection, MapFlags::SHARED | MapFlags::FIXED, file.handle(), 0)
        }?;
        Pages::split(&self.map);
        Ok(())
    }

    #[cfg(not(unix))]
    fn map_over(&self, _: &dyn File) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
