//! Is the process well, as far as memory goes? Six checks of our own, and the user's.

use crate::audit::{Audit, Verdict};
use crate::level::Level;
use crate::mebibyte::mib_of;
use crate::policy::leak::{LeakStatus, LeakVerdict};
use crate::snapshot::Snapshot;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The worst that a check has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// Nothing.
    #[default]
    Healthy,
    /// Something to look at.
    Warning,
    /// Something to act on.
    Critical,
}

impl HealthStatus {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            HealthStatus::Healthy => "healthy",
            HealthStatus::Warning => "warning",
            HealthStatus::Critical => "critical",
        }
    }
}

/// What one check found.
///
/// ```
/// let check = plimsoll::Check::warning("queue is long").with("queued", 120);
/// assert!(!check.is_healthy());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    healthy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<HealthStatus>,
    message: String,
    #[serde(flatten)]
    context: Map<String, Value>,
}

impl Check {
    /// All is well.
    pub fn healthy(message: impl Into<String>) -> Self {
        Check::new(HealthStatus::Healthy, message)
    }

    /// Something to look at.
    pub fn warning(message: impl Into<String>) -> Self {
        Check::new(HealthStatus::Warning, message)
    }

    /// Something to act on.
    pub fn critical(message: impl Into<String>) -> Self {
        Check::new(HealthStatus::Critical, message)
    }

    fn new(status: HealthStatus, message: impl Into<String>) -> Self {
        let severity = (status != HealthStatus::Healthy).then_some(status);
        Check {
            healthy: severity.is_none(),
            severity,
            message: message.into(),
            context: Map::new(),
        }
    }

    /// Adds a figure to what is reported. `healthy`, `severity` and `message` are taken.
    #[must_use]
    pub fn with(mut self, key: &str, figure: impl Into<Value>) -> Self {
        if !["healthy", "severity", "message"].contains(&key) {
            self.context.insert(key.into(), figure.into());
        }
        self
    }

    /// Whether nothing was found.
    pub fn is_healthy(&self) -> bool {
        self.healthy
    }

    /// How bad it is.
    pub fn status(&self) -> HealthStatus {
        self.severity.unwrap_or_default()
    }

    /// What was found, in words.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// Growth that deserves attention, in bytes per second: 5 and 10 MiB unless given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct GrowthLimits {
    pub(crate) warning: u64,
    pub(crate) critical: u64,
}

/// What the checks look at besides the newest snapshot. Allocates nothing: every tick takes them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vitals {
    pub(crate) running: bool,
    pub(crate) counting: bool,
    /// Since the last tick.
    pub(crate) silent_for: Option<Duration>,
    /// How long the monitor may be silent at most when all is well.
    pub(crate) silence_limit: Duration,
    pub(crate) caches: usize,
    /// Whether any cache is in quarantine.
    pub(crate) quarantined: bool,
    /// Whether anything went wrong in the last eviction, while that still matters.
    pub(crate) last_eviction_errors: bool,
    pub(crate) last_eviction_failed: bool,
    pub(crate) leak: LeakVerdict,
}

/// The words behind the vitals, for whoever asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    /// Caches in quarantine, by name.
    pub(crate) quarantined: Vec<String>,
    /// What went wrong in the last eviction, while that still matters.
    pub(crate) last_eviction_errors: Vec<String>,
    pub(crate) leak: LeakStatus,
}

/// The names of our own checks that every tick makes, in the order in which they are reported.
pub(crate) const OWN_CHECKS: [&str; 5] =
    ["memory_usage", "memory_growth", "memory_leak", "eviction_system", "tracker_status"];

/// The sixth, made when somebody asks: it reads some 470 figures of jemalloc's, which is nothing for every tick. A check of
/// its own and no part of `tracker_status`, since it judges the count, whether or not a monitor runs, and whoever reads
/// `failed_checks` shall see which of the two failed.
pub(crate) const COUNT_AUDIT: &str = "count_audit";

/// The one of a recorder, where there is one.
pub(crate) const RECORDER: &str = "recorder";

/// What each of our own checks comes to, without its words: allocates nothing.
pub(crate) fn own_statuses(
    newest: Option<&Snapshot>,
    growth: GrowthLimits,
    vitals: &Vitals,
) -> [HealthStatus; 5] {
    [
        usage_status(newest),
        growth_status(newest, growth),
        leak_status(vitals),
        eviction_status(newest, vitals),
        tracker_status(vitals),
    ]
}

/// Our own checks with their words.
pub(crate) fn own_checks(
    newest: Option<&Snapshot>,
    growth: GrowthLimits,
    vitals: &Vitals,
    words: &Words,
) -> Vec<(String, Check)> {
    let [usage, growth, leak, eviction, tracker] = own_statuses(newest, growth, vitals);
    let checks = [
        usage_check(usage, newest),
        growth_check(growth, newest),
        leak_check(leak, &words.leak),
        eviction_check(eviction, newest, vitals, words),
        tracker_check(tracker, vitals),
    ];
    OWN_CHECKS.iter().map(|name| (*name).to_owned()).zip(checks).collect()
}

fn level_of(newest: Option<&Snapshot>) -> Level {
    newest.map_or(Level::Healthy, Snapshot::level)
}

fn usage_status(newest: Option<&Snapshot>) -> HealthStatus {
    // An unknown usage is no healthy one.
    if newest.and_then(|snapshot| snapshot.usage_percent()).is_none() {
        return HealthStatus::Warning;
    }
    match level_of(newest) {
        Level::Healthy | Level::Caution => HealthStatus::Healthy,
        Level::Warning => HealthStatus::Warning,
        Level::Critical => HealthStatus::Critical,
    }
}

fn usage_check(status: HealthStatus, newest: Option<&Snapshot>) -> Check {
    let Some(percent) = newest.and_then(|snapshot| snapshot.usage_percent()) else {
        return Check::new(status, "memory usage is unknown");
    };
    let level = level_of(newest);
    let message = format!("memory usage is {percent:.1} % of the budget ({level})");
    Check::new(status, message).with("usage_percent", percent).with("level", level.as_str())
}

fn growth_status(newest: Option<&Snapshot>, limits: GrowthLimits) -> HealthStatus {
    match newest.and_then(|snapshot| snapshot.growth_bytes_per_sec()) {
        Some(rate) if rate > limits.critical as f64 => HealthStatus::Critical,
        Some(rate) if rate > limits.warning as f64 => HealthStatus::Warning,
        _ => HealthStatus::Healthy,
    }
}

fn growth_check(status: HealthStatus, newest: Option<&Snapshot>) -> Check {
    let Some(rate) = newest.and_then(|snapshot| snapshot.growth_bytes_per_sec()) else {
        return Check::new(status, "growth is not known yet");
    };
    let mib = mib_of(rate);
    Check::new(status, format!("memory grows by {mib:.2} MiB/s"))
        .with("growth_rate_mb_per_sec", mib)
        .with("growth_rate_bytes_per_sec", rate)
}

/// A suspicion is something to look at: it has been a leak for days, and is none for today.
fn leak_status(vitals: &Vitals) -> HealthStatus {
    match vitals.leak {
        LeakVerdict::Suspected | LeakVerdict::Confirmed => HealthStatus::Warning,
        LeakVerdict::None | LeakVerdict::Growing => HealthStatus::Healthy,
    }
}

fn leak_check(status: HealthStatus, leak: &LeakStatus) -> Check {
    let check = Check::new(status, leak.to_string()).with("verdict", leak.verdict.as_str());
    check.with("growth_bytes", json!(leak.growth_bytes)).with("sites", json!(leak.sites))
}

fn eviction_status(newest: Option<&Snapshot>, vitals: &Vitals) -> HealthStatus {
    let level = level_of(newest);
    let failed = vitals.last_eviction_failed && level >= Level::Warning;
    if vitals.caches == 0 && level == Level::Critical {
        HealthStatus::Critical
    } else if failed || vitals.quarantined || vitals.last_eviction_errors {
        HealthStatus::Warning
    } else {
        HealthStatus::Healthy
    }
}

fn eviction_check(
    status: HealthStatus,
    newest: Option<&Snapshot>,
    vitals: &Vitals,
    words: &Words,
) -> Check {
    let message = if vitals.caches == 0 && level_of(newest) == Level::Critical {
        "nothing is registered that could be evicted".into()
    } else if !words.quarantined.is_empty() {
        format!("caches in quarantine: {}", words.quarantined.join(", "))
    } else if !words.last_eviction_errors.is_empty() {
        format!("errors in the last eviction: {}", words.last_eviction_errors.join("; "))
    } else if status != HealthStatus::Healthy {
        "the last eviction freed too little".into()
    } else {
        format!("{} caches registered", vitals.caches)
    };
    Check::new(status, message).with("registered_caches", vitals.caches)
}

fn tracker_status(vitals: &Vitals) -> HealthStatus {
    let is_silent = vitals.silent_for.is_some_and(|silent| silent > vitals.silence_limit);
    if !vitals.running || is_silent {
        HealthStatus::Critical
    } else if !vitals.counting {
        HealthStatus::Warning
    } else {
        HealthStatus::Healthy
    }
}

fn tracker_check(status: HealthStatus, vitals: &Vitals) -> Check {
    let message = match status {
        HealthStatus::Critical if !vitals.running => "the monitor does not run",
        HealthStatus::Critical => "the monitor has fallen silent",
        HealthStatus::Warning => "plimsoll is not the global allocator: nothing is counted",
        HealthStatus::Healthy => "the monitor runs",
    };
    let silent = vitals.silent_for.map(|silent| silent.as_secs_f64());
    Check::new(status, message).with("seconds_since_last_tick", json!(silent))
}

/// What jemalloc's bins say of the count. Nothing to hold it against is no finding.
pub(crate) fn audit_check(audit: Option<&Audit>) -> (String, Check) {
    let check = match audit {
        None => Check::healthy("no jemalloc behind the count to hold it against"),
        Some(audit) => Check::new(audit_status(audit.verdict), audit.to_string())
            .with("audit", serde_json::to_value(audit).unwrap_or_default()),
    };
    (COUNT_AUDIT.to_owned(), check)
}

/// More is no finding: C code that calls the same jemalloc is no fault, and would be reported for ever. Fewer is worth a
/// look and no more: the process is as well as it was.
fn audit_status(verdict: Verdict) -> HealthStatus {
    match verdict {
        Verdict::Explained | Verdict::MoreThanCounted => HealthStatus::Healthy,
        Verdict::FewerThanCounted => HealthStatus::Warning,
    }
}

/// The worst of all checks: none that failed is left out.
pub(crate) fn overall(checks: &[(String, Check)]) -> HealthStatus {
    checks.iter().map(|(_, check)| check.status()).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{Field, FloatField};
    use crate::snapshot::Moment;
    use crate::source::Readings;

    const LIMITS: GrowthLimits = GrowthLimits { warning: 5 << 20, critical: 10 << 20 };

    fn vitals() -> Vitals {
        Vitals {
            running: true,
            counting: true,
            silent_for: Some(Duration::ZERO),
            silence_limit: Duration::from_secs(90),
            caches: 1,
            quarantined: false,
            last_eviction_errors: false,
            last_eviction_failed: false,
            leak: LeakVerdict::Growing,
        }
    }

    fn snapshot(usage: Option<u64>, level: Level, growth: Option<f64>) -> Snapshot {
        let mut snapshot = Snapshot::new(Moment::now(), Duration::ZERO, &Readings::default());
        snapshot.values.set(Field::Budget, Some(100));
        snapshot.values.set(Field::Usage, usage);
        snapshot.values.set_float(FloatField::Growth, growth);
        snapshot.values.level = level;
        snapshot
    }

    fn status(snapshot: &Snapshot, vitals: &Vitals) -> HealthStatus {
        overall(&own_checks(Some(snapshot), LIMITS, vitals, &Words::default()))
    }

    #[test]
    fn the_worst_check_decides() {
        use HealthStatus::{Critical, Healthy, Warning};
        let calm = snapshot(Some(50), Level::Healthy, Some(0.0));
        assert_eq!(status(&calm, &vitals()), Healthy);
        assert_eq!(status(&snapshot(Some(94), Level::Warning, None), &vitals()), Warning);
        assert_eq!(status(&snapshot(Some(99), Level::Critical, None), &vitals()), Critical);
        let fast = snapshot(Some(50), Level::Healthy, Some(6.0 * 1_048_576.0));
        assert_eq!(status(&fast, &vitals()), Warning);
        let faster = snapshot(Some(50), Level::Healthy, Some(11.0 * 1_048_576.0));
        assert_eq!(status(&faster, &vitals()), Critical);
        assert_eq!(status(&calm, &Vitals { running: false, ..vitals() }), Critical);
        let silent = Vitals { silent_for: Some(Duration::from_secs(91)), ..vitals() };
        assert_eq!(status(&calm, &silent), Critical);
        assert_eq!(status(&calm, &Vitals { counting: false, ..vitals() }), Warning);
        for leak in [LeakVerdict::Suspected, LeakVerdict::Confirmed] {
            assert_eq!(status(&calm, &Vitals { leak, ..vitals() }), Warning);
        }
        let quarantined = Vitals { quarantined: true, ..vitals() };
        assert_eq!(status(&calm, &quarantined), Warning);
    }

    #[test]
    fn an_unknown_usage_is_not_healthy() {
        assert_eq!(status(&snapshot(None, Level::Healthy, None), &vitals()), HealthStatus::Warning);
        assert_eq!(own_statuses(None, LIMITS, &vitals())[0], HealthStatus::Warning);
    }

    #[test]
    fn a_wrong_count_is_worth_a_look_and_an_unaudited_one_is_well() {
        let statuses = [Verdict::Explained, Verdict::MoreThanCounted, Verdict::FewerThanCounted];
        use HealthStatus::{Healthy, Warning};
        assert_eq!(statuses.map(audit_status), [Healthy, Healthy, Warning]);
        assert!(audit_check(None).1.is_healthy());
    }

    #[test]
    fn a_check_keeps_its_own_keys() {
        let check = Check::warning("w").with("message", "stolen").with("queued", 3);
        let json = serde_json::to_value(&check).expect("JSON");
        assert_eq!(
            json,
            json!({"healthy": false, "severity": "warning", "message": "w", "queued": 3})
        );
        let fine = serde_json::to_value(Check::healthy("ok")).expect("JSON");
        assert_eq!(fine, json!({"healthy": true, "message": "ok"}));
    }
}
