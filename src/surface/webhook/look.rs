//! One look at the monitor for the rules: figures by name, and the situation in words.

use crate::alert::Labels;
use crate::level::Level;
use crate::metric::METRICS;
use crate::monitor::Handle;
use crate::own::OwnFigure;
use crate::policy::leak::LeakStatus;
use crate::snapshot::{Moment, Snapshot};
use bytesize::ByteSize;
use std::time::Instant;

/// What was known at a moment, as of the last tick.
pub(super) struct Look<'a> {
    handle: &'a Handle,
    latest: Option<Snapshot>,
    own: Vec<OwnFigure>,
    latest_secs: Option<f64>,
    silence: Option<f64>,
    leak: LeakStatus,
}

impl<'a> Look<'a> {
    pub(super) fn new(handle: &'a Handle, at: Moment) -> Self {
        let silence = handle.silence(at).map(|(silent, most)| silent.div_duration_f64(most));
        Look {
            handle,
            latest: handle.latest(),
            own: handle.own_metrics(),
            latest_secs: handle.forecast().time_to_budget.latest_secs,
            silence,
            leak: handle.leak(),
        }
    }

    pub(super) fn level(&self) -> Option<Level> {
        self.latest.as_ref().map(Snapshot::level)
    }

    /// `None` while unknown. A budget that is not used up in sight is so never: an alert over it ends.
    pub(super) fn figure(&self, name: &str) -> Option<f64> {
        let latest = self.latest.as_ref()?;
        let in_sight = |secs: Option<f64>| secs.or(latest.usage_bytes().map(|_| f64::INFINITY));
        match name {
            "level" => Some(f64::from(latest.level() as u8)),
            "monitor_silence" => self.silence,
            "leak_suspected" => Some(self.leak.verdict.is_alarm().into()),
            "leak_growth_bytes" => self.leak.growth_bytes.map(|bytes| bytes as f64),
            "time_to_budget_latest_secs" => in_sight(self.latest_secs),
            "time_to_budget_secs" => in_sight(latest.time_to_budget_secs()),
            _ => self.of_table(name, latest),
        }
    }

    fn of_table(&self, name: &str, latest: &Snapshot) -> Option<f64> {
        match METRICS.iter().find(|metric| metric.name == name) {
            Some(metric) => metric.get(latest).map(crate::metric::Value::as_f64),
            None => self.own.iter().find(|own| own.name == name)?.value,
        }
    }

    /// What one looks for first, each as far as it is known.
    pub(super) fn describe(&self) -> String {
        let Some(latest) = &self.latest else { return "nothing is known yet".into() };
        let size = |bytes: u64| ByteSize(bytes).to_string();
        let words = [
            latest.usage_bytes().zip(latest.budget_bytes()).map(|(usage, budget)| {
                format!("level {}, {} used of {}", latest.level(), size(usage), size(budget))
            }),
            latest
                .live_bytes()
                .zip(latest.live_objects())
                .map(|(bytes, objects)| format!("{} live in {objects} objects", size(bytes))),
            latest.process_rss_bytes().map(|bytes| format!("{} resident", size(bytes))),
            latest.growth_bytes_per_sec().map(growth),
            self.largest_cache(),
        ];
        words.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }

    fn largest_cache(&self) -> Option<String> {
        let caches = self.handle.caches();
        let (name, bytes) = caches
            .iter()
            .filter_map(|cache| Some((&cache.name, cache.usage_bytes?)))
            .max_by_key(|(_, bytes)| *bytes)?;
        Some(format!("largest cache: {name} with {}", ByteSize(bytes)))
    }
}

fn growth(per_sec: f64) -> String {
    let size = ByteSize(per_sec.abs() as u64);
    if per_sec < 0.0 { format!("shrinks by {size}/s") } else { format!("grows by {size}/s") }
}

/// When the monitor has been silent for too long, if it is so until then; `None` when it has been already.
pub(super) fn silent_at(handle: &Handle, at: Moment) -> Option<Instant> {
    let (silent, most) = handle.silence(at)?;
    // A little later, so that it is above the line by then.
    let left = most.checked_sub(silent)?;
    Some(at.instant + left + std::time::Duration::from_millis(10))
}

/// Who speaks: labels that all alerts have.
pub(super) fn base(handle: &Handle) -> Labels {
    let process = handle.process();
    let host = host();
    let service = std::env::var("OTEL_SERVICE_NAME").ok().filter(|name| !name.is_empty());
    let instance = host.as_ref().map(|host| format!("{host}:{}", process.pid));
    let labels = [
        ("service", Some(service.unwrap_or(process.name))),
        ("instance", Some(instance.unwrap_or(process.pid.to_string()))),
        ("host", host),
        ("pid", Some(process.pid.to_string())),
    ];
    labels.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?))).collect()
}

/// The machine's name, as far as it tells it.
fn host() -> Option<String> {
    let told = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = told.or_else(|| std::env::var("HOSTNAME").ok())?.trim().to_owned();
    Some(name).filter(|name| !name.is_empty())
}
