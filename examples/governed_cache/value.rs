//! What requests are about: values that can be made from their key alone, at any time, and checked.

use std::sync::Arc;

/// A value as it is kept and handed out.
pub(crate) type Value = Arc<[u8]>;

/// A kind of value: how large, and how much work a byte of it takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// Sizes lie between the first and the second, in bytes.
    sizes: (u32, u32),
    /// Rounds of mixing for each word.
    rounds: u32,
}

/// Small, and made in a moment.
pub(crate) const LABEL: Kind = Kind { sizes: (200, 1000), rounds: 1 };
/// Large, and two tenths of a millisecond of work or so.
pub(crate) const TILE: Kind = Kind { sizes: (32 << 10, 96 << 10), rounds: 16 };

impl Kind {
    /// Bytes of the usual value.
    pub(crate) const fn usual_bytes(self) -> u64 {
        (self.sizes.0 + self.sizes.1) as u64 / 2
    }

    /// Makes the value of `key`.
    pub(crate) fn make(self, key: u32) -> Value {
        let mut bytes = vec![0; self.bytes_of(key)];
        for (place, word) in bytes.chunks_mut(8).enumerate() {
            let mixed = self.word(key, place as u64).to_le_bytes();
            word.iter_mut().zip(mixed).for_each(|(byte, mixed)| *byte = mixed);
        }
        bytes.into()
    }

    /// Whether `value` is that of `key`, by its length, its first word and its last.
    pub(crate) fn is_of(self, key: u32, value: &[u8]) -> bool {
        let last = value.len().saturating_sub(1) / 8;
        let has_word = |place: usize| {
            let held = value.get(place * 8..).unwrap_or_default();
            held.iter().zip(self.word(key, place as u64).to_le_bytes()).all(|(a, b)| *a == b)
        };
        value.len() == self.bytes_of(key) && has_word(0) && has_word(last)
    }

    fn bytes_of(self, key: u32) -> usize {
        let (least, most) = self.sizes;
        (least + (mix(u64::from(key)) % u64::from(most - least)) as u32) as usize
    }

    fn word(self, key: u32, place: u64) -> u64 {
        (0..self.rounds).fold((u64::from(key) << 32) | place, |word, _| mix(word))
    }
}

/// splitmix64.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
