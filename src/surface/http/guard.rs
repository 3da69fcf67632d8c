//! Who may ask: by the right name, from no foreign page, with the token, and no more than can be taken.

use super::answer::Refusal;
use crate::monitor::Secret;
use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, ORIGIN,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;

/// A request's body, at most.
const BODY_BYTES: usize = 1 << 20;

/// For a request's body to come, and for a question to be answered.
const PATIENCE: Duration = Duration::from_secs(5);

/// For something to be done: an eviction may ask several caches that each take their time.
const DOING: Duration = Duration::from_secs(120);

/// How a request came here.
#[derive(Clone, Copy, Debug)]
pub(super) enum Via {
    /// At this address of the server's.
    Address(IpAddr),
    /// At the socket: by somebody who may read the user's own files.
    #[cfg_attr(not(unix), allow(dead_code, reason = "there are no such sockets"))]
    Socket,
    /// By a server that is not ours.
    Unknown,
}

/// What is asked of callers.
#[derive(Clone, Debug)]
pub(super) struct Guard(Arc<Wanted>);

#[derive(Debug)]
struct Wanted {
    token: Option<Secret>,
    hosts: Vec<String>,
}

impl Guard {
    pub(super) fn new(token: Option<Secret>, hosts: Vec<String>) -> Self {
        Guard(Arc::new(Wanted { token, hosts }))
    }

    fn check(&self, request: &Request) -> Result<(), Refusal> {
        let via = request.extensions().get().copied().unwrap_or(Via::Unknown);
        if let Via::Socket = via {
            return Ok(());
        }
        let headers = request.headers();
        let host = host_of(request);
        if !self.knows(name_of(host), via) {
            return Err(Refusal::host(host));
        }
        let is_open = !needs_token(request.uri().path());
        // A link may lead to the page itself, which then asks for the rest.
        if is_foreign(headers, host) || (is_from_elsewhere(headers) && !is_open) {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "asked by a page of another origin: only pages of this server may ask",
            ));
        }
        if !is_open && !self.has_token(headers) {
            return Err(Refusal::unauthorized());
        }
        Ok(())
    }

    /// Whether `name` is one of the server's own. Any other may be a page's, which has had its name point here.
    fn knows(&self, name: &str, via: Via) -> bool {
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        let is_own = match (address, via) {
            (Some(address), Via::Address(own)) => address.to_canonical() == own.to_canonical(),
            // An address is no name that could be made to point somewhere else.
            (Some(_), _) => true,
            (None, _) => false,
        };
        let is_loopback = address.is_some_and(|address| address.is_loopback());
        let named = |host: &String| host.eq_ignore_ascii_case(name);
        is_own
            || is_loopback
            || name.eq_ignore_ascii_case("localhost")
            || self.0.hosts.iter().any(named)
    }

    fn has_token(&self, headers: &HeaderMap) -> bool {
        let Some(Secret(token)) = &self.0.token else { return true };
        let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
        let (scheme, given) = given.split_at_checked(7).unwrap_or_default();
        // The word is the same in any letters (RFC 9110), the token is not.
        if !scheme.eq_ignore_ascii_case(b"Bearer ") {
            return false;
        }
        given.ct_eq(token.as_bytes()).into()
    }
}

/// The one name that the server is called by: `Host`, and in HTTP/2 what stands in its place; empty for none, and for several.
fn host_of(request: &Request) -> &str {
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next(), request.version()) {
        (Some(host), None, _) => host.to_str().unwrap_or_default(),
        (None, None, Version::HTTP_2) => request.uri().authority().map_or("", Authority::as_str),
        _ => "",
    }
}

/// What stands before the port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Whether a browser says that a page of another origin asks.
fn is_foreign(headers: &HeaderMap, host: &str) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let origin = origin.to_str().unwrap_or_default();
    let own = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    !own.is_some_and(|own| own.eq_ignore_ascii_case(host))
}

/// Whether a browser says that a page of another site asks: with a link, a picture or a frame it tells no origin.
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site")
}

/// The page and its files have no figures; whether the process lives is nobody's secret.
fn needs_token(path: &str) -> bool {
    let open = ["/", "/index.html", "/livez", "/favicon.ico"];
    !(open.contains(&path) || path.starts_with("/assets/"))
}

/// Profiles: their names are looked up, and a change takes the time that it is to be of.
fn takes_its_time(path: &str) -> bool {
    path.starts_with("/debug/") || path == "/api/v1/profile"
}

/// Around every route: lets in who may ask, takes the body in bounded time and size, and answers in bounded time.
pub(super) async fn around(
    State(guard): State<Guard>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Err(refusal) = guard.check(&request) {
        return sealed(refusal.into_response());
    }
    let is_question = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_question {
        match take_body(request).await {
            Ok(whole) => request = whole,
            Err(refusal) => return sealed(refusal.into_response()),
        }
    }
    let is_quick = is_question && !takes_its_time(request.uri().path());
    let patience = if is_quick { PATIENCE } else { DOING };
    let answer = tokio::time::timeout(patience, next.run(request)).await;
    sealed(answer.unwrap_or_else(|_| Refusal::late(patience).into_response()))
}

/// The request with all of its body.
async fn take_body(request: Request) -> Result<Request, Refusal> {
    let is_json = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_json = is_json.is_some_and(|kind| {
        kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
    });
    if request.method() == Method::POST && !is_json {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content-type: must be application/json",
        ));
    }
    let (head, body) = request.into_parts();
    if body.size_hint().lower() > BODY_BYTES as u64 {
        return Err(too_large());
    }
    let body = tokio::time::timeout(PATIENCE, to_bytes(body, BODY_BYTES));
    let body: Bytes = match body.await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Err(too_large()),
        Err(_) => return Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "body: came too slowly")),
    };
    Ok(Request::from_parts(head, Body::from(body)))
}

fn too_large() -> Refusal {
    let error = "body: must be at most 1048576 bytes, all of which come";
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, error)
}

/// Every answer is for its caller alone, and runs nothing that is not ours.
fn sealed(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    let policy = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(policy));
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard::new(Some(Secret("secret".into())), vec!["search.internal".into()])
    }

    #[test]
    fn a_server_answers_to_its_own_names_only() {
        let at = |ip: &str| Via::Address(ip.parse().expect("an address"));
        let knows = |host, via| guard().knows(name_of(host), via);
        for host in ["localhost:9464", "127.0.0.1:9464", "[::1]:80", "LOCALHOST", "search.internal"]
        {
            assert!(knows(host, at("127.0.0.1")), "{host}");
        }
        assert!(knows("10.0.0.5:9464", at("10.0.0.5")) && knows("10.0.0.5", at("::ffff:10.0.0.5")));
        for host in ["evil.example", "localhost.evil.example", "10.0.0.6", "", "127.0.0.1.nip.io"] {
            assert!(!knows(host, at("10.0.0.5")), "{host}");
        }
        assert!(knows("10.0.0.6", Via::Unknown) && !knows("evil.example", Via::Unknown));
    }

    #[test]
    fn it_is_called_by_one_name() {
        let request = |version, target: &str, hosts: &[&str]| {
            let hosts = hosts.iter().fold(Request::builder(), |all, host| all.header(HOST, *host));
            hosts.version(version).uri(target).body(Body::empty()).expect("a request")
        };
        let (one, two) = (Version::HTTP_11, Version::HTTP_2);
        assert_eq!(host_of(&request(one, "/", &["localhost"])), "localhost");
        assert_eq!(host_of(&request(two, "https://localhost:80/", &[])), "localhost:80");
        assert_eq!(host_of(&request(two, "https://localhost/", &["evil.example"])), "evil.example");
        assert_eq!(host_of(&request(one, "http://localhost/", &[])), "");
        assert_eq!(host_of(&request(one, "/", &["localhost", "evil.example"])), "");
    }

    #[test]
    fn a_page_of_another_origin_is_foreign() {
        let with = |origin: &'static str| {
            HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static(origin))])
        };
        assert!(!is_foreign(&HeaderMap::new(), "localhost:9464"));
        assert!(!is_foreign(&with("http://localhost:9464"), "localhost:9464"));
        for origin in ["http://evil.example", "null", "http://localhost:80", "file://"] {
            assert!(is_foreign(&with(origin), "localhost:9464"), "{origin}");
        }
    }

    #[test]
    fn a_page_of_another_site_sees_what_is_open_only() {
        let checked = |path: &str, site: &str| {
            let request = Request::builder().uri(path).header(HOST, "localhost");
            let request = request.header("sec-fetch-site", site).body(Body::empty());
            Guard::new(None, Vec::new()).check(&request.expect("a request")).is_ok()
        };
        for site in ["same-origin", "same-site", "none"] {
            assert!(checked("/debug/pprof/heap", site), "{site}");
        }
        for path in ["/debug/pprof/heap", "/debug/flamegraph", "/api/v1/status", "/metrics"] {
            assert!(!checked(path, "cross-site"), "{path}");
        }
        assert!(checked("/", "cross-site"));
    }

    #[test]
    fn only_the_whole_token_is_one() {
        let with = |value: &str| {
            let value = HeaderValue::from_str(value).expect("a value");
            guard().has_token(&HeaderMap::from_iter([(AUTHORIZATION, value)]))
        };
        assert!(with("Bearer secret") && with("bearer secret"));
        for wrong in [
            "Bearer secre",
            "Bearer Secret",
            "Bearersecret",
            "Bearer secret2",
            "Bearer ",
            "secret",
            "Basic secret",
            "",
        ] {
            assert!(!with(wrong), "{wrong}");
        }
        assert!(!guard().has_token(&HeaderMap::new()));
        assert!(Guard::new(None, Vec::new()).has_token(&HeaderMap::new()));
        assert!(!format!("{:?}", guard()).contains("secret"));
    }

    #[test]
    fn only_what_has_no_figures_is_open() {
        assert!(
            ["/", "/index.html", "/livez", "/assets/app.js"]
                .into_iter()
                .all(|path| !needs_token(path))
        );
        for path in ["/metrics", "/api/v1/status", "/events", "/mcp", "/readyz", "/assets"] {
            assert!(needs_token(path), "{path}");
        }
    }
}
