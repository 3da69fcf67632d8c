//! What can be asked for on the command line.

use bytesize::ByteSize;
use clap::{Parser, ValueEnum};
use plimsoll::Budget;
use serde::Serialize;
use std::time::Duration;

/// A key-value service over two caches, under a load that would fill any memory.
#[derive(Debug, Parser)]
#[command(name = "governed_cache")]
pub(crate) struct Args {
    /// Who keeps the memory down
    #[arg(long, value_enum, value_name = "WHO", default_value_t = Strategy::Governed)]
    pub(crate) strategy: Strategy,

    /// Memory the whole process may use: 192MiB, or 80% of what the machine or its control group allows [default: what
    /// plimsoll finds by itself; evict-only needs one in bytes]
    #[arg(long, value_name = "SIZE")]
    pub(crate) budget: Option<Budget>,

    /// What both caches would hold together if nothing were ever evicted; the load grows with it
    #[arg(long, value_name = "SIZE", default_value = "768MiB", value_parser = some_bytes)]
    pub(crate) working_set: ByteSize,

    /// How long one round of the load takes: fill, steady, burst, idle and so on, and the rest after it
    #[arg(long, value_name = "TIME", value_parser = some_time, default_value = "75s")]
    pub(crate) round: Duration,

    /// How often the load comes before the last rest
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,

    /// Times the usual number of requests a second
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = factor, allow_negative_numbers = true)]
    pub(crate) rate: f64,

    /// Seed of the choice of keys: the same seed asks the same
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Time between two lines of JSON
    #[arg(long, value_name = "TIME", value_parser = some_time, default_value = "250ms")]
    pub(crate) period: Duration,
}

/// Who keeps the memory down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Strategy {
    /// Nobody: the caches grow without bound.
    Ungoverned,
    /// A thread that looks at the resident memory once a second and evicts a share of both caches above a threshold.
    EvictOnly,
    /// plimsoll's monitor, with both caches registered.
    Governed,
}

/// The rest after the last round, as a share of one.
const REST: f64 = 0.27;

impl Args {
    /// How long it runs on without a request.
    pub(crate) fn rest(&self) -> Duration {
        self.round.mul_f64(REST)
    }
}

fn some_bytes(text: &str) -> Result<ByteSize, String> {
    let bytes: ByteSize = text.parse()?;
    if bytes.as_u64() > 0 { Ok(bytes) } else { Err("must be more than nothing".into()) }
}

fn some_time(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if time.is_zero() { Err("must be more than nothing".into()) } else { Ok(time) }
}

fn factor(text: &str) -> Result<f64, String> {
    let factor: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    let is_sensible = factor.is_finite() && factor > 0.0;
    if is_sensible { Ok(factor) } else { Err("must be more than nothing".into()) }
}
