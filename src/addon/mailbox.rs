//! What the engine has to tell one JavaScript instance.
//!
//! Engine threads only put things in and ring a bell; JavaScript fetches everything in one go. The bell is a
//! thread-safe function with a queue of one: weak, so that it keeps no process alive unless something is waited for,
//! and never blocking.

use std::{
    collections::VecDeque,
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use napi::{
    Env,
    bindgen_prelude::Function,
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};
use parking_lot::{Condvar, Mutex};

use super::{
    exit,
    raw::{Epoch, Scope, Value},
    report::{Event, Report, Ticket},
};
use crate::engine::{Code, Error, Observer, Read, Result, log::Done};

type Bell = ThreadsafeFunction<(), (), (), napi::Status, false, true, 1>;

/// Events kept while JavaScript does not fetch them; beyond this flushes are added up and others dropped.
const MOST_EVENTS: usize = 1024;

/// Documents that JavaScript fetches at once, and bytes of their texts. What more there is it fetches in the next turn of
/// the event loop: making values of a thousand documents takes milliseconds.
const MOST_READS: usize = 256;
const MOST_READ_BYTES: usize = 256 << 10;

pub(super) struct Mailbox {
    content: Mutex<Content>,
    /// Signalled when the last read is answered.
    all_read: Condvar,
    rung: AtomicBool,
    hears_syncs: AtomicBool,
    bell: Mutex<Option<Bell>>,
    others: Mutex<Others>,
}

/// Whether documents that JavaScript has kept are right still, and where it looks for that.
#[derive(Default)]
struct Others {
    /// Others have the database open in this process, and may change what is kept at any moment.
    are_there: bool,
    /// Times that others may have changed what was kept.
    changes: u32,
    epoch: Option<Epoch>,
}

impl Others {
    fn tell(&self) {
        if let Some(epoch) = &self.epoch {
            epoch.set(if self.are_there { f64::NAN } else { f64::from(self.changes) });
        }
    }
}

#[derive(Default)]
struct Content {
    last: Ticket,
    done: Vec<Ticket>,
    results: Vec<(Ticket, Vec<String>)>,
    reads: VecDeque<(Ticket, Option<Read>)>,
    /// Reads that are not answered yet.
    reading: usize,
    failed: Vec<(Ticket, Error)>,
    events: Vec<Event>,
}

impl std::fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailbox").finish_non_exhaustive()
    }
}

/// A ticket that is not ended yet. Dropped: whoever was to end it met a defect, and nobody must wait for ever.
struct Promise {
    mailbox: Arc<Mailbox>,
    ticket: Option<Ticket>,
}

impl Promise {
    fn settle(&mut self, result: Result<()>) {
        if let Some(ticket) = self.ticket.take() {
            self.mailbox.finish(ticket, result);
        }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.settle(Err(lost()));
    }
}

/// A read that is not answered yet. Dropped: as a [`Promise`].
struct Reading {
    mailbox: Arc<Mailbox>,
    ticket: Option<Ticket>,
}

impl Reading {
    fn answer(&mut self, put: impl FnOnce(&mut Content, Ticket)) {
        if let Some(ticket) = self.ticket.take() {
            self.mailbox.finish_read(|content| put(content, ticket));
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.answer(|content, ticket| content.failed.push((ticket, lost())));
    }
}

/// What a call comes to whose end nobody tells.
fn lost() -> Error {
    Error::new(Code::Internal, "kimdb lost track of this call; please report it.")
}

impl Mailbox {
    pub(super) fn new(wake: &Function<'_, (), ()>) -> napi::Result<Self> {
        let bell = wake.build_threadsafe_function::<()>().weak::<true>().max_queue_size::<1>().build()?;
        Ok(Mailbox {
            content: Mutex::default(),
            all_read: Condvar::new(),
            rung: AtomicBool::new(false),
            hears_syncs: AtomicBool::new(false),
            bell: Mutex::new(Some(bell)),
            others: Mutex::default(),
        })
    }

    /// A new ticket and the callback that ends it.
    pub(super) fn ticket(self: &Arc<Self>) -> (Ticket, Done) {
        let ticket = self.number();
        let mut promise = Promise { mailbox: Arc::clone(self), ticket: Some(ticket) };
        (ticket, Box::new(move |result| promise.settle(result)))
    }

    /// A ticket that ends with [`Mailbox::finish_with`].
    pub(super) fn number(&self) -> Ticket {
        let mut content = self.content.lock();
        // 0 means that there is nothing to wait for.
        content.last = content.last.checked_add(1).unwrap_or(1);
        content.last
    }

    /// A ticket for a read, and the callback that ends it.
    pub(super) fn read_ticket(
        self: &Arc<Self>,
    ) -> (Ticket, impl FnOnce(Result<Option<Read>>) + Send + use<>) {
        let (ticket, mut reading) = self.reading();
        let done = move |read: Result<Option<Read>>| {
            reading.answer(|content, ticket| match read {
                Ok(found) => content.reads.push_back((ticket, found)),
                Err(error) => content.failed.push((ticket, error)),
            });
        };
        (ticket, done)
    }

    /// The same for several documents, as one text.
    pub(super) fn texts_ticket(self: &Arc<Self>) -> (Ticket, impl FnOnce(Result<Vec<u8>>) + Send + use<>) {
        let (ticket, mut reading) = self.reading();
        let done = move |texts: Result<Vec<u8>>| {
            // What is not UTF-8 reads here as when it is read at once.
            let text = texts.map(|bytes| {
                String::from_utf8(bytes)
                    .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
            });
            reading.answer(|content, ticket| match text {
                Ok(text) => content.results.push((ticket, vec![text])),
                Err(error) => content.failed.push((ticket, error)),
            });
        };
        (ticket, done)
    }

    fn reading(self: &Arc<Self>) -> (Ticket, Reading) {
        self.content.lock().reading += 1;
        let ticket = self.number();
        (ticket, Reading { mailbox: Arc::clone(self), ticket: Some(ticket) })
    }

    fn finish_read(&self, put: impl FnOnce(&mut Content)) {
        let mut content = self.content.lock();
        put(&mut content);
        content.reading -= 1;
        if content.reading == 0 {
            self.all_read.notify_all();
        }
        drop(content);
        self.ring();
    }

    /// Blocks until all reads are answered, but no longer than that.
    pub(super) fn wait_for_reads(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut content = self.content.lock();
        while content.reading > 0 {
            if self.all_read.wait_until(&mut content, deadline).timed_out() {
                return;
            }
        }
    }

    pub(super) fn finish(&self, ticket: Ticket, result: Result<()>) {
        let mut content = self.content.lock();
        match result {
            Ok(()) => content.done.push(ticket),
            Err(error) => content.failed.push((ticket, error)),
        }
        drop(content);
        self.ring();
    }

    /// Ends a ticket with texts.
    pub(super) fn finish_with(&self, ticket: Ticket, result: Result<Vec<String>>) {
        let mut content = self.content.lock();
        match result {
            Ok(texts) => content.results.push((ticket, texts)),
            Err(error) => content.failed.push((ticket, error)),
        }
        drop(content);
        self.ring();
    }

    fn event(&self, event: Event) {
        let mut content = self.content.lock();
        if content.events.len() < MOST_EVENTS {
            content.events.push(event);
        } else if let Event::Flush { count, time } = event {
            let last = content.events.iter_mut().rev().find_map(|event| match event {
                Event::Flush { count, time } => Some((count, time)),
                Event::Sync(_) | Event::Retry(_) | Event::Failure(_) => None,
            });
            if let Some((total, spent)) = last {
                *total += count;
                *spent += time;
            }
        }
        drop(content);
        self.ring();
    }

    fn ring(&self) {
        if self.rung.swap(true, Ordering::AcqRel) || exit::has_begun() {
            return;
        }
        if let Some(bell) = &*self.bell.lock() {
            // A full queue means that JavaScript will come anyway; a closing one that it will not any more.
            bell.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    /// Whether the bell keeps the process alive.
    #[allow(deprecated, reason = "napi-rs has no other way to change this after the function was made")]
    pub(super) fn hold(&self, env: &Env, on: bool) -> napi::Result<()> {
        match &mut *self.bell.lock() {
            Some(bell) if on => bell.refer(env),
            Some(bell) => bell.unref(env),
            None => Ok(()),
        }
    }

    /// Rings no more.
    pub(super) fn disconnect(&self) {
        self.watch_no_more();
        self.bell.lock().take();
    }

    /// Whether each sync of the log is worth waking JavaScript.
    pub(super) fn hear_syncs(&self, on: bool) {
        self.hears_syncs.store(on, Ordering::Relaxed);
    }

    /// Keeps a register right about whether others have the database open.
    pub(super) fn watch(&self, epoch: Epoch) {
        let mut others = self.others.lock();
        others.epoch = Some(epoch);
        others.tell();
    }

    pub(super) fn watch_no_more(&self) {
        self.others.lock().epoch = None;
    }

    /// Everything that has come since the last time, for `lib/`; `undefined` if nothing has. `flushed` is called if there are events
    /// among it, as of a flush.
    pub(super) fn take<'a>(&self, scope: Scope<'a>, flushed: impl FnOnce()) -> Result<Value<'a>> {
        self.rung.store(false, Ordering::Release);
        let report = self.content.lock().fetch();
        if !report.events.is_empty() {
            flushed();
        }
        report.into_js(scope)
    }
}

impl Content {
    fn fetch(&mut self) -> Report {
        let (mut count, mut bytes) = (0, 0);
        while count < self.reads.len().min(MOST_READS) && bytes < MOST_READ_BYTES {
            bytes += self.reads[count].1.as_ref().map_or(0, |read| read.text.len());
            count += 1;
        }
        let reads = self.reads.drain(..count).collect();
        if self.reads.is_empty() {
            self.reads.shrink_to(MOST_READS);
        }
        Report {
            done: std::mem::take(&mut self.done),
            results: std::mem::take(&mut self.results),
            reads,
            failed: std::mem::take(&mut self.failed),
            events: std::mem::take(&mut self.events),
            has_more: !self.reads.is_empty(),
        }
    }
}

impl Observer for Mailbox {
    fn flushed(&self, count: u64, time: Duration) {
        self.event(Event::Flush { count, time });
    }

    fn shared(&self, is: bool) {
        let mut others = self.others.lock();
        others.changes += u32::from(others.are_there && !is);
        others.are_there = is;
        others.tell();
    }

    fn changed_outside(&self) {
        let mut others = self.others.lock();
        others.changes += 1;
        others.tell();
    }

    fn synced(&self, time: Duration) {
        if self.hears_syncs.load(Ordering::Relaxed) {
            self.event(Event::Sync(time));
        }
    }

    fn retrying(&self, error: &Error) {
        self.event(Event::Retry(error.clone()));
    }

    fn failed(&self, error: &Error) {
        self.event(Event::Failure(error.clone()));
    }
}
