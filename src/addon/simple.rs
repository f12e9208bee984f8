//! The native class behind the JavaScript `SimpleDB`: what only the simple API offers.

use std::sync::{Arc, Weak};

use napi::{Env, bindgen_prelude::Reference};
use napi_derive::napi;

use super::{error::or_throw, hyperscale::HyperScaleDb, mailbox::Mailbox};
use crate::engine::{Database, Error, Result};

/// Reads whole collections of a database that a `HyperScaleDB` has open.
#[napi(js_name = "SimpleDB")]
pub struct SimpleDb {
    database: Weak<Database>,
    mailbox: Weak<Mailbox>,
}

#[napi]
impl SimpleDb {
    /// Shares the database and its mailbox.
    #[napi(constructor)]
    pub fn new(env: Env, db: Reference<HyperScaleDb>) -> napi::Result<Self> {
        let (database, mailbox) = or_throw(&env, db.parts().ok_or_else(Error::closed))?;
        Ok(SimpleDb { database: Arc::downgrade(&database), mailbox: Arc::downgrade(&mailbox) })
    }

    /// Flushes, then reads the `limit` documents updated last. The ticket completes with JSON arrays.
    #[napi]
    pub fn get_all(&self, env: Env, collection: String, limit: f64) -> napi::Result<u32> {
        let start = || -> Result<u32> {
            let (database, mailbox) = (self.database.upgrade(), self.mailbox.upgrade());
            let (Some(database), Some(mailbox)) = (database, mailbox) else {
                return Err(Error::closed());
            };
            let ticket = mailbox.number();
            // Infinity becomes the largest number.
            database.newest(&collection, limit as u64, move |result| mailbox.finish_with(ticket, result))?;
            Ok(ticket)
        };
        or_throw(&env, start())
    }
}
