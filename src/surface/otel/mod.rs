//! Instruments on a caller's OpenTelemetry meter: they observe what the last tick saw.
//!
//! ```text
//! names.rs     what each figure is called there, its unit and kind
//! ```

mod names;

use crate::eviction::CacheStatus;
use crate::metric::{Kind, METRICS, Metric, Value};
use crate::monitor::Handle;
use names::{CACHES, CacheName, LEVEL, Name, SOURCES, Shape, name, own_unit};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, AsyncInstrumentBuilder, Meter};
use std::sync::{Arc, Weak};

pub use names::otel_names;

/// Keeps instruments alive: once it is dropped they observe nothing any more.
#[must_use = "dropped, its instruments observe nothing"]
#[derive(Debug)]
pub struct Instruments {
    _handle: Arc<Handle>,
}

impl Handle {
    /// Has `meter` observe everything: [`METRICS`](crate::METRICS) and the level under the names of `docs/opentelemetry.md`,
    /// what the registered caches hold and gave, and the user's own metrics and memory sources.
    ///
    /// Nothing is read for it: instruments observe what the last tick saw, and what is unknown is not observed. Call it once a
    /// meter. No provider is set and none is needed; with the global one, `opentelemetry::global::meter("plimsoll")` will do.
    ///
    /// ```
    /// use opentelemetry::metrics::MeterProvider;
    /// let monitor = plimsoll::Monitor::builder().budget("64MiB".parse()?).start()?;
    /// # let provider = opentelemetry::metrics::noop::NoopMeterProvider::new();
    /// // `provider`: the program's own.
    /// let instruments = monitor.instruments(&provider.meter("plimsoll"));
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn instruments(&self, meter: &Meter) -> Instruments {
        let handle = Arc::new(self.clone());
        let weak = Arc::downgrade(&handle);
        METRICS.iter().filter_map(|m| Some((m, name(m)?))).for_each(|(metric, name)| {
            observe_metric(meter, metric, name, weak.clone());
        });
        observe_level(meter, weak.clone());
        CACHES.iter().for_each(|name| observe_caches(meter, name, weak.clone()));
        observe_sources(meter, weak.clone());
        observe_own(self, meter, &weak);
        Instruments { _handle: handle }
    }
}

/// What an instrument asks when it is asked: nothing once its guard is gone.
type Asked = Weak<Handle>;

/// One number with its attributes, as the instrument's kind wants it.
type Tell<'a> = &'a mut dyn FnMut(f64, &[KeyValue]);

fn observe_metric(meter: &Meter, metric: &'static Metric, name: &'static Name, asked: Asked) {
    let value = move || {
        let latest = asked.upgrade()?.latest()?;
        metric.get(&latest)
    };
    let whole = move |value: Value| match value {
        Value::Integer(number) => Some(number),
        Value::Float(_) => None,
    };
    match name.shape {
        Shape::Counter => {
            let observe = move |o: &dyn AsyncInstrument<u64>| tell(o, value().and_then(whole));
            describe(meter.u64_observable_counter(name.name), name.unit, metric.help, observe);
        }
        Shape::UpDown => {
            let signed = move || i64::try_from(value().and_then(whole)?).ok();
            let observe = move |o: &dyn AsyncInstrument<i64>| tell(o, signed());
            let builder = meter.i64_observable_up_down_counter(name.name);
            describe(builder, name.unit, metric.help, observe);
        }
        Shape::Whole => {
            let observe = move |o: &dyn AsyncInstrument<u64>| tell(o, value().and_then(whole));
            describe(meter.u64_observable_gauge(name.name), name.unit, metric.help, observe);
        }
        Shape::Gauge(scale) => {
            let scaled = move || value().map(|value| value.as_f64() / scale);
            let observe = move |o: &dyn AsyncInstrument<f64>| tell(o, scaled());
            describe(meter.f64_observable_gauge(name.name), name.unit, metric.help, observe);
        }
    }
}

fn tell<T>(observer: &dyn AsyncInstrument<T>, value: Option<T>) {
    value.into_iter().for_each(|value| observer.observe(value, &[]));
}

/// The three kinds of observable instruments are three types without a common way to finish them.
fn describe<I, T>(
    builder: AsyncInstrumentBuilder<'_, I, T>,
    unit: impl Into<std::borrow::Cow<'static, str>>,
    help: impl Into<std::borrow::Cow<'static, str>>,
    observe: impl Fn(&dyn AsyncInstrument<T>) + Send + Sync + 'static,
) where
    for<'a> AsyncInstrumentBuilder<'a, I, T>: Build,
{
    builder.with_unit(unit).with_description(help).with_callback(observe).finish();
}

/// An instrument that is kept by its meter.
trait Build {
    fn finish(self);
}

macro_rules! build {
    ($($instrument:ident<$number:ty>),*) => {$(
        impl Build for AsyncInstrumentBuilder<'_, opentelemetry::metrics::$instrument<$number>, $number> {
            fn finish(self) {
                let _ = self.build();
            }
        }
    )*};
}

build!(
    ObservableCounter<u64>,
    ObservableCounter<f64>,
    ObservableGauge<u64>,
    ObservableGauge<f64>,
    ObservableUpDownCounter<i64>
);

fn observe_level(meter: &Meter, asked: Asked) {
    let level = move || Some(asked.upgrade()?.latest()?.level() as u64);
    let observe = move |o: &dyn AsyncInstrument<u64>| tell(o, level());
    describe(meter.u64_observable_gauge(LEVEL.name), LEVEL.unit, LEVEL.help, observe);
}

fn observe_caches(meter: &Meter, name: &'static CacheName, asked: Asked) {
    let all = move |tell: Tell<'_>| {
        let Some(handle) = asked.upgrade() else { return };
        for cache in handle.caches() {
            let attribute = KeyValue::new("plimsoll.cache.name", cache.name.clone());
            let value: Option<f64> = (name.get)(&cache);
            value.into_iter().for_each(|value| tell(value, std::slice::from_ref(&attribute)));
        }
    };
    many(meter, (name.name, name.unit, name.help), name.shape, all);
}

fn observe_sources(meter: &Meter, asked: Asked) {
    let all = move |tell: Tell<'_>| {
        let Some(handle) = asked.upgrade() else { return };
        for source in handle.sources() {
            let attribute = KeyValue::new("plimsoll.source.name", source.name);
            let value = source.reported_bytes.map(|bytes| bytes as f64);
            value.into_iter().for_each(|value| tell(value, std::slice::from_ref(&attribute)));
        }
    };
    many(meter, (SOURCES.name, SOURCES.unit, SOURCES.help), SOURCES.shape, all);
}

/// An instrument with a number for each of several.
fn many(
    meter: &Meter,
    (name, unit, help): (&'static str, &'static str, &'static str),
    shape: Shape,
    all: impl Fn(Tell<'_>) + Send + Sync + 'static,
) {
    match shape {
        Shape::Counter => {
            let observe = move |o: &dyn AsyncInstrument<u64>| {
                all(&mut |value, attributes| o.observe(value as u64, attributes));
            };
            describe(meter.u64_observable_counter(name), unit, help, observe);
        }
        Shape::UpDown => {
            let observe = move |o: &dyn AsyncInstrument<i64>| {
                all(&mut |value, attributes| o.observe(value as i64, attributes));
            };
            describe(meter.i64_observable_up_down_counter(name), unit, help, observe);
        }
        Shape::Whole | Shape::Gauge(_) => {
            let observe = move |o: &dyn AsyncInstrument<f64>| {
                all(&mut |value, attributes| o.observe(value, attributes));
            };
            describe(meter.f64_observable_gauge(name), unit, help, observe);
        }
    }
}

/// The user's own, under the names that they gave.
fn observe_own(handle: &Handle, meter: &Meter, asked: &Asked) {
    for (index, own) in handle.own_metrics().into_iter().enumerate() {
        let asked = asked.clone();
        let value = move || asked.upgrade()?.own_metrics().get(index)?.value;
        let observe = move |o: &dyn AsyncInstrument<f64>| tell(o, value());
        let (unit, help) = (own_unit(own.unit), own.help);
        match own.kind {
            Kind::Counter => describe(meter.f64_observable_counter(own.name), unit, help, observe),
            Kind::Gauge => describe(meter.f64_observable_gauge(own.name), unit, help, observe),
        }
    }
}

/// What a cache says of one of its figures.
type Get = fn(&CacheStatus) -> Option<f64>;
