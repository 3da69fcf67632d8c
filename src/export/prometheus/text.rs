//! `Page`: families and their samples as text, in either form, escaped.

use super::format::Format;
use crate::metric::{Kind, Value};
use std::fmt::{Display, Write};

/// What all samples of a name have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family<'a> {
    /// Without `_total`.
    pub(super) name: &'a str,
    /// A base unit, which the name ends in; empty for what is counted.
    pub(super) unit: &'a str,
    pub(super) kind: Kind,
    pub(super) help: &'a str,
}

impl<'a> Family<'a> {
    /// Goes up and down.
    pub(super) const fn gauge(name: &'a str, unit: &'a str, help: &'a str) -> Self {
        Family { name, unit, kind: Kind::Gauge, help }
    }

    /// Only grows.
    pub(super) const fn counter(name: &'a str, unit: &'a str, help: &'a str) -> Self {
        Family { name, unit, kind: Kind::Counter, help }
    }
}

/// A sample's number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Whole(i128),
    Real(f64),
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Number::Whole(number.into())
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Number::Whole(number.into())
    }
}

impl From<bool> for Number {
    fn from(is_so: bool) -> Self {
        Number::Whole(is_so.into())
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Number::Real(number)
    }
}

impl From<Value> for Number {
    fn from(value: Value) -> Self {
        match value {
            Value::Integer(number) => number.into(),
            Value::Float(number) => number.into(),
        }
    }
}

impl Number {
    /// What is no number is unknown.
    fn is_known(self) -> bool {
        !matches!(self, Number::Real(number) if !number.is_finite())
    }
}

impl Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Number::Whole(number) => number.fmt(f),
            Number::Real(number) => number.fmt(f),
        }
    }
}

/// The text as far as it is written.
pub(super) struct Page<'a> {
    out: &'a mut String,
    format: Format,
}

/// Labels and the number they stand for; `None` is unknown, and left out.
pub(super) type Sample<'a, const N: usize> = ([(&'a str, &'a str); N], Option<Number>);

impl<'a> Page<'a> {
    pub(super) fn new(out: &'a mut String, format: Format) -> Self {
        Page { out, format }
    }

    /// A family of one sample without labels.
    pub(super) fn one(&mut self, family: Family<'_>, number: Option<impl Into<Number>>) {
        self.family(family, [([], number.map(Into::into))]);
    }

    /// A family; nothing is said of one that has no known sample.
    pub(super) fn family<'s, const N: usize>(
        &mut self,
        family: Family<'_>,
        samples: impl IntoIterator<Item = Sample<'s, N>>,
    ) {
        let mut is_begun = false;
        for (labels, number) in samples {
            let Some(number) = number.filter(|number| number.is_known()) else { continue };
            if !std::mem::replace(&mut is_begun, true) {
                self.head(family);
            }
            self.sample(family, &labels, number);
        }
    }

    /// What has to stand at the end.
    pub(super) fn end(self) {
        if self.format == Format::OpenMetrics {
            self.out.push_str("# EOF\n");
        }
    }

    fn head(&mut self, family: Family<'_>) {
        // Of OpenMetrics' counters the family has the bare name, of the older text's the samples'.
        let suffix = match self.format {
            Format::Text => suffix(family.kind),
            Format::OpenMetrics => "",
        };
        let (name, kind) = (family.name, word(family.kind));
        let help = escaped(family.help, self.format == Format::OpenMetrics);
        self.line(format_args!("# HELP {name}{suffix} {help}"));
        self.line(format_args!("# TYPE {name}{suffix} {kind}"));
        if self.format == Format::OpenMetrics && !family.unit.is_empty() {
            self.line(format_args!("# UNIT {name} {}", family.unit));
        }
    }

    fn sample(&mut self, family: Family<'_>, labels: &[(&str, &str)], number: Number) {
        self.out.push_str(family.name);
        self.out.push_str(suffix(family.kind));
        for (index, (label, value)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            let _ = write!(self.out, "{before}{label}=\"{}\"", escaped(value, true));
        }
        if !labels.is_empty() {
            self.out.push('}');
        }
        self.line(format_args!(" {number}"));
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // A string takes everything.
        let _ = self.out.write_fmt(text);
        self.out.push('\n');
    }
}

const fn suffix(kind: Kind) -> &'static str {
    match kind {
        Kind::Gauge => "",
        Kind::Counter => "_total",
    }
}

const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Gauge => "gauge",
        Kind::Counter => "counter",
    }
}

/// `text` with what would end a line or a value escaped; quotes stay as they are in the older text's help.
fn escaped(text: &str, quotes: bool) -> Escaped<'_> {
    Escaped { text, quotes }
}

struct Escaped<'a> {
    text: &'a str,
    quotes: bool,
}

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for piece in self.text.split_inclusive(['\\', '\n', '"']) {
            match piece.char_indices().next_back() {
                Some((at, '\\')) => write!(f, "{}\\\\", &piece[..at])?,
                Some((at, '\n')) => write!(f, "{}\\n", &piece[..at])?,
                Some((at, '"')) if self.quotes => write!(f, "{}\\\"", &piece[..at])?,
                _ => f.write_str(piece)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTER: Family<'_> = Family::counter("a_bytes", "bytes", "A \"b\" \\ c\nd.");

    fn page(format: Format, write: impl FnOnce(&mut Page<'_>)) -> String {
        let mut out = String::new();
        let mut page = Page::new(&mut out, format);
        write(&mut page);
        page.end();
        out
    }

    #[test]
    fn what_would_end_a_line_or_a_value_is_escaped() {
        let write = |page: &mut Page<'_>| {
            page.family(COUNTER, [([("l", "x\"\\\ny\r")], Some(1u64.into()))])
        };
        assert_eq!(
            page(Format::Text, write),
            "# HELP a_bytes_total A \"b\" \\\\ c\\nd.\n# TYPE a_bytes_total counter\n\
             a_bytes_total{l=\"x\\\"\\\\\\ny\r\"} 1\n"
        );
        assert_eq!(
            page(Format::OpenMetrics, write),
            "# HELP a_bytes A \\\"b\\\" \\\\ c\\nd.\n# TYPE a_bytes counter\n# UNIT a_bytes bytes\n\
             a_bytes_total{l=\"x\\\"\\\\\\ny\r\"} 1\n# EOF\n"
        );
    }

    #[test]
    fn nothing_is_said_of_what_is_unknown() {
        let nothing = page(Format::Text, |page| {
            page.one(COUNTER, None::<u64>);
            page.one(COUNTER, Some(f64::NAN));
            page.family::<1>(COUNTER, []);
        });
        assert_eq!(nothing, "");
    }

    #[test]
    fn numbers_are_whole_where_they_can_be() {
        let number = |number: Number| number.to_string();
        assert_eq!(number(u64::MAX.into()), "18446744073709551615");
        assert_eq!(number((-5i64).into()), "-5");
        assert_eq!(number(0.25.into()), "0.25");
        assert_eq!(number(true.into()), "1");
        assert_eq!(number(Value::Float(-1536.5).into()), "-1536.5");
    }
}
