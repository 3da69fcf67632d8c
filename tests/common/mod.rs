//! What the test targets share: the harness, raw objects, scripts for threads, C threads, limits, random numbers.
#![allow(dead_code, reason = "each target uses a part of it")]

pub(crate) mod block;
pub(crate) mod c_thread;
pub(crate) mod harness;
pub(crate) mod inner;
pub(crate) mod limits;
pub(crate) mod random;
pub(crate) mod ring;
