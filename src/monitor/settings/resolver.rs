//! Picks each setting's value: what was changed wins over the builder, that over the environment, that over the default.

use super::text::{duration, on_or_off, percent, size, word};
use crate::error::Error;
use crate::policy::budget::size as in_words;
use crate::setting::{Origin, Setting};
use std::collections::BTreeMap;
use std::time::Duration;

/// Picks each setting's value and notes where it came from.
pub(super) struct Resolver<'a> {
    /// By variable.
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    /// What was changed while the monitor runs, by the setting's name; as the variable would say it.
    pub(super) changes: &'a BTreeMap<String, String>,
    pub(super) report: Vec<Setting>,
}

impl Resolver<'_> {
    pub(super) fn optional<T: Clone>(
        &mut self,
        name: &'static str,
        variable: &'static str,
        given: Option<T>,
        parse: fn(&str) -> Result<T, Error>,
        show: fn(Option<T>) -> String,
    ) -> Result<Option<T>, Error> {
        let (value, origin) = self.pick(name, variable, given, parse)?;
        self.report.push(Setting { name, variable, value: show(value.clone()), origin });
        Ok(value)
    }

    pub(super) fn required<T: Clone, S: ToString>(
        &mut self,
        name: &'static str,
        variable: &'static str,
        given: Option<T>,
        parse: fn(&str) -> Result<T, Error>,
        default: T,
        show: fn(T) -> S,
    ) -> Result<T, Error> {
        let (value, origin) = self.pick(name, variable, given, parse)?;
        let value = value.unwrap_or(default);
        self.report.push(Setting {
            name,
            variable,
            value: show(value.clone()).to_string(),
            origin,
        });
        Ok(value)
    }

    pub(super) fn duration(
        &mut self,
        name: &'static str,
        variable: &'static str,
        given: Option<Duration>,
        default_secs: u64,
    ) -> Result<Duration, Error> {
        let default = Duration::from_secs(default_secs);
        self.required(name, variable, given, duration, default, humantime::format_duration)
    }

    pub(super) fn size(
        &mut self,
        name: &'static str,
        variable: &'static str,
        given: Option<u64>,
        default: u64,
    ) -> Result<u64, Error> {
        self.required(name, variable, given, size, default, in_words)
    }

    pub(super) fn percent(
        &mut self,
        name: &'static str,
        variable: &'static str,
        given: Option<f64>,
        default: f64,
    ) -> Result<f64, Error> {
        self.required(name, variable, given, percent, default, |percent| percent)
    }

    /// Off unless somebody says on.
    pub(super) fn switch(
        &mut self,
        name: &'static str,
        variable: &'static str,
        given: Option<bool>,
    ) -> Result<bool, Error> {
        self.required(name, variable, given, on_or_off, false, word)
    }

    fn pick<T>(
        &self,
        name: &'static str,
        variable: &'static str,
        given: Option<T>,
        parse: fn(&str) -> Result<T, Error>,
    ) -> Result<(Option<T>, Origin), Error> {
        let text = (self.environment)(variable);
        // Parsed even where the builder wins: a value that cannot be read is never passed over in silence.
        let value = text.map(|text| parse(&text)).transpose();
        let value =
            value.map_err(|error| Error::Environment { variable, source: Box::new(error) })?;
        if let Some(text) = self.changes.get(name) {
            let value = parse(text).map_err(|error| named(name, error))?;
            return Ok((Some(value), Origin::Changed));
        }
        Ok(match (given, value) {
            (Some(given), _) => (Some(given), Origin::Builder),
            (None, Some(value)) => (Some(value), Origin::Environment),
            (None, None) => (None, Origin::Default),
        })
    }

    /// Names the variable when a threshold that was refused came from one, or the one it does not agree with.
    pub(super) fn blame(&self, error: Error) -> Error {
        let Error::Threshold { threshold, .. } = &error else { return error };
        let own = format!("{threshold}_at");
        let others = ["warning_at", "prompt_at", "emergency_at"];
        blame(
            &self.report,
            &[own.as_str()].iter().chain(&others).copied().collect::<Vec<_>>(),
            error,
        )
    }
}

/// A text that cannot be read, with the setting that it was given for.
fn named(name: &'static str, error: Error) -> Error {
    match error {
        Error::Parse { given, expected } => Error::setting(name, format!("{given:?}"), expected),
        other => other,
    }
}

/// Names the first of these settings that came from a variable.
pub(super) fn blame(report: &[Setting], names: &[&str], error: Error) -> Error {
    let from_environment = |name: &&str| {
        let is_it =
            |setting: &&Setting| setting.name == *name && setting.origin == Origin::Environment;
        report.iter().find(is_it)
    };
    match names.iter().find_map(from_environment) {
        Some(setting) => Error::Environment { variable: setting.variable, source: Box::new(error) },
        None => error,
    }
}
