//! An answer that is waited for by a thread or by a task.

use parking_lot::{Condvar, Mutex};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

struct State<T> {
    answer: Option<T>,
    /// The other side is gone without an answer.
    closed: bool,
    waker: Option<Waker>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
}

/// The side that answers. Dropped without an answer, it tells the waiting side so.
pub(super) struct Replier<T>(Arc<Shared<T>>);

/// The side that waits: a future, or [`Reply::wait_until`].
pub(super) struct Reply<T>(Arc<Shared<T>>);

pub(super) fn channel<T>() -> (Replier<T>, Reply<T>) {
    let state = State { answer: None, closed: false, waker: None };
    let shared = Arc::new(Shared { state: Mutex::new(state), arrived: Condvar::new() });
    (Replier(shared.clone()), Reply(shared))
}

impl<T> Replier<T> {
    /// Whether the waiting side is still there.
    pub(super) fn is_wanted(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    pub(super) fn send(self, answer: T) {
        self.0.state.lock().answer = Some(answer);
        // `drop` wakes the waiting side.
    }
}

impl<T> Drop for Replier<T> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.closed = true;
        let waker = state.waker.take();
        drop(state);
        self.0.arrived.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The deadline passed.
    Late,
    /// The answering side is gone.
    Closed,
}

impl<T> Reply<T> {
    /// Blocks the calling thread until the answer, or until `deadline`.
    pub(super) fn wait_until(self, deadline: Instant) -> Result<T, NoAnswer> {
        let mut state = self.0.state.lock();
        loop {
            if let Some(answer) = state.answer.take() {
                return Ok(answer);
            }
            if state.closed {
                return Err(NoAnswer::Closed);
            }
            if self.0.arrived.wait_until(&mut state, deadline).timed_out() {
                return state.answer.take().ok_or(NoAnswer::Late);
            }
        }
    }
}

impl<T> Future for Reply<T> {
    type Output = Result<T, NoAnswer>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.0.state.lock();
        if let Some(answer) = state.answer.take() {
            return Poll::Ready(Ok(answer));
        }
        if state.closed {
            return Poll::Ready(Err(NoAnswer::Closed));
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn an_answer_reaches_a_waiting_thread() {
        let (replier, reply) = channel();
        let thread = std::thread::spawn(move || replier.send(7));
        assert_eq!(reply.wait_until(soon()), Ok(7));
        thread.join().expect("the sender ends");
    }

    #[test]
    fn a_lost_replier_and_a_passed_deadline_are_told_apart() {
        let (replier, reply) = channel::<u8>();
        drop(replier);
        assert_eq!(reply.wait_until(soon()), Err(NoAnswer::Closed));
        let (_replier, reply) = channel::<u8>();
        assert_eq!(reply.wait_until(Instant::now()), Err(NoAnswer::Late));
    }

    #[test]
    fn a_task_is_woken_by_the_answer() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        struct Count(AtomicUsize);
        impl std::task::Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(count.clone());
        let mut context = Context::from_waker(&waker);
        let (replier, mut reply) = channel();
        assert!(Pin::new(&mut reply).poll(&mut context).is_pending());
        replier.send("done");
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert_eq!(Pin::new(&mut reply).poll(&mut context), Poll::Ready(Ok("done")));
    }
}
