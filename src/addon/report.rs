//! What a poll hands over to JavaScript.

use std::time::Duration;

use super::{
    error::to_js,
    raw::{Scope, Value},
};
use crate::engine::{Document, Error, Read, Result};

/// A call that JavaScript waits for, by number.
pub(super) type Ticket = u32;

/// What JavaScript fetches at once.
pub(super) struct Report {
    pub(super) done: Vec<Ticket>,
    pub(super) results: Vec<(Ticket, Vec<String>)>,
    pub(super) reads: Vec<(Ticket, Option<Read>)>,
    pub(super) failed: Vec<(Ticket, Error)>,
    pub(super) events: Vec<Event>,
    pub(super) has_more: bool,
}

pub(super) enum Event {
    Flush { count: u64, time: Duration },
    Sync(Duration),
    Retry(Error),
    Failure(Error),
}

impl Report {
    /// `undefined` for nothing, the number of a ticket if that is done and there is nothing else, which is so after each durable
    /// write of a program that waits for one at a time, and else an object.
    pub(super) fn into_js<'a>(self, scope: Scope<'a>) -> Result<Value<'a>> {
        let Report { done, results, mut failed, events, reads, has_more } = self;
        if results.is_empty() && failed.is_empty() && events.is_empty() && reads.is_empty() {
            match done[..] {
                [] => return Ok(Value::UNDEFINED),
                [ticket] => return number(scope, ticket),
                _ => {}
            }
        }
        let poll = scope.object()?;
        let done = done.iter().map(|ticket| number(scope, *ticket));
        scope.set(poll, c"done", scope.array(done)?)?;
        scope.set(poll, c"results", texts_to_js(scope, &results, &mut failed)?)?;
        scope.set(poll, c"reads", reads_to_js(scope, &reads, &mut failed)?)?;
        scope.set(poll, c"hasMore", scope.double(f64::from(u8::from(has_more)))?)?;
        let failure = |(ticket, error): &(Ticket, Error)| {
            let object = scope.object()?;
            scope.set(object, c"ticket", number(scope, *ticket)?)?;
            scope.set(object, c"error", to_js(scope, error)?)?;
            Ok(object)
        };
        scope.set(poll, c"failed", scope.array(failed.iter().map(failure))?)?;
        scope.set(poll, c"events", scope.array(events.iter().map(|event| event.to_js(scope)))?)?;
        Ok(poll)
    }
}

fn number<'a>(scope: Scope<'a>, ticket: Ticket) -> Result<Value<'a>> {
    scope.double(f64::from(ticket))
}

/// Results that are texts. One that is too large for a JavaScript string has failed: it alone, and not the others.
fn texts_to_js<'a>(
    scope: Scope<'a>,
    results: &[(Ticket, Vec<String>)],
    failed: &mut Vec<(Ticket, Error)>,
) -> Result<Value<'a>> {
    let mut objects = Vec::with_capacity(results.len());
    for (ticket, texts) in results {
        let result = || {
            let object = scope.object()?;
            scope.set(object, c"ticket", number(scope, *ticket)?)?;
            let texts = scope.array(texts.iter().map(|text| scope.string(text.as_bytes())))?;
            scope.set(object, c"texts", texts)?;
            Ok(object)
        };
        match result() {
            Ok(object) => objects.push(object),
            Err(error) => failed.push((*ticket, error)),
        }
    }
    scope.array(objects.into_iter().map(Ok))
}

/// Reads as one flat list: for each its ticket, its text or null, its version, and whether it is buffered. They fail as texts do.
fn reads_to_js<'a>(
    scope: Scope<'a>,
    reads: &[(Ticket, Option<Read>)],
    failed: &mut Vec<(Ticket, Error)>,
) -> Result<Value<'a>> {
    let mut flat = Vec::with_capacity(reads.len() * 4);
    for (ticket, read) in reads {
        let (version, buffered) = read.as_ref().map_or((0, false), |read| {
            let Document { version, buffered, .. } = read.document;
            (version, buffered)
        });
        match read.as_ref().map_or_else(|| scope.null(), |read| scope.string(&read.text)) {
            Ok(text) => flat.extend([
                number(scope, *ticket)?,
                text,
                scope.double(version as f64)?,
                scope.double(f64::from(u8::from(buffered)))?,
            ]),
            Err(error) => failed.push((*ticket, error)),
        }
    }
    scope.array(flat.into_iter().map(Ok))
}

impl Event {
    fn to_js<'a>(&self, scope: Scope<'a>) -> Result<Value<'a>> {
        let object = scope.object()?;
        match self {
            Event::Flush { count, time } => {
                scope.set(object, c"type", scope.string(b"flush")?)?;
                scope.set(object, c"count", scope.double(*count as f64)?)?;
                scope.set(object, c"time", scope.double(time.as_secs_f64() * 1000.0)?)?;
            }
            Event::Sync(time) => {
                scope.set(object, c"type", scope.string(b"sync")?)?;
                scope.set(object, c"time", scope.double(time.as_secs_f64() * 1000.0)?)?;
            }
            Event::Retry(error) => {
                scope.set(object, c"type", scope.string(b"retry")?)?;
                scope.set(object, c"error", to_js(scope, error)?)?;
            }
            Event::Failure(error) => {
                scope.set(object, c"type", scope.string(b"error")?)?;
                scope.set(object, c"error", to_js(scope, error)?)?;
            }
        }
        Ok(object)
    }
}
