//! Sizes and times for people; and what came from elsewhere, without characters that a terminal would obey.

use crate::export::markup::is_unseen;
use std::time::{Duration, UNIX_EPOCH};

/// What stands where nothing is known.
pub(super) const UNKNOWN: &str = "unknown";

/// `12.3 MiB`; negative ones too.
pub(super) fn size(bytes: f64) -> String {
    let mib = bytes / 1_048_576.0;
    match bytes.abs() {
        small if small < 1024.0 => format!("{bytes:.0} B"),
        small if small < 1_048_576.0 => format!("{:.1} KiB", bytes / 1024.0),
        large if large < 1_073_741_824.0 => format!("{mib:.1} MiB"),
        _ => format!("{:.2} GiB", mib / 1024.0),
    }
}

pub(super) fn known_size(bytes: Option<f64>) -> String {
    bytes.map_or(UNKNOWN.into(), size)
}

/// With its sign.
pub(super) fn change(bytes: f64) -> String {
    if bytes > 0.0 { format!("+{}", size(bytes)) } else { size(bytes) }
}

pub(super) fn percent(percent: Option<f64>) -> String {
    percent.map_or(UNKNOWN.into(), |percent| format!("{percent:.1} %"))
}

/// A moment in UTC to the second.
pub(super) fn moment(timestamp: f64) -> String {
    let sensible = (0.0..1e11).contains(&timestamp);
    let time = sensible.then(|| UNIX_EPOCH + Duration::from_secs_f64(timestamp));
    time.map_or(UNKNOWN.into(), |time| humantime::format_rfc3339_seconds(time).to_string())
}

/// The time of day alone.
pub(super) fn time_of_day(timestamp: f64) -> String {
    let moment = moment(timestamp);
    moment.split_once('T').map_or(moment.clone(), |(_, time)| time.to_owned())
}

/// The two largest units.
pub(super) fn span(seconds: f64) -> String {
    let whole = seconds.clamp(0.0, 1e12) as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    match whole {
        _ if seconds < 10.0 => format!("{:.1} s", seconds.max(0.0)),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{minutes} min {} s", whole % 60),
        3600..86_400 => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// Names, messages and paths may hold anything.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if is_unseen(c) { '\u{fffd}' } else { c }).collect()
}

/// Its first letter large.
pub(super) fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// The name of a ledger's line.
pub(super) fn spaced(name: &str) -> String {
    plain(name).replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_as_long_as_they_are_worth() {
        assert_eq!(
            [17.0, 4096.0, -1.5e6, 3e9].map(size),
            ["17 B", "4.0 KiB", "-1.4 MiB", "2.79 GiB"]
        );
        assert_eq!([0.0, 1_048_576.0, -5.0].map(change), ["0 B", "+1.0 MiB", "-5 B"]);
        assert_eq!(
            [0.44, 59.0, 125.9, 4000.0, 1e5, -1.0].map(span),
            ["0.4 s", "59 s", "2 min 5 s", "1 h 6 min", "1 d 3 h", "0.0 s"]
        );
        assert_eq!(moment(1_790_000_000.5), "2026-09-21T14:13:20Z");
        assert_eq!([-1.0, f64::NAN, 1e300].map(moment), [UNKNOWN; 3]);
        assert_eq!(time_of_day(1_790_000_000.5), "14:13:20Z");
        assert_eq!(plain("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
        assert_eq!(plain("a\u{202e}b\u{2066}c"), "a\u{fffd}b\u{fffd}c");
    }
}
