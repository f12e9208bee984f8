//! System calls that fail: full disks, failed syncs, limits of the process. An error is told, nothing that was
//! acknowledged is lost, and no later success hides a loss.
//!
//! Each test re-executes itself as a child under `strace`, which makes calls fail, or under a limit of the shell.
//! Where that is not possible it says so and passes.

#[path = "../common/mod.rs"]
mod common;

mod child;
mod flush;
#[cfg(unix)]
mod limits;
mod opening;
mod sync;
