//! The Node-API addon: the only part that knows Node.
//!
//! What runs once in a while is a `#[napi]` class ([`hyperscale`], [`simple`], [`verify`]); what runs a million times a second is a
//! raw callback ([`hot`] with [`write`] and [`read`], over the unsafe ground of [`raw`]). The JavaScript classes in `lib/` own one native object
//! each, check arguments, and turn what [`mailbox`] delivers into promises and events.

mod error;
mod exit;
mod external;
mod hot;
mod hyperscale;
mod mailbox;
mod options;
mod raw;
mod read;
mod report;
mod simple;
mod statements;
mod stats;
mod verify;
mod write;

/// The version of the package that the engine was built for. JavaScript of another version does not use it.
#[napi_derive::napi]
#[cfg_attr(test, expect(dead_code, reason = "JavaScript alone reads it"))]
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
