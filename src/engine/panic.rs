//! What becomes of panics: none may end one of the engine's threads.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use super::error::{Code, Error, Result};

/// A panic as an error.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no message");
    Error::new(Code::Internal, format!("kimdb met a defect of its own ({text}); please report it."))
}

/// Works. A panic is an error.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    or_panicked(catch_unwind(AssertUnwindSafe(work)))
}

/// What work came to, such as that of a thread that was joined. A panic is an error.
pub(crate) fn or_panicked<T>(outcome: thread::Result<Result<T>>) -> Result<T> {
    outcome.unwrap_or_else(|panic| Err(panicked(&*panic)))
}

/// Calls back. A panic concerns nobody but the callback, which has its result; others still wait for theirs.
pub(crate) fn call_back(callback: impl FnOnce()) {
    // The program's own panic hook has reported it.
    let _ = catch_unwind(AssertUnwindSafe(callback));
}
