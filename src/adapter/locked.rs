//! A value behind a lock: those of the standard library and of parking_lot.

use std::sync::PoisonError;

/// Something that gives one thread at a time a value to change. For a lock of your own, implement this.
pub trait Locked<T>: Send + Sync + 'static {
    /// Calls `work` with the value, and gives the lock back when it returns.
    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R;
}

impl<T: Send + 'static> Locked<T> for std::sync::Mutex<T> {
    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T: Send + Sync + 'static> Locked<T> for std::sync::RwLock<T> {
    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T: Send + 'static> Locked<T> for parking_lot::Mutex<T> {
    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.lock())
    }
}

impl<T: Send + Sync + 'static> Locked<T> for parking_lot::RwLock<T> {
    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.write())
    }
}
