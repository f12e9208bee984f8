//! Which shard holds an id.

use md5::{Digest, Md5};

use super::{
    ShardId,
    digest::{LANES, LONGEST, first_words},
};

/// The rule of the old library, so that its data is found: the first four bytes of the id's MD5 digest, big-endian,
/// modulo the number of shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Router {
    shards: u32,
}

impl Router {
    /// Number of ids whose shards are found at once.
    pub const TOGETHER: usize = LANES;

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
        self.shard_of_bytes(id.as_bytes())
    }

    /// The shard of an id that may be no text.
    pub(super) fn shard_of_bytes(self, id: &[u8]) -> ShardId {
        let digest = Md5::digest(id);
        u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) % self.shards
    }

    /// The shards of several ids, for less than one after the other.
    pub fn shards(self, ids: [&str; Self::TOGETHER]) -> [ShardId; Self::TOGETHER] {
        if ids.iter().any(|id| id.len() > LONGEST) {
            return ids.map(|id| self.shard(id));
        }
        first_words(ids.map(str::as_bytes)).map(|word| word % self.shards)
    }
}

#[cfg(test)]
mod test {
    use proptest::prelude::*;

    use super::{LANES, Router};

    proptest! {
        #[test]
        fn ids_together_go_where_each_goes_alone(ids in prop::array::uniform8(prop_oneof![9 => "[ -~]{0,55}", 1 => "\\PC{0,60}"]), shards in 1_u32..=1000) {
            let router = Router::new(shards);
            let ids: [&str; LANES] = std::array::from_fn(|i| ids[i].as_str());
            prop_assert_eq!(router.shards(ids), ids.map(|id| router.shard(id)));
        }
    }
}
