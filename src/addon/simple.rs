//! The native class behind the JavaScript `SimpleDB`: what only the simple API offers.

use std::{
    cell::RefCell,
    collections::HashMap,
    sync::{Arc, Weak},
};

use napi::{
    Env,
    bindgen_prelude::{Buffer, Reference, Unknown},
};
use napi_derive::napi;
use parking_lot::Mutex;

use super::{error::or_throw, hyperscale::HyperScaleDb, mailbox::Mailbox, raw::Scope, report::Ticket};
use crate::engine::{Database, Error, Pages, Result, Texts};

/// Reads whole collections of a database that a `HyperScaleDB` has open.
#[napi(js_name = "SimpleDB")]
pub struct SimpleDb {
    database: Weak<Database>,
    mailbox: Weak<Mailbox>,
    lists: Arc<Mutex<Lists>>,
}

/// What was read by tickets, as texts that JavaScript has not taken yet; `None`: it is being read. What is not wanted any more has no
/// entry, and nothing is kept of it.
type Lists = HashMap<Ticket, Option<Texts>>;

#[napi]
impl SimpleDb {
    /// Shares the database and its mailbox.
    #[napi(constructor)]
    pub fn new(env: Env, db: Reference<HyperScaleDb>) -> napi::Result<Self> {
        let (database, mailbox) = or_throw(&env, db.parts().ok_or_else(Error::closed))?;
        let (database, mailbox) = (Arc::downgrade(&database), Arc::downgrade(&mailbox));
        Ok(SimpleDb { database, mailbox, lists: Arc::default() })
    }

    /// Flushes, then reads the `limit` documents updated last. Once the ticket is done, `nextText` gives them.
    #[napi]
    pub fn get_all(&self, env: Env, collection: String, limit: f64) -> napi::Result<u32> {
        let start = || -> Result<u32> {
            let (database, mailbox) = (self.database.upgrade(), self.mailbox.upgrade());
            let (Some(database), Some(mailbox)) = (database, mailbox) else {
                return Err(Error::closed());
            };
            let (ticket, lists) = (mailbox.number(), Arc::clone(&self.lists));
            lists.lock().insert(ticket, None);
            let of_scan = Arc::clone(&lists);
            let done = move |result: Result<Texts>| {
                let kept = result.map(|texts| {
                    if let Some(wanted) = of_scan.lock().get_mut(&ticket) {
                        *wanted = Some(texts);
                    }
                });
                mailbox.finish(ticket, kept);
            };
            // Infinity becomes the largest number.
            database
                .newest(&collection, limit as u64, done)
                .inspect_err(|_| drop(lists.lock().remove(&ticket)))?;
            Ok(ticket)
        };
        or_throw(&env, start())
    }

    /// The next JSON array of a ticket that is done; `null` at the end. One at a time, so that the event loop turns in
    /// between. The database may be closed meanwhile.
    #[napi(ts_return_type = "string | null")]
    pub fn next_text<'a>(&self, env: &'a Env, ticket: Ticket) -> napi::Result<Option<Unknown<'a>>> {
        // NOTE: not under the lock, because it may wait for the next text.
        let texts = self.lists.lock().get(&ticket).cloned().flatten();
        let scope = Scope::of(env);
        let next = || match texts.and_then(|mut texts| texts.next()).transpose()? {
            Some(text) => scope.string(text.as_bytes()).map(|text| Some(text.unknown(scope))),
            None => Ok(None),
        };
        or_throw(env, next())
    }

    /// Lets go of what is left of a ticket.
    #[napi]
    pub fn end_texts(&self, ticket: Ticket) {
        self.lists.lock().remove(&ticket);
    }

    /// Names of the collections that have a table.
    #[napi]
    pub fn collections(&self, env: Env) -> napi::Result<Vec<String>> {
        Ok(self.open(&env)?.collections())
    }

    /// Number of documents of a collection that are in the shards.
    #[napi]
    pub fn count(&self, env: Env, collection: String) -> napi::Result<f64> {
        let database = self.open(&env)?;
        let count = database.count(&database.collection(&collection));
        or_throw(&env, count).map(|count| count as f64)
    }

    /// The way through a collection.
    #[napi]
    pub fn pages(&self, env: Env, collection: String) -> napi::Result<NativePages> {
        let pages = self.open(&env)?.pages(&collection);
        Ok(NativePages { database: Weak::clone(&self.database), pages: RefCell::new(pages) })
    }

    fn open(&self, env: &Env) -> napi::Result<Arc<Database>> {
        or_throw(env, self.database.upgrade().ok_or_else(Error::closed))
    }
}

/// A place on the way through a collection.
#[napi]
pub struct NativePages {
    database: Weak<Database>,
    pages: RefCell<Pages>,
}

#[napi]
impl NativePages {
    /// The next documents as lines of JSON, about as many bytes as asked for; `null` at the end.
    #[napi]
    pub fn next(&self, env: Env, bytes: u32) -> napi::Result<Option<Buffer>> {
        let next = || -> Result<Option<Vec<u8>>> {
            let database = self.database.upgrade().ok_or_else(Error::closed)?;
            self.pages.borrow_mut().next(&database, bytes as usize)
        };
        Ok(or_throw(&env, next())?.map(Buffer::from))
    }
}
