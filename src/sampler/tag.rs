//! `Tag`: what a piece of work is for, as a label of the samples that are taken in it.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

/// Different labels in a process; all after these are one.
const TAGS: usize = 254;
const NONE: u8 = 0;
const MORE: u8 = 255;
const MORE_NAME: &str = "(more tags)";

/// The label of number `index + 1`.
static NAMES: [OnceLock<&'static str>; TAGS] = [const { OnceLock::new() }; TAGS];

thread_local! {
    // `const` and without a destructor: the allocator reads it.
    static CURRENT: Cell<u8> = const { Cell::new(NONE) };
}

/// A label for what is allocated while it is entered: live bytes of a tag come with the heap profile, as estimates.
///
/// It costs a thread-local write on entering and on leaving, whether or not a profile runs. Tags of one name are one. After
/// 254 different names the others are counted as `(more tags)`.
///
/// ```
/// # use plimsoll::Tag;
/// static INDEX: Tag = Tag::new("index");
///
/// fn build_index() -> Vec<u64> {
///     let _tag = INDEX.enter();
///     (0..1000).collect()
/// }
/// # assert_eq!(build_index().len(), 1000);
/// ```
///
/// Tags nest: the innermost counts. A task that moves between threads takes its tag along by [`Tag::wrap`].
#[derive(Debug)]
pub struct Tag {
    name: &'static str,
    number: AtomicU8,
}

impl Tag {
    /// A tag of that name.
    pub const fn new(name: &'static str) -> Self {
        Tag { name, number: AtomicU8::new(NONE) }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Labels what the calling thread allocates until the guard is dropped.
    pub fn enter(&self) -> TagGuard {
        let outer = CURRENT.with(|current| current.replace(self.number()));
        TagGuard { outer, _of_one_thread: std::marker::PhantomData }
    }

    /// `future`, labelled whenever it is polled, on whichever thread.
    ///
    /// ```
    /// # use plimsoll::Tag;
    /// static UPLOAD: Tag = Tag::new("upload");
    ///
    /// async fn upload(body: Vec<u8>) -> usize {
    ///     UPLOAD.wrap(async move { body.len() }).await
    /// }
    /// ```
    pub fn wrap<F: Future>(&'static self, future: F) -> Tagged<F> {
        Tagged { tag: self, future: Box::pin(future) }
    }

    fn number(&self) -> u8 {
        // Relaxed: the number is all there is, and the same whoever finds it.
        match self.number.load(Ordering::Relaxed) {
            NONE => self.find_number(),
            known => known,
        }
    }

    #[cold]
    fn find_number(&self) -> u8 {
        let is_its = |name: &OnceLock<&'static str>| *name.get_or_init(|| self.name) == self.name;
        let place = NAMES.iter().position(is_its);
        let number = place.and_then(|place| u8::try_from(place + 1).ok()).unwrap_or(MORE);
        self.number.store(number, Ordering::Relaxed);
        number
    }
}

/// Ends the label on being dropped. Guards of one thread are dropped in the reverse order of their making.
#[derive(Debug)]
#[must_use = "the label ends when the guard is dropped"]
pub struct TagGuard {
    outer: u8,
    _of_one_thread: std::marker::PhantomData<*const ()>,
}

impl Drop for TagGuard {
    fn drop(&mut self) {
        CURRENT.with(|current| current.set(self.outer));
    }
}

/// A future that is polled under a [`Tag`].
#[derive(Debug)]
pub struct Tagged<F> {
    tag: &'static Tag,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Tagged<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _tag = self.tag.enter();
        self.future.as_mut().poll(context)
    }
}

/// The number of the calling thread's tag.
pub(super) fn current() -> u8 {
    CURRENT.with(Cell::get)
}

/// The name of a number.
pub(super) fn name(number: u64) -> Option<&'static str> {
    if number == u64::from(MORE) {
        return Some(MORE_NAME);
    }
    let place = usize::try_from(number).ok()?.checked_sub(1)?;
    NAMES.get(place)?.get().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_nest_and_are_known_by_name() {
        static OUTER: Tag = Tag::new("outer");
        static INNER: Tag = Tag::new("inner");
        static AGAIN: Tag = Tag::new("outer");
        let before = current();
        let outer = OUTER.enter();
        assert_eq!(name(current().into()), Some("outer"));
        {
            let _inner = INNER.enter();
            assert_eq!(name(current().into()), Some("inner"));
        }
        let number = current();
        drop(outer);
        assert_eq!(current(), before);
        let _again = AGAIN.enter();
        assert_eq!(current(), number, "one name, one tag");
    }

    #[test]
    fn a_future_is_labelled_while_it_is_polled() {
        static TASK: Tag = Tag::new("task");
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        let tagged = TASK.wrap(async { name(current().into()) });
        assert_eq!(crate::block_on::block_until(deadline, tagged), Some(Some("task")));
        assert_eq!(current(), NONE);
    }
}
