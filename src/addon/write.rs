//! The hot calls that write.

use std::ops::RangeFrom;

use super::{
    hot::{Hot, by_number, lend},
    raw::{Call, HotCall, Scope, Value},
};
use crate::engine::{
    Code, Database, Error, Result, Submitted, limits,
    log::{Draft, Kind},
    members::{Members, Strings},
    shard::collection::Collection,
};

/// How a write is acknowledged.
pub(super) trait Mode: 'static {
    /// Returns a ticket, or 0 if there is nothing to wait for.
    fn submit(hot: &Hot, database: &Database, draft: &mut Draft) -> Result<u32>;
}

pub(super) struct Buffered;
pub(super) struct BufferedWait;
pub(super) struct DurableWait;

impl Mode for Buffered {
    fn submit(hot: &Hot, database: &Database, draft: &mut Draft) -> Result<u32> {
        let mut number = 0;
        let submitted = database.submit(draft, || {
            let (ticket, done) = hot.mailbox.ticket();
            number = ticket;
            done
        })?;
        Ok(if submitted == Submitted::Logged { 0 } else { number })
    }
}

impl Mode for BufferedWait {
    fn submit(_: &Hot, database: &Database, draft: &mut Draft) -> Result<u32> {
        database.submit_wait(draft).map(|()| 0)
    }
}

impl Mode for DurableWait {
    fn submit(_: &Hot, database: &Database, draft: &mut Draft) -> Result<u32> {
        database.submit_durable_wait(draft).map(|()| 0)
    }
}

/// `undefined` if there is nothing to wait for.
fn ticket<'a>(call: &Call<'a>, ticket: u32) -> Result<Value<'a>> {
    if ticket == 0 { Ok(Value::UNDEFINED) } else { call.scope.double(f64::from(ticket)) }
}

/// Adds one operation to the draft: id and value are read by `id` and `value` straight into it.
fn push(
    draft: &mut Draft,
    kind: Kind,
    collection: &Collection,
    id: impl FnOnce(&mut Vec<u8>) -> Result<usize>,
    value: impl FnOnce(&mut Vec<u8>) -> Result<usize>,
) -> Result<()> {
    collection.claim();
    let start = draft.open(collection.number, &collection.name);
    let id = id(draft.tail())?;
    let value = value(draft.tail())?;
    if id + value > limits::MAX_DOCUMENT {
        limits::check(&collection.name, "", id + value)?;
    }
    draft.seal(start, kind, id, value);
    Ok(())
}

fn kind(number: u32) -> Kind {
    if number == 0 { Kind::Upsert } else { Kind::Delete }
}

/// `append(op, collection, id, json)`
pub(super) struct Append<M>(M);

impl<M: Mode> HotCall for Append<M> {
    type State = Hot;

    fn run<'a>(hot: &'a Hot, call: &Call<'a>) -> Result<Value<'a>> {
        // NOTE: nothing below runs JavaScript, which could close the database meanwhile, so that it is borrowed.
        let database = hot.database.borrow();
        let database = database.as_deref().ok_or_else(Error::closed)?;
        let collections = hot.collections.borrow();
        let kind = kind(call.number(0)?);
        let collection = by_number(&collections, call.number(1)?)?;
        hot.with_draft(|draft| {
            let value = |out: &mut Vec<u8>| match kind {
                Kind::Upsert => call.text(3, out),
                Kind::Delete => Ok(0),
            };
            push(draft, kind, collection, |out| call.text(2, out), value)?;
            ticket(call, M::submit(hot, database, draft)?)
        })
    }
}

/// `appendSmall()`: an upsert of the document in the registers.
pub(super) struct AppendSmall<M>(M);

impl<M: Mode> HotCall for AppendSmall<M> {
    type State = Hot;

    fn run<'a>(hot: &'a Hot, call: &Call<'a>) -> Result<Value<'a>> {
        let database = hot.database.borrow();
        let database = database.as_deref().ok_or_else(Error::closed)?;
        let collections = hot.collections.borrow();
        let small = hot.registers.small(call)?;
        let collection = by_number(&collections, small.collection)?;
        hot.with_draft(|draft| {
            let (id, json) = (small.id.as_bytes(), small.json.as_bytes());
            push(draft, Kind::Upsert, collection, |out| Ok(extend(out, id)), |out| Ok(extend(out, json)))?;
            ticket(call, M::submit(hot, database, draft)?)
        })
    }
}

/// Where the documents of a batch are read from.
enum Values<'a> {
    /// They are deleted.
    None,
    /// One JSON array of all.
    Together(Members<'a>),
    /// A list of JSON texts.
    Listed(Value<'a>, RangeFrom<u32>),
}

impl Values<'_> {
    /// Appends the next one's text and returns its length.
    fn read(&mut self, scope: Scope<'_>, out: &mut Vec<u8>) -> Result<usize> {
        match self {
            Values::None => Ok(0),
            Values::Together(members) => Ok(extend(out, members.next().ok_or_else(uneven)?)),
            Values::Listed(list, places) => {
                let index = places.next().ok_or_else(uneven)?;
                scope.nested(|| scope.text(scope.element(*list, index)?, out))
            }
        }
    }

    fn is_at_end(&self) -> bool {
        !matches!(self, Values::Together(members) if !members.is_at_end())
    }
}

fn extend(out: &mut Vec<u8>, text: &[u8]) -> usize {
    out.extend_from_slice(text);
    text.len()
}

fn uneven() -> Error {
    Error::new(Code::Internal, "A batch came with another number of documents than of ids.")
}

/// `appendMany(op, collection, ids, documents)`: `ids` is the text of a JSON array, `documents` one too or a list of texts.
pub(super) struct AppendMany<M>(M);

impl<M: Mode> HotCall for AppendMany<M> {
    type State = Hot;

    fn run<'a>(hot: &'a Hot, call: &Call<'a>) -> Result<Value<'a>> {
        let database = hot.database()?;
        let kind = kind(call.number(0)?);
        let collection = hot.collection(call.number(1)?)?;
        let (documents, scope) = (call.argument(3), call.scope);
        lend(&hot.id, |ids| {
            lend(&hot.text, |text| {
                call.text(2, ids)?;
                let mut values = match kind {
                    Kind::Delete => Values::None,
                    Kind::Upsert if scope.is_text(documents)? => {
                        scope.text(documents, text)?;
                        Values::Together(Members::of(text))
                    }
                    Kind::Upsert => Values::Listed(documents, 0..),
                };
                hot.with_draft(|draft| {
                    for id in Strings::of(ids) {
                        let id = id?;
                        let value = |out: &mut Vec<u8>| values.read(scope, out);
                        push(draft, kind, &collection, |out| Ok(extend(out, &id)), value)?;
                    }
                    if !values.is_at_end() {
                        return Err(uneven());
                    }
                    ticket(call, M::submit(hot, &database, draft)?)
                })
            })
        })
    }
}

/// `barrier()`
pub(super) struct Barrier;

impl HotCall for Barrier {
    type State = Hot;

    fn run<'a>(hot: &'a Hot, call: &Call<'a>) -> Result<Value<'a>> {
        let mut number = 0;
        let waits = hot.database()?.barrier(|| {
            let (ticket, done) = hot.mailbox.ticket();
            number = ticket;
            done
        })?;
        ticket(call, if waits { number } else { 0 })
    }
}

/// `durable()`
pub(super) struct Durable;

impl HotCall for Durable {
    type State = Hot;

    fn run<'a>(hot: &'a Hot, call: &Call<'a>) -> Result<Value<'a>> {
        let (number, done) = hot.mailbox.ticket();
        hot.database()?.durable(done)?;
        ticket(call, number)
    }
}
