//! A ready `tracing` layer: one line of JSON per event of plimsoll's, to any writer.

use super::log::LOG_TARGET;
use parking_lot::Mutex;
use std::io::Write;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer};

/// Writes plimsoll's events, and nobody else's, as lines of JSON.
///
/// A line that cannot be written is dropped: a full disk must not stop the program.
///
/// ```
/// use tracing_subscriber::prelude::*;
/// tracing_subscriber::registry().with(plimsoll::JsonLayer::new(std::io::stderr())).init();
/// ```
#[derive(Debug)]
pub struct JsonLayer<W> {
    writer: Mutex<W>,
}

impl<W: Write> JsonLayer<W> {
    /// Writes to `writer`.
    pub fn new(writer: W) -> Self {
        JsonLayer { writer: Mutex::new(writer) }
    }
}

impl<S: tracing::Subscriber, W: Write + Send + 'static> Layer<S> for JsonLayer<W> {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == LOG_TARGET {
            event.record(&mut Line(&mut *self.writer.lock()));
        }
    }
}

struct Line<'a, W>(&'a mut W);

impl<W: Write> Visit for Line<'_, W> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "json" {
            // One write a line, or lines of several threads would mix.
            let _ = self.0.write_all(format!("{value}\n").as_bytes());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}
