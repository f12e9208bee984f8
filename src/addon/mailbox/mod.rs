//! What the engine has to tell one JavaScript instance.
//!
//! Engine threads only put things in and ring a bell; JavaScript fetches everything in one go. The bell is a
//! thread-safe function with a queue of one: weak, so that it keeps no process alive unless something is waited for,
//! and never blocking.

mod others;
mod tickets;

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use napi::{
    Env,
    bindgen_prelude::Function,
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};
use parking_lot::{Condvar, Mutex};

use self::others::Others;
use super::{
    exit,
    raw::{Scope, Value},
    report::{Event, Report, Ticket},
};
use crate::engine::{Error, Observer, Read, Result};

type Bell = ThreadsafeFunction<(), (), (), napi::Status, false, true, 1>;

/// Events kept while JavaScript does not fetch them; beyond this flushes are added up and others dropped.
const MOST_EVENTS: usize = 1024;

/// Documents that JavaScript fetches at once, and bytes of their texts, and of the texts of other results. What more there is it fetches
/// in the next turn of the event loop: making values of a thousand documents takes milliseconds.
const MOST_READS: usize = 256;
const MOST_BYTES: usize = 256 << 10;

pub(super) struct Mailbox {
    content: Mutex<Content>,
    /// Signalled when the last read is answered.
    all_read: Condvar,
    rung: AtomicBool,
    hears_syncs: AtomicBool,
    bell: Mutex<Option<Bell>>,
    others: Mutex<Others>,
}

#[derive(Default)]
struct Content {
    last: Ticket,
    done: Vec<Ticket>,
    results: VecDeque<(Ticket, Vec<String>)>,
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
        let bytes_of_read = |read: &Option<Read>| read.as_ref().map_or(0, |read| read.text.len());
        Report {
            done: std::mem::take(&mut self.done),
            results: take_some(&mut self.results, |texts| texts.iter().map(String::len).sum()),
            reads: take_some(&mut self.reads, bytes_of_read),
            failed: std::mem::take(&mut self.failed),
            events: std::mem::take(&mut self.events),
            has_more: !self.reads.is_empty() || !self.results.is_empty(),
        }
    }
}

/// The first of them, as many as are fetched at once.
fn take_some<T>(list: &mut VecDeque<(Ticket, T)>, bytes_of: impl Fn(&T) -> usize) -> Vec<(Ticket, T)> {
    let (mut count, mut bytes) = (0, 0);
    while count < list.len().min(MOST_READS) && bytes < MOST_BYTES {
        bytes += bytes_of(&list[count].1);
        count += 1;
    }
    let some = list.drain(..count).collect();
    if list.is_empty() {
        list.shrink_to(MOST_READS);
    }
    some
}

impl Observer for Mailbox {
    fn flushed(&self, count: u64, time: Duration) {
        self.event(Event::Flush { count, time });
    }

    fn shared(&self, is: bool) {
        self.others.lock().note_presence(is);
    }

    fn changed_outside(&self) {
        self.others.lock().note_change();
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
