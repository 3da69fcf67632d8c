//! A program whose C library allocates through the wrapper too, and in which 40 pthread keys were there before ours.
//!
//! For keys after the 32nd glibc allocates when a thread sets its first value: registering the end of a lease comes back to
//! the allocator that is registering it. Without care each of these calls leases a slot, until the stack is full.
#![allow(unsafe_code, reason = "takes malloc over")]

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod program {
    use plimsoll::Plimsoll;
    use std::alloc::{GlobalAlloc, Layout};
    use std::cell::UnsafeCell;
    use std::ffi::c_void;
    use std::ptr::{NonNull, null_mut};
    use std::sync::atomic::{AtomicUsize, Ordering};

    const ARENA_BYTES: usize = 16 << 20;

    /// Gives out one static arena and takes nothing back: the only allocator that needs no other.
    struct Arena {
        memory: UnsafeCell<[u8; ARENA_BYTES]>,
        used: AtomicUsize,
    }

    // SAFETY: each byte is given out once.
    unsafe impl Sync for Arena {}

    // SAFETY: distinct parts of the arena, or null when it is used up; aligned to 16, which is all that is asked here.
    unsafe impl GlobalAlloc for Arena {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            let start = self.memory.get().addr();
            let bytes = layout.size().next_multiple_of(16);
            let at = self.used.fetch_add(bytes, Ordering::Relaxed) + start.wrapping_neg() % 16;
            if layout.align() > 16 || at + bytes > ARENA_BYTES {
                return null_mut();
            }
            // SAFETY: `bytes` from there on lie within the arena.
            unsafe { self.memory.get().cast::<u8>().add(at) }
        }

        unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
    }

    #[global_allocator]
    static ALLOC: Plimsoll<Arena> = Plimsoll::new(Arena {
        memory: UnsafeCell::new([0; ARENA_BYTES]),
        used: AtomicUsize::new(0),
    });

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size.max(1), 16).unwrap_or(Layout::new::<u128>())
    }

    #[unsafe(no_mangle)]
    extern "C" fn malloc(size: usize) -> *mut u8 {
        // SAFETY: not of zero size.
        unsafe { std::alloc::alloc(layout(size)) }
    }

    #[unsafe(no_mangle)]
    extern "C" fn calloc(count: usize, size: usize) -> *mut u8 {
        // SAFETY: not of zero size. The arena was zero, and nothing is given out twice.
        unsafe { std::alloc::alloc(layout(count.saturating_mul(size))) }
    }

    /// # Safety
    /// As the C library's.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn realloc(old: *mut u8, size: usize) -> *mut u8 {
        let new = malloc(size);
        if let (Some(old), Some(new)) = (NonNull::new(old), NonNull::new(new)) {
            // SAFETY: parts of the arena both. What follows the old one may be copied too, and does no harm.
            unsafe { std::ptr::copy(old.as_ptr(), new.as_ptr(), size) };
        }
        new
    }

    #[unsafe(no_mangle)]
    extern "C" fn free(_: *mut u8) {}

    /// Before the process's first allocation, and so before our key.
    #[used]
    #[unsafe(link_section = ".init_array")]
    static FIRST: extern "C" fn() = {
        extern "C" fn makes_keys() {
            for _ in 0..40 {
                let mut key = 0;
                // SAFETY: a place for the key, without a destructor.
                unsafe { libc::pthread_key_create(&raw mut key, None) };
            }
        }
        makes_keys
    };

    extern "C" fn allocates(_: *mut c_void) -> *mut c_void {
        drop(std::hint::black_box(Box::new(7u8)));
        null_mut()
    }

    pub(crate) fn main() {
        assert_eq!(plimsoll::counts().thread_slots, Some(1), "the main thread's");
        for _ in 0..100 {
            let mut thread: libc::pthread_t = 0;
            // SAFETY: a thread with default attributes whose body takes no argument; joined once.
            unsafe {
                let made =
                    libc::pthread_create(&raw mut thread, std::ptr::null(), allocates, null_mut());
                assert_eq!(made, 0);
                assert_eq!(libc::pthread_join(thread, null_mut()), 0);
            }
        }
        assert_eq!(plimsoll::counts().thread_slots, Some(2), "one other thread at a time");
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    // Not a harness: asked for a list of tests, it has none.
    if !std::env::args().any(|arg| arg == "--list") {
        program::main();
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {}
