//! Sizes, rates and times for people.

use crate::mebibyte::mib_of;
use std::time::Duration;

/// `12.3 MiB`, `4.0 KiB`, `17 bytes`; negative ones too.
pub(super) fn size(bytes: f64) -> String {
    let large = bytes.abs();
    if large >= 1024.0 * 1024.0 * 1024.0 {
        format!("{:.2} GiB", mib_of(bytes) / 1024.0)
    } else if large >= 1024.0 * 1024.0 {
        format!("{:.1} MiB", mib_of(bytes))
    } else if large >= 1024.0 {
        format!("{:.1} KiB", bytes / 1024.0)
    } else {
        format!("{bytes:.0} bytes")
    }
}

/// The same with its sign.
pub(super) fn change(bytes: i64) -> String {
    let sign = if bytes > 0 { "+" } else { "" };
    format!("{sign}{}", size(bytes as f64))
}

/// `2m 5s`: whole seconds, and of long times no more than is worth knowing.
pub(super) fn time(seconds: f64) -> String {
    let whole = seconds.clamp(0.0, 1e9) as u64;
    let kept = match whole {
        0..600 => whole,
        600..86_400 => whole / 60 * 60,
        _ => whole / 3600 * 3600,
    };
    humantime::format_duration(Duration::from_secs(kept)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_as_long_as_they_are_worth() {
        assert_eq!(
            [17.0, 4096.0, -1.5e6, 3e9].map(size),
            ["17 bytes", "4.0 KiB", "-1.4 MiB", "2.79 GiB"]
        );
        assert_eq!([0, 1 << 20, -5].map(change), ["0 bytes", "+1.0 MiB", "-5 bytes"]);
        assert_eq!(
            [0.4, 125.9, 4000.0, 1e5, -1.0].map(time),
            ["0s", "2m 5s", "1h 6m", "1day 3h", "0s"]
        );
    }
}
