//! The user's own figures: read once a tick on a thread for that purpose, so that one that hangs holds up nobody.

use super::Handle;
use super::worker::caught;
use crate::counters::use_reserve;
use crate::error::Error;
use crate::ledger::SourceLine;
use crate::metric::{Kind, METRICS};
use crate::own::{MOST_OWN, OwnFigure, OwnMetric, OwnMetricAbout, Read};
use crate::policy::eviction::Quarantine;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a figure is to those who read it.
#[derive(Debug)]
enum About {
    Metric(OwnMetricAbout),
    /// Memory outside the heap, by its name.
    Source(String),
}

/// One figure of the user's.
struct Figure {
    about: About,
    read: Read,
    /// The bits of the last answer; not a number is unknown. Relaxed: a single figure that orders nothing.
    last: AtomicU64,
    quarantine: Mutex<Option<Quarantine>>,
    /// Its code is running, or hangs: it costs one thread, however often it was given up.
    busy: AtomicBool,
}

impl Figure {
    fn new(about: About, read: Read) -> Self {
        let (last, busy) = (AtomicU64::new(f64::NAN.to_bits()), AtomicBool::new(false));
        Figure { about, read, last, quarantine: Mutex::new(None), busy }
    }

    fn value(&self) -> Option<f64> {
        Some(f64::from_bits(self.last.load(Ordering::Relaxed))).filter(|value| value.is_finite())
    }

    fn set(&self, value: Option<f64>) {
        self.last.store(value.unwrap_or(f64::NAN).to_bits(), Ordering::Relaxed);
    }

    fn name(&self) -> &str {
        match &self.about {
            About::Metric(about) => &about.name,
            About::Source(name) => name,
        }
    }

    /// What it did makes it unknown, and it is left alone for a while.
    fn put_into_quarantine(&self, now: Instant) {
        self.set(None);
        let mut quarantine = self.quarantine.lock();
        *quarantine = Some(Quarantine::after(*quarantine, now));
    }
}

/// What the builder was given.
#[derive(Default)]
pub(super) struct Given {
    pub(super) metrics: Vec<OwnMetric>,
    pub(super) sources: Vec<(String, Read)>,
}

impl Given {
    /// # Errors
    /// For a name that cannot be used, stands twice or is one of ours, and for too many.
    pub(super) fn check(&self) -> Result<(), Error> {
        for (index, metric) in self.metrics.iter().enumerate() {
            let about = &metric.about;
            let twice = self.metrics.iter().skip(index + 1).any(|o| o.about.name == about.name);
            check_metric(about, twice)?;
        }
        for (index, (name, _)) in self.sources.iter().enumerate() {
            let twice = self.sources.iter().skip(index + 1).any(|(other, _)| other == name);
            if name.is_empty() || name.len() > 64 || twice {
                let expected = "a name of its own, of 1 to 64 bytes";
                return Err(Error::setting("memory source", format!("{name:?}"), expected));
            }
        }
        let most = self.metrics.len().max(self.sources.len());
        if most > MOST_OWN {
            return Err(Error::setting("own figures", most, "at most 64 of each kind"));
        }
        Ok(())
    }
}

fn check_metric(about: &OwnMetricAbout, twice: bool) -> Result<(), Error> {
    let name = about.name.as_str();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let well_formed = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(plain)
        && name.len() <= 64;
    let ours = METRICS.iter().any(|metric| metric.name == name);
    let refused = |expected| Err(Error::setting("metric", format!("{name:?}"), expected));
    if !well_formed {
        return refused("1 to 64 small letters, digits and _, beginning with a letter");
    }
    if twice || ours {
        return refused("a name of its own");
    }
    if (about.kind == Kind::Counter) != name.ends_with("_total") {
        return refused("a name that ends in _total for a counter, and for nothing else");
    }
    Ok(())
}

/// All of them, and the thread that reads them: there is none while there is nothing to read.
pub(super) struct Figures {
    figures: Arc<[Figure]>,
    reader: Mutex<Option<Arc<Desk>>>,
}

/// What the reader and the monitor's thread share.
struct Desk {
    state: Mutex<State>,
    called: Condvar,
}

#[derive(Default)]
struct State {
    wanted: bool,
    closed: bool,
    /// The figure that is being read, and since when.
    reading: Option<(usize, Instant)>,
    /// What panicked, and how.
    complaints: Vec<String>,
}

impl Figures {
    pub(super) fn new(given: Given) -> Self {
        let metrics =
            given.metrics.into_iter().map(|m| Figure::new(About::Metric(m.about), m.read));
        let sources =
            given.sources.into_iter().map(|(name, read)| Figure::new(About::Source(name), read));
        Figures { figures: metrics.chain(sources).collect(), reader: Mutex::new(None) }
    }

    /// Has all of them read, by and by; gives up a reader that has been at one of them for `timeout`. Says what went wrong
    /// since the last time.
    pub(super) fn refresh(&self, timeout: Duration, now: Instant) -> Vec<String> {
        if self.figures.is_empty() {
            return Vec::new();
        }
        let mut reader = self.reader.lock();
        let mut complaints = Vec::new();
        if let Some(desk) = reader.as_ref() {
            complaints.append(&mut desk.state.lock().complaints);
            if let Some(hung) = self.give_up(desk, timeout, now) {
                complaints.push(hung);
                *reader = None;
            }
        }
        match reader.clone().map_or_else(|| self.start(), Ok) {
            Ok(desk) => {
                desk.state.lock().wanted = true;
                desk.called.notify_one();
                *reader = Some(desk);
            }
            Err(error) => complaints.push(error.to_string()),
        }
        complaints
    }

    fn give_up(&self, desk: &Desk, timeout: Duration, now: Instant) -> Option<String> {
        let mut state = desk.state.lock();
        let (index, _) =
            state.reading.filter(|(_, since)| now.saturating_duration_since(*since) >= timeout)?;
        state.closed = true;
        let figure = self.figures.get(index)?;
        figure.put_into_quarantine(now);
        let timeout = humantime::format_duration(timeout);
        Some(format!("{}: did not answer within {timeout}", figure.name()))
    }

    fn start(&self) -> Result<Arc<Desk>, Error> {
        let desk = Arc::new(Desk { state: Mutex::default(), called: Condvar::new() });
        let (figures, own) = (self.figures.clone(), desk.clone());
        std::thread::Builder::new()
            .name("plimsoll-figures".into())
            .spawn(move || read_all(&figures, &own))
            .map_err(|source| Error::Monitoring {
                what: "starting a thread for figures",
                source,
            })?;
        Ok(desk)
    }

    /// Ends the reader; one that hangs is left to itself.
    pub(super) fn stop(&self) {
        if let Some(desk) = self.reader.lock().take() {
            desk.state.lock().closed = true;
            desk.called.notify_one();
        }
    }

    fn metrics(&self) -> Vec<OwnFigure> {
        let figures = self.figures.iter().filter_map(|figure| match &figure.about {
            About::Metric(OwnMetricAbout { name, unit, kind, help }) => Some(OwnFigure {
                name: name.clone(),
                unit: *unit,
                kind: *kind,
                help: help.clone(),
                value: figure.value(),
            }),
            About::Source(_) => None,
        });
        figures.collect()
    }

    /// What the user's memory sources last said they hold.
    pub(super) fn sources(&self) -> Vec<SourceLine> {
        let lines = self.figures.iter().filter_map(|figure| match &figure.about {
            About::Source(name) => Some(SourceLine {
                name: name.clone(),
                reported_bytes: figure.value().map(|bytes| bytes.max(0.0) as u64),
            }),
            About::Metric(_) => None,
        });
        lines.collect()
    }
}

impl Handle {
    /// The metrics that the builder was given, as of the last tick.
    pub fn own_metrics(&self) -> Vec<OwnFigure> {
        self.shared.figures.metrics()
    }
}

fn read_all(figures: &[Figure], desk: &Desk) {
    use_reserve();
    while wait(desk) {
        for (index, figure) in figures.iter().enumerate() {
            if !begin(desk, index, figure) {
                continue;
            }
            let answer = caught(&figure.read);
            figure.busy.store(false, Ordering::Relaxed);
            let mut state = desk.state.lock();
            if state.closed {
                // Given up meanwhile: what it says is another reader's to find out.
                return;
            }
            state.reading = None;
            match answer {
                Ok(value) => figure.set(value),
                Err(message) => {
                    figure.put_into_quarantine(Instant::now());
                    state.complaints.push(format!("{}: panicked: {message}", figure.name()));
                }
            }
        }
    }
}

/// Waits until all are to be read; false when the reader is to end.
fn wait(desk: &Desk) -> bool {
    let mut state = desk.state.lock();
    while !state.wanted && !state.closed {
        desk.called.wait(&mut state);
    }
    state.wanted = false;
    !state.closed
}

/// Notes that a figure is being read; false when it is to be left alone.
fn begin(desk: &Desk, index: usize, figure: &Figure) -> bool {
    let now = Instant::now();
    if figure.quarantine.lock().is_some_and(|quarantine| quarantine.holds(now)) {
        return false;
    }
    let mut state = desk.state.lock();
    if state.closed || figure.busy.swap(true, Ordering::Relaxed) {
        return false;
    }
    state.reading = Some((index, now));
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Unit;
    use std::sync::mpsc;

    const TIMEOUT: Duration = Duration::from_secs(10);

    #[test]
    fn one_that_hangs_costs_one_thread_however_often_it_is_its_turn() {
        let (called, calls) = mpsc::channel();
        let (release, hang) = mpsc::channel::<()>();
        let hang = Mutex::new(hang);
        let hangs = OwnMetric::gauge("hangs", Unit::Count, "", {
            let called = called.clone();
            move || called.send("hangs").ok().and_then(|()| hang.lock().recv().ok().map(|()| 1.0))
        });
        let behind = OwnMetric::gauge("behind", Unit::Count, "", move || {
            called.send("behind").ok().map(|()| 2.0)
        });
        let figures = Figures::new(Given { metrics: vec![hangs, behind], sources: vec![] });
        let now = Instant::now();
        assert!(figures.refresh(TIMEOUT, now).is_empty());
        assert_eq!(calls.recv(), Ok("hangs"));
        let given_up = figures.refresh(TIMEOUT, now + TIMEOUT * 1_000);
        assert_eq!(given_up, ["hangs: did not answer within 10s"]);
        assert_eq!(calls.recv(), Ok("behind"));
        for _ in 0..3 {
            // The quarantine is over, and it hangs still.
            figures.figures.iter().for_each(|figure| *figure.quarantine.lock() = None);
            assert!(figures.refresh(TIMEOUT, Instant::now()).is_empty());
            assert_eq!(calls.recv(), Ok("behind"));
        }
        assert_eq!(figures.metrics()[0].value, None);
        drop(release);
        figures.stop();
    }
}
