//! Node-API without layers, for the hot calls.
//!
//! The only folder of the addon with `unsafe`, but for one call in `exit.rs`. A hot call is a type that implements [`HotCall`]; [`function`] makes a
//! JavaScript function of it that keeps the state alive. Values are only handed out with the lifetime of the call
//! in which they were made, so none can outlive its scope.

mod registers;
mod scope;

use std::{
    ffi::{CStr, c_void},
    marker::PhantomData,
    ptr,
    rc::Rc,
};

use napi::sys;

pub(super) use self::{
    registers::{Epoch, Registers},
    scope::{Scope, Value},
};
use super::error::throw;
use crate::engine::{Code, Error, Result, caught};

/// Most arguments that a hot call takes.
const ARGUMENTS: usize = 4;

/// A function that JavaScript calls very often.
pub(super) trait HotCall {
    /// What all calls of one instance share.
    type State: 'static;

    /// Runs on the thread of the JavaScript that calls it.
    fn run<'a>(state: &'a Self::State, call: &Call<'a>) -> Result<Value<'a>>;
}

/// A call's environment and arguments.
pub(super) struct Call<'a> {
    pub(super) scope: Scope<'a>,
    arguments: [sys::napi_value; ARGUMENTS],
}

fn check(status: sys::napi_status) -> Result<()> {
    if status == sys::Status::napi_ok {
        return Ok(());
    }
    Err(Error::new(Code::Internal, format!("Node-API answered {status} to kimdb; please report it.")))
}

impl<'a> Call<'a> {
    pub(super) fn argument(&self, index: usize) -> Value<'a> {
        Value(self.arguments[index], PhantomData)
    }

    pub(super) fn number(&self, index: usize) -> Result<u32> {
        let mut number = 0;
        // SAFETY: environment and argument are alive during the call.
        check(unsafe { sys::napi_get_value_uint32(self.scope.0, self.arguments[index], &mut number) })?;
        Ok(number)
    }

    /// Appends a string argument to `out` as UTF-8 and returns its length.
    pub(super) fn text(&self, index: usize, out: &mut Vec<u8>) -> Result<usize> {
        self.scope.text(self.argument(index), out)
    }
}

/// A JavaScript function that runs the hot call `C` and keeps `state` alive.
pub(super) fn function<'a, C: HotCall>(
    scope: Scope<'a>,
    name: &CStr,
    state: &Rc<C::State>,
) -> Result<Value<'a>> {
    let data = Rc::into_raw(Rc::clone(state)).cast_mut().cast::<c_void>();
    let mut value = ptr::null_mut();
    // SAFETY: the finalizer takes back the count that `into_raw` gave away.
    let made = unsafe {
        let call = Some(trampoline::<C> as unsafe extern "C" fn(_, _) -> _);
        check(sys::napi_create_function(scope.0, name.as_ptr(), -1, call, data, &mut value)).and_then(|()| {
            let release = Some(release::<C::State> as unsafe extern "C" fn(_, _, _));
            check(sys::napi_add_finalizer(scope.0, value, data, release, ptr::null_mut(), ptr::null_mut()))
        })
    };
    if let Err(error) = made {
        // A worker that is being terminated gets no functions any more.
        // SAFETY: there is no finalizer, and nobody has the function, so that this count is the caller's again.
        drop(unsafe { Rc::from_raw(data.cast::<C::State>()) });
        return Err(error);
    }
    Ok(Value(value, PhantomData))
}

/// Calls `C` with what Node-API gave. No panic passes.
unsafe extern "C" fn trampoline<C: HotCall>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    let mut arguments = [ptr::null_mut(); ARGUMENTS];
    let mut count = ARGUMENTS;
    let mut data = ptr::null_mut();
    let scope = Scope(env, PhantomData);
    // SAFETY: `arguments` has the room that `count` tells; missing ones become `undefined`.
    let status = unsafe {
        sys::napi_get_cb_info(env, info, &mut count, arguments.as_mut_ptr(), ptr::null_mut(), &mut data)
    };
    let run = || {
        check(status)?;
        // SAFETY: `data` is the state that `function` gave, alive as long as the function.
        let state = unsafe { &*data.cast::<C::State>() };
        C::run(state, &Call { scope, arguments })
    };
    match caught(run) {
        Ok(value) => value.0,
        Err(error) => {
            throw(scope, &error);
            ptr::null_mut()
        }
    }
}

unsafe extern "C" fn release<S>(_: sys::napi_env, data: *mut c_void, _: *mut c_void) {
    // SAFETY: `data` came from `Rc::into_raw` in `function`; each finalizer runs once, on the JavaScript thread.
    drop(unsafe { Rc::from_raw(data.cast::<S>()) });
}
