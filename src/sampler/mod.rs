//! The sampler: which objects are looked at more closely, and where they were allocated.
#![allow(dead_code, unused_imports, reason = "the hooks follow")]

mod reading;

pub(crate) use reading::{Lost, RawSample, RawSite, Reading};

/// What is known now.
pub(crate) fn read() -> Reading {
    Reading::default()
}
