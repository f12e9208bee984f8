//! Engine errors as JavaScript errors: plain `Error` objects whose own properties `lib/errors.js` makes a
//! `KimDBError` of.

use super::raw::{Scope, Value};
use crate::engine::{Error, Result};

/// The JavaScript object for an error.
pub(super) fn to_js<'a>(scope: Scope<'a>, error: &Error) -> Result<Value<'a>> {
    let object = scope.error(error.code().as_str(), &error.to_string())?;
    if let Some(path) = error.path() {
        scope.set(object, c"path", scope.string(path.to_string_lossy().as_bytes())?)?;
    }
    if let Some(collection) = error.collection() {
        scope.set(object, c"collection", scope.string(collection.as_bytes())?)?;
    }
    if let Some(shard) = error.shard() {
        scope.set(object, c"shard", scope.double(f64::from(shard))?)?;
    }
    if let Some(cause) = error.cause() {
        scope.set(object, c"cause", scope.string(cause.as_bytes())?)?;
    }
    Ok(object)
}

/// Throws an error in JavaScript. If even that fails there is an exception pending already.
pub(super) fn throw(scope: Scope<'_>, error: &Error) {
    if let Ok(object) = to_js(scope, error) {
        scope.throw(object);
    }
}

/// An engine result as the result of a `#[napi]` method.
pub(super) fn or_throw<T>(env: &napi::Env, result: Result<T>) -> napi::Result<T> {
    result.map_err(|error| {
        throw(Scope::of(env), &error);
        napi::Error::new(napi::Status::PendingException, error.to_string())
    })
}
