//! The settings in force and where each came from: builder, else environment, else default.
//!
//! ```text
//! mod.rs       every setting, and what makes sense together
//! heap_profile.rs  whether and how the heap is sampled
//! resolver.rs  whose word counts
//! text.rs      how an operator writes it
//! serving.rs   where and how the monitor is shown to others
//! ```

mod heap_profile;
mod resolver;
mod serving;
mod text;

use crate::error::Error;
use crate::policy::budget::Budget;
use crate::policy::health::GrowthLimits;
use crate::policy::threshold::{Threshold, Thresholds};
use crate::policy::usage::Meter;
use crate::setting::{Origin, Setting};
pub(crate) use heap_profile::HeapSampling;
use resolver::{Resolver, blame};
pub use serving::WebhookForm;
pub(crate) use serving::{Secret, Serving, SocketPlace};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
pub(super) use text::word;
use text::{count, duration, file, on_or_off, parse, points};

/// What a builder has been told so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    pub(super) budget: Option<Budget>,
    pub(super) meter: Option<Meter>,
    pub(super) interval: Option<Duration>,
    pub(super) ring: Option<usize>,
    pub(super) thresholds: Option<(f64, f64, f64)>,
    pub(super) leave_below: Option<f64>,
    pub(super) growth_window: Option<Duration>,
    pub(super) growth_warning: Option<u64>,
    pub(super) growth_critical: Option<u64>,
    pub(super) leak_window: Option<Duration>,
    pub(super) eviction_target: Option<u64>,
    pub(super) hook_timeout: Option<Duration>,
    pub(super) purge: Option<bool>,
    pub(super) background_purge: Option<bool>,
    pub(super) dirty_decay: Option<Duration>,
    pub(super) recorder: Option<PathBuf>,
    pub(super) heap_profile: Option<Option<HeapSampling>>,
    pub(super) serving: serving::Given,
}

/// Everything the monitor goes by.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) budget: Option<Budget>,
    pub(super) meter: Meter,
    pub(super) interval: Duration,
    pub(super) ring: usize,
    pub(super) thresholds: Thresholds,
    pub(super) growth_window: Duration,
    pub(super) growth: GrowthLimits,
    pub(super) leak_window: Duration,
    pub(super) eviction_target: u64,
    pub(super) hook_timeout: Duration,
    pub(super) purge: bool,
    /// `None`: left as it is.
    pub(super) background_purge: Option<bool>,
    pub(super) dirty_decay: Option<Duration>,
    /// Where the run is recorded.
    pub(super) recorder: Option<PathBuf>,
    pub(super) heap_profile: Option<HeapSampling>,
    pub(super) serving: Serving,
    pub(super) report: Vec<Setting>,
}

const MIB: u64 = 1 << 20;

/// Six hours.
const LEAK_WINDOW: u64 = 6 * 3600;

/// Looks that make a floor.
const LOOKS: u32 = 8;

const MOST_SNAPSHOTS: usize = 1_000_000;
const LONGEST: Duration = Duration::from_secs(24 * 3600);

impl Settings {
    /// Joins what was given with what `environment` says and the defaults.
    ///
    /// # Errors
    /// For a value that does not parse or is out of range; one from the environment is named by its variable.
    pub(super) fn resolve(
        given: &Given,
        environment: &dyn Fn(&str) -> Option<String>,
        changes: &BTreeMap<String, String>,
    ) -> Result<Self, Error> {
        let mut r = Resolver { environment, changes, report: Vec::new() };
        let (w, p, e) =
            given.thresholds.map_or((None, None, None), |(w, p, e)| (Some(w), Some(p), Some(e)));
        let defaults = Thresholds::default();
        let percent = |t| defaults.percent(t);
        let settings = Settings {
            budget: r.optional(
                "budget",
                "PLIMSOLL_BUDGET",
                given.budget,
                parse::<Budget>,
                found_unless_given,
            )?,
            meter: r.required(
                "meter",
                "PLIMSOLL_METER",
                given.meter,
                parse::<Meter>,
                Meter::default(),
                Meter::as_str,
            )?,
            interval: r.duration("interval", "PLIMSOLL_INTERVAL", given.interval, 30)?,
            ring: r.required("ring", "PLIMSOLL_RING", given.ring, count, 2880, |n| n)?,
            growth_window: r.duration(
                "growth_window",
                "PLIMSOLL_GROWTH_WINDOW",
                given.growth_window,
                300,
            )?,
            growth: GrowthLimits {
                warning: r.size(
                    "growth_warning",
                    "PLIMSOLL_GROWTH_WARNING",
                    given.growth_warning,
                    5 * MIB,
                )?,
                critical: r.size(
                    "growth_critical",
                    "PLIMSOLL_GROWTH_CRITICAL",
                    given.growth_critical,
                    10 * MIB,
                )?,
            },
            leak_window: r.duration(
                "leak_window",
                "PLIMSOLL_LEAK_WINDOW",
                given.leak_window,
                LEAK_WINDOW,
            )?,
            eviction_target: r.size(
                "eviction_target",
                "PLIMSOLL_EVICTION_TARGET",
                given.eviction_target,
                512 * MIB,
            )?,
            hook_timeout: r.duration(
                "hook_timeout",
                "PLIMSOLL_HOOK_TIMEOUT",
                given.hook_timeout,
                10,
            )?,
            purge: r.required("purge", "PLIMSOLL_PURGE", given.purge, on_or_off, true, word)?,
            background_purge: r.optional(
                "background_purge",
                "PLIMSOLL_BACKGROUND_PURGE",
                given.background_purge,
                on_or_off,
                left_as_it_is,
            )?,
            dirty_decay: r.optional(
                "dirty_decay",
                "PLIMSOLL_DIRTY_DECAY",
                given.dirty_decay,
                duration,
                left_as_it_is,
            )?,
            recorder: r.optional(
                "recorder",
                "PLIMSOLL_RECORDER",
                given.recorder.clone(),
                file,
                |path| path.map_or("off".into(), |path| path.display().to_string()),
            )?,
            heap_profile: r.required(
                "heap_profile",
                "PLIMSOLL_HEAP_PROFILE",
                given.heap_profile,
                heap_profile::parse,
                None,
                heap_profile::show,
            )?,
            thresholds: Thresholds::new(
                r.percent("warning_at", "PLIMSOLL_WARNING_AT", w, percent(Threshold::Warning))?,
                r.percent("prompt_at", "PLIMSOLL_PROMPT_AT", p, percent(Threshold::Prompt))?,
                r.percent(
                    "emergency_at",
                    "PLIMSOLL_EMERGENCY_AT",
                    e,
                    percent(Threshold::Emergency),
                )?,
            )
            .map_err(|error| r.blame(error))?
            .leave_below(r.required(
                "leave_below",
                "PLIMSOLL_LEAVE_BELOW",
                given.leave_below,
                points,
                defaults.leave_points(),
                |points| points,
            )?)
            .map_err(|error| blame(&r.report, &["leave_below"], error))?,
            serving: Serving::resolve(&given.serving, &mut r)?,
            report: r.report,
        };
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), Error> {
        for (name, duration, least) in [
            ("interval", self.interval, Duration::from_millis(1)),
            ("growth_window", self.growth_window, Duration::from_secs(1)),
            ("leak_window", self.leak_window, Duration::from_secs(1)),
            ("hook_timeout", self.hook_timeout, Duration::from_millis(1)),
        ] {
            check_duration(name, duration, least)
                .map_err(|error| blame(&self.report, &[name], error))?;
        }
        if self.ring == 0 || self.ring > MOST_SNAPSHOTS {
            let error = Error::setting("ring", self.ring, "from 1 to 1000000 snapshots");
            return Err(blame(&self.report, &["ring"], error));
        }
        if self.growth.critical <= self.growth.warning {
            let expected =
                format!("above growth_warning ({} bytes per second)", self.growth.warning);
            let error = Error::setting("growth_critical", self.growth.critical, &expected);
            return Err(blame(&self.report, &["growth_critical", "growth_warning"], error));
        }
        if let Some(decay) = self.dirty_decay {
            check_duration("dirty_decay", decay, Duration::ZERO)
                .map_err(|error| blame(&self.report, &["dirty_decay"], error))?;
        }
        if self.eviction_target == 0 {
            let error = Error::setting("eviction_target", 0, "at least 1 byte");
            return Err(blame(&self.report, &["eviction_target"], error));
        }
        self.serving.check().map_err(|error| blame(&self.report, &["http_token"], error))
    }
}

impl Settings {
    /// A floor of fewer than eight looks would be none.
    pub(super) fn leak_window(&self) -> Duration {
        self.leak_window.max(self.interval.saturating_mul(LOOKS))
    }

    /// Notes what is in force of a setting.
    pub(super) fn note(&mut self, name: &str, value: String) {
        if let Some(setting) = self.report.iter_mut().find(|setting| setting.name == name) {
            setting.value = value;
        }
    }

    /// Whether somebody has said what the setting should be.
    pub(super) fn is_said(&self, name: &str) -> bool {
        let is_it = |setting: &&Setting| setting.name == name && setting.origin != Origin::Default;
        self.report.iter().any(|setting| is_it(&setting))
    }

    /// Names the variable when a setting that was refused came from one.
    pub(super) fn blame(&self, name: &str, error: Error) -> Error {
        blame(&self.report, &[name], error)
    }

    /// Notes what jemalloc has in force of a setting that was given.
    ///
    /// # Errors
    /// When that is something else, or nothing.
    pub(super) fn confirm(
        &mut self,
        name: &'static str,
        given: &str,
        in_force: Option<&str>,
    ) -> Result<(), Error> {
        let expected = match in_force {
            Some(value) if value == given => {
                self.note(name, given.to_owned());
                return Ok(());
            }
            Some(value) => format!("what jemalloc can do here: it stays at {value}"),
            None => "left out: jemalloc does not serve the heap here, or cannot do it".into(),
        };
        Err(blame(&self.report, &[name], Error::setting(name, given, &expected)))
    }
}

fn check_duration(name: &'static str, duration: Duration, least: Duration) -> Result<(), Error> {
    if duration >= least && duration <= LONGEST {
        return Ok(());
    }
    let expected = format!("from {} to 1day", humantime::format_duration(least));
    Err(Error::setting(name, humantime::format_duration(duration), &expected))
}

fn found_unless_given(budget: Option<Budget>) -> String {
    budget.map_or("found by itself".into(), |budget| budget.to_string())
}

/// One of jemalloc's own, which stays as it is unless given. What is in force is noted when that is known.
fn left_as_it_is<T>(_: Option<T>) -> String {
    "left as it is".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(given: &Given, environment: &[(&str, &str)]) -> Result<Settings, Error> {
        let lookup = |name: &str| {
            environment
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Settings::resolve(given, &lookup, &BTreeMap::new())
    }

    fn refused(given: &Given, environment: &[(&str, &str)]) -> String {
        resolve(given, environment).expect_err("a refusal").to_string()
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let settings = resolve(&Given::default(), &[]).expect("defaults");
        assert_eq!(settings.interval, Duration::from_secs(30));
        assert_eq!((settings.ring, settings.eviction_target), (2880, 512 * MIB));
        assert_eq!(settings.growth_window, Duration::from_secs(300));
        assert_eq!((settings.growth.warning, settings.growth.critical), (5 * MIB, 10 * MIB));
        assert_eq!(settings.thresholds, Thresholds::default());
        assert!(settings.report.iter().all(|setting| setting.origin == Origin::Default));
    }

    #[test]
    fn the_builder_wins_over_the_environment_and_that_over_the_default() {
        let given = Given { interval: Some(Duration::from_secs(1)), ..Given::default() };
        let environment = [
            ("PLIMSOLL_INTERVAL", "5s"),
            ("PLIMSOLL_BUDGET", "80%"),
            ("PLIMSOLL_WARNING_AT", "70 %"),
        ];
        let settings = resolve(&given, &environment).expect("settings");
        assert_eq!(settings.interval, Duration::from_secs(1));
        assert_eq!(settings.budget, Some(Budget::Percent(80.0)));
        assert_eq!(settings.thresholds.percent(Threshold::Warning), 70.0);
        let origin = |name| settings.report.iter().find(|s| s.name == name).map(|s| s.origin);
        assert_eq!(origin("interval"), Some(Origin::Builder));
        assert_eq!(origin("budget"), Some(Origin::Environment));
        assert_eq!(origin("ring"), Some(Origin::Default));
    }

    #[test]
    fn a_variable_that_does_not_parse_is_named() {
        for (variable, value) in [
            ("PLIMSOLL_BUDGET", "lots"),
            ("PLIMSOLL_INTERVAL", "soon"),
            ("PLIMSOLL_INTERVAL", "0s"),
            ("PLIMSOLL_RING", "-5"),
            ("PLIMSOLL_RING", "0"),
            ("PLIMSOLL_WARNING_AT", "high"),
            ("PLIMSOLL_WARNING_AT", "20"),
            ("PLIMSOLL_PROMPT_AT", "75"),
            ("PLIMSOLL_WARNING_AT", "94"),
            ("PLIMSOLL_LEAVE_BELOW", "a bit"),
            ("PLIMSOLL_LEAVE_BELOW", "0"),
            ("PLIMSOLL_LEAVE_BELOW", "41"),
            ("PLIMSOLL_GROWTH_WARNING", "20MiB"),
            ("PLIMSOLL_GROWTH_WINDOW", "0s"),
            ("PLIMSOLL_LEAK_WINDOW", "10ms"),
            ("PLIMSOLL_GROWTH_CRITICAL", "1KiB"),
            ("PLIMSOLL_EVICTION_TARGET", "0"),
            ("PLIMSOLL_METER", "gut feeling"),
            ("PLIMSOLL_PURGE", "maybe"),
            ("PLIMSOLL_BACKGROUND_PURGE", "sometimes"),
            ("PLIMSOLL_DIRTY_DECAY", "slowly"),
            ("PLIMSOLL_DIRTY_DECAY", "2days"),
            ("PLIMSOLL_RECORDER", " "),
            ("PLIMSOLL_HOOK_TIMEOUT", "2 fortnights"),
            ("PLIMSOLL_HEAP_PROFILE", "often"),
        ] {
            let message = refused(&Given::default(), &[(variable, value)]);
            assert!(
                message.starts_with(&format!("environment variable {variable}: ")),
                "{message}"
            );
        }
    }

    #[test]
    fn an_interval_of_zero_is_refused() {
        let given = Given { interval: Some(Duration::ZERO), ..Given::default() };
        assert_eq!(refused(&given, &[]), "interval of 0s: must be from 1ms to 1day");
        let given = Given { ring: Some(0), ..Given::default() };
        assert_eq!(refused(&given, &[]), "ring of 0: must be from 1 to 1000000 snapshots");
    }

    #[test]
    fn thresholds_out_of_order_are_refused() {
        let given = Given { thresholds: Some((80.0, 70.0, 98.0)), ..Given::default() };
        assert!(refused(&given, &[]).starts_with("prompt threshold of 70 %"));
    }
}
