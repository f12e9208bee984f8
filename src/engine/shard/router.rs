//! Which shard holds an id.

use md5::{Digest, Md5};

use super::ShardId;

/// The rule of the old library, so that its data is found: the first four bytes of the id's MD5 digest, big-endian,
/// modulo the number of shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Router {
    shards: u32,
}

impl Router {
    /// A router over `shards` shards.
    ///
    /// # Panics
    /// If `shards` is 0.
    pub fn new(shards: u32) -> Self {
        assert!(shards > 0, "a database has at least one shard");
        Router { shards }
    }

    /// The shard of `id`.
    pub fn shard(self, id: &str) -> ShardId {
        let digest = Md5::digest(id.as_bytes());
        u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) % self.shards
    }
}
