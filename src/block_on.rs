//! Waits for a future on a thread that has nothing else to do.

use parking_lot::{Condvar, Mutex};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

/// What the waker raises and the waiting thread lowers.
#[derive(Default)]
struct Signal {
    raised: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        *self.raised.lock() = true;
        self.changed.notify_one();
    }
}

impl Signal {
    /// Waits until it is raised, and lowers it; whether that was before `deadline`.
    fn wait_until(&self, deadline: Instant) -> bool {
        let mut raised = self.raised.lock();
        while !*raised {
            if self.changed.wait_until(&mut raised, deadline).timed_out() {
                break;
            }
        }
        std::mem::take(&mut *raised)
    }
}

/// What `future` comes to; `None` when it has not by `deadline`, and is dropped.
pub(crate) fn block_until<F: Future>(deadline: Instant, future: F) -> Option<F::Output> {
    let signal = Arc::new(Signal::default());
    let waker = Waker::from(signal.clone());
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        if !signal.wait_until(deadline) {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_future_is_waited_for_and_given_up_at_the_deadline() {
        let soon = Instant::now() + Duration::from_secs(20);
        let mut polls = 0;
        let third = std::future::poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            if polls == 3 { Poll::Ready(7) } else { Poll::Pending }
        });
        assert_eq!(block_until(soon, third), Some(7));
        assert_eq!(block_until(Instant::now(), std::future::pending::<()>()), None);
    }
}
