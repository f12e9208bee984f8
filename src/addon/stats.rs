//! Figures as JavaScript gets them. Times are in milliseconds.

use napi_derive::napi;

use crate::engine::{Error, Failure, ShardStats, State, Stats, Times};

/// The figures of `stats()`.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct NativeStats {
    /// Writes accepted.
    pub buffered_writes: f64,
    /// Writes brought to the shards.
    pub flushed_writes: f64,
    /// Writes not in the shards yet.
    pub buffer_size: f64,
    /// Reads from buffer or cache.
    pub cache_hits: f64,
    /// Reads from a shard.
    pub cache_misses: f64,
    /// Writes logged in a file.
    pub wal_writes: f64,
    /// Writes recovered at open.
    pub recovered_writes: f64,
    /// Bytes of the log that were found damaged at open.
    pub damaged_bytes: f64,
    /// Number of shards.
    pub shard_count: u32,
    /// Whether there is a log file.
    pub safe_mode: bool,
    /// Documents in the cache.
    pub cache_size: f64,
    /// Bytes in the cache.
    pub cache_bytes: f64,
    /// Bytes of the log in use.
    pub wal_bytes: f64,
    /// Bytes of the log.
    pub wal_size: f64,
    /// Bytes of writes waiting for room in the log.
    pub waiting_bytes: f64,
    /// Bytes of the index over what is buffered.
    pub index_bytes: f64,
    /// Bytes of SQLite's pages and statements.
    pub sqlite_bytes: f64,
    /// Bytes of memory in all.
    pub memory_bytes: f64,
    /// Flushes that wrote something.
    pub flushes: f64,
    /// Syncs of the log.
    pub syncs: f64,
    /// 'ok', 'waiting', 'retrying', 'refusing' or 'readonly'.
    pub state: &'static str,
    /// Bytes of writes that are not in the shards.
    pub buffered_bytes: f64,
    /// Milliseconds since the oldest write that is not in its shard.
    pub oldest_age: f64,
    /// Failures that were tried again.
    pub retries: f64,
    /// Failures in the background.
    pub errors: f64,
}

impl From<Stats> for NativeStats {
    fn from(stats: Stats) -> Self {
        NativeStats {
            buffered_writes: stats.buffered_writes as f64,
            flushed_writes: stats.flushed_writes as f64,
            buffer_size: stats.buffer_size as f64,
            cache_hits: stats.cache_hits as f64,
            cache_misses: stats.cache_misses as f64,
            wal_writes: stats.wal_writes as f64,
            recovered_writes: stats.recovered_writes as f64,
            damaged_bytes: stats.damaged_bytes as f64,
            shard_count: stats.shard_count,
            safe_mode: stats.safe_mode,
            cache_size: stats.cache_size as f64,
            cache_bytes: stats.cache_bytes as f64,
            wal_bytes: stats.wal_bytes as f64,
            wal_size: stats.wal_size as f64,
            waiting_bytes: stats.waiting_bytes as f64,
            index_bytes: stats.index_bytes as f64,
            sqlite_bytes: stats.sqlite_bytes as f64,
            memory_bytes: stats.memory_bytes as f64,
            flushes: stats.flushes as f64,
            syncs: stats.syncs as f64,
            state: match stats.state {
                State::Ok => "ok",
                State::Waiting => "waiting",
                State::Retrying => "retrying",
                State::Refusing => "refusing",
                State::Readonly => "readonly",
            },
            buffered_bytes: stats.buffered_bytes as f64,
            oldest_age: stats.oldest_age_ms as f64,
            retries: stats.retries as f64,
            errors: stats.failures as f64,
        }
    }
}

/// Figures of one shard.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct NativeShardStats {
    /// Its number.
    pub shard: u32,
    /// Writes brought to it.
    pub flushed_writes: f64,
    /// Writes that a flush has begun to bring to it.
    pub waiting_writes: f64,
    /// Milliseconds since the oldest of these.
    pub lag: f64,
    /// Failures after which it was tried again.
    pub retries: f64,
    /// Why it cannot be written now.
    pub error: Option<NativeError>,
}

impl From<ShardStats> for NativeShardStats {
    fn from(stats: ShardStats) -> Self {
        NativeShardStats {
            shard: stats.shard,
            flushed_writes: stats.flushed_writes as f64,
            waiting_writes: stats.waiting_writes as f64,
            lag: stats.lag_ms as f64,
            retries: stats.retries as f64,
            error: stats.failure.as_ref().map(Into::into),
        }
    }
}

/// An error that is told, not thrown.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct NativeError {
    /// Its code.
    pub code: &'static str,
    /// Its sentence.
    pub message: String,
}

impl From<&Error> for NativeError {
    fn from(error: &Error) -> Self {
        NativeError { code: error.code().as_str(), message: error.to_string() }
    }
}

/// A failure in the background.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct NativeFailure {
    /// When, in milliseconds since 1970.
    pub time: f64,
    /// The code of the error.
    pub code: &'static str,
    /// Its sentence.
    pub message: String,
    /// The shard.
    pub shard: Option<u32>,
}

impl From<Failure> for NativeFailure {
    fn from(Failure { time_ms, error }: Failure) -> Self {
        let NativeError { code, message } = NativeError::from(&error);
        NativeFailure { time: time_ms as f64, code, message, shard: error.shard() }
    }
}

/// How long something took each time.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct NativeTimes {
    /// How many times.
    pub count: f64,
    /// All of them together.
    pub total: f64,
    /// Half of them took at most this.
    pub p50: f64,
    /// Nine of ten.
    pub p90: f64,
    /// Ninety-nine of a hundred.
    pub p99: f64,
    /// The longest.
    pub max: f64,
    /// The buckets of the histogram that hold something, shortest first: the longest time that belongs into one.
    pub limits: Vec<f64>,
    /// How many are in each of these.
    pub counts: Vec<f64>,
}

impl From<Times> for NativeTimes {
    fn from(times: Times) -> Self {
        let ms = |us: u64| us as f64 / 1000.0;
        NativeTimes {
            count: times.count as f64,
            total: ms(times.total_us),
            p50: ms(times.quantile_us(0.5)),
            p90: ms(times.quantile_us(0.9)),
            p99: ms(times.quantile_us(0.99)),
            max: ms(times.longest_us),
            limits: times.buckets.iter().map(|(longest, _)| ms(*longest)).collect(),
            counts: times.buckets.iter().map(|(_, count)| *count as f64).collect(),
        }
    }
}
