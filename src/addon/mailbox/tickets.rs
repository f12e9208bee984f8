//! Tickets: the numbers of calls that JavaScript waits for, and the callbacks that end them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Content, Mailbox};
use crate::{
    addon::report::Ticket,
    engine::{Code, Error, Read, Result, log::Done},
};

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
    /// A new ticket and the callback that ends it.
    pub(in crate::addon) fn ticket(self: &Arc<Self>) -> (Ticket, Done) {
        let ticket = self.number();
        let mut promise = Promise { mailbox: Arc::clone(self), ticket: Some(ticket) };
        (ticket, Box::new(move |result| promise.settle(result)))
    }

    /// A ticket that ends with [`Mailbox::finish_with`].
    pub(in crate::addon) fn number(&self) -> Ticket {
        let mut content = self.content.lock();
        // 0 means that there is nothing to wait for.
        content.last = content.last.checked_add(1).unwrap_or(1);
        content.last
    }

    /// A ticket for a read, and the callback that ends it.
    pub(in crate::addon) fn read_ticket(
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
    pub(in crate::addon) fn texts_ticket(
        self: &Arc<Self>,
    ) -> (Ticket, impl FnOnce(Result<Vec<u8>>) + Send + use<>) {
        let (ticket, mut reading) = self.reading();
        let done = move |texts: Result<Vec<u8>>| {
            // What is not UTF-8 reads here as when it is read at once.
            let text = texts.map(|bytes| {
                String::from_utf8(bytes)
                    .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
            });
            reading.answer(|content, ticket| match text {
                Ok(text) => content.results.push_back((ticket, vec![text])),
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
    pub(in crate::addon) fn wait_for_reads(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut content = self.content.lock();
        while content.reading > 0 {
            if self.all_read.wait_until(&mut content, deadline).timed_out() {
                return;
            }
        }
    }

    pub(in crate::addon) fn finish(&self, ticket: Ticket, result: Result<()>) {
        let mut content = self.content.lock();
        match result {
            Ok(()) => content.done.push(ticket),
            Err(error) => content.failed.push((ticket, error)),
        }
        drop(content);
        self.ring();
    }

    /// Ends a ticket with texts.
    pub(in crate::addon) fn finish_with(&self, ticket: Ticket, result: Result<Vec<String>>) {
        let mut content = self.content.lock();
        match result {
            Ok(texts) => content.results.push_back((ticket, texts)),
            Err(error) => content.failed.push((ticket, error)),
        }
        drop(content);
        self.ring();
    }
}
