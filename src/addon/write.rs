//! The hot calls that write.

use super::{
    hot::{Hot, by_number, lend},
    raw::{Call, HotCall, Value},
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

fn extend(out: &mut Vec<u8>, text: &[u8]) -> usize {
    out.extend_from_slice(text);
    text.len()
}

/// `draftPage(draft, collection, ids, documents)`: adds to a batch what the texts of two JSON arrays have, ids and documents; without
/// documents those with the ids are deleted. Batches that are put together at the same time have drafts of their own, numbered from 0.
pub(super) struct DraftPage;

impl HotCall for DraftPage {
    type State = Hot;

    fn run<'a>(hot: &'a Hot, call: &Call<'a>) -> Result<Value<'a>> {
        let collection = hot.collection(call.number(1)?)?;
        let kind = if call.scope.is_text(call.argument(3))? { Kind::Upsert } else { Kind::Delete };
        lend(&hot.id, |ids| {
            lend(&hot.text, |values| {
                call.text(2, ids)?;
                if kind == Kind::Upsert {
                    call.text(3, values)?;
                }
                let mut drafts = hot.batches.borrow_mut();
                push_page(draft_of(&mut drafts, call)?, kind, &collection, ids, values)
            })
        })?;
        Ok(Value::UNDEFINED)
    }
}

/// `appendDraft(draft)`: writes a batch, which is empty again then.
pub(super) struct AppendDraft<M>(M);

impl<M: Mode> HotCall for AppendDraft<M> {
    type State = Hot;

    fn run<'a>(hot: &'a Hot, call: &Call<'a>) -> Result<Value<'a>> {
        let database = hot.database()?;
        let mut drafts = hot.batches.borrow_mut();
        let number = M::submit(hot, &database, draft_of(&mut drafts, call)?);
        end_draft(&mut drafts, call)?;
        ticket(call, number?)
    }
}

/// `dropDraft(draft)`: empties a batch.
pub(super) struct DropDraft;

impl HotCall for DropDraft {
    type State = Hot;

    fn run<'a>(hot: &'a Hot, call: &Call<'a>) -> Result<Value<'a>> {
        end_draft(&mut hot.batches.borrow_mut(), call)?;
        Ok(Value::UNDEFINED)
    }
}

/// The draft of a batch by its number, the first argument.
fn draft_of<'d>(drafts: &'d mut Vec<Draft>, call: &Call<'_>) -> Result<&'d mut Draft> {
    let number = call.number(0)? as usize;
    while drafts.len() <= number {
        drafts.push(Draft::begun());
    }
    Ok(&mut drafts[number])
}

/// Empties it. Only the first one's memory is kept: batches inside of others are rare.
fn end_draft(drafts: &mut Vec<Draft>, call: &Call<'_>) -> Result<()> {
    draft_of(drafts, call)?.clear();
    drafts.truncate(call.number(0)?.max(1) as usize);
    Ok(())
}

/// Adds the documents of two JSON arrays to the draft: ids, and for upserts their values.
fn push_page(
    draft: &mut Draft,
    kind: Kind,
    collection: &Collection,
    ids: &[u8],
    values: &[u8],
) -> Result<()> {
    let uneven = || Error::new(Code::Internal, "A batch came with another number of documents than of ids.");
    let mut values = Members::of(values);
    for id in Strings::of(ids) {
        let id = id?;
        let value = match kind {
            Kind::Upsert => values.next().ok_or_else(uneven)?,
            Kind::Delete => b"",
        };
        push(draft, kind, collection, |out| Ok(extend(out, &id)), |out| Ok(extend(out, value)))?;
    }
    if !values.is_at_end() {
        return Err(uneven());
    }
    limits::check_batch(draft.len() as usize)
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
