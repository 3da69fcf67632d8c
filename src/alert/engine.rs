//! The engine: every rule against one look at the monitor; what begins to fire and what is resolved comes out, once.

use super::rule::{AlertRule, AlertWhen, EventTrigger, MOST_RULES, Trigger};
use super::seen::Seen;
use super::state::State;
use super::told::{Alert, Labels};
use super::words;
use crate::event::NumberedEvent;
use crate::snapshot::Moment;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Instant;

/// The most alerts with a label by the event that are minded at a time. A rule without one always has room.
const MOST_ALERTS: usize = 256;

/// And with those without one.
pub(crate) const MOST_AT_ONCE: usize = MOST_ALERTS + MOST_RULES;

/// A rule by its place, and the text of its label by the event.
type Key = (usize, String);

/// What an event's fields were.
type Fields = BTreeMap<Key, Value>;

/// Rules, and how each of their alerts stands.
pub(crate) struct Engine {
    rules: Vec<AlertRule>,
    /// Of the process: service, instance, host, pid.
    base: Labels,
    states: BTreeMap<Key, State>,
    /// The last value of a total that may rise.
    totals: BTreeMap<usize, f64>,
    overflowed: u64,
}

impl Engine {
    pub(crate) fn new(rules: Vec<AlertRule>, base: Labels) -> Self {
        Engine { rules, base, states: BTreeMap::new(), totals: BTreeMap::new(), overflowed: 0 }
    }

    /// Takes in a look: what began to fire with it and what is resolved. The same alert comes once for each.
    pub(crate) fn observe(&mut self, seen: &Seen<'_>) -> Vec<Alert> {
        let mut fields = Fields::new();
        for index in 0..self.rules.len() {
            self.take_in(index, seen, &mut fields);
        }
        self.advance(seen, &fields)
    }

    /// All that fire.
    pub(crate) fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.states.values().filter_map(|state| state.firing.as_ref())
    }

    /// Resolves all that fire: the monitor has come to its end.
    pub(crate) fn resolve_all(&mut self, at: Moment) -> Vec<Alert> {
        let resolved = self.states.values_mut().filter_map(|state| state.resolve(at)).collect();
        self.states.clear();
        resolved
    }

    /// When something changes by time alone; `None` while nothing does.
    pub(crate) fn next(&self) -> Option<Instant> {
        let next = |(key, state): (&Key, &State)| {
            let rule = self.rules.get(key.0)?;
            state.next(rule.hold, rule.keep)
        };
        self.states.iter().filter_map(next).min()
    }

    /// Alerts for which there was no room so far.
    pub(crate) fn overflowed(&self) -> u64 {
        self.overflowed
    }

    fn take_in(&mut self, index: usize, seen: &Seen<'_>, fields: &mut Fields) {
        let Some(rule) = self.rules.get(index) else { return };
        match rule.trigger.clone() {
            Trigger::Metric(name, when) => {
                if let Some(value) = (seen.figure)(&name) {
                    self.take_figure(index, when, value, seen);
                }
            }
            Trigger::Event(trigger) => self.take_events(index, &trigger, seen, fields),
        }
    }

    fn take_figure(&mut self, index: usize, when: AlertWhen, value: f64, seen: &Seen<'_>) {
        let is_so = match when {
            AlertWhen::Above(bound) => value > bound,
            AlertWhen::AtLeast(bound) => value >= bound,
            AlertWhen::Below(bound) => value < bound,
            AlertWhen::Rises => {
                let before = self.totals.insert(index, value);
                let rose = before.is_some_and(|before| value > before);
                if rose && let Some(state) = self.state((index, String::new())) {
                    state.note(seen.at.instant);
                }
                return;
            }
        };
        let key = (index, String::new());
        // What was never so needs no room.
        if (is_so || self.states.contains_key(&key))
            && let Some(state) = self.state(key)
        {
            state.cause = is_so;
        }
    }

    fn take_events(
        &mut self,
        index: usize,
        trigger: &EventTrigger,
        seen: &Seen<'_>,
        fields: &mut Fields,
    ) {
        for NumberedEvent { event, .. } in seen.events {
            if event.kind.event_type() == trigger.event_type {
                let json = serde_json::to_value(event).unwrap_or_default();
                self.take_event(index, trigger, json, seen.at.instant, fields);
            }
        }
        if let (Some(until), Some(level)) = (trigger.until, seen.level)
            && level < until
        {
            let own = self.states.iter_mut().filter(|((rule, _), _)| *rule == index);
            own.for_each(|(_, state)| (state.cause, state.in_a_row) = (false, 0));
        }
    }

    fn take_event(
        &mut self,
        index: usize,
        trigger: &EventTrigger,
        json: Value,
        now: Instant,
        fields: &mut Fields,
    ) {
        let by = trigger.by.as_ref().and_then(|by| words::field(by, json.get(by)?));
        let key = (index, by.unwrap_or_default());
        let matches =
            trigger.field.as_ref().is_none_or(|(name, want)| json.get(name) == Some(want));
        let Some(state) = self.state(key.clone()) else { return };
        if !matches {
            (state.cause, state.in_a_row) = (false, 0);
            return;
        }
        state.in_a_row = state.in_a_row.saturating_add(1);
        if state.in_a_row >= trigger.times {
            state.note(now);
            state.cause = trigger.lasts();
            fields.insert(key, json);
        }
    }

    /// Room for one alert, if there is some.
    fn state(&mut self, key: Key) -> Option<&mut State> {
        let has_room = key.1.is_empty() || self.states.len() < MOST_ALERTS;
        if !has_room && !self.states.contains_key(&key) {
            self.overflowed += 1;
            return None;
        }
        Some(self.states.entry(key).or_default())
    }

    fn advance(&mut self, seen: &Seen<'_>, fields: &Fields) -> Vec<Alert> {
        let (rules, base) = (&self.rules, &self.base);
        let step = |(key, state): (&Key, &mut State)| {
            let rule = rules.get(key.0)?;
            let begin = || tell(rule, base, key, fields.get(key), seen);
            state.advance(seen.at, (rule.hold, rule.keep), begin)
        };
        let changed = self.states.iter_mut().filter_map(step).collect();
        self.states.retain(|_, state| !state.is_quiet());
        changed
    }
}

/// The labels and the words of an alert that begins.
fn tell(
    rule: &AlertRule,
    base: &Labels,
    key: &Key,
    event: Option<&Value>,
    seen: &Seen<'_>,
) -> (Labels, Labels) {
    let mut labels = base.clone();
    labels.extend(rule.labels.clone());
    labels.insert("alertname".into(), rule.name.clone());
    labels.insert("severity".into(), rule.severity.as_str().into());
    if let Trigger::Event(EventTrigger { by: Some(by), .. }) = &rule.trigger {
        labels.insert(by.clone(), key.1.clone());
    }
    let lookup = |name: &str| {
        let field = event.and_then(|event| words::field(name, event.get(name)?));
        field.or_else(|| figure(rule, name, seen))
    };
    let summary = words::fill(&rule.summary, lookup);
    let annotations = [("description", (seen.describe)()), ("summary", summary)];
    (labels, annotations.into_iter().map(|(name, text)| (name.into(), text)).collect())
}

fn figure(rule: &AlertRule, name: &str, seen: &Seen<'_>) -> Option<String> {
    let own = match &rule.trigger {
        Trigger::Metric(own, _) if name == "value" => own,
        _ => name,
    };
    (seen.figure)(own).map(|value| words::figure(own, value))
}

#[cfg(test)]
mod tests;
