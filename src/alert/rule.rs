//! `AlertRule`: what a user wants to hear of.

use super::defaults::default_rules;
use super::seen::{EVENT_TYPES, EXTRA, ONCE};
use super::told::Labels;
use crate::error::Error;
use crate::level::Level;
use crate::metric::METRICS;
use serde_json::Value;
use std::time::Duration;

/// The most rules that a monitor takes, its own among them.
pub(super) const MOST_RULES: usize = 64;

/// For how long an alert is kept after its cause has gone, unless given: usage that wavers makes no flapping alert.
const KEPT: Duration = Duration::from_secs(60);

/// How bad it is: the label `severity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AlertSeverity {
    /// Worth knowing.
    Info,
    /// Worth a look in working hours.
    Warning,
    /// Worth waking somebody.
    Critical,
}

impl AlertSeverity {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            AlertSeverity::Info => "info",
            AlertSeverity::Warning => "warning",
            AlertSeverity::Critical => "critical",
        }
    }
}

/// When a figure is worth an alert.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum AlertWhen {
    /// Above this.
    Above(f64),
    /// At this or above.
    AtLeast(f64),
    /// Below this.
    Below(f64),
    /// Whenever it is more than at the tick before: for totals.
    Rises,
}

/// One rule: a figure or an event, and what is said of it. Add it with [`Builder::alert`](crate::Builder::alert).
///
/// An alert *fires* once its cause has lasted for [`for_secs`](AlertRule::for_secs), and is *resolved* once the cause has been
/// gone for [`keep_secs`](AlertRule::keep_secs). A figure that is unknown changes nothing.
///
/// ```
/// use plimsoll::{AlertRule, AlertSeverity, AlertWhen::Above, Monitor};
/// let nearly_full = AlertRule::metric("usage_percent", Above(90.0))
///     .named("SearchNearlyFull")
///     .for_secs(120)
///     .severity(AlertSeverity::Critical)
///     .summary("{usage_percent} % of {budget_bytes} are used")
///     .label("team", "search");
/// let evicted_too_little = AlertRule::event("eviction_completed").when("success", false);
/// let monitor = Monitor::builder()
///     .budget("64MiB".parse()?)
///     .alert(nearly_full)
///     .alert(evicted_too_little)
///     .start()?;
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a rule does nothing until it is given to a builder"]
pub struct AlertRule {
    pub(super) name: String,
    pub(super) trigger: Trigger,
    pub(super) hold: Duration,
    pub(super) keep: Duration,
    pub(super) severity: AlertSeverity,
    pub(super) summary: String,
    pub(super) labels: Labels,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Trigger {
    Metric(String, AlertWhen),
    Event(EventTrigger),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct EventTrigger {
    pub(super) event_type: String,
    /// Only events with this value there; others of the type end the cause.
    pub(super) field: Option<(String, Value)>,
    /// So many in a row.
    pub(super) times: u32,
    /// A field whose every value is an alert of its own.
    pub(super) by: Option<String>,
    /// The cause lasts until the level is below this.
    pub(super) until: Option<Level>,
}

impl EventTrigger {
    /// Whether the cause outlasts the event: until another of its type, or a lower level, ends it.
    pub(super) fn lasts(&self) -> bool {
        let has_another = !ONCE.contains(&self.event_type.as_str());
        self.until.is_some() || self.field.is_some() && has_another
    }
}

impl AlertRule {
    /// A rule over a figure: any of [`METRICS`](crate::METRICS), an [`OwnMetric`](crate::OwnMetric), `level` (0 healthy to 3
    /// critical), `time_to_budget_latest_secs` (the [forecast](crate::TimeToBudget)'s latest), `leak_suspected` (1 while a leak is
    /// suspected or confirmed), `leak_growth_bytes`, or `monitor_silence` (above 1 when the monitor has not ticked for longer than
    /// it may).
    pub fn metric(name: impl Into<String>, when: AlertWhen) -> Self {
        let name = name.into();
        AlertRule::new(name.clone(), Trigger::Metric(name, when))
    }

    /// A rule over events of a type: `gave_up`, `refill_storm` ... as logs have them in `event_type`.
    pub fn event(event_type: impl Into<String>) -> Self {
        let event_type = event_type.into();
        let trigger =
            EventTrigger { event_type: event_type.clone(), times: 1, ..EventTrigger::default() };
        AlertRule::new(event_type, Trigger::Event(trigger))
    }

    fn new(name: String, trigger: Trigger) -> Self {
        AlertRule {
            summary: name.clone(),
            name,
            trigger,
            hold: Duration::ZERO,
            keep: KEPT,
            severity: AlertSeverity::Warning,
            labels: Labels::new(),
        }
    }

    /// Its name, the label `alertname`; that of the figure or event unless given.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// For how long the cause must last before the alert fires; 0 unless given. An event without `when` and `until_below`, one
    /// that comes once a run, and a total that rises are over in a moment and take none.
    pub fn for_secs(mut self, secs: u64) -> Self {
        self.hold = Duration::from_secs(secs);
        self
    }

    /// For how long the cause must be gone before the alert is resolved; 60 s unless given.
    pub fn keep_secs(mut self, secs: u64) -> Self {
        self.keep = Duration::from_secs(secs);
        self
    }

    /// The label `severity`; `warning` unless given.
    pub fn severity(mut self, severity: AlertSeverity) -> Self {
        self.severity = severity;
        self
    }

    /// What it says. `{usage_percent}` and the like are replaced by the figure of that name as of when it fires, or by the
    /// event's field; `{value}` is the figure of the rule.
    pub fn summary(mut self, summary: impl Into<String>) -> Self {
        self.summary = summary.into();
        self
    }

    /// A label of your own.
    pub fn label(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.labels.insert(name.into(), text.into());
        self
    }

    /// Only events whose field has this value. Another event of the same type ends the cause; one that comes once a run, as
    /// `previous_run`, is over in a moment. For events.
    pub fn when(self, field: impl Into<String>, value: impl Into<Value>) -> Self {
        let field = Some((field.into(), value.into()));
        self.with_event(|event| event.field = field)
    }

    /// Only so many in a row; 1 unless given. For events.
    pub fn times(self, times: u32) -> Self {
        self.with_event(|event| event.times = times)
    }

    /// An alert for every value of the field, which becomes a label. For events.
    pub fn by(self, field: impl Into<String>) -> Self {
        let field = field.into();
        self.with_event(|event| event.by = Some(field))
    }

    /// The cause lasts until the level is below this. For events.
    pub fn until_below(self, level: Level) -> Self {
        self.with_event(|event| event.until = Some(level))
    }

    fn with_event(mut self, change: impl FnOnce(&mut EventTrigger)) -> Self {
        if let Trigger::Event(event) = &mut self.trigger {
            change(event);
        }
        self
    }
}

/// What a builder has been told of rules.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleSet {
    pub(crate) own: Vec<AlertRule>,
    pub(crate) without_defaults: bool,
}

impl RuleSet {
    /// Those in force: everybody's, then the user's own.
    pub(crate) fn in_force(&self) -> Vec<AlertRule> {
        let defaults = if self.without_defaults { Vec::new() } else { default_rules() };
        defaults.into_iter().chain(self.own.iter().cloned()).collect()
    }
}

/// # Errors
/// For a rule over what is not there, with a name or label that cannot be used, or that stands twice.
pub(crate) fn check(rules: &[AlertRule], own_metrics: &[&str]) -> Result<(), Error> {
    if rules.len() > MOST_RULES {
        return Err(Error::setting("alerts", rules.len(), "at most 64"));
    }
    for (index, rule) in rules.iter().enumerate() {
        check_trigger(&rule.trigger, own_metrics)?;
        check_hold(rule)?;
        check_labels(rule)?;
        let is_same = |other: &AlertRule| {
            (&other.name, other.severity.as_str(), &other.labels)
                == (&rule.name, rule.severity.as_str(), &rule.labels)
        };
        if rules.iter().skip(index + 1).any(is_same) {
            let expected = "a name, severity and labels that no other alert has";
            return Err(Error::setting("alert", format!("{:?}", rule.name), expected));
        }
    }
    Ok(())
}

fn check_trigger(trigger: &Trigger, own_metrics: &[&str]) -> Result<(), Error> {
    match trigger {
        Trigger::Metric(name, when) => check_metric(name, *when, own_metrics),
        Trigger::Event(EventTrigger { event_type, times, .. }) => {
            if !EVENT_TYPES.contains(&event_type.as_str()) {
                let expected = format!("one of {}", EVENT_TYPES.join(", "));
                return Err(Error::setting("alert's event", format!("{event_type:?}"), &expected));
            }
            match times {
                0 => Err(Error::setting("alert's times", 0, "at least 1")),
                2.. if ONCE.contains(&event_type.as_str()) => {
                    let expected = format!("1, since {event_type} comes once a run");
                    Err(Error::setting("alert's times", times, &expected))
                }
                _ => Ok(()),
            }
        }
    }
}

/// What is over in a moment never lasts for so long: it would never fire.
fn check_hold(rule: &AlertRule) -> Result<(), Error> {
    let lasts = match &rule.trigger {
        Trigger::Metric(_, when) => *when != AlertWhen::Rises,
        Trigger::Event(event) => event.lasts(),
    };
    if lasts || rule.hold.is_zero() {
        return Ok(());
    }
    let expected = "0 for what is over in a moment: an event without `when` and `until_below`, or one that comes once a run, \
                    or a total that rises";
    Err(Error::setting("alert's for_secs", rule.hold.as_secs(), expected))
}

fn check_metric(name: &str, when: AlertWhen, own_metrics: &[&str]) -> Result<(), Error> {
    let known = METRICS.iter().any(|metric| metric.name == name)
        || EXTRA.contains(&name)
        || own_metrics.contains(&name);
    if !known {
        let expected = format!("one of METRICS, a metric of your own, or {}", EXTRA.join(", "));
        return Err(Error::setting("alert's metric", format!("{name:?}"), &expected));
    }
    match when {
        AlertWhen::Above(bound) | AlertWhen::AtLeast(bound) | AlertWhen::Below(bound)
            if !bound.is_finite() =>
        {
            Err(Error::setting("alert's bound", bound, "a finite number"))
        }
        _ => Ok(()),
    }
}

/// Labels that plimsoll gives.
const OWN_LABELS: [&str; 6] = ["alertname", "severity", "service", "instance", "host", "pid"];

fn check_labels(rule: &AlertRule) -> Result<(), Error> {
    if rule.name.trim().is_empty() || rule.name.len() > 128 {
        return Err(Error::setting(
            "alert's name",
            format!("{:?}", rule.name),
            "1 to 128 bytes long",
        ));
    }
    let own_by = match &rule.trigger {
        Trigger::Event(event) => event.by.as_deref(),
        Trigger::Metric(..) => None,
    };
    for name in rule.labels.keys().map(String::as_str).chain(own_by) {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let begins_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !begins_well || !name.chars().all(plain) || OWN_LABELS.contains(&name) {
            let expected = "letters, digits and _, no digit first, and none of plimsoll's own";
            return Err(Error::setting("alert's label", format!("{name:?}"), expected));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(rule: AlertRule) -> String {
        check(&[rule], &["queued"]).expect_err("a refusal").to_string()
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let rule = |name: &str| AlertRule::metric(name, AlertWhen::Above(1.0));
        assert!(refused(rule("usage")).starts_with("alert's metric of \"usage\": must be one of"));
        assert!(refused(AlertRule::event("gave_in")).contains("gave_up"));
        assert!(refused(AlertRule::event("gave_up").times(0)).contains("at least 1"));
        let once = AlertRule::event("previous_run").when("is_oom", true);
        assert!(refused(once.clone().times(2)).contains("comes once a run"));
        assert!(refused(once.for_secs(5)).contains("comes once a run"));
        assert!(refused(rule("level").label("pid", "1")).contains("alert's label of \"pid\""));
        assert!(refused(rule("level").label("0a", "1")).contains("no digit first"));
        assert!(refused(rule("level").named(" ")).contains("1 to 128 bytes"));
        let nan = AlertRule::metric("level", AlertWhen::Below(f64::NAN));
        assert!(refused(nan).contains("a finite number"));
        let moment = AlertRule::event("gave_up").for_secs(10);
        assert!(refused(moment.clone()).starts_with("alert's for_secs of 10: must be 0"));
        let lasting = moment.until_below(Level::Caution);
        check(&[lasting], &[]).expect("a cause that lasts");
        let rises = AlertRule::metric("evictions_total", AlertWhen::Rises).for_secs(10);
        assert!(refused(rises).contains("a moment"));
        let twice = [rule("level"), rule("level")];
        assert!(check(&twice, &[]).expect_err("twice").to_string().contains("no other alert"));
        let many = vec![rule("level"); MOST_RULES + 1];
        assert!(check(&many, &[]).expect_err("too many").to_string().contains("at most 64"));
    }

    #[test]
    fn own_metrics_and_the_defaults_can_be_used() {
        let own = AlertRule::metric("queued", AlertWhen::Above(1.0));
        let set = RuleSet { own: vec![own], without_defaults: false };
        check(&set.in_force(), &["queued"]).expect("sensible rules");
        assert_eq!(RuleSet { without_defaults: true, ..set }.in_force().len(), 1);
    }
}
