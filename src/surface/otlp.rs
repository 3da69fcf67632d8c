//! A push of our own to an OpenTelemetry collector: a provider that nobody else sees, read once a minute on a thread of its own.

use super::blame;
use super::client::{agent, send, target};
use super::otel::Instruments;
use crate::error::Error;
use crate::monitor::{Handle, MOST_CACHES, Monitor, Serving, Surface};
use crate::own::MOST_OWN;
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{MetricExporter, Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{
    Instrument, PeriodicReader, SdkMeterProvider, Stream, Temporality,
};
use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;
use ureq::Agent;
use ureq::http::Uri;

/// The signal's path below a collector's address.
const PATH: &str = "/v1/metrics";

/// How long one request may take. A push, tries and all, takes no longer either, unless OTEL_EXPORTER_OTLP_TIMEOUT says so.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long a stop waits for the last one.
const PATIENCE: Duration = Duration::from_secs(2);

/// Starts the push, if there is somewhere to push to.
///
/// # Errors
/// For an endpoint that makes no sense.
pub(super) fn start(monitor: &Monitor, serving: &Serving) -> Result<(), Error> {
    let Some(endpoint) = &serving.otlp else { return Ok(()) };
    // Whoever puts a password or a token there shall not find it in a log.
    let given = if endpoint.contains(['@', '?']) { "what was given" } else { endpoint };
    let refused = |expected: &str| blame(monitor, "otlp", Error::setting("otlp", given, expected));
    let url = target(endpoint).and_then(|url| signal(&url)).map_err(refused)?;
    let why = Arc::new(Mutex::new(String::new()));
    let client = Client { agent: agent(TIMEOUT), why: why.clone() };
    let exporter = MetricExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(url)
        .build()
        .map_err(|error| {
            refused(&format!("usable with the OTEL_EXPORTER_OTLP_ variables that are set: {error}"))
        })?;
    let reporting =
        Reporting { exporter, handle: monitor.handle(), why, complaint: Mutex::default() };
    let reader = PeriodicReader::builder(reporting).with_interval(interval(monitor)).build();
    let provider = SdkMeterProvider::builder()
        .with_reader(reader)
        .with_resource(resource(monitor))
        .with_view(sized)
        .build();
    let instruments = monitor.instruments(&provider.meter("plimsoll"));
    monitor.attach(Push { provider: Some(provider), _instruments: instruments });
    Ok(())
}

/// The endpoint with the signal's path, unless it has it already.
fn signal(url: &Uri) -> Result<String, &'static str> {
    if url.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("without a user and a password: put them into OTEL_EXPORTER_OTLP_HEADERS");
    }
    if url.query().is_some() {
        return Err("without a query: put a token into OTEL_EXPORTER_OTLP_HEADERS");
    }
    let text = url.to_string();
    let base = text.trim_end_matches('/');
    Ok(if base.ends_with(PATH) { base.to_owned() } else { format!("{base}{PATH}") })
}

/// As many numbers as there can be. The SDK makes room for 2000 of every instrument, in all 5 MiB at the first push.
fn sized(instrument: &Instrument) -> Option<Stream> {
    let most = if instrument.name().starts_with("plimsoll.cache.") {
        MOST_CACHES
    } else if instrument.name().starts_with("plimsoll.source.") {
        MOST_OWN
    } else {
        1
    };
    Stream::builder().with_cardinality_limit(most).build().ok()
}

/// OpenTelemetry's own variable, in milliseconds; what cannot be read is told, and a minute it is, as its specification says.
fn interval(handle: &Handle) -> Duration {
    let minute = Duration::from_secs(60);
    let Some(text) = std::env::var_os("OTEL_METRIC_EXPORT_INTERVAL") else { return minute };
    let text = text.to_string_lossy();
    match text.trim().parse() {
        Ok(millis) if millis > 0 => Duration::from_millis(millis),
        _ => {
            handle.report_error(format!(
                "environment variable OTEL_METRIC_EXPORT_INTERVAL: cannot read {text:?} as milliseconds; figures are pushed every minute"
            ));
            minute
        }
    }
}

/// Who speaks: what the operator's variables say, and else the program.
fn resource(handle: &Handle) -> Resource {
    let process = handle.process();
    let builder = Resource::builder();
    let is_named = std::env::var_os("OTEL_SERVICE_NAME").is_some_and(|name| !name.is_empty())
        || std::env::var("OTEL_RESOURCE_ATTRIBUTES").is_ok_and(|all| all.contains("service.name="));
    let builder = if is_named { builder } else { builder.with_service_name(process.name.clone()) };
    builder
        .with_attributes([
            KeyValue::new("service.instance.id", process.run),
            KeyValue::new("process.pid", i64::from(process.pid)),
            KeyValue::new("process.executable.name", process.name),
        ])
        .build()
}

/// Ends with the monitor, after a last push.
struct Push {
    provider: Option<SdkMeterProvider>,
    _instruments: Instruments,
}

impl Surface for Push {
    fn stop(&mut self) {
        let Some(provider) = self.provider.take() else { return };
        let (told, ended) = sync_channel(1);
        let shut_down = move || {
            // What went wrong was told by then.
            let _ = provider.shutdown();
            let _ = told.send(());
        };
        let name = "plimsoll-otlp-end".to_owned();
        if std::thread::Builder::new().name(name).spawn(shut_down).is_ok() {
            let _ = ended.recv_timeout(PATIENCE);
        }
    }
}

/// Sends through ureq: the SDK's reader has a thread of its own, on which waiting is fine.
#[derive(Debug)]
struct Client {
    agent: Agent,
    /// Why the last request came to nothing, which the exporter does not pass on; empty when there was an answer.
    why: Arc<Mutex<String>>,
}

impl HttpClient for Client {
    fn send_bytes<'a, 'f>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        'a: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let answer = send(&self.agent, request.map(|body| body.to_vec()));
            *self.why.lock() = answer.as_ref().err().cloned().unwrap_or_default();
            Ok(answer.map_err(HttpError::from)?.map(Bytes::from))
        })
    }
}

/// Tells what goes wrong, once while it lasts: the SDK's own errors go nowhere.
struct Reporting {
    exporter: MetricExporter,
    handle: Handle,
    why: Arc<Mutex<String>>,
    complaint: Mutex<String>,
}

impl Reporting {
    fn note(&self, result: &OTelSdkResult) {
        let complaint = result.as_ref().err().map(|error| {
            let why = self.why.lock().clone();
            let words = if why.is_empty() { error.to_string() } else { why };
            format!("otlp: not pushed: {words}")
        });
        let complaint = complaint.unwrap_or_default();
        let is_news = {
            let mut last = self.complaint.lock();
            let is_news = *last != complaint && !complaint.is_empty();
            last.clone_from(&complaint);
            is_news
        };
        if is_news {
            self.handle.report_error(complaint);
        }
    }
}

impl PushMetricExporter for Reporting {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let result = self.exporter.export(metrics).await;
        self.note(&result);
        result
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signals_path_is_added_once() {
        for (given, expected) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/metrics"),
            ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/metrics"),
            ("http://otel/tenant/a/", "http://otel/tenant/a/v1/metrics"),
            ("http://otel/v1/metrics", "http://otel/v1/metrics"),
        ] {
            assert_eq!(signal(&given.parse().expect("a URL")).as_deref(), Ok(expected));
        }
        let with_query = "http://otel:4318/?key=word".parse().expect("a URL");
        assert!(signal(&with_query).is_err(), "the path would end up in the query");
        let with_password = "http://me:word@otel".parse().expect("a URL");
        assert!(signal(&with_password).is_err());
    }
}
