//! The original's `_mb`: bytes in MiB, as a float. Every `_mb` key has its twin in bytes beside it.

const MIB: f64 = 1_048_576.0;

/// `bytes` in MiB.
pub(crate) fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB
}

/// A figure that may be negative or a fraction (a ledger's line, a rate) in MiB.
pub(crate) fn mib_of(figure: f64) -> f64 {
    figure / MIB
}
