//! `metrics`: the figures as Prometheus reads them, or as one report.

use super::args::Reach;
use super::fault::Fault;
use super::print::{Out, plain};

pub(crate) async fn run(reach: &Reach, out: &Out) -> Result<u8, Fault> {
    let client = reach.client(super::SHORT)?;
    let shown = match reach.options.json {
        true => client.json("/api/v1/metrics").await?.text,
        // A label may hold what a terminal would obey.
        false => client.text("/metrics").await?.lines().map(|line| plain(line) + "\n").collect(),
    };
    out.show(&shown).map(|()| 0)
}
