//! The hot calls that read documents.

use std::sync::Arc;

use super::{
    hot::{Hot, by_number, lend},
    raw::{Call, HotCall, Value},
};
use crate::engine::{Attempt, Database, Document, Error, Result, shard::collection::Collection};

/// How a read treats writes that wait for room in the log.
pub(super) trait Order: 'static {
    /// Whether to read now. Otherwise the call returns `undefined`, and JavaScript comes again behind a barrier.
    fn is_in_turn(database: &Database) -> bool;
}

/// A read that would see less than was called before it does not read.
pub(super) struct AtOnce;
/// Everything called before the read is in the log already; what waits was called after it.
pub(super) struct Past;

impl Order for AtOnce {
    fn is_in_turn(database: &Database) -> bool {
        !database.has_waiting()
    }
}

impl Order for Past {
    fn is_in_turn(_: &Database) -> bool {
        true
    }
}

impl Hot {
    /// Lends what a call `(collection, id)` reads with.
    fn with_read<'a>(
        &'a self,
        call: &Call<'a>,
        work: impl FnOnce(&Database, &Arc<Collection>, &str, &mut Vec<u8>) -> Result<Value<'a>>,
    ) -> Result<Value<'a>> {
        // NOTE: nothing below runs JavaScript, which could close the database meanwhile, so that it is borrowed.
        let database = self.database.borrow();
        let database = database.as_deref().ok_or_else(Error::closed)?;
        let collections = self.collections.borrow();
        let collection = by_number(&collections, call.number(0)?)?;
        lend(&self.id, |id| {
            call.text(1, id)?;
            let id = str::from_utf8(id).expect("Node-API writes UTF-8");
            lend(&self.text, |text| work(database, collection, id, text))
        })
    }

    /// What a read returns: the text, and the rest in the registers.
    fn answer<'a>(
        &self,
        call: &Call<'a>,
        database: &Database,
        found: Option<Document>,
        text: &[u8],
    ) -> Result<Value<'a>> {
        let Some(Document { version, buffered, cached }) = found else { return call.scope.null() };
        if !buffered && !cached {
            self.external.follow_cache(call.scope, database);
        }
        let flag = |is| f64::from(u8::from(is));
        self.registers.put([version as f64, flag(buffered), flag(cached)]);
        call.scope.string(text)
    }
}

/// `read(collection, id)`: the text, or a ticket where reader threads read it.
pub(super) struct Read<O>(O);

impl<O: Order> HotCall for Read<O> {
    type State = Hot;

    fn run<'a>(hot: &'a Hot, call: &Call<'a>) -> Result<Value<'a>> {
        hot.with_read(call, |database, collection, id, text| {
            if !O::is_in_turn(database) {
                return Ok(Value::UNDEFINED);
            }
            match database.try_get(collection, id, text)? {
                Attempt::Done(found) => hot.answer(call, database, found, text),
                Attempt::WouldWait(wait) => {
                    let (ticket, done) = hot.mailbox.read_ticket();
                    database.get_later(collection, id, wait, done)?;
                    call.scope.double(f64::from(ticket))
                }
            }
        })
    }
}

/// `readWait(collection, id)`: blocks until there is room for the writes called before, and for the disk.
pub(super) struct ReadWait;

impl HotCall for ReadWait {
    type State = Hot;

    fn run<'a>(hot: &'a Hot, call: &Call<'a>) -> Result<Value<'a>> {
        hot.with_read(call, |database, collection, id, text| {
            if database.has_waiting() {
                database.barrier_wait()?;
            }
            let found = database.get(collection, id, text)?;
            hot.answer(call, database, found, text)
        })
    }
}

/// `readMany(collection, ids, here)`: the documents as one JSON array, or a ticket where reader threads read them, as if more than
/// `here` have to come from shards.
pub(super) struct ReadMany<O>(O);

impl<O: Order> HotCall for ReadMany<O> {
    type State = Hot;

    fn run<'a>(hot: &'a Hot, call: &Call<'a>) -> Result<Value<'a>> {
        let database = hot.database()?;
        if !O::is_in_turn(&database) {
            return Ok(Value::UNDEFINED);
        }
        let collection = hot.collection(call.number(0)?)?;
        let (ids, here, scope) = (call.argument(1), call.number(2)?, call.scope);
        let mut wanted = Vec::new();
        for index in 0..scope.length(ids)? {
            // The buffer has more room than an id takes.
            lend(&hot.id, |id| {
                scope.nested(|| scope.text(scope.element(ids, index)?, id))?;
                wanted.push(str::from_utf8(id).expect("Node-API writes UTF-8").to_owned());
                Ok(())
            })?;
        }
        let mut later = 0;
        let found = database.try_get_many(&collection, wanted, here as usize, || {
            let (ticket, done) = hot.mailbox.texts_ticket();
            later = ticket;
            done
        })?;
        match found {
            Some(texts) => {
                hot.external.follow_cache(scope, &database);
                scope.string(&texts)
            }
            None => scope.double(f64::from(later)),
        }
    }
}
