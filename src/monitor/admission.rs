//! A request that waits until it is admitted: a future that needs no runtime.

use super::brake::Brake;
use crate::policy::brake::Refused;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Where a request is on its way.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Asking,
    Waiting { ticket: u64 },
    Answered,
}

/// A request for memory that waits its turn: see [`Brake::admit_async`]. Dropped, it leaves nothing behind.
#[derive(Debug)]
#[must_use = "a request does nothing until it is awaited"]
pub struct Admission {
    brake: Brake,
    bytes: u64,
    stage: Stage,
}

impl Admission {
    pub(super) fn new(brake: Brake, bytes: u64) -> Self {
        Admission { brake, bytes, stage: Stage::Asking }
    }

    fn ask(&mut self, waker: &Waker) -> Poll<Result<(), Refused>> {
        match self.brake.admit_or_wait(self.bytes, waker) {
            Ok(Some(ticket)) => {
                self.stage = Stage::Waiting { ticket };
                Poll::Pending
            }
            Ok(None) => self.answer(Ok(())),
            Err(refused) => self.answer(Err(refused)),
        }
    }

    fn look_up(&mut self, ticket: u64, waker: &Waker) -> Poll<Result<(), Refused>> {
        match self.brake.answer(ticket, waker) {
            Some(result) => self.answer(result),
            None => Poll::Pending,
        }
    }

    fn answer(&mut self, result: Result<(), Refused>) -> Poll<Result<(), Refused>> {
        self.stage = Stage::Answered;
        Poll::Ready(result)
    }
}

impl Future for Admission {
    type Output = Result<(), Refused>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.stage {
            Stage::Asking => self.ask(context.waker()),
            Stage::Waiting { ticket } => self.look_up(ticket, context.waker()),
            // Polled once more than futures are: there is nothing left to say.
            Stage::Answered => Poll::Pending,
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if let Stage::Waiting { ticket } = self.stage {
            self.brake.give_up(ticket);
        }
    }
}
