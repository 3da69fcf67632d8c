//! Requests to somebody else's server: bounded in time and size, following no redirect, and never showing where they went.

use std::time::Duration;
use ureq::http::{Request, Response, Uri};
use ureq::{Agent, Body};

/// An answer's most bytes; the rest is not read.
const MOST: u64 = 1 << 20;

/// Reads a URL.
///
/// # Errors
/// With what would be right, when it is none that can be used.
pub(super) fn target(text: &str) -> Result<Uri, &'static str> {
    let usable = "a URL such as http://127.0.0.1:9093/path";
    let uri: Uri = text.trim().parse().map_err(|_| usable)?;
    let authority = uri.authority().filter(|authority| !authority.host().is_empty());
    authority.ok_or(usable)?;
    match uri.scheme_str() {
        Some("http") => Ok(uri),
        Some("https") if cfg!(feature = "tls") => Ok(uri),
        Some("https") => Err("an http:// URL: https needs plimsoll's feature `tls`"),
        _ => Err(usable),
    }
}

/// What sends; every request is at its end after `timeout`.
pub(super) fn agent(timeout: Duration) -> Agent {
    let config = Agent::config_builder()
        .timeout_global(Some(timeout))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .max_idle_age(Duration::from_secs(15))
        .user_agent(concat!("plimsoll/", env!("CARGO_PKG_VERSION")));
    #[cfg(feature = "tls")]
    let config = config.tls_config(tls());
    Agent::new_with_config(config.build())
}

/// Trusts whom the system trusts.
#[cfg(feature = "tls")]
fn tls() -> ureq::tls::TlsConfig {
    let provider = rustls::crypto::ring::default_provider();
    ureq::tls::TlsConfig::builder()
        .root_certs(ureq::tls::RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(provider.into())
        .build()
}

/// Sends, and reads the answer.
///
/// # Errors
/// In words that do not tell the URL.
#[cfg(feature = "otlp")]
pub(super) fn send(agent: &Agent, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, String> {
    let (parts, mut body) = agent.run(request).map_err(|error| words(&error))?.into_parts();
    let body = read(&mut body).map_err(|error| words(&error))?;
    Ok(Response::from_parts(parts, body))
}

/// Sends what is answered by a status alone: what comes after it is read for the connection's sake, as far as it comes.
///
/// # Errors
/// In words that do not tell the URL.
#[cfg(feature = "webhook")]
pub(super) fn deliver(agent: &Agent, request: Request<Vec<u8>>) -> Result<Response<()>, String> {
    let (parts, mut body) = agent.run(request).map_err(|error| words(&error))?.into_parts();
    let _ = read(&mut body);
    Ok(Response::from_parts(parts, ()))
}

fn read(body: &mut Body) -> Result<Vec<u8>, ureq::Error> {
    body.with_config().limit(MOST).read_to_vec()
}

/// Its own words may name the host.
#[cfg(feature = "tls")]
fn no_tls() -> String {
    "no TLS: its certificate is not trusted here, or it speaks something else".into()
}

fn words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "no answer in time".into(),
        ureq::Error::HostNotFound => "its name is not known".into(),
        #[cfg(feature = "tls")]
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => no_tls(),
        ureq::Error::Io(error) => error.kind().to_string(),
        ureq::Error::BodyExceedsLimit(_) => "an answer of more than 1 MiB".into(),
        #[cfg(feature = "tls")]
        ureq::Error::Rustls(_) => no_tls(),
        _ => "it is no HTTP server, or ended the connection".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_scheme_and_a_host() {
        for good in ["http://127.0.0.1:9093/hook?a=b", " http://alerts.internal ", "http://[::1]:1"]
        {
            assert!(target(good).is_ok(), "{good}");
        }
        for bad in
            ["", "127.0.0.1:9093", "/hook", "ftp://a/b", "http://", "http:///x", "http://a b"]
        {
            assert!(target(bad).is_err_and(|expected| expected.contains("a URL such as")), "{bad}");
        }
        let https = target("https://alerts.internal");
        assert_eq!(https.is_ok(), cfg!(feature = "tls"));
    }
}
