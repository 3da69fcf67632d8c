//! `Exposition`: which of the two text forms is wanted, and what goes in.

/// A text form that Prometheus reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// Version 0.0.4: what every scraper reads.
    #[default]
    Text,
    /// OpenMetrics 1.0.0: units besides, and an end that shows a page cut short.
    OpenMetrics,
}

/// Which text form is wanted, and whether what other exporters of the process may say is left out.
///
/// ```
/// # use plimsoll::Exposition;
/// let accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
/// assert_eq!(Exposition::accepted_by(Some(accept)), Exposition::open_metrics());
/// assert_eq!(Exposition::accepted_by(None).content_type(), Exposition::text().content_type());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Exposition {
    pub(super) format: Format,
    pub(super) without_process_start: bool,
}

impl Exposition {
    /// Prometheus' own text, version 0.0.4.
    pub const fn text() -> Self {
        Exposition { format: Format::Text, without_process_start: false }
    }

    /// OpenMetrics 1.0.0.
    pub const fn open_metrics() -> Self {
        Exposition { format: Format::OpenMetrics, without_process_start: false }
    }

    /// What a request's `Accept` header asks for: OpenMetrics where it is named and nothing is liked better, else the text.
    pub fn accepted_by(accept: Option<&str>) -> Self {
        let accept = accept.unwrap_or_default();
        let open = quality(accept, &["application/openmetrics-text"], is_version_one);
        let text = quality(accept, &["text/plain", "text/*", "*/*"], |_| true);
        match open {
            Some(open) if open > 0.0 && open >= text.unwrap_or(0.0) => Exposition::open_metrics(),
            _ => Exposition::text(),
        }
    }

    /// Leaves out `process_start_time_seconds`: for a page that another exporter of the same process has it on.
    pub const fn without_process_start(self) -> Self {
        Exposition { without_process_start: true, ..self }
    }

    /// The `Content-Type` of the text.
    pub const fn content_type(self) -> &'static str {
        match self.format {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The quality that `accept` gives to the first of `ranges` it names: the most specific one decides (RFC 9110, 12.5.1).
fn quality(accept: &str, ranges: &[&str], fits: fn(&str) -> bool) -> Option<f64> {
    let of = |range: &&str| {
        let named = accept.split(',').filter_map(|part| {
            let (name, parameters) = part.split_once(';').unwrap_or((part, ""));
            let is_it = name.trim().eq_ignore_ascii_case(range) && fits(parameters);
            is_it.then(|| weight(parameters))
        });
        named.reduce(f64::max)
    };
    ranges.iter().find_map(of)
}

/// The parameter of that name.
fn parameter<'a>(parameters: &'a str, wanted: &str) -> Option<&'a str> {
    let pairs = parameters.split(';').filter_map(|pair| pair.split_once('='));
    let mut found = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
    found.next().map(|(_, value)| value.trim().trim_matches('"'))
}

/// `q`, from 0 to 1; what is no such number counts as nothing.
fn weight(parameters: &str) -> f64 {
    let Some(text) = parameter(parameters, "q") else { return 1.0 };
    text.parse().ok().filter(|q| (0.0..=1.0).contains(q)).unwrap_or(0.0)
}

/// Whether the version we write will do.
fn is_version_one(parameters: &str) -> bool {
    parameter(parameters, "version").is_none_or(|version| version.starts_with("1."))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Prometheus 2.42 and 3 send it, and others.
    #[test]
    fn the_accept_header_decides() {
        let open = [
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
            "application/openmetrics-text",
            "Application/OpenMetrics-Text; Version=\"1.0.0\"; Q=0.4, */*; q=0.4",
            "text/plain;q=0, application/openmetrics-text;q=0.001, */*",
        ];
        let text = [
            "",
            "*/*",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "application/openmetrics-text;version=0.0.1",
            "application/openmetrics-text;version=2.0.0, text/plain;q=0.1",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=loud, text/plain;q=0.1",
            "application/openmetrics-text;q=0.5, text/plain",
            "application/openmetrics-text;q=0.5, text/*;q=0.6",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
            ";;;,,,=;q=",
        ];
        for accept in open {
            assert_eq!(
                Exposition::accepted_by(Some(accept)),
                Exposition::open_metrics(),
                "{accept}"
            );
        }
        for accept in text {
            assert_eq!(Exposition::accepted_by(Some(accept)), Exposition::text(), "{accept}");
        }
    }
}
