//! What the counters need from the operating system: memory for slots, and a call when a thread ends.
#![expect(unsafe_code, reason = "mmap and pthread keys")]

use super::chunk::Chunk;
use std::ffi::c_void;
use std::ptr::NonNull;

#[cfg(feature = "profile")]
pub(crate) use imp::zeroed;
pub(super) use imp::{call_at_thread_exit, free_chunk, new_chunk};

/// What to call when a thread ends; the argument, which the C library has for it, says nothing.
pub(super) type AtExit = extern "C" fn(*mut c_void);

#[cfg(all(unix, not(loom)))]
mod imp {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A new chunk, all zero: all its fields are valid as zero bytes.
    pub(in crate::counters) fn new_chunk() -> Option<NonNull<Chunk>> {
        zeroed()
    }

    /// Room for a `T`, all zero, from the kernel: no allocator is asked, so this may run inside one. `T` is aligned to a
    /// page at most. Only what is touched takes memory.
    pub(crate) fn zeroed<T>() -> Option<NonNull<T>> {
        const { assert!(align_of::<T>() <= 4096) };
        // SAFETY: an anonymous private mapping at an address of the kernel's choice; no memory is replaced.
        let memory = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                size_of::<T>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANON,
                -1,
                0,
            )
        };
        if memory == libc::MAP_FAILED {
            return None;
        }
        NonNull::new(memory.cast())
    }

    /// # Safety
    /// `chunk` came from [`new_chunk`] and nobody uses it any more.
    pub(in crate::counters) unsafe fn free_chunk(chunk: NonNull<Chunk>) {
        // SAFETY: the mapping of exactly this address and length, by the caller's promise unused.
        unsafe { libc::munmap(chunk.as_ptr().cast(), size_of::<Chunk>()) };
    }

    /// The key plus one, or one of the two below. `pthread_key_t` fits a `usize` everywhere.
    static KEY: AtomicUsize = AtomicUsize::new(UNMADE);

    /// No thread has made the key yet.
    const UNMADE: usize = 0;
    /// The code of the destructor is about to be unmapped; no key is made any more.
    const GONE: usize = usize::MAX;

    /// Has `at_exit` called when the calling thread ends; false when the system has no room for it, or
    /// this code is being unloaded.
    ///
    /// A pthread key, not a thread-local with a destructor: registering the latter aborts inside the C library
    /// when memory is exhausted, and it may run before the destructors of the user's own thread-locals have.
    pub(in crate::counters) fn call_at_thread_exit(at_exit: AtExit) -> bool {
        let Some(key) = key(at_exit) else { return false };
        // The destructor is called where the value is not null.
        let value = (&raw const KEY).cast();
        // SAFETY: the key was created, and is deleted by `UNLOAD` alone: when the process ends, or when a library is
        // closed that nobody may be in then. A thread that is here as the process ends is told that the key is
        // invalid, which is false. The value goes to `at_exit`, which does not look at it.
        unsafe { libc::pthread_setspecific(key, value) == 0 }
    }

    fn key(at_exit: AtExit) -> Option<libc::pthread_key_t> {
        // Acquire, paired with the release in `create_key`: what the C library keeps of a key is plain memory (glibc's
        // table of sequence numbers and destructors), written by the thread that made it and read by all that use it.
        match KEY.load(Ordering::Acquire) {
            UNMADE => create_key(at_exit),
            known => known_key(known),
        }
    }

    fn known_key(plus_one: usize) -> Option<libc::pthread_key_t> {
        if matches!(plus_one, UNMADE | GONE) {
            return None;
        }
        libc::pthread_key_t::try_from(plus_one - 1).ok()
    }

    /// Makes the key; where two threads do so at once, the second takes the first one's.
    fn create_key(at_exit: AtExit) -> Option<libc::pthread_key_t> {
        let mut key: libc::pthread_key_t = 0;
        // SAFETY: `key` is a valid place for the new key, `at_exit` has the signature of a destructor.
        if unsafe { libc::pthread_key_create(&raw mut key, Some(at_exit)) } != 0 {
            return None;
        }
        // A key whose number is taken for a mark, which no system has, is as good as none.
        let plus_one = usize::try_from(key).ok().and_then(|key| key.checked_add(1)).unwrap_or(GONE);
        // Release, so that who finds our key finds it made; acquire, so that we find the first one's made.
        let first =
            match KEY.compare_exchange(UNMADE, plus_one, Ordering::Release, Ordering::Acquire) {
                Ok(_) if plus_one != GONE => return Some(key),
                Ok(_) => GONE,
                Err(first) => first,
            };
        // SAFETY: created above, and no thread has set a value for it.
        unsafe { libc::pthread_key_delete(key) };
        known_key(first)
    }

    /// Deletes the key before its destructor is unmapped: a plug-in with its own copy of this code may be closed while
    /// threads live that have called into it, and they would call the destructor when they end. What they have on
    /// lease goes with the plug-in. Threads that come later, as the process ends, are counted without a lease.
    ///
    /// Not on platforms with other object formats: Apple's keep a library that has thread-locals.
    #[cfg(not(any(
        miri,
        target_vendor = "apple",
        target_os = "aix",
        target_os = "cygwin",
        target_family = "wasm"
    )))]
    #[used]
    // SAFETY: the section holds pointers to functions without arguments, which the C library calls once at the end.
    #[unsafe(link_section = ".fini_array")]
    static UNLOAD: extern "C" fn() = {
        extern "C" fn unload() {
            if let Some(key) = known_key(KEY.swap(GONE, Ordering::AcqRel)) {
                // SAFETY: the key was created, and nobody finds it any more.
                unsafe { libc::pthread_key_delete(key) };
            }
        }
        unload
    };
}

/// Elsewhere: slots from the system allocator, the call from a thread-local with a destructor. Compiled, not tried.
#[cfg(all(not(unix), not(loom)))]
mod imp {
    use super::*;
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::cell::Cell;

    pub(in crate::counters) fn new_chunk() -> Option<NonNull<Chunk>> {
        zeroed()
    }

    pub(crate) fn zeroed<T>() -> Option<NonNull<T>> {
        const { assert!(size_of::<T>() > 0) };
        // SAFETY: a `T` is not zero-sized.
        NonNull::new(unsafe { System.alloc_zeroed(Layout::new::<T>()) }.cast())
    }

    /// # Safety
    /// `chunk` came from [`new_chunk`] and nobody uses it any more.
    pub(in crate::counters) unsafe fn free_chunk(chunk: NonNull<Chunk>) {
        // SAFETY: allocated above with this layout, by the caller's promise unused.
        unsafe { System.dealloc(chunk.as_ptr().cast(), Layout::new::<Chunk>()) };
    }

    struct Leaving(Cell<Option<AtExit>>);

    impl Drop for Leaving {
        fn drop(&mut self) {
            if let Some(at_exit) = self.0.get() {
                at_exit(std::ptr::null_mut());
            }
        }
    }

    thread_local! {
        static LEAVING: Leaving = const { Leaving(Cell::new(None)) };
    }

    pub(in crate::counters) fn call_at_thread_exit(at_exit: AtExit) -> bool {
        LEAVING.try_with(|leaving| leaving.0.set(Some(at_exit))).is_ok()
    }
}

/// In a model: chunks from the heap, since loom's atomics are not plain memory; leases end by hand.
#[cfg(loom)]
mod imp {
    use super::*;

    pub(in crate::counters) fn new_chunk() -> Option<NonNull<Chunk>> {
        NonNull::new(Box::into_raw(Box::new(Chunk::new())))
    }

    /// # Safety
    /// `chunk` came from [`new_chunk`] and nobody uses it any more.
    pub(in crate::counters) unsafe fn free_chunk(chunk: NonNull<Chunk>) {
        // SAFETY: made by `Box::into_raw` above, by the caller's promise unused.
        drop(unsafe { Box::from_raw(chunk.as_ptr()) });
    }

    /// No model has more than the parts it makes.
    pub(crate) fn zeroed<T>() -> Option<NonNull<T>> {
        None
    }

    pub(in crate::counters) fn call_at_thread_exit(_: AtExit) -> bool {
        false
    }
}
