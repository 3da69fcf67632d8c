//! Settings that are changed while the monitor runs.

use super::settings::{Given, Settings};
use super::shared::Shared;
use super::{Handle, profiling};
use crate::error::Error;
use crate::event::EventKind;
use serde::Serialize;
use std::collections::BTreeMap;

/// What may change while the monitor runs. The rest is taken once: memory, sockets, jemalloc's own options.
const CHANGEABLE: [&str; 12] = [
    "budget",
    "interval",
    "warning_at",
    "prompt_at",
    "emergency_at",
    "leave_below",
    "growth_warning",
    "growth_critical",
    "eviction_target",
    "hook_timeout",
    "purge",
    "heap_profile",
];

/// What the settings were resolved from: by the builder, by the environment at the start, and since then.
/// Variables may hold secrets: there is no `Debug`.
pub(super) struct Said {
    pub(super) given: Given,
    pub(super) environment: BTreeMap<&'static str, String>,
    pub(super) changes: BTreeMap<String, String>,
}

impl Said {
    /// Remembers what the environment says of the settings in `settings`.
    pub(super) fn new(given: Given, settings: &Settings, lookup: &Lookup<'_>) -> Self {
        let variables = settings.report.iter().map(|setting| setting.variable);
        let environment = variables.filter_map(|name| Some((name, lookup(name)?))).collect();
        Said { given, environment, changes: BTreeMap::new() }
    }

    fn resolve(&self, changes: &BTreeMap<String, String>) -> Result<Settings, Error> {
        let lookup = |name: &str| self.environment.get(name).cloned();
        Settings::resolve(&self.given, &lookup, changes)
    }
}

/// The environment: a variable's value, by its name.
pub(super) type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// What a change of settings came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Configured {
    /// The settings that have another value now.
    pub updated_fields: Vec<String>,
    /// Their values before.
    pub old_values: BTreeMap<String, String>,
    /// Their values now.
    pub new_values: BTreeMap<String, String>,
}

impl Handle {
    /// Changes settings while the monitor runs: by the names and with the values that [`Handle::settings`] shows and an operator
    /// would put into variables. All of them are changed, or none; told as an event, and in force at the next tick, which
    /// comes at once.
    ///
    /// `budget`, `interval`, `warning_at`, `prompt_at`, `emergency_at`, `leave_below`, `growth_warning`, `growth_critical`,
    /// `eviction_target`, `hook_timeout`, `purge` and `heap_profile` can be changed.
    ///
    /// # Errors
    /// For a name that is none of these and a value that makes no sense; [`Error::NotRunning`] after the monitor was stopped.
    ///
    /// ```
    /// let monitor = plimsoll::Monitor::builder().budget("64MiB".parse()?).start()?;
    /// let configured = monitor.configure([("budget", "48MiB"), ("warning_at", "75")])?;
    /// assert_eq!(configured.updated_fields, ["budget", "warning_at"]);
    /// assert_eq!(monitor.budget_bytes(), 48 << 20);
    /// assert!(monitor.configure([("warning_at", "99")]).is_err());
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn configure<N: Into<String>, V: Into<String>>(
        &self,
        changes: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Configured, Error> {
        let changes: BTreeMap<String, String> =
            changes.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        changes.keys().try_for_each(|name| check_name(name))?;
        if !self.is_running() {
            return Err(Error::NotRunning);
        }
        let configured = self.shared.change(changes)?;
        self.shared.request_look();
        Ok(configured)
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    if CHANGEABLE.contains(&name) {
        return Ok(());
    }
    let expected = format!("one that can be changed: {}", CHANGEABLE.join(", "));
    Err(Error::setting("setting", format!("{name:?}"), &expected))
}

impl Shared {
    fn change(&self, wanted: BTreeMap<String, String>) -> Result<Configured, Error> {
        // Held throughout: changes come one after the other.
        let mut said = self.said.lock();
        let mut changes = said.changes.clone();
        changes.extend(wanted.clone());
        let (old, mut new) = (self.settings(), said.resolve(&changes)?);
        keep_notes(&old, &mut new, &wanted);
        let profiles = wanted.contains_key("heap_profile");
        if profiles {
            profiling::apply(new.heap_profile)?;
        }
        if wanted.contains_key("budget") {
            self.allotment.lock().give(new.budget).inspect_err(|_| {
                // All or none.
                if profiles {
                    let _ = profiling::apply(old.heap_profile);
                }
            })?;
        }
        said.changes = changes;
        let configured = difference(&old, &new);
        *self.settings.lock() = new.into();
        drop(said);
        let mut unsaid = self.unsaid.lock();
        if !configured.updated_fields.is_empty() {
            let Configured { old_values, new_values, .. } = &configured;
            unsaid.push(EventKind::settings_changed(old_values, new_values));
        }
        unsaid.extend(self.put_in_force());
        Ok(configured)
    }
}

/// What was noted of settings that are left alone, jemalloc's for instance, is true still.
fn keep_notes(old: &Settings, new: &mut Settings, wanted: &BTreeMap<String, String>) {
    for setting in old.report.iter().filter(|setting| !wanted.contains_key(setting.name)) {
        new.note(setting.name, setting.value.clone());
    }
}

fn difference(old: &Settings, new: &Settings) -> Configured {
    let pairs = old.report.iter().zip(&new.report).filter(|(old, new)| old.value != new.value);
    let pairs: Vec<_> = pairs.collect();
    Configured {
        updated_fields: pairs.iter().map(|(old, _)| old.name.into()).collect(),
        old_values: pairs.iter().map(|(old, _)| (old.name.into(), old.value.clone())).collect(),
        new_values: pairs.iter().map(|(_, new)| (new.name.into(), new.value.clone())).collect(),
    }
}
