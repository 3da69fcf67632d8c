//! The heap profile as an operator asks for it: `on`, `off`, a size, and whether threads are kept apart.

use super::text::{on_or_off, size};
use crate::error::Error;
use crate::policy::budget::size as in_words;

/// Mean bytes between two samples when none are given: nothing that can be felt.
const MEAN_BYTES: u64 = 512 << 10;

/// What is appended for threads.
const BY_THREAD: &str = "by_thread";

/// How the heap is to be sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "profile"), allow(dead_code, reason = "nobody samples"))]
pub(crate) struct HeapSampling {
    pub(crate) mean_bytes: u64,
    pub(crate) by_thread: bool,
}

/// `None` for off.
pub(super) fn parse(text: &str) -> Result<Option<HeapSampling>, Error> {
    let refused = || Error::Parse {
        given: text.into(),
        expected: "on, off, or the mean bytes between two samples such as 512KiB; with by_thread behind it to \
            keep threads apart",
    };
    let (mean, by_thread) = match text.trim().strip_suffix(BY_THREAD) {
        Some(mean) => (mean.trim_end(), true),
        None => (text.trim(), false),
    };
    let mean_bytes = match on_or_off(mean) {
        Ok(false) if !by_thread => return Ok(None),
        Ok(false) => return Err(refused()),
        Ok(true) => MEAN_BYTES,
        Err(_) => size(mean).map_err(|_| refused())?,
    };
    Ok(Some(HeapSampling { mean_bytes, by_thread }))
}

pub(crate) fn show(sampling: Option<HeapSampling>) -> String {
    match sampling {
        None => "off".into(),
        Some(HeapSampling { mean_bytes, by_thread: false }) => in_words(mean_bytes).to_string(),
        Some(HeapSampling { mean_bytes, by_thread: true }) => {
            format!("{} {BY_THREAD}", in_words(mean_bytes))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_operators_write() {
        let read = |text| parse(text).expect("reads").map(|it| (it.mean_bytes, it.by_thread));
        assert_eq!(read("off"), None);
        assert_eq!(read(" on "), Some((512 << 10, false)));
        assert_eq!(read("on by_thread"), Some((512 << 10, true)));
        assert_eq!(read("64KiB"), Some((64 << 10, false)));
        assert_eq!(read("1 MiB by_thread"), Some((1 << 20, true)));
        for wrong in ["", "often", "off by_thread", "-1", "by_thread", "64KiB by_threads"] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_shown_is_read_again() {
        for text in ["off", "on", "64KiB", "3MiB by_thread"] {
            let sampling = parse(text).expect("reads");
            assert_eq!(parse(&show(sampling)).expect("reads"), sampling, "{text}");
        }
    }
}
