//! Where the calling thread is: its return addresses, and what labels it. Allocates nothing, by our own hand or the
//! unwinder's (glibc's has needed no lock since 2.35).
#![expect(unsafe_code, reason = "the unwinder without its lock, a thread's name from the kernel")]

use super::tag;

/// Frames that are kept.
pub(super) const DEPTH: usize = 60;

/// One stack, the innermost frame first, and its labels.
pub(super) struct Stack {
    frames: [u64; DEPTH],
    depth: usize,
    pub(super) is_cut: bool,
    pub(super) tag: u8,
    /// The thread's name, in the kernel's 16 bytes; zero where sites are not kept apart by it.
    pub(super) thread: [u64; 2],
}

impl Stack {
    /// The calling thread's.
    #[inline(never)]
    pub(super) fn capture(by_thread: bool) -> Self {
        let mut stack = Stack {
            frames: [0; DEPTH],
            depth: 0,
            is_cut: false,
            tag: tag::current(),
            thread: if by_thread { thread_name() } else { [0; 2] },
        };
        // SAFETY: the lock that is left out here protects symbol tables and, on Windows alone, the walk itself. The
        // unwinder reads the thread's own stack and tables that do not change while their code is loaded. The closure
        // does not panic.
        unsafe {
            backtrace::trace_unsynchronized(|frame| stack.push(frame.ip().addr() as u64));
        }
        stack
    }

    /// False when there is no more room.
    fn push(&mut self, address: u64) -> bool {
        let Some(room) = self.frames.get_mut(self.depth) else {
            self.is_cut = true;
            return false;
        };
        *room = address;
        self.depth += 1;
        true
    }

    pub(super) fn frames(&self) -> &[u64] {
        self.frames.get(..self.depth).unwrap_or_default()
    }

    /// Of all that keeps two sites apart.
    pub(super) fn hash(&self) -> u64 {
        let labels = [u64::from(self.tag), self.thread[0], self.thread[1]];
        self.frames().iter().chain(&labels).fold(0x51_7c_c1_b7_27_22_0a_95, |hash: u64, word| {
            (hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        }) >> 1
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn thread_name() -> [u64; 2] {
    let mut name = [0_u64; 2];
    // SAFETY: the kernel writes at most 16 bytes, the room there is; the call touches nothing else.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    name
}

/// Elsewhere a thread's name cannot be had without a lock.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn thread_name() -> [u64; 2] {
    [0; 2]
}
