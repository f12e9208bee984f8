//! Values, and the environment to make and read them in.

use std::{ffi::CStr, marker::PhantomData, ptr};

use napi::sys;

use super::check;
use crate::engine::{Code, Error, Result};

/// A JavaScript value that is alive during the call.
#[derive(Clone, Copy)]
pub(in crate::addon) struct Value<'a>(pub(super) sys::napi_value, pub(super) PhantomData<&'a ()>);

impl<'a> Value<'a> {
    /// `undefined` as a result costs nothing.
    pub(in crate::addon) const UNDEFINED: Value<'static> = Value(ptr::null_mut(), PhantomData);

    /// For a `#[napi]` method to return.
    pub(in crate::addon) fn unknown(self, scope: Scope<'a>) -> napi::Unknown<'a> {
        // SAFETY: it was made in this environment and is alive as long as the scope.
        unsafe { napi::Unknown::from_raw_unchecked(scope.0, self.0) }
    }

    pub(in crate::addon) fn raw(self) -> sys::napi_value {
        self.0
    }
}

/// The environment of a call, to make and read values in.
#[derive(Clone, Copy)]
pub(in crate::addon) struct Scope<'a>(pub(super) sys::napi_env, pub(super) PhantomData<&'a ()>);

/// Room for all units is there at once: none takes less than a byte of UTF-8.
fn utf16(text: &str) -> Vec<u16> {
    let mut units = Vec::with_capacity(text.len());
    units.extend(text.encode_utf16());
    units
}

impl<'a> Scope<'a> {
    /// A scope inside a `#[napi]` method.
    pub(in crate::addon) fn of(env: &'a napi::Env) -> Self {
        Scope(env.raw(), PhantomData)
    }

    /// The environment for calls of napi-rs.
    pub(in crate::addon) fn env(self) -> napi::Env {
        napi::Env::from_raw(self.0)
    }

    /// Appends a string to `out` as UTF-8 and returns its length.
    pub(in crate::addon) fn text(self, value: Value<'_>, out: &mut Vec<u8>) -> Result<usize> {
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
    pub(in crate::addon) fn is_text(self, value: Value<'_>) -> Result<bool> {
        let mut kind = 0;
        // SAFETY: both are alive.
        check(unsafe { sys::napi_typeof(self.0, value.0, &mut kind) })?;
        Ok(kind == sys::ValueType::napi_string)
    }

    pub(in crate::addon) fn length(self, array: Value<'_>) -> Result<u32> {
        let mut length = 0;
        // SAFETY: both are alive.
        check(unsafe { sys::napi_get_array_length(self.0, array.0, &mut length) })?;
        Ok(length)
    }

    pub(in crate::addon) fn element(self, array: Value<'_>, index: u32) -> Result<Value<'a>> {
        let mut value = ptr::null_mut();
        // SAFETY: both are alive.
        check(unsafe { sys::napi_get_element(self.0, array.0, index, &mut value) })?;
        Ok(Value(value, PhantomData))
    }

    /// Runs `work` in a handle scope of its own, so that a long loop does not pile up handles.
    pub(in crate::addon) fn nested<T>(self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let mut inner = ptr::null_mut();
        // SAFETY: the environment is alive.
        check(unsafe { sys::napi_open_handle_scope(self.0, &mut inner) })?;
        let _open = HandleScope(self.0, inner);
        work()
    }

    /// A string. Bytes that are no UTF-8 become U+FFFD.
    pub(in crate::addon) fn string(self, text: &[u8]) -> Result<Value<'a>> {
        let mut value = ptr::null_mut();
        let status = if text.is_ascii() {
            let (data, length) = (text.as_ptr().cast(), text.len() as isize);
            // SAFETY: the text is valid for its length and copied.
            unsafe { sys::napi_create_string_latin1(self.0, data, length, &mut value) }
        } else {
            // NOTE: V8 takes two to three times as long for UTF-8.
            let units = str::from_utf8(text).map_or_else(|_| utf16(&String::from_utf8_lossy(text)), utf16);
            // SAFETY: the units are valid for their length and copied.
            unsafe { sys::napi_create_string_utf16(self.0, units.as_ptr(), units.len() as isize, &mut value) }
        };
        if status == sys::Status::napi_ok {
            return Ok(Value(value, PhantomData));
        }
        self.clear_exception();
        let text = format!(
            "The answer has {} bytes, more than a JavaScript string holds; read less at once.",
            text.len()
        );
        Err(Error::new(Code::TooLarge, text))
    }

    /// V8 throws nothing a caller could understand when a string is too long for it.
    fn clear_exception(self) {
        let mut pending = ptr::null_mut();
        // SAFETY: taking a pending exception away is always allowed.
        unsafe { sys::napi_get_and_clear_last_exception(self.0, &mut pending) };
    }

    /// Tells V8 that memory outside of its heap has grown by so many bytes.
    pub(in crate::addon) fn adjust_external_memory(self, by: i64) -> Result<()> {
        let mut total = 0;
        // SAFETY: the environment is alive.
        check(unsafe { sys::napi_adjust_external_memory(self.0, by, &mut total) })
    }

    pub(in crate::addon) fn double(self, number: f64) -> Result<Value<'a>> {
        let mut value = ptr::null_mut();
        // SAFETY: the environment is alive.
        check(unsafe { sys::napi_create_double(self.0, number, &mut value) })?;
        Ok(Value(value, PhantomData))
    }

    pub(in crate::addon) fn null(self) -> Result<Value<'a>> {
        let mut value = ptr::null_mut();
        // SAFETY: the environment is alive.
        check(unsafe { sys::napi_get_null(self.0, &mut value) })?;
        Ok(Value(value, PhantomData))
    }

    pub(in crate::addon) fn object(self) -> Result<Value<'a>> {
        let mut value = ptr::null_mut();
        // SAFETY: the environment is alive.
        check(unsafe { sys::napi_create_object(self.0, &mut value) })?;
        Ok(Value(value, PhantomData))
    }

    pub(in crate::addon) fn set(self, object: Value<'_>, name: &CStr, value: Value<'_>) -> Result<()> {
        // SAFETY: all are alive.
        check(unsafe { sys::napi_set_named_property(self.0, object.0, name.as_ptr(), value.0) })
    }

    pub(in crate::addon) fn array(
        self,
        values: impl ExactSizeIterator<Item = Result<Value<'a>>>,
    ) -> Result<Value<'a>> {
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
    pub(in crate::addon) fn error(self, code: &str, message: &str) -> Result<Value<'a>> {
        let (code, message) = (self.string(code.as_bytes())?, self.string(message.as_bytes())?);
        let mut value = ptr::null_mut();
        // SAFETY: all are alive.
        check(unsafe { sys::napi_create_error(self.0, code.0, message.0, &mut value) })?;
        Ok(Value(value, PhantomData))
    }

    pub(in crate::addon) fn throw(self, error: Value<'_>) {
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
