//! The service: it renders pages and keeps some, as it should; and remembers every visitor, as it should not.

use super::plan::Plan;
use plimsoll::{Ask, Cache, ShrinkReport};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const PAGE: usize = 16 * 1024;
/// What is kept of a visitor: a name and what was looked at.
const VISIT: usize = 4 * 1024;

type Page = Box<[u8]>;

/// Pages that were rendered, oldest first. It can be asked for memory, and holds a ceiling.
#[derive(Debug)]
pub(super) struct Pages {
    kept: Mutex<VecDeque<Page>>,
    /// In bytes; no more is kept. Relaxed: it guards nothing else.
    ceiling: AtomicU64,
}

impl Pages {
    fn with<T>(&self, change: impl FnOnce(&mut VecDeque<Page>) -> T) -> T {
        change(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn held(&self) -> u64 {
        self.with(|kept| (kept.len() * PAGE) as u64)
    }

    /// In place of the oldest, where there is no room for one more.
    fn keep(&self, page: Page) {
        let ceiling = self.ceiling.load(Ordering::Relaxed);
        self.with(|kept| {
            kept.push_back(page);
            while (kept.len() * PAGE) as u64 > ceiling {
                kept.pop_front();
            }
        });
    }
}

impl Cache for Pages {
    fn shrink(&self, ask: &Ask) -> ShrinkReport {
        let dropped = self.with(|kept| {
            let count = kept.len().min((ask.bytes as usize).div_ceil(PAGE));
            kept.drain(..count).count()
        });
        ((dropped * PAGE) as u64).into()
    }

    fn usage_bytes(&self) -> Option<u64> {
        Some(self.held())
    }

    fn set_ceiling(&self, bytes: Option<u64>) -> bool {
        self.ceiling.store(bytes.unwrap_or(u64::MAX), Ordering::Relaxed);
        true
    }
}

/// Somebody who was here once.
pub(super) struct Visitor {
    seen: Vec<u8>,
}

pub(super) struct Service {
    pub(super) pages: Arc<Pages>,
    visitors: Vec<Visitor>,
    rendered: u64,
}

impl Service {
    pub(super) fn new() -> Self {
        let ceiling = AtomicU64::new(u64::MAX);
        let pages = Arc::new(Pages { kept: Mutex::default(), ceiling });
        Service { pages, visitors: Vec::new(), rendered: 0 }
    }

    /// What is due by then.
    pub(super) fn work(&mut self, plan: &Plan, elapsed: Duration) {
        while self.rendered * (PAGE as u64) < plan.cached(elapsed) {
            self.pages.keep(render_page(self.rendered));
            self.rendered += 1;
        }
        while self.visitors.len() as u64 * (VISIT as u64) < plan.leaked(elapsed) {
            remember_every_visitor(&mut self.visitors);
        }
    }
}

impl Visitor {
    fn last_seen(&self) -> Option<u8> {
        self.seen.last().copied()
    }
}

#[inline(never)]
fn render_page(number: u64) -> Page {
    vec![number as u8; PAGE].into()
}

/// The mistake: nobody ever takes one out again.
#[inline(never)]
fn remember_every_visitor(visitors: &mut Vec<Visitor>) {
    let before = visitors.last().and_then(Visitor::last_seen).unwrap_or(0);
    visitors.push(Visitor { seen: vec![before.wrapping_add(1); VISIT] });
}
