//! Locks and atomics of log and buffer: parking_lot's and the standard library's. With the feature `model` they are
//! loom's, which runs a test in every order that threads and memory allow.

#[cfg(not(feature = "model"))]
pub(super) use self::real::*;

#[cfg(feature = "model")]
pub(super) use self::model::*;

#[cfg(not(feature = "model"))]
mod real {
    pub(in crate::engine) use parking_lot::{Condvar, Mutex, MutexGuard};
    use std::sync::atomic::Ordering;
    pub(in crate::engine) use std::sync::atomic::{AtomicBool, AtomicU64};

    /// How the log's new head is made visible.
    #[inline(always)]
    pub(in crate::engine) const fn publish() -> Ordering {
        Ordering::Release
    }
}

#[cfg(feature = "model")]
mod model {
    use std::{
        ops::{Deref, DerefMut},
        sync::atomic::{AtomicBool as Flag, Ordering},
        time::{Duration, Instant},
    };

    pub(in crate::engine) use loom::sync::atomic::{AtomicBool, AtomicU64};

    /// Set by the model test that must fail.
    pub(in crate::engine) static PUBLISH_RELAXED: Flag = Flag::new(false);

    pub(in crate::engine) fn publish() -> Ordering {
        if PUBLISH_RELAXED.load(Ordering::Relaxed) { Ordering::Relaxed } else { Ordering::Release }
    }

    /// loom's mutex with parking_lot's face.
    #[derive(Debug, Default)]
    pub(in crate::engine) struct Mutex<T>(loom::sync::Mutex<T>);

    #[derive(Debug)]
    pub(in crate::engine) struct MutexGuard<'a, T> {
        mutex: &'a loom::sync::Mutex<T>,
        guard: Option<loom::sync::MutexGuard<'a, T>>,
    }

    impl<T> Mutex<T> {
        pub(in crate::engine) fn new(value: T) -> Self {
            Mutex(loom::sync::Mutex::new(value))
        }

        pub(in crate::engine) fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard { mutex: &self.0, guard: Some(self.0.lock().expect("no panic")) }
        }

        /// Time does not pass in a model.
        pub(in crate::engine) fn try_lock_for(&self, _: Duration) -> Option<MutexGuard<'_, T>> {
            Some(self.lock())
        }
    }

    impl<T> MutexGuard<'_, T> {
        pub(in crate::engine) fn bump(this: &mut Self) {
            Self::unlocked(this, || ());
        }

        pub(in crate::engine) fn unlocked<R>(this: &mut Self, work: impl FnOnce() -> R) -> R {
            this.guard = None;
            let result = work();
            this.guard = Some(this.mutex.lock().expect("no panic"));
            result
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.guard.as_ref().expect("locked")
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.guard.as_mut().expect("locked")
        }
    }

    #[derive(Debug)]
    pub(in crate::engine) struct Condvar(loom::sync::Condvar);

    pub(in crate::engine) struct WaitResult;

    impl WaitResult {
        pub(in crate::engine) fn timed_out(&self) -> bool {
            false
        }
    }

    impl Condvar {
        pub(in crate::engine) fn new() -> Self {
            Condvar(loom::sync::Condvar::new())
        }

        pub(in crate::engine) fn notify_all(&self) {
            self.0.notify_all();
        }

        pub(in crate::engine) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            let waiting = guard.guard.take().expect("locked");
            guard.guard = Some(self.0.wait(waiting).expect("no panic"));
        }

        /// Time does not pass in a model.
        pub(in crate::engine) fn wait_until<T>(
            &self,
            guard: &mut MutexGuard<'_, T>,
            _: Instant,
        ) -> WaitResult {
            self.wait(guard);
            WaitResult
        }
    }
}
