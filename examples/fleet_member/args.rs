//! What can be asked for on the command line.

use bytesize::ByteSize;
use clap::{Parser, ValueEnum};
use std::time::Duration;

/// A small service with two caches, as one of many that Prometheus watches; one of the caches can be told to grow.
#[derive(Debug, Parser)]
#[command(name = "fleet_member")]
pub(crate) struct Args {
    /// Where it serves its figures; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) http: String,

    /// Memory the whole process may use
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    pub(crate) budget: plimsoll::Budget,

    /// The cache that grows; the other stays as small as it is
    #[arg(long, value_enum, value_name = "CACHE")]
    pub(crate) grow: Option<Which>,

    /// How much it grows each second
    #[arg(long, value_name = "SIZE", default_value = "2MiB")]
    pub(crate) rate: ByteSize,

    /// How large it becomes at most, if nobody evicts it
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = at_most_a_gibibyte)]
    pub(crate) up_to: ByteSize,

    /// How long it runs
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = at_most_an_hour)]
    pub(crate) run_for: Duration,

    /// So many more caches, empty: what their series cost
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=254))]
    pub(crate) more_caches: u16,
}

/// One of the two caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Which {
    /// What was asked for lately.
    Pages,
    /// Who is there.
    Sessions,
}

fn at_most_a_gibibyte(text: &str) -> Result<ByteSize, String> {
    let size: ByteSize = text.parse()?;
    if size.as_u64() <= 1 << 30 { Ok(size) } else { Err("must be at most 1GiB".into()) }
}

fn at_most_an_hour(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let is_bounded = !time.is_zero() && time <= Duration::from_secs(3600);
    if is_bounded { Ok(time) } else { Err("must be more than nothing and at most 1h".into()) }
}
