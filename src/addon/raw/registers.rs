//! Memory that the hot calls and JavaScript share.

use std::{
    marker::PhantomData,
    ptr,
    sync::atomic::{AtomicU64, Ordering},
};

use napi::sys;

use super::{
    Call, check,
    scope::{Scope, Value},
};
use crate::engine::{Code, Error, Result};

/// Memory that native code and JavaScript share, cheaper than objects and strings per call: numbers, and a text behind them.
/// First come the numbers of the last read and the epoch, which any thread may change; then what JavaScript has put there to be written.
pub(in crate::addon) struct Registers {
    place: *mut f64,
    keep: sys::napi_ref,
    env: sys::napi_env,
}

/// A document that JavaScript has put into the registers.
pub(in crate::addon) struct Small<'a> {
    pub(in crate::addon) collection: u32,
    pub(in crate::addon) id: &'a str,
    pub(in crate::addon) json: &'a str,
}

impl Registers {
    /// Numbers of a read.
    pub(in crate::addon) const READ: usize = 3;
    /// Numbers of a small document.
    const SMALL: usize = 3;
    const COUNT: usize = Self::READ + 1 + Self::SMALL;
    /// Bytes of the text. JavaScript knows this number too.
    const TEXT: usize = 1408;

    /// Makes the `Float64Array`, in whose buffer the text follows, and keeps it alive until this is dropped.
    pub(in crate::addon) fn new<'a>(scope: Scope<'a>) -> Result<(Self, Value<'a>)> {
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
    pub(in crate::addon) fn small<'a>(&'a self, _: &Call<'a>) -> Result<Small<'a>> {
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

    pub(in crate::addon) fn put(&self, values: [f64; Self::READ]) {
        // SAFETY: on the JavaScript thread (the state of hot calls does not leave it), inside the buffer.
        unsafe { ptr::copy_nonoverlapping(values.as_ptr(), self.place, Self::READ) };
    }

    pub(in crate::addon) fn epoch(&self) -> Epoch {
        // SAFETY: inside the buffer.
        Epoch(unsafe { self.place.add(Self::READ) }.cast())
    }
}

impl Drop for Registers {
    fn drop(&mut self) {
        // SAFETY: dropped once, on the JavaScript thread and while the environment is alive: by a finalizer, by the cleanup hook, or by the call
        // that made it where that fails.
        unsafe { sys::napi_delete_reference(self.env, self.keep) };
    }
}

/// The register that any thread may change.
pub(in crate::addon) struct Epoch(*const AtomicU64);

// SAFETY: it is only used as an atomic number. Whoever has one gives it up before the registers are dropped.
unsafe impl Send for Epoch {}

impl Epoch {
    /// JavaScript sees it at its next look.
    pub(in crate::addon) fn set(&self, epoch: f64) {
        // SAFETY: the memory is that of registers that are alive, aligned for numbers of eight bytes.
        unsafe { &*self.0 }.store(epoch.to_bits(), Ordering::Release);
    }
}
