//! Where the server may listen: on this machine, or beyond it with a token.

use crate::error::Error;
use crate::monitor::Serving;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The address meant by `given`.
///
/// # Errors
/// For what is no address, and for one beyond this machine that everybody could read without having been told to.
pub(super) fn resolve(given: &str, serving: &Serving) -> Result<SocketAddr, Error> {
    let refused = |expected: &str| Error::setting("http", given, expected);
    let address = parse(given).ok_or_else(|| {
        refused("an address and a port, such as 127.0.0.1:9464 or localhost:9464")
    })?;
    if address.ip().is_loopback() || serving.http_token.is_some() || serving.http_open {
        return Ok(address);
    }
    Err(refused(
        "a loopback address, or have a token (PLIMSOLL_HTTP_TOKEN), or be insisted on (PLIMSOLL_HTTP_OPEN=on): \
         whoever reaches it could read it",
    ))
}

fn parse(given: &str) -> Option<SocketAddr> {
    let given = given.trim();
    if let Some(port) = given.strip_prefix("localhost:") {
        return Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port.parse().ok()?));
    }
    given.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_people_write_them() {
        let parsed = |given| parse(given).map(|address| address.to_string());
        assert_eq!(parsed(" localhost:9464 ").as_deref(), Some("127.0.0.1:9464"));
        assert_eq!(parsed("[::1]:0").as_deref(), Some("[::1]:0"));
        for wrong in ["9464", ":9464", "127.0.0.1", "example.org:80", "localhost:x", ""] {
            assert_eq!(parsed(wrong), None, "{wrong:?}");
        }
    }
}
