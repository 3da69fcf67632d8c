//! A provider as a program would have it, whose exporter keeps what was collected.

use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One instrument, with a number for every set of attributes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Collected {
    pub(crate) unit: String,
    pub(crate) shape: &'static str,
    pub(crate) help: String,
    pub(crate) values: BTreeMap<String, f64>,
}

type All = BTreeMap<String, Collected>;

pub(crate) struct Collector {
    provider: SdkMeterProvider,
    kept: Arc<Mutex<All>>,
}

struct Keeping(Arc<Mutex<All>>);

impl Collector {
    pub(crate) fn new() -> Self {
        let kept = Arc::new(Mutex::new(All::new()));
        let reader = PeriodicReader::builder(Keeping(kept.clone()))
            .with_interval(Duration::from_secs(24 * 3600))
            .build();
        let provider = SdkMeterProvider::builder().with_reader(reader).build();
        Collector { provider, kept }
    }

    pub(crate) fn meter(&self) -> Meter {
        self.provider.meter("plimsoll")
    }

    pub(crate) fn collect(&self) -> All {
        self.kept.lock().unwrap().clear();
        self.provider.force_flush().unwrap();
        self.kept.lock().unwrap().clone()
    }
}

impl PushMetricExporter for Keeping {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let mut kept = self.0.lock().unwrap();
        for metric in metrics.scope_metrics().flat_map(|scope| scope.metrics()) {
            let (shape, values) = match metric.data() {
                AggregatedMetrics::F64(data) => points(data, |value| value),
                AggregatedMetrics::U64(data) => points(data, |value| value as f64),
                AggregatedMetrics::I64(data) => points(data, |value| value as f64),
            };
            let (unit, help) = (metric.unit().to_owned(), metric.description().to_owned());
            kept.insert(metric.name().to_owned(), Collected { unit, shape, help, values });
        }
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

fn points<T: Copy>(
    data: &MetricData<T>,
    number: impl Fn(T) -> f64,
) -> (&'static str, BTreeMap<String, f64>) {
    let attribute = |attributes: Vec<&opentelemetry::KeyValue>| {
        let words: Vec<_> =
            attributes.iter().map(|kv| format!("{}={}", kv.key, kv.value)).collect();
        words.join(",")
    };
    match data {
        MetricData::Gauge(gauge) => {
            let points = gauge.data_points();
            let points = points.map(|p| (attribute(p.attributes().collect()), number(p.value())));
            ("gauge", points.collect())
        }
        MetricData::Sum(sum) => {
            let shape = if sum.is_monotonic() { "counter" } else { "updowncounter" };
            let points = sum.data_points();
            let points = points.map(|p| (attribute(p.attributes().collect()), number(p.value())));
            (shape, points.collect())
        }
        _ => panic!("no histogram is expected"),
    }
}
