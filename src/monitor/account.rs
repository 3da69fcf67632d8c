//! The brake's account: what the last look showed, what was admitted since, and who waits. Kept under one lock, under
//! which none of the wakers runs.

use crate::policy::brake::{BrakeStatistics, Load, Refused, Sight};
use std::collections::BTreeMap;
use std::task::Waker;
use std::time::Instant;

/// Requests that wait at most; some 100 bytes each.
pub(super) const WAITERS: usize = 16_384;

#[derive(Debug, Default)]
pub(super) struct Account {
    /// `None` while the usage is unknown and when nobody looks: everything is admitted.
    sight: Option<Sight>,
    looked_at: Option<Instant>,
    /// Looks so far.
    looks: u64,
    /// Bytes admitted since the last look.
    admitted: u64,
    /// Requests judged so far: whose turn it is to draw a lot.
    turn: u64,
    /// By ticket, and so in the order in which they came; with those that were answered and have not yet taken notice.
    queue: BTreeMap<u64, Waiter>,
    /// How many of the queue have no answer.
    waiting: usize,
    next_ticket: u64,
    statistics: BrakeStatistics,
}

#[derive(Debug)]
struct Waiter {
    bytes: u64,
    /// Taken when it is woken.
    waker: Option<Waker>,
    answer: Option<Answer>,
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    AdmittedAt {
        look: u64,
    },
    /// It can never fit any more.
    Refused(Refused),
}

impl Account {
    pub(super) fn looks(&self) -> u64 {
        self.looks
    }

    pub(super) fn looked_at(&self) -> Option<Instant> {
        self.looked_at
    }

    pub(super) fn statistics(&self) -> BrakeStatistics {
        BrakeStatistics { waiting: self.waiting as u64, ..self.statistics }
    }

    /// Takes in a look: what was admitted before it is forgotten, and whoever waits is judged anew, first come, first
    /// served. Says whether somebody still waits.
    pub(super) fn look(&mut self, sight: Option<Sight>, now: Option<Instant>) -> bool {
        self.sight = sight;
        self.looked_at = now;
        self.looks += 1;
        self.admitted = 0;
        match sight {
            Some(sight) => {
                self.refuse_what_never_fits(&sight);
                self.serve(&sight);
            }
            None => self.serve_all(),
        }
        self.waiting > 0
    }

    /// The budget may have become smaller.
    fn refuse_what_never_fits(&mut self, sight: &Sight) {
        let load = Load { usage: sight.usage, admitted: 0 };
        for waiter in self.queue.values_mut().filter(|waiter| waiter.answer.is_none()) {
            if !sight.could_ever_fit(waiter.bytes) {
                waiter.answer = Some(Answer::Refused(Refused::new(sight, load, waiter.bytes)));
                self.waiting -= 1;
                self.statistics.refused_total += 1;
            }
        }
    }

    /// Each who waits draws a lot, and the first in the queue go for those that win: so near the line fewer go, but none
    /// before another. It ends at the first that does not fit, or the smaller ones behind it would have its room for ever.
    fn serve(&mut self, sight: &Sight) {
        let Account { queue, turn, admitted, statistics, looks, waiting, .. } = self;
        let mut first = queue.values_mut().filter(|waiter| waiter.answer.is_none());
        for _ in 0..*waiting {
            let load = Load { usage: sight.usage, admitted: *admitted };
            *turn += 1;
            if !sight.wins(load, *turn) {
                continue;
            }
            let Some(waiter) = first.next().filter(|first| sight.fits(load, first.bytes)) else {
                return;
            };
            waiter.answer = Some(Answer::AdmittedAt { look: *looks });
            *waiting -= 1;
            *admitted = admitted.saturating_add(waiter.bytes);
            statistics.admit(waiter.bytes);
        }
    }

    fn serve_all(&mut self) {
        for waiter in self.queue.values_mut().filter(|waiter| waiter.answer.is_none()) {
            waiter.answer = Some(Answer::AdmittedAt { look: self.looks });
            self.statistics.admit(waiter.bytes);
        }
        self.waiting = 0;
    }

    /// Judges a request for `bytes` when the live bytes are `live`, and books it if it is admitted. While somebody waits
    /// it is not: its turn is behind theirs.
    pub(super) fn judge(&mut self, bytes: u64, live: Option<u64>) -> Result<(), Refused> {
        let Some(sight) = self.sight else { return Ok(()) };
        let load = Load { usage: sight.usage_now(live), admitted: self.admitted };
        self.turn += 1;
        if self.waiting > 0 || !sight.admits(load, bytes, self.turn) {
            return Err(Refused::new(&sight, load, bytes));
        }
        self.admitted = self.admitted.saturating_add(bytes);
        self.statistics.admit(bytes);
        Ok(())
    }

    pub(super) fn count_refusal(&mut self) {
        self.statistics.refused_total += 1;
    }

    /// Lets a request wait, and gives its ticket; `None` when it need not, since everything is admitted by now.
    ///
    /// # Errors
    /// `refused` when as many wait as may.
    pub(super) fn enqueue(
        &mut self,
        bytes: u64,
        waker: Waker,
        refused: Refused,
    ) -> Result<Option<u64>, Refused> {
        if self.sight.is_none() {
            return Ok(None);
        }
        if self.queue.len() >= WAITERS {
            return Err(refused);
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.statistics.waited_total += 1;
        self.waiting += 1;
        self.queue.insert(ticket, Waiter { bytes, waker: Some(waker), answer: None });
        Ok(Some(ticket))
    }

    /// What the request with that ticket has come to; while it has no answer, `waker` is exchanged for the one it had.
    pub(super) fn answer(
        &mut self,
        ticket: u64,
        waker: &mut Option<Waker>,
    ) -> Option<Result<(), Refused>> {
        let Some(waiter) = self.queue.get_mut(&ticket) else { return Some(Ok(())) };
        match waiter.answer {
            Some(Answer::AdmittedAt { .. }) => Some(Ok(())),
            Some(Answer::Refused(refused)) => Some(Err(refused)),
            None => {
                std::mem::swap(&mut waiter.waker, waker);
                None
            }
        }
    }

    /// Takes a request off the queue that was answered; its waker is for the caller to drop.
    pub(super) fn leave(&mut self, ticket: u64) -> Option<Waker> {
        self.queue.remove(&ticket)?.waker
    }

    /// Takes a request off the queue that nobody wants any more: if it was admitted, its bytes are free again.
    pub(super) fn give_up(&mut self, ticket: u64) -> Option<Waker> {
        let waiter = self.queue.remove(&ticket)?;
        match waiter.answer {
            None => self.waiting -= 1,
            Some(Answer::AdmittedAt { look }) if look == self.looks => {
                self.admitted = self.admitted.saturating_sub(waiter.bytes);
            }
            Some(_) => {}
        }
        waiter.waker
    }

    /// The waker of the first answered request from `ticket` on, and the ticket after it.
    pub(super) fn next_to_wake(&mut self, ticket: u64) -> Option<(u64, Waker)> {
        let mut answered =
            self.queue.range_mut(ticket..).filter(|(_, waiter)| waiter.answer.is_some());
        answered.find_map(|(ticket, waiter)| Some((ticket + 1, waiter.waker.take()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::Level;
    use crate::policy::threshold::Thresholds;

    /// Lines at 800, 930 and 980 of 1000.
    fn sight(usage: u64) -> Option<Sight> {
        Some(Sight::new(usage, None, 1_000, &Thresholds::default(), Level::Healthy))
    }

    fn account(usage: u64) -> Account {
        let mut account = Account::default();
        assert!(!account.look(sight(usage), None));
        account
    }

    fn wait(account: &mut Account, bytes: u64) -> u64 {
        let refused = account.judge(bytes, None).expect_err("full");
        let ticket = account.enqueue(bytes, Waker::noop().clone(), refused);
        ticket.expect("room in the queue").expect("a ticket")
    }

    fn woken(account: &mut Account) -> Vec<u64> {
        let mut from = 0;
        std::iter::from_fn(|| {
            (from, _) = account.next_to_wake(from)?;
            Some(from - 1)
        })
        .collect()
    }

    #[test]
    fn what_is_admitted_is_booked_until_the_next_look() {
        let mut account = account(500);
        assert!(account.judge(400, None).is_ok());
        let refused = account.judge(80, None).expect_err("it would reach the line");
        assert_eq!((refused.usage_bytes, refused.requested_bytes), (900, 80));
        account.look(sight(500), None);
        assert!(account.judge(80, None).is_ok());
    }

    #[test]
    fn whoever_waits_is_served_first_come_first_served() {
        let mut account = account(990);
        let tickets = [300, 100, 300].map(|bytes| wait(&mut account, bytes));
        assert!(account.look(sight(985), None), "nobody fits");
        assert!(woken(&mut account).is_empty());
        assert!(account.look(sight(500), None), "two fit");
        assert_eq!(woken(&mut account), tickets[..2]);
        assert!(woken(&mut account).is_empty(), "each is woken once");
        assert!(account.judge(100, None).is_err(), "what they were given is booked");
        assert_eq!(account.statistics().waiting, 1);
        assert!(!account.look(sight(500), None));
        assert_eq!(woken(&mut account), tickets[2..]);
    }

    #[test]
    fn one_that_gives_up_leaves_nothing_behind() {
        let mut account = account(990);
        let [early, admitted, late] = [10, 200, 250].map(|bytes| wait(&mut account, bytes));
        account.give_up(early);
        account.look(sight(500), None);
        account.give_up(admitted);
        assert!(account.judge(220, None).is_ok(), "its bytes are free again");
        account.look(sight(500), None);
        account.look(sight(500), None);
        assert!(account.judge(400, None).is_ok(), "what was admitted to the last is forgotten");
        account.give_up(late);
        assert!(account.judge(100, None).is_err(), "and is not forgotten twice");
        let never_served = wait(&mut account, 100);
        account.give_up(never_served);
        assert!(account.judge(50, None).is_ok(), "nobody waits any more");
        assert!(account.queue.is_empty());
    }

    #[test]
    fn a_large_one_is_passed_by_nobody() {
        let mut account = account(990);
        let tickets = [400, 10, 10].map(|bytes| wait(&mut account, bytes));
        for _ in 0..100 {
            assert!(account.look(sight(600), None), "the first does not fit");
        }
        assert!(woken(&mut account).is_empty(), "so the smaller ones wait too");
        assert!(account.judge(1, None).is_err(), "and so does whoever comes after them");
        assert!(!account.look(sight(500), None));
        assert_eq!(woken(&mut account), tickets);
        assert!(account.judge(1, None).is_ok(), "nobody waits any more");
    }

    #[test]
    fn near_the_line_fewer_go_but_none_before_another() {
        let mut account = account(990);
        let tickets: Vec<_> = (0..1_000).map(|_| wait(&mut account, 0)).collect();
        assert!(account.look(sight(955), None), "half way between prompt and emergency");
        let first = woken(&mut account);
        assert!(first.len().abs_diff(500) <= 5, "{} of 1000", first.len());
        assert_eq!(first, tickets[..first.len()]);
        while account.look(sight(975), None) {}
        assert_eq!(woken(&mut account), tickets[first.len()..], "in the end all go");
    }

    #[test]
    fn what_can_never_fit_any_more_is_refused() {
        let mut account = account(990);
        let [large, small] = [500, 100].map(|bytes| wait(&mut account, bytes));
        let lowered = Sight::new(390, None, 400, &Thresholds::default(), Level::Critical);
        assert!(account.look(Some(lowered), None), "the small one goes on waiting");
        assert_eq!(woken(&mut account), [large]);
        let refused = account.answer(large, &mut None).expect("an answer").expect_err("too large");
        assert_eq!((refused.retry_after, refused.budget_bytes), (None, 400));
        assert!(account.answer(small, &mut None).is_none());
        assert_eq!((account.statistics().refused_total, account.statistics().waiting), (1, 1));
        account.give_up(small);
        assert!(!account.look(Some(lowered), None), "nothing wants a look any more");
    }

    #[test]
    fn an_unknown_usage_admits_everything() {
        let mut account = account(990);
        let ticket = wait(&mut account, 10);
        assert!(!account.look(None, None));
        assert_eq!(woken(&mut account), [ticket]);
        assert!(account.judge(u64::MAX, None).is_ok());
    }

    #[test]
    fn the_queue_has_an_end() {
        let mut account = account(990);
        let refused = account.judge(1, None).expect_err("full");
        for _ in 0..WAITERS {
            wait(&mut account, 1);
        }
        assert_eq!(account.enqueue(1, Waker::noop().clone(), refused), Err(refused));
        assert_eq!(account.statistics().waited_total, WAITERS as u64);
    }
}
