//! Held by plimsoll: a monitor, and both caches registered. There is no more to it.

use crate::service::Service;
use crate::value::{LABEL, TILE};
use crate::{Result, lines};
use plimsoll::{Budget, CacheSpec, Level, Monitor, Priority};

/// Labels that are never worth evicting: what most requests are for.
const LABELS_FLOOR: u64 = 4 << 20;

/// Starts the monitor. What it does is told line by line, beside the rest.
pub(crate) fn start(budget: Option<Budget>, service: &Service) -> Result<Monitor> {
    let builder = Monitor::builder().on_event(lines::event);
    let monitor = match budget {
        Some(budget) => builder.budget(budget).start()?,
        None => builder.start()?,
    };
    monitor.register(labels(), service.labels.clone())?;
    monitor.register(tiles(), service.tiles.clone())?;
    Ok(monitor)
}

/// Made in a moment: asked first.
fn labels() -> CacheSpec {
    let spec = CacheSpec::new("labels").priority(Priority::Low).from(Level::Caution);
    spec.floor(LABELS_FLOOR).unit(LABEL.usual_bytes())
}

/// Dear: asked when the labels have given what they can.
fn tiles() -> CacheSpec {
    let spec = CacheSpec::new("tiles").tier(1).from(Level::Caution);
    spec.unit(TILE.usual_bytes()).cost(8.0)
}
