//! The calls that a program makes a million times a second, and their small kin.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use super::{
    external::External,
    mailbox::Mailbox,
    raw::{Call, HotCall, Registers, Scope, Value, function},
    read::{AtOnce, Past, Read, ReadMany, ReadWait},
    write::{
        Append, AppendDraft, AppendSmall, Barrier, Buffered, BufferedWait, DraftPage, DropDraft, Durable,
        DurableWait,
    },
};
use crate::engine::{
    Code, Database, Error, Result, limits, log::Draft, memory, shard::collection::Collection,
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
    /// Batches that are being put together: that of the program, and those inside of it.
    pub(super) batches: RefCell<Vec<Draft>>,
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
            batches: RefCell::default(),
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
            c"appendSmall": AppendSmall<Buffered>,
            c"appendWait": Append<BufferedWait>,
            c"appendSmallWait": AppendSmall<BufferedWait>,
            c"appendSyncWait": Append<DurableWait>,
            c"draftPage": DraftPage,
            c"appendDraft": AppendDraft<Buffered>,
            c"appendDraftWait": AppendDraft<BufferedWait>,
            c"dropDraft": DropDraft,
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

    /// Gives memory back that only calls of an open database need, but for what a call is using.
    pub(super) fn empty(&self) {
        fn empty<T: Default>(place: &RefCell<T>) {
            if let Ok(mut place) = place.try_borrow_mut() {
                *place = T::default();
            }
        }
        empty(&self.collections);
        empty(&self.draft);
        empty(&self.batches);
        empty(&self.id);
        empty(&self.text);
    }

    pub(super) fn database(&self) -> Result<Arc<Database>> {
        self.database.borrow().clone().ok_or_else(Error::closed)
    }

    pub(super) fn collection(&self, number: u32) -> Result<Arc<Collection>> {
        by_number(&self.collections.borrow(), number).cloned()
    }

    /// Lends the reused draft, empty. No hot call comes inside of another, since none runs JavaScript: the lists that they read are
    /// plain arrays which the library made.
    pub(super) fn with_draft<T>(&self, work: impl FnOnce(&mut Draft) -> Result<T>) -> Result<T> {
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
