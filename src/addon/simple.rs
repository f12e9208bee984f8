//! The native class behind the JavaScript `SimpleDB`: what only the simple API offers.

use std::{
    cell::RefCell,
    collections::HashMap,
    sync::{Arc, Weak},
};

use napi::{
    Env,
    bindgen_prelude::{Buffer, Reference},
};
use napi_derive::napi;
use parking_lot::Mutex;

use super::{error::or_throw, hyperscale::HyperScaleDb, mailbox::Mailbox, report::Ticket};
use crate::engine::{Database, Error, Pages, Result, Texts};

/// Reads whole collections of a database that a `HyperScaleDB` has open.
#[napi(js_name = "SimpleDB")]
pub struct SimpleDb {
    database: Weak<Database>,
    mailbox: Weak<Mailbox>,
    lists: Arc<Mutex<Lists>>,
}

/// What was read by tickets, as texts that JavaScript has not taken yet.
type Lists = HashMap<Ticket, Texts>;

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
            let done = move |result: Result<Texts>| {
                let kept = result.map(|texts| drop(lists.lock().insert(ticket, texts)));
                mailbox.finish(ticket, kept);
            };
            // Infinity becomes the largest number.
            database.newest(&collection, limit as u64, done)?;
            Ok(ticket)
        };
        or_throw(&env, start())
    }

    /// The next JSON array of a ticket that is done; `null` at the end. One at a time, because making a string of a megabyte
    /// takes long enough. The database may be closed meanwhile.
    #[napi]
    pub fn next_text(&self, env: Env, ticket: Ticket) -> napi::Result<Option<String>> {
        // NOTE: not under the lock, because it may wait for the next text.
        let texts = self.lists.lock().get(&ticket).cloned();
        or_throw(&env, texts.and_then(|mut texts| texts.next()).transpose())
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
