//! The calls that a program makes a million times a second, and their small kin.

use std::{cell::RefCell, ops::RangeFrom, rc::Rc, sync::Arc};

use super::{
    external::External,
    mailbox::Mailbox,
    members::{Members, Strings},
    raw::{Call, HotCall, Registers, Scope, Value, function},
    read::{AtOnce, Past, Read, ReadMany, ReadWait},
};
use crate::engine::{
    Code, Database, Error, Result, Submitted, limits,
    log::{Draft, Kind},
    memory,
    shard::collection::Collection,
};

/// What the hot calls of one instance share. Lives on its JavaScript thread.
pub(super) struct Hot {
    pub(super) database: RefCell<Option<Arc<Database>>>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) registers: Registers,
    /// By number; filled as JavaScript asks for them.
    pub(super) collections: RefCell<Vec<Option<Arc<Collection>>>>,
    // NOTE: borrowed, not moved out and back: fields that are read right after they were copied make the processor wait.
    draft: RefCell<Draft>,
    pub(super) id: RefCell<Vec<u8>>,
    pub(super) text: RefCell<Vec<u8>>,
    pub(super) external: External,
}

impl Hot {
    /// The state and the JavaScript object with one function for each call.
    pub(super) fn new<'a>(
        scope: Scope<'a>,
        database: &Arc<Database>,
        mailbox: &Arc<Mailbox>,
    ) -> Result<(Rc<Hot>, Value<'a>)> {
        let (registers, array) = Registers::new(scope)?;
        mailbox.watch(registers.epoch());
        let hot = Rc::new(Hot {
            database: RefCell::new(Some(Arc::clone(database))),
            mailbox: Arc::clone(mailbox),
            registers,
            collections: RefCell::default(),
            draft: RefCell::default(),
            id: RefCell::default(),
            text: RefCell::default(),
            external: External::default(),
        });
        let object = scope.object()?;
        scope.set(object, c"registers", array)?;
        macro_rules! calls {
            ($($name:literal: $call:ty),* $(,)?) => {
                $(scope.set(object, $name, function::<$call>(scope, $name, &hot)?)?;)*
            };
        }
        calls! {
            c"collection": InternCollection,
            c"append": Append<Buffered>,
            c"appendWait": Append<BufferedWait>,
            c"appendSyncWait": Append<DurableWait>,
            c"appendMany": AppendMany<Buffered>,
            c"appendManyWait": AppendMany<BufferedWait>,
            c"read": Read<AtOnce>,
            c"readPast": Read<Past>,
            c"readWait": ReadWait,
            c"readMany": ReadMany<AtOnce>,
            c"readManyPast": ReadMany<Past>,
            c"barrier": Barrier,
            c"durable": Durable,
            c"newId": NewId,
            c"poll": Poll,
            c"hold": Hold,
        }
        Ok((hot, object))
    }

    /// Tells V8 how much memory the engine takes.
    pub(super) fn report_memory(&self, scope: Scope<'_>) {
        if let Some(database) = self.database.borrow().as_deref() {
            self.external.follow(scope, database);
        }
    }

    /// Lets go of the database; every later call fails as closed.
    pub(super) fn disconnect(&self, scope: Scope<'_>) {
        self.external.end(scope);
        self.database.borrow_mut().take();
    }

    pub(super) fn database(&self) -> Result<Arc<Database>> {
        self.database.borrow().clone().ok_or_else(Error::closed)
    }

    pub(super) fn collection(&self, number: u32) -> Result<Arc<Collection>> {
        by_number(&self.collections.borrow(), number).cloned()
    }

    /// Lends the reused draft, empty. No hot call comes inside of another, since none runs JavaScript: the lists that they read are
    /// plain arrays which the library made.
    fn with_draft<T>(&self, work: impl FnOnce(&mut Draft) -> Result<T>) -> Result<T> {
        let mut draft = self.draft.borrow_mut();
        draft.clear();
        work(&mut draft)
    }
}

impl Drop for Hot {
    fn drop(&mut self) {
        // IMPORTANT: before the registers go.
        self.mailbox.watch_no_more();
    }
}

/// Lends a reused buffer, empty.
pub(super) fn lend<T>(place: &RefCell<Vec<u8>>, work: impl FnOnce(&mut Vec<u8>) -> Result<T>) -> Result<T> {
    let mut buffer = place.borrow_mut();
    buffer.clear();
    let result = work(&mut buffer);
    memory::empty(&mut buffer);
    result
}

pub(super) fn by_number(collections: &[Option<Arc<Collection>>], number: u32) -> Result<&Arc<Collection>> {
    collections
        .get(number as usize)
        .and_then(Option::as_ref)
        .ok_or_else(|| Error::new(Code::Internal, "An unknown collection number was used."))
}

/// How a write is acknowledged.
trait Mode: 'static {
    /// Returns a ticket, or 0 if there is nothing to wait for.
    fn submit(hot: &Hot, database: &Database, draft: &mut Draft) -> Result<u32>;
}

struct Buffered;
struct BufferedWait;
struct DurableWait;

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
struct Append<M>(M);

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
struct AppendMany<M>(M);

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

/// `collection(name)`
struct InternCollection;

impl HotCall for InternCollection {
    type State = Hot;

    fn run<'a>(hot: &'a Hot, call: &Call<'a>) -> Result<Value<'a>> {
        let mut name = Vec::new();
        call.text(0, &mut name)?;
        let name = String::from_utf8(name).expect("Node-API writes UTF-8");
        limits::check(&name, "", 0)?;
        let collection = hot.database()?.collection(&name);
        let number = collection.number;
        let mut known = hot.collections.borrow_mut();
        if known.len() <= number as usize {
            known.resize(number as usize + 1, None);
        }
        known[number as usize] = Some(collection);
        call.scope.double(f64::from(number))
    }
}

/// `barrier()`
struct Barrier;

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
struct Durable;

impl HotCall for Durable {
    type State = Hot;

    fn run<'a>(hot: &'a Hot, call: &Call<'a>) -> Result<Value<'a>> {
        let (number, done) = hot.mailbox.ticket();
        hot.database()?.durable(done)?;
        ticket(call, number)
    }
}

/// `newId()`
struct NewId;

impl HotCall for NewId {
    type State = Hot;

    fn run<'a>(_: &'a Hot, call: &Call<'a>) -> Result<Value<'a>> {
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        call.scope.string(uuid::Uuid::now_v7().hyphenated().encode_lower(&mut text).as_bytes())
    }
}

/// `poll()`
struct Poll;

impl HotCall for Poll {
    type State = Hot;

    fn run<'a>(hot: &'a Hot, call: &Call<'a>) -> Result<Value<'a>> {
        hot.mailbox.take(call.scope, || hot.report_memory(call.scope))
    }
}

/// `hold(on)`: whether pending work keeps the process alive; `on` is 0 or 1.
struct Hold;

impl HotCall for Hold {
    type State = Hot;

    fn run<'a>(hot: &'a Hot, call: &Call<'a>) -> Result<Value<'a>> {
        let on = call.number(0)? == 1;
        hot.mailbox
            .hold(&call.scope.env(), on)
            .map_err(|error| Error::new(Code::Internal, error.reason.clone()))?;
        Ok(Value::UNDEFINED)
    }
}
