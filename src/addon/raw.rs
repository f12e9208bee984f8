//! Node-API without layers, for the hot calls.
//!
//! The only file of the addon with `unsafe`, but for one call in `exit.rs`. A hot call is a type that implements [`HotCall`]; [`function`] makes a
//! JavaScript function of it that keeps the state alive. Values are only handed out with the lifetime of the call
//! in which they were made, so none can outlive its scope.

use std::{
    ffi::{CStr, c_void},
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
};

use napi::sys;

use super::error::as_internal;
use crate::engine::{Code, Error, Result};

/// Most arguments that a hot call takes.
const ARGUMENTS: usize = 4;

/// A function that JavaScript calls very often.
pub(super) trait HotCall {
    /// What all calls of one instance share.
    type State: 'static;

    /// Runs on the thread of the JavaScript that calls it.
    fn run<'a>(state: &'a Self::State, call: &Call<'a>) -> Result<Value<'a>>;
}

/// A JavaScript value that is alive during the call.
#[derive(Clone, Copy)]
pub(super) struct Value<'a>(sys::napi_value, PhantomData<&'a ()>);

impl<'a> Value<'a> {
    /// `undefined` as a result costs nothing.
    pub(super) const UNDEFINED: Value<'static> = Value(ptr::null_mut(), PhantomData);

    /// For a `#[napi]` method to return.
    pub(super) fn unknown(self, scope: Scope<'a>) -> napi::Unknown<'a> {
        // SAFETY: it was made in this environment and is alive as long as the scope.
        unsafe { napi::Unknown::from_raw_unchecked(scope.0, self.0) }
    }

    pub(super) fn raw(self) -> sys::napi_value {
        self.0
    }
}

/// The environment of a call, to make and read values in.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a>(sys::napi_env, PhantomData<&'a ()>);

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

impl<'a> Scope<'a> {
    /// A scope inside a `#[napi]` method.
    pub(super) fn of(env: &'a napi::Env) -> Self {
        Scope(env.raw(), PhantomData)
    }

    /// The environment for calls of napi-rs.
    pub(super) fn env(self) -> napi::Env {
        napi::Env::from_raw(self.0)
    }

    /// Appends a string to `out` as UTF-8 and returns its length.
    pub(super) fn text(self, value: Value<'_>, out: &mut Vec<u8>) -> Result<usize> {
        /// The longest UTF-8 character: with less left over, the text may have been cut.
        const CHARACTER: usize = 4;
        /// V8 writes a text without counting first where three bytes a character have room. Buffers are reused.
        const ROOM: usize = 8 << 10;
        let start = out.len();
        let mut room = ROOM;
        loop {
            out.reserve(room);
            let spare = out.capacity() - start;
            let mut length = 0;
            // SAFETY: there are `spare` bytes behind `start`; V8 writes at most that many, a NUL included.
            unsafe {
                let place = out.as_mut_ptr().add(start).cast();
                check(sys::napi_get_value_string_utf8(self.0, value.0, place, spare, &mut length))?;
                if length + CHARACTER < spare {
                    out.set_len(start + length);
                    return Ok(length);
                }
                check(sys::napi_get_value_string_utf8(self.0, value.0, ptr::null_mut(), 0, &mut length))?;
            }
            room = length + CHARACTER + 1;
        }
    }

    /// Whether it is a string.
    pub(super) fn is_text(self, value: Value<'_>) -> Result<bool> {
        let mut kind = 0;
        // SAFETY: both are alive.
        check(unsafe { sys::napi_typeof(self.0, value.0, &mut kind) })?;
        Ok(kind == sys::ValueType::napi_string)
    }

    pub(super) fn length(self, array: Value<'_>) -> Result<u32> {
        let mut length = 0;
        // SAFETY: both are alive.
        check(unsafe { sys::napi_get_array_length(self.0, array.0, &mut length) })?;
        Ok(length)
    }

    pub(super) fn element(self, array: Value<'_>, index: u32) -> Result<Value<'a>> {
        let mut value = ptr::null_mut();
        // SAFETY: both are alive.
        check(unsafe { sys::napi_get_element(self.0, array.0, index, &mut value) })?;
        Ok(Value(value, PhantomData))
    }

    /// Runs `work` in a handle scope of its own, so that a long loop does not pile up handles.
    pub(super) fn nested<T>(self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let mut inner = ptr::null_mut();
        // SAFETY: the environment is alive.
        check(unsafe { sys::napi_open_handle_scope(self.0, &mut inner) })?;
        let _open = HandleScope(self.0, inner);
        work()
    }

    /// A string. Bytes that are no UTF-8 become U+FFFD.
    pub(super) fn string(self, text: &[u8]) -> Result<Value<'a>> {
        let mut value = ptr::null_mut();
        let (data, length) = (text.as_ptr().cast(), text.len() as isize);
        // SAFETY: the text is valid for its length and copied.
        let status = unsafe {
            if text.is_ascii() {
                sys::napi_create_string_latin1(self.0, data, length, &mut value)
            } else {
                sys::napi_create_string_utf8(self.0, data, length, &mut value)
            }
        };
        if status == sys::Status::napi_ok || self.long_string(text, &mut value) {
            return Ok(Value(value, PhantomData));
        }
        let text = format!(
            "The answer has {} bytes, more than a JavaScript string holds; read less at once.",
            text.len()
        );
        Err(Error::new(Code::TooLarge, text))
    }

    /// The string that V8 has just refused to make, if its UTF-16 units are few enough: it counts the bytes of UTF-8.
    fn long_string(self, text: &[u8], value: &mut sys::napi_value) -> bool {
        self.clear_exception();
        if text.is_ascii() {
            return false;
        }
        let units: Vec<u16> = String::from_utf8_lossy(text).encode_utf16().collect();
        // SAFETY: the units are valid for their length and copied.
        let status =
            unsafe { sys::napi_create_string_utf16(self.0, units.as_ptr(), units.len() as isize, value) };
        self.clear_exception();
        status == sys::Status::napi_ok
    }

    /// V8 throws nothing a caller could understand when a string is too long for it.
    fn clear_exception(self) {
        let mut pending = ptr::null_mut();
        // SAFETY: taking a pending exception away is always allowed.
        unsafe { sys::napi_get_and_clear_last_exception(self.0, &mut pending) };
    }

    /// Tells V8 that memory outside of its heap has grown by so many bytes.
    pub(super) fn adjust_external_memory(self, by: i64) -> Result<()> {
        let mut total = 0;
        // SAFETY: the environment is alive.
        check(unsafe { sys::napi_adjust_external_memory(self.0, by, &mut total) })
    }

    pub(super) fn double(self, number: f64) -> Result<Value<'a>> {
        let mut value = ptr::null_mut();
        // SAFETY: the environment is alive.
        check(unsafe { sys::napi_create_double(self.0, number, &mut value) })?;
        Ok(Value(value, PhantomData))
    }

    pub(super) fn null(self) -> Result<Value<'a>> {
        let mut value = ptr::null_mut();
        // SAFETY: the environment is alive.
        check(unsafe { sys::napi_get_null(self.0, &mut value) })?;
        Ok(Value(value, PhantomData))
    }

    pub(super) fn object(self) -> Result<Value<'a>> {
        let mut value = ptr::null_mut();
        // SAFETY: the environment is alive.
        check(unsafe { sys::napi_create_object(self.0, &mut value) })?;
        Ok(Value(value, PhantomData))
    }

    pub(super) fn set(self, object: Value<'_>, name: &CStr, value: Value<'_>) -> Result<()> {
        // SAFETY: all are alive.
        check(unsafe { sys::napi_set_named_property(self.0, object.0, name.as_ptr(), value.0) })
    }

    pub(super) fn array(self, values: impl ExactSizeIterator<Item = Result<Value<'a>>>) -> Result<Value<'a>> {
        let mut array = ptr::null_mut();
        // SAFETY: the environment is alive.
        check(unsafe { sys::napi_create_array_with_length(self.0, values.len(), &mut array) })?;
        for (index, value) in (0..).zip(values) {
            // SAFETY: all are alive.
            check(unsafe { sys::napi_set_element(self.0, array, index, value?.0) })?;
        }
        Ok(Value(array, PhantomData))
    }

    /// A plain JavaScript `Error` with a code.
    pub(super) fn error(self, code: &str, message: &str) -> Result<Value<'a>> {
        let (code, message) = (self.string(code.as_bytes())?, self.string(message.as_bytes())?);
        let mut value = ptr::null_mut();
        // SAFETY: all are alive.
        check(unsafe { sys::napi_create_error(self.0, code.0, message.0, &mut value) })?;
        Ok(Value(value, PhantomData))
    }

    pub(super) fn throw(self, error: Value<'_>) {
        // SAFETY: both are alive. If an exception is pending already, that one stays.
        unsafe { sys::napi_throw(self.0, error.0) };
    }
}

/// A handle scope that is open. Dropped also after an error and a panic, so that scopes are closed in the reverse order of their opening.
struct HandleScope(sys::napi_env, sys::napi_handle_scope);

impl Drop for HandleScope {
    fn drop(&mut self) {
        // SAFETY: the environment is alive, and the scope is the one opened last of those that are open.
        let status = unsafe { sys::napi_close_handle_scope(self.0, self.1) };
        debug_assert_eq!(status, sys::Status::napi_ok, "it was open");
    }
}

/// Memory that native code and JavaScript share, cheaper than objects and strings per call: numbers, and a text behind them.
/// First come the numbers of the last read and the epoch, which any thread may change; then what JavaScript has put there to be written.
pub(super) struct Registers {
    place: *mut f64,
    keep: sys::napi_ref,
    env: sys::napi_env,
}

/// A document that JavaScript has put into the registers.
pub(super) struct Small<'a> {
    pub(super) collection: u32,
    pub(super) id: &'a str,
    pub(super) json: &'a str,
}

impl Registers {
    /// Numbers of a read.
    pub(super) const READ: usize = 3;
    /// Numbers of a small document.
    const SMALL: usize = 3;
    const COUNT: usize = Self::READ + 1 + Self::SMALL;
    /// Bytes of the text. JavaScript knows this number too.
    const TEXT: usize = 1408;

    /// Makes the `Float64Array`, in whose buffer the text follows, and keeps it alive until this is dropped.
    pub(super) fn new<'a>(scope: Scope<'a>) -> Result<(Self, Value<'a>)> {
        let bytes = Self::COUNT * size_of::<f64>() + Self::TEXT;
        let (mut buffer, mut array, mut place, mut keep) =
            (ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        // SAFETY: the environment is alive. The memory belongs to the buffer, does not move, and lives as long as the
        // reference; nobody detaches the buffer because it is private to the library.
        unsafe {
            check(sys::napi_create_arraybuffer(scope.0, bytes, &mut place, &mut buffer))?;
            let kind = sys::TypedarrayType::float64_array;
            check(sys::napi_create_typedarray(scope.0, kind, Self::COUNT, buffer, 0, &mut array))?;
            check(sys::napi_create_reference(scope.0, array, 1, &mut keep))?;
        }
        Ok((Registers { place: place.cast(), keep, env: scope.0 }, Value(array, PhantomData)))
    }

    /// The document that JavaScript has put there, during the call that is to write it.
    pub(super) fn small<'a>(&'a self, _: &Call<'a>) -> Result<Small<'a>> {
        // SAFETY: on the JavaScript thread (the state of hot calls does not leave it), inside the buffer; no JavaScript runs, which alone
        // writes there, before the call ends.
        let ([collection, id, json], text) = unsafe {
            let numbers = self.place.add(Self::READ + 1).cast::<[f64; Self::SMALL]>();
            (*numbers, std::slice::from_raw_parts(numbers.add(1).cast::<u8>(), Self::TEXT))
        };
        let parts = text.split_at_checked(id as usize).and_then(|(id, rest)| {
            let json = rest.get(..json as usize)?;
            Some((str::from_utf8(id).ok()?, str::from_utf8(json).ok()?))
        });
        let (id, json) = parts.ok_or_else(|| {
            Error::new(Code::Internal, "A small document came as something else than text.")
        })?;
        Ok(Small { collection: collection as u32, id, json })
    }

    pub(super) fn put(&self, values: [f64; Self::READ]) {
        // SAFETY: on the JavaScript thread (the state of hot calls does not leave it), inside the buffer.
        unsafe { ptr::copy_nonoverlapping(values.as_ptr(), self.place, Self::READ) };
    }

    pub(super) fn epoch(&self) -> Epoch {
        // SAFETY: inside the buffer.
        Epoch(unsafe { self.place.add(Self::READ) }.cast())
    }
}

/// The register that any thread may change.
pub(super) struct Epoch(*const AtomicU64);

// SAFETY: it is only used as an atomic number. Whoever has one gives it up before the registers are dropped.
unsafe impl Send for Epoch {}

impl Epoch {
    /// JavaScript sees it at its next look.
    pub(super) fn set(&self, epoch: f64) {
        // SAFETY: the memory is that of registers that are alive, aligned for numbers of eight bytes.
        unsafe { &*self.0 }.store(epoch.to_bits(), Ordering::Release);
    }
}

impl Drop for Registers {
    fn drop(&mut self) {
        // SAFETY: dropped once, on the JavaScript thread and while the environment is alive: by a finalizer, by the cleanup hook, or by the call
        // that made it where that fails.
        unsafe { sys::napi_delete_reference(self.env, self.keep) };
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
    let result = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Err(as_internal(&*panic)));
    match result {
        Ok(value) => value.0,
        Err(error) => {
            super::error::throw(scope, &error);
            ptr::null_mut()
        }
    }
}

unsafe extern "C" fn release<S>(_: sys::napi_env, data: *mut c_void, _: *mut c_void) {
    // SAFETY: `data` came from `Rc::into_raw` in `function`; each finalizer runs once, on the JavaScript thread.
    drop(unsafe { Rc::from_raw(data.cast::<S>()) });
}
