//! Threads that have allocated and wait: each holds a slot.

use std::hint::black_box;
use std::io;
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle};

/// Enough for a thread that only waits; four thousand of them fit anywhere.
const STACK: usize = 64 << 10;

/// Some waiting threads, which end when this is dropped.
#[derive(Default)]
pub(crate) struct Parked {
    threads: Vec<(Sender<()>, JoinHandle<()>)>,
}

impl Parked {
    /// Starts threads until `slots` slots were leased at once. Those that ended threads gave back are leased anew first,
    /// so that fewer slots than there ever were cannot be had.
    pub(crate) fn until_slots(&mut self, slots: u64) -> io::Result<()> {
        while plimsoll::counts().thread_slots < Some(slots) {
            self.add()?;
        }
        Ok(())
    }

    /// Starts one thread, and returns when it has allocated.
    fn add(&mut self) -> io::Result<()> {
        let (ready, is_ready) = channel();
        let (end, is_end) = channel::<()>();
        let thread = Builder::new().stack_size(STACK).spawn(move || {
            let kept = black_box(vec![0u8; 64]);
            let _ = ready.send(());
            let _ = is_end.recv();
            drop(kept);
        })?;
        let _ = is_ready.recv();
        self.threads.push((end, thread));
        Ok(())
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        for (end, thread) in self.threads.drain(..) {
            drop(end);
            let _ = thread.join();
        }
    }
}
