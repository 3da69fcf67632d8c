//! What shows a monitor to others while it runs. A surface asks the monitor's handle and formats; it never computes.

#[cfg(any(feature = "otlp", feature = "webhook"))]
mod client;
#[cfg(any(feature = "metrics", feature = "webhook"))]
mod follow;
#[cfg(feature = "http")]
mod fresh;
#[cfg(feature = "http")]
pub(crate) mod http;
#[cfg(feature = "mcp")]
pub(crate) mod mcp;
#[cfg(feature = "metrics")]
mod metrics_facade;
#[cfg(feature = "otel")]
pub(crate) mod otel;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(all(feature = "http", feature = "profile"))]
mod profiles;
#[cfg(feature = "webhook")]
mod webhook;

use crate::error::Error;
use crate::monitor::{Monitor, Serving, SocketPlace};

/// Starts what `serving` asks for; each ends with the monitor.
///
/// # Errors
/// For a setting that makes no sense or whose feature this build lacks, and when the system refuses an address or a thread.
pub(crate) fn start(monitor: &Monitor, serving: &Serving) -> Result<(), Error> {
    #[cfg(feature = "http")]
    http::start(monitor, serving)?;
    #[cfg(feature = "metrics")]
    metrics_facade::start(monitor, serving)?;
    #[cfg(feature = "webhook")]
    webhook::start(monitor, serving)?;
    // Last: it has something to say at its end, which a start that fails should not wait for.
    #[cfg(feature = "otlp")]
    otlp::start(monitor, serving)?;
    check_features(monitor, serving)
}

/// What is asked for and cannot be had is an error, never passed over in silence.
fn check_features(monitor: &Monitor, serving: &Serving) -> Result<(), Error> {
    let wanted = [
        (
            "http",
            "http",
            serving.http.as_deref().is_some_and(|at| at != "off"),
            cfg!(feature = "http"),
        ),
        ("socket", "http", serving.socket != SocketPlace::Nowhere, cfg!(feature = "http")),
        ("webhook", "webhook", serving.webhook.is_some(), cfg!(feature = "webhook")),
        ("otlp", "otlp", serving.otlp.is_some(), cfg!(feature = "otlp")),
    ];
    match wanted.into_iter().find(|(_, _, wanted, is_there)| *wanted && !is_there) {
        Some((setting, feature, ..)) => {
            let expected = format!("left out: this build lacks plimsoll's feature `{feature}`");
            Err(blame(monitor, setting, Error::setting(setting, "what was given", &expected)))
        }
        None => Ok(()),
    }
}

/// Names the variable when the setting came from one.
fn blame(monitor: &Monitor, name: &str, error: Error) -> Error {
    use crate::setting::Origin;
    let settings = monitor.settings();
    let is_it = |s: &&crate::setting::Setting| s.name == name && s.origin == Origin::Environment;
    match settings.iter().find(is_it) {
        Some(setting) => Error::Environment { variable: setting.variable, source: Box::new(error) },
        None => error,
    }
}
