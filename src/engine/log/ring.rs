//! The ring's memory: a mapping of the log file, or anonymous memory where no log was asked for.
//!
//! The only file with raw memory access to the log. Two invariants make it sound, both kept by [`super::Log`]:
//! one thread at a time writes, and only to `[head, head + free)`; readers only look at `[tail, head)`.

use std::{
    fs::File,
    io,
    sync::atomic::{AtomicU64, Ordering},
};

use memmap2::{MmapMut, MmapRaw};

use super::{header::RING_AT, record::ALIGN};

#[derive(Debug)]
pub(crate) struct Ring {
    map: MmapRaw,
    /// None: anonymous memory, nothing survives the process.
    file: Option<File>,
    /// Bytes of the mapping in front of the ring.
    front: usize,
    capacity: u64,
}

impl Ring {
    /// Maps a log file whose blocks are all allocated.
    pub(crate) fn over(file: File, capacity: u64) -> io::Result<Self> {
        let map = MmapRaw::map_raw(&file)?;
        assert!(map.len() as u64 == RING_AT + capacity, "the file has the size that its header names");
        Ok(Ring { map, file: Some(file), front: RING_AT as usize, capacity })
    }

    /// A ring that dies with the process.
    pub(crate) fn anonymous(capacity: u64) -> io::Result<Self> {
        let map = MmapMut::map_anon(capacity as usize)?.into();
        Ok(Ring { map, file: None, front: 0, capacity })
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }

    pub(crate) fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// Bytes from `at` to the end of its lap.
    pub(crate) fn to_lap_end(&self, at: u64) -> u64 {
        self.capacity - at % self.capacity
    }

    fn place(&self, at: u64, length: usize) -> *mut u8 {
        let offset = (at % self.capacity) as usize;
        assert!(offset + length <= self.capacity as usize, "a record never wraps");
        // SAFETY: the offset lies inside the mapping, as just asserted.
        unsafe { self.map.as_mut_ptr().add(self.front + offset) }
    }

    /// Copies a record into its place; its first eight bytes go last, so that a torn copy is no record.
    ///
    /// # Safety
    /// The caller is the only writer and nobody reads `[at, at + bytes.len())`; `at` is a multiple of 8 and
    /// there are at least eight bytes.
    pub(crate) unsafe fn write(&self, at: u64, bytes: &[u8]) {
        let place = self.place(at, bytes.len());
        assert!(at.is_multiple_of(ALIGN) && bytes.len() >= 8, "records are aligned and have a header");
        let first = u64::from_ne_bytes(bytes[..8].try_into().expect("eight bytes"));
        // SAFETY: in bounds by `place`, exclusive by contract; the mapping starts on a page and `at` is a multiple
        // of 8, so the atomic is aligned.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes[8..].as_ptr(), place.add(8), bytes.len() - 8);
            AtomicU64::from_ptr(place.cast()).store(first, Ordering::Release);
        }
    }

    /// The bytes `[at, at + length)`.
    ///
    /// # Safety
    /// They were written before (or belong to a log under recovery) and nobody writes there while they are borrowed.
    pub(crate) unsafe fn bytes(&self, at: u64, length: usize) -> &[u8] {
        // SAFETY: in bounds by `place`, unchanged while borrowed by contract.
        unsafe { std::slice::from_raw_parts(self.place(at, length), length) }
    }

    /// Overwrites one copy of the header. Does nothing for anonymous memory.
    pub(crate) fn write_front(&self, offset: usize, bytes: &[u8]) {
        if self.file.is_none() {
            return;
        }
        assert!(offset + bytes.len() <= self.front, "the header lies in front of the ring");
        // SAFETY: in bounds; only the holder of the append lock writes the front, and nobody reads it while the
        // log is open.
        unsafe {
            let place = self.map.as_mut_ptr().add(offset);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len());
        }
    }

    /// Brings everything written so far to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        // A dirty mapping is not part of what a file sync covers there.
        #[cfg(not(target_os = "linux"))]
        self.map.flush()?;
        file.sync_data()
    }
}
