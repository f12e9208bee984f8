//! The native class behind the JavaScript `HyperScaleDB`: opening, flushing, looking inside, closing.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use napi::{
    CleanupEnvHook, Env,
    bindgen_prelude::{FnArgs, Function, Object},
};
use napi_derive::napi;

use super::{
    error::or_throw,
    exit,
    hot::Hot,
    mailbox::Mailbox,
    options::NativeOptions,
    raw::Scope,
    statements::{NativeRows, SqlParam, to_sql},
    stats::{NativeFailure, NativeShardStats, NativeStats, NativeTimes},
};
use crate::engine::{Database, Error, Options, Progress, shard::ShardId};

/// How long a closing waits for reads that a slow disk has not answered.
const PATIENCE: Duration = Duration::from_secs(1);

/// One opener of a database.
#[napi(js_name = "HyperScaleDB")]
pub struct HyperScaleDb {
    options: NativeOptions,
    /// Shared with the cleanup hook alone.
    open: Rc<RefCell<Option<Open>>>,
}

struct Open {
    database: Arc<Database>,
    mailbox: Arc<Mailbox>,
    /// Closes the database when the environment ends before `close()`.
    hook: CleanupEnvHook<()>,
    hot: RefCell<Option<Rc<Hot>>>,
}

impl Open {
    /// Nobody is left to be told; what could not be flushed is in the log. Nothing is left to finalizers, which not every runtime calls when
    /// a worker ends.
    fn let_go(self) {
        self.mailbox.disconnect();
        let _ = self.database.close();
        if let Some(hot) = self.hot.take() {
            hot.database.borrow_mut().take();
        }
    }
}

impl Drop for HyperScaleDb {
    /// Where the garbage collector takes what nobody has closed, and in runtimes that run finalizers before the cleanup hook. These may
    /// also still call what was on its way to JavaScript, so the state of the hot calls stays.
    fn drop(&mut self) {
        let Some(open) = self.open.borrow_mut().take() else { return };
        let hot = open.hot.borrow().clone();
        open.let_go();
        if let Some(hot) = hot {
            hot.empty();
            std::mem::forget(hot);
        }
    }
}

#[napi]
impl HyperScaleDb {
    /// Remembers the settings; touches nothing.
    #[napi(constructor)]
    pub fn new(options: NativeOptions) -> Self {
        HyperScaleDb { options, open: Rc::default() }
    }

    /// Opens the database and recovers its log. `wake` is called when `poll()` has something to give, `tell` meanwhile
    /// with each step that may take long: its name and two numbers. Returns the number of recovered writes.
    #[napi]
    pub fn open(
        &self,
        env: Env,
        wake: Function<'_, (), ()>,
        tell: Function<'_, FnArgs<(&'static str, f64, f64)>, ()>,
    ) -> napi::Result<f64> {
        let mailbox = Arc::new(Mailbox::new(&wake)?);
        exit::install();
        let observer: Arc<dyn crate::engine::Observer> = Arc::<Mailbox>::clone(&mailbox);
        let database =
            Database::open_telling(Options::from(&self.options), Some(observer), &mut |progress| {
                // Whoever listens catches what it throws; a move does not stop half way for it.
                let _ = tell.call(step(progress).into());
            });
        let database = Arc::new(or_throw(&env, database)?);
        let recovered = database.recovered();
        // A worker or program that ends without close() closes here. Weak: after close() nothing is held on to.
        let last = Rc::downgrade(&self.open);
        let hook = env.add_env_cleanup_hook((), move |()| {
            if let Some(open) = last.upgrade().and_then(|open| open.try_borrow_mut().ok()?.take()) {
                open.let_go();
            }
        })?;
        self.open.replace(Some(Open { database, mailbox, hook, hot: RefCell::new(None) }));
        Ok(recovered as f64)
    }

    /// The folder of the shards or of the log and its file system, if what that promises is not known: a pair.
    #[napi]
    pub fn doubtful_file_system(&self, env: Env) -> napi::Result<Option<Vec<String>>> {
        let database = self.database(&env)?;
        let doubtful = database.doubtful_file_system();
        Ok(doubtful.map(|(folder, name)| vec![folder.to_string_lossy().into_owned(), name.to_owned()]))
    }

    /// The hot calls: see `src/addon/hot.rs`.
    #[napi(ts_return_type = "HotCalls")]
    pub fn hot<'a>(&self, env: &'a Env) -> napi::Result<Object<'a>> {
        let open = self.open.borrow();
        let open = or_throw(env, open.as_ref().ok_or_else(Error::closed))?;
        let (hot, object) = or_throw(env, Hot::new(Scope::of(env), &open.database, &open.mailbox))?;
        open.hot.replace(Some(hot));
        Ok(Object::from_raw(env.raw(), object.raw()))
    }

    /// Asks for a flush of everything written so far; the ticket completes when that is in the shards and durable.
    #[napi]
    pub fn flush(&self, env: Env) -> napi::Result<u32> {
        let open = self.open.borrow();
        let open = or_throw(&env, open.as_ref().ok_or_else(Error::closed))?;
        let (ticket, done) = open.mailbox.ticket();
        or_throw(&env, open.database.flush(done))?;
        Ok(ticket)
    }

    /// Blocks until everything written so far is in the shards and durable.
    #[napi]
    pub fn flush_sync(&self, env: Env) -> napi::Result<()> {
        let database = self.database(&env)?;
        or_throw(&env, database.flush_wait())
    }

    /// Figures.
    #[napi]
    pub fn stats(&self, env: Env) -> napi::Result<NativeStats> {
        if let Some(hot) = self.open.borrow().as_ref().and_then(|open| open.hot.borrow().clone()) {
            hot.report_memory(Scope::of(&env));
        }
        self.database(&env).map(|database| database.stats().into())
    }

    /// Counts reads that JavaScript answered by itself.
    #[napi]
    pub fn count_hits(&self, env: Env, hits: f64) -> napi::Result<()> {
        self.database(&env).map(|database| database.count_hits(hits as u64))
    }

    /// Writes not in the shards yet.
    #[napi]
    pub fn buffer_size(&self, env: Env) -> napi::Result<f64> {
        self.database(&env).map(|database| database.buffer_size() as f64)
    }

    /// Figures of each shard, in their order.
    #[napi]
    pub fn shard_stats(&self, env: Env) -> napi::Result<Vec<NativeShardStats>> {
        let database = self.database(&env)?;
        Ok(database.shard_stats().into_iter().map(Into::into).collect())
    }

    /// How long flushes took and how often: see `NativeTimes`.
    #[napi]
    pub fn flush_times(&self, env: Env) -> napi::Result<NativeTimes> {
        self.database(&env).map(|database| database.flush_times().into())
    }

    /// How long syncs of the log took and how often: see `NativeTimes`.
    #[napi]
    pub fn sync_times(&self, env: Env) -> napi::Result<NativeTimes> {
        self.database(&env).map(|database| database.sync_times().into())
    }

    /// The newest failures in the background, oldest first.
    #[napi]
    pub fn failures(&self, env: Env) -> napi::Result<Vec<NativeFailure>> {
        let database = self.database(&env)?;
        Ok(database.failures().into_iter().map(Into::into).collect())
    }

    /// Counts the documents in each shard; the ticket completes with one JSON array of numbers.
    #[napi]
    pub fn shard_rows(&self, env: Env) -> napi::Result<u32> {
        let (database, mailbox) = or_throw(&env, self.parts().ok_or_else(Error::closed))?;
        let ticket = mailbox.number();
        let counted =
            database.shard_rows(move |result| mailbox.finish_with(ticket, result.map(|text| vec![text])));
        or_throw(&env, counted.map(|()| ticket))
    }

    /// Whether JavaScript wants to hear of each sync of the log.
    #[napi]
    pub fn hear_syncs(&self, on: bool) {
        if let Some(open) = &*self.open.borrow() {
            open.mailbox.hear_syncs(on);
        }
    }

    /// The settings in force: those of the first opener in this process.
    #[napi]
    pub fn effective(&self, env: Env) -> napi::Result<NativeOptions> {
        let database = self.database(&env)?;
        Ok(self.options.in_force(&database))
    }

    /// The shard of an id.
    #[napi]
    pub fn shard_index(&self, env: Env, id: String) -> napi::Result<ShardId> {
        self.database(&env).map(|database| database.shard_of(&id))
    }

    /// The file of a shard.
    #[napi]
    pub fn shard_path(&self, env: Env, index: ShardId) -> napi::Result<Option<String>> {
        let database = self.database(&env)?;
        Ok(database.shard_path(index).map(|path| path.to_string_lossy().into_owned()))
    }

    /// Rows of a read-only statement.
    #[napi]
    pub fn shard_query(
        &self,
        env: Env,
        index: ShardId,
        sql: String,
        params: Vec<SqlParam>,
    ) -> napi::Result<NativeRows> {
        let rows = self.database(&env)?.shard_query(index, &sql, &to_sql(params));
        or_throw(&env, rows).map(NativeRows::from)
    }

    /// The first row of a read-only statement, which goes no further.
    #[napi]
    pub fn shard_query_first(
        &self,
        env: Env,
        index: ShardId,
        sql: String,
        params: Vec<SqlParam>,
    ) -> napi::Result<NativeRows> {
        let rows = self.database(&env)?.shard_query_first(index, &sql, &to_sql(params));
        or_throw(&env, rows).map(NativeRows::from)
    }

    /// Rows of a pragma.
    #[napi]
    pub fn shard_pragma(&self, env: Env, index: ShardId, text: String) -> napi::Result<NativeRows> {
        let rows = self.database(&env)?.shard_pragma(index, &text);
        or_throw(&env, rows).map(NativeRows::from)
    }

    /// Forgets the documents read before.
    #[napi]
    pub fn clear_cache(&self, env: Env) -> napi::Result<()> {
        self.database(&env).map(|database| database.clear_cache())
    }

    /// Flushes and lets go of everything, also when it throws. Twice is fine.
    #[napi]
    pub fn close(&self, env: Env) -> napi::Result<()> {
        let Some(open) = self.open.borrow_mut().take() else {
            return Ok(());
        };
        open.mailbox.wait_for_reads(PATIENCE);
        let closed = open.database.close();
        if let Some(hot) = open.hot.take() {
            hot.disconnect(Scope::of(&env));
        }
        open.mailbox.disconnect();
        env.remove_env_cleanup_hook(open.hook)?;
        or_throw(&env, closed)
    }

    pub(super) fn parts(&self) -> Option<(Arc<Database>, Arc<Mailbox>)> {
        let open = self.open.borrow();
        open.as_ref().map(|open| (Arc::clone(&open.database), Arc::clone(&open.mailbox)))
    }

    fn database(&self, env: &Env) -> napi::Result<Arc<Database>> {
        or_throw(env, self.parts().map(|(database, _)| database).ok_or_else(Error::closed))
    }
}

/// A step of an opening, as JavaScript is told of it.
fn step(progress: Progress) -> (&'static str, f64, f64) {
    match progress {
        Progress::Recovered(writes) => ("recovered", writes as f64, 0.0),
        Progress::Moving { from, to } => ("moving", f64::from(from), f64::from(to)),
        Progress::Copied { documents, of } => ("copied", documents as f64, of as f64),
        Progress::Moved(documents) => ("moved", documents as f64, 0.0),
    }
}
