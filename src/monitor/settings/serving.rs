//! Where and how the monitor is shown to others: nothing listens and nothing is sent unless somebody asks for it.

use super::resolver::Resolver;
use super::text::{on_or_off, words};
#[cfg(feature = "webhook")]
use crate::alert::RuleSet;
use crate::error::Error;
use std::path::PathBuf;
use std::time::Duration;

/// How often alerts that go on are told again, unless given: as Alertmanager does.
const REPEAT_SECS: u64 = 4 * 3600;

/// What a builder has been told so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    pub(crate) http: Option<String>,
    pub(crate) http_token: Option<Secret>,
    pub(crate) http_open: Option<bool>,
    pub(crate) http_hosts: Option<Vec<String>>,
    pub(crate) http_actions: Option<bool>,
    pub(crate) socket: Option<SocketPlace>,
    pub(crate) webhook: Option<Secret>,
    pub(crate) webhook_form: Option<WebhookForm>,
    pub(crate) webhook_secret: Option<Secret>,
    pub(crate) webhook_repeat: Option<Duration>,
    #[cfg(feature = "webhook")]
    pub(crate) alerts: RuleSet,
    pub(crate) otlp: Option<String>,
    pub(crate) facade: bool,
}

/// What is in force.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(all(feature = "http", feature = "webhook", feature = "otlp", feature = "metrics")),
    allow(dead_code, reason = "only the features read it")
)]
pub(crate) struct Serving {
    /// The address to listen on.
    pub(crate) http: Option<String>,
    pub(crate) http_token: Option<Secret>,
    /// Whether everybody who reaches the address may read, without a token.
    pub(crate) http_open: bool,
    /// Names by which the server may be called, besides those of its own address.
    pub(crate) http_hosts: Vec<String>,
    /// Whether callers may change something: evict, purge, configure.
    pub(crate) http_actions: bool,
    pub(crate) socket: SocketPlace,
    /// Where alerts go.
    pub(crate) webhook: Option<Secret>,
    pub(crate) webhook_form: WebhookForm,
    pub(crate) webhook_secret: Option<Secret>,
    pub(crate) webhook_repeat: Duration,
    #[cfg(feature = "webhook")]
    pub(crate) alerts: RuleSet,
    /// Where figures are pushed to.
    pub(crate) otlp: Option<String>,
    /// Whether the `metrics` facade has them.
    pub(crate) facade: bool,
}

/// What is sent to a webhook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebhookForm {
    /// The JSON that Alertmanager sends to its receivers, version 4: whatever takes alerts from it takes these.
    #[default]
    Webhook,
    /// `{"text": "..."}`, as Slack, Mattermost and many others take it.
    Text,
    /// To an Alertmanager, as Prometheus does: `POST /api/v2/alerts`, told again every minute while it fires. The URL is the
    /// Alertmanager's own; the path is added.
    Alertmanager,
}

impl WebhookForm {
    /// The word for it, in `PLIMSOLL_WEBHOOK_FORM`.
    pub const fn as_str(self) -> &'static str {
        match self {
            WebhookForm::Webhook => "webhook",
            WebhookForm::Text => "text",
            WebhookForm::Alertmanager => "alertmanager",
        }
    }
}

/// Where the socket for tools on the same machine lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SocketPlace {
    /// In the directory for such things, named after the process, so that tools find it by its id.
    Usual,
    At(PathBuf),
    Nowhere,
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}

impl Serving {
    pub(super) fn resolve(given: &Given, r: &mut Resolver<'_>) -> Result<Self, Error> {
        let given = given.clone();
        Ok(Serving {
            http: r.optional("http", "PLIMSOLL_HTTP", given.http, text, or_off)?,
            http_token: r.optional(
                "http_token",
                "PLIMSOLL_HTTP_TOKEN",
                given.http_token,
                secret,
                hidden,
            )?,
            http_open: r.switch("http_open", "PLIMSOLL_HTTP_OPEN", given.http_open)?,
            http_hosts: r.required(
                "http_hosts",
                "PLIMSOLL_HTTP_HOSTS",
                given.http_hosts,
                words,
                Vec::new(),
                |hosts| if hosts.is_empty() { "its own".into() } else { hosts.join(",") },
            )?,
            http_actions: r.switch("http_actions", "PLIMSOLL_HTTP_ACTIONS", given.http_actions)?,
            socket: r.required(
                "socket",
                "PLIMSOLL_SOCKET",
                given.socket,
                place,
                SocketPlace::Nowhere,
                |place| match place {
                    SocketPlace::Usual => "on".into(),
                    SocketPlace::At(path) => path.display().to_string(),
                    SocketPlace::Nowhere => "off".into(),
                },
            )?,
            webhook: r.optional("webhook", "PLIMSOLL_WEBHOOK", given.webhook, secret, hidden)?,
            webhook_form: r.required(
                "webhook_form",
                "PLIMSOLL_WEBHOOK_FORM",
                given.webhook_form,
                form,
                WebhookForm::default(),
                WebhookForm::as_str,
            )?,
            webhook_secret: r.optional(
                "webhook_secret",
                "PLIMSOLL_WEBHOOK_SECRET",
                given.webhook_secret,
                secret,
                hidden,
            )?,
            webhook_repeat: r.duration(
                "webhook_repeat",
                "PLIMSOLL_WEBHOOK_REPEAT",
                given.webhook_repeat,
                REPEAT_SECS,
            )?,
            #[cfg(feature = "webhook")]
            alerts: given.alerts,
            facade: given.facade,
            otlp: r.optional("otlp", "PLIMSOLL_OTLP", given.otlp, text, or_off)?,
        })
    }
}

impl Serving {
    /// A token that nobody could bring locks everybody out, and an empty one lets everybody in.
    pub(super) fn check(&self) -> Result<(), Error> {
        let Some(Secret(token)) = &self.http_token else { return Ok(()) };
        let is_plain = token.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if is_plain && !token.is_empty() && token.trim() == token {
            return Ok(());
        }
        let expected = "printable ASCII, not empty, without spaces at its ends";
        Err(Error::setting("http_token", "what was given", expected))
    }
}

fn or_off(text: Option<String>) -> String {
    text.unwrap_or("off".into())
}

fn hidden(secret: Option<Secret>) -> String {
    secret.map_or("off", |_| "(hidden)").into()
}

fn text(text: &str) -> Result<String, Error> {
    secret(text).map(|Secret(text)| text)
}

fn secret(secret: &str) -> Result<Secret, Error> {
    let secret = secret.trim();
    if secret.is_empty() {
        return Err(Error::Parse { given: String::new(), expected: "a text that is not empty" });
    }
    Ok(Secret(secret.to_owned()))
}

fn form(text: &str) -> Result<WebhookForm, Error> {
    let all = [WebhookForm::Webhook, WebhookForm::Text, WebhookForm::Alertmanager];
    let refused = Error::Parse { given: text.into(), expected: "webhook, text or alertmanager" };
    all.into_iter().find(|form| form.as_str() == text.trim()).ok_or(refused)
}

/// `on`, `off`, or an absolute path.
fn place(text: &str) -> Result<SocketPlace, Error> {
    let path = PathBuf::from(text.trim());
    match on_or_off(text) {
        Ok(true) => Ok(SocketPlace::Usual),
        Ok(false) => Ok(SocketPlace::Nowhere),
        Err(_) if path.is_absolute() => Ok(SocketPlace::At(path)),
        Err(_) => {
            Err(Error::Parse { given: text.into(), expected: "on, off, or an absolute path" })
        }
    }
}
