//! One message, sent: the request, its signature, and what the answer means.

use super::sign::Key;
use crate::monitor::WebhookForm;
use crate::snapshot::Moment;
use crate::surface::client::{agent, deliver};
use std::time::Duration;
use ureq::Agent;
use ureq::http::{Request, Response, Uri, request};

/// How long a receiver may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// And while the monitor stops, for which two messages have two seconds.
const HURRIED: Duration = Duration::from_millis(900);

/// The route that Prometheus uses.
const POSTED: &str = "/api/v2/alerts";

/// What came of a message.
pub(super) enum Answer {
    Taken,
    /// It will never be taken.
    Refused(String),
    /// It may be, later: after so long, if the receiver says.
    Later(String, Option<Duration>),
}

pub(super) struct Sender {
    agent: Agent,
    url: Uri,
    key: Option<Key>,
    /// Makes the ids of messages those of this monitor.
    run: String,
}

impl Sender {
    pub(super) fn new(url: Uri, form: WebhookForm, key: Option<Key>, run: String) -> Self {
        let url = if form == WebhookForm::Alertmanager { posted(&url).unwrap_or(url) } else { url };
        Sender { agent: agent(TIMEOUT), url, key, run }
    }

    /// From now on receivers have little time.
    pub(super) fn hurry(&mut self) {
        self.agent = agent(HURRIED);
    }

    pub(super) fn send(&self, number: u64, body: Vec<u8>, at: Moment) -> Answer {
        let request = self.signed(number, &body, at).body(body);
        let Ok(request) = request else { return Answer::Refused("no request can be made".into()) };
        match deliver(&self.agent, request) {
            Ok(response) => judge(&response),
            Err(why) => Answer::Later(why, None),
        }
    }

    fn signed(&self, number: u64, body: &[u8], at: Moment) -> request::Builder {
        let request = Request::post(&self.url).header("content-type", "application/json");
        let Some(key) = &self.key else { return request };
        let (id, secs) = (format!("msg_{}_{number}", self.run), at.wall_micros / 1_000_000);
        request
            .header("webhook-signature", key.sign(&id, secs, body))
            .header("webhook-timestamp", secs.to_string())
            .header("webhook-id", id)
    }
}

/// The URL of an Alertmanager, with the route unless it has it already.
fn posted(url: &Uri) -> Option<Uri> {
    let path = url.path().trim_end_matches('/');
    let path = if path.ends_with(POSTED) { path.to_owned() } else { format!("{path}{POSTED}") };
    let path = url.query().map(|query| format!("{path}?{query}")).unwrap_or(path);
    let mut parts = url.clone().into_parts();
    parts.path_and_query = Some(path.parse().ok()?);
    Uri::from_parts(parts).ok()
}

fn judge(response: &Response<()>) -> Answer {
    let (status, why) = (response.status(), format!("it answers {}", response.status().as_u16()));
    match status.as_u16() {
        200..300 => Answer::Taken,
        300..400 => Answer::Refused(format!("{why}, a redirect, which is not followed")),
        408 | 425 | 429 | 500..600 => Answer::Later(why, retry_after(response)),
        _ => Answer::Refused(why),
    }
}

/// In seconds; the other form, a date, is left alone.
fn retry_after(response: &Response<()>) -> Option<Duration> {
    let text = response.headers().get("retry-after")?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alertmanagers_route_is_added_once() {
        for (given, expected) in [
            ("http://am:9093", "http://am:9093/api/v2/alerts"),
            ("http://am:9093/", "http://am:9093/api/v2/alerts"),
            ("http://am/prefix/?tenant=a", "http://am/prefix/api/v2/alerts?tenant=a"),
            ("http://am/api/v2/alerts", "http://am/api/v2/alerts"),
        ] {
            let url = posted(&given.parse().expect("a URL")).expect("a URL");
            assert_eq!(url.to_string(), expected);
        }
    }

    #[test]
    fn answers_are_judged_by_whether_another_try_can_help() {
        let answer = |status: u16, after: Option<&str>| {
            let mut response = Response::builder().status(status);
            if let Some(after) = after {
                response = response.header("retry-after", after);
            }
            match judge(&response.body(()).expect("a response")) {
                Answer::Taken => "taken".to_owned(),
                Answer::Refused(why) => format!("refused: {why}"),
                Answer::Later(why, after) => format!("later: {why} {after:?}"),
            }
        };
        assert_eq!(answer(202, None), "taken");
        assert_eq!(answer(302, None), "refused: it answers 302, a redirect, which is not followed");
        assert_eq!(answer(404, None), "refused: it answers 404");
        assert_eq!(answer(503, Some("7")), "later: it answers 503 Some(7s)");
        assert_eq!(
            answer(429, Some("Fri, 31 Dec 1999 23:59:59 GMT")),
            "later: it answers 429 None"
        );
    }
}
