//! Where the last words are taken: of a thread that panics, and of the process as it exits. Whoever speaks holds no lock of
//! the recorder's, and nothing is allocated.

use super::exit::call_at_exit;
use super::format::{DOCUMENT_HEAD, END, PANIC, put_bytes, seal_document};
use super::recording::EndKind;
use super::small::{END_BYTES, PANIC_BYTES, PanicText, write_end};
use super::writer::Pen;
use crate::snapshot::Moment;
use parking_lot::RwLock;
use std::fmt::Write;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};

/// The recordings that go on in this process.
static OPEN: RwLock<Vec<Arc<LastWords>>> = RwLock::new(Vec::new());

/// One recording's place for them.
pub(super) struct LastWords {
    pen: Arc<Pen>,
    /// Relaxed: a number that orders nothing.
    panics: AtomicU64,
    /// Has the monitor tick after a while, which shows that the process lives on.
    look: Box<dyn Fn() + Send + Sync>,
}

impl std::fmt::Debug for LastWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LastWords").field("pen", &self.pen).finish_non_exhaustive()
    }
}

impl LastWords {
    /// From now on this recording is told.
    pub(super) fn open(pen: Arc<Pen>, look: Box<dyn Fn() + Send + Sync>) -> Arc<Self> {
        let words = Arc::new(LastWords { pen, panics: AtomicU64::new(0), look });
        OPEN.write().push(words.clone());
        listen();
        call_at_exit(at_exit);
        words
    }

    /// From now on it is not: it has had its end. Waits for whoever speaks.
    pub(super) fn close(self: &Arc<Self>) {
        OPEN.write().retain(|open| !Arc::ptr_eq(open, self));
    }

    fn panicked(&self, info: &PanicHookInfo<'_>, now: Moment) {
        let thread = std::thread::current();
        let count = self.panics.fetch_add(1, Ordering::Relaxed) + 1;
        let is_main = thread.name() == Some("main");
        let mut text = PanicText::new(now.wall_micros, count, is_main, thread.name());
        let _ = write!(text, "{}", message(info));
        if let Some(place) = info.location() {
            let _ = write!(text, " ({place})");
        }
        let mut copy = [0; DOCUMENT_HEAD + PANIC_BYTES];
        let contents = text.contents();
        put_bytes(&mut copy, DOCUMENT_HEAD, contents);
        let copy = copy.get_mut(..DOCUMENT_HEAD + contents.len()).unwrap_or_default();
        seal_document(copy, count, contents.len());
        let _ = self.pen.write(copy, PANIC.place(count));
        (self.look)();
    }

    fn exits(&self, now: Moment) {
        let mut copy = [0; DOCUMENT_HEAD + END_BYTES];
        put_bytes(&mut copy, DOCUMENT_HEAD, &write_end(now.wall_micros, EndKind::Exited));
        seal_document(&mut copy, 1, END_BYTES);
        let _ = self.pen.write(&copy, END.place(1));
    }
}

fn message<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    let message = info.payload_as_str().unwrap_or("panicked");
    message.get(..message.floor_char_boundary(500)).unwrap_or_default()
}

/// Puts our hook before the one that is there. A program that sets its own later and does not call the one before keeps us
/// from hearing of panics.
fn listen() {
    static ONCE: Once = Once::new();
    // A thread that panics may not change the hook.
    if std::thread::panicking() {
        return;
    }
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            tell_all(|words, now| words.panicked(info, now));
            before(info);
        }));
    });
}

extern "C" fn at_exit() {
    tell_all(LastWords::exits);
}

/// Waits for nobody: the thread that changes the list may be the one that panics. Several may speak at once.
fn tell_all(tell: impl Fn(&LastWords, Moment)) {
    let Some(open) = OPEN.try_read_recursive() else { return };
    let now = Moment::now();
    open.iter().for_each(|words| tell(words, now));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc::channel;

    fn pen(path: &std::path::Path) -> Arc<Pen> {
        let file = std::fs::File::options().create(true).truncate(true).write(true).open(path);
        Arc::new(Pen::new(file.expect("a file")))
    }

    #[test]
    fn whoever_speaks_keeps_nobody_from_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let (speaks, is_speaking) = channel();
        let (lets_go, may_go) = channel::<()>();
        let (speaks, may_go) = (parking_lot::Mutex::new(speaks), parking_lot::Mutex::new(may_go));
        let is_first = AtomicBool::new(true);
        let look = Box::new(move || {
            if is_first.swap(false, Ordering::Relaxed) {
                let _ = speaks.lock().send(());
                let _ = may_go.lock().recv();
            }
        });
        let words = LastWords::open(pen(&dir.path().join("file")), look);
        let held_up = std::thread::spawn(|| panic!("on purpose"));
        is_speaking
            .recv_timeout(std::time::Duration::from_secs(30))
            .expect("the first is in the hook");
        let before = words.panics.load(Ordering::Relaxed);
        let _ = std::thread::spawn(|| panic!("on purpose")).join();
        assert!(words.panics.load(Ordering::Relaxed) > before, "the second was heard");
        drop(lets_go);
        let _ = held_up.join();
        words.close();
    }
}
