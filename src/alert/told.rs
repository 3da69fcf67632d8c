//! `Alert`: what is told of one: its labels, since when it fires, and whether it still does.

use std::collections::BTreeMap;

/// Names and their texts, in order.
pub(crate) type Labels = BTreeMap<String, String>;

/// One alert, as a receiver sees it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Alert {
    pub(crate) labels: Labels,
    pub(crate) annotations: Labels,
    /// Microseconds since 1970.
    pub(crate) starts_micros: u64,
    /// Microseconds since 1970; `None` while it fires.
    pub(crate) ends_micros: Option<u64>,
}

impl Alert {
    /// The same for the same labels, whoever computes it: FNV-1a over names and texts, as Alertmanager does.
    pub(crate) fn fingerprint(&self) -> u64 {
        fingerprint(&self.labels)
    }

    pub(crate) fn is_firing(&self) -> bool {
        self.ends_micros.is_none()
    }
}

const SEPARATOR: u8 = 0xff;

fn fingerprint(labels: &Labels) -> u64 {
    let texts = labels.iter().flat_map(|(name, text)| [name, text]);
    let bytes = texts.flat_map(|text| text.bytes().chain([SEPARATOR]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_that_of_the_labels() {
        let labels = |pairs: &[(&str, &str)]| -> Labels {
            pairs.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect()
        };
        // FNV-1a of nothing is its basis, and of "a\xff" what the algorithm's definition gives.
        assert_eq!(fingerprint(&labels(&[])), 0xcbf2_9ce4_8422_2325);
        let by_hand = b"a\xffb\xff"
            .iter()
            .fold(14695981039346656037_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(1099511628211));
        assert_eq!(fingerprint(&labels(&[("a", "b")])), by_hand);
        assert_ne!(fingerprint(&labels(&[("a", "bc")])), fingerprint(&labels(&[("ab", "c")])));
    }
}
