//! The builder's options for what shows the monitor to others. Nothing listens and nothing is sent until asked.

/// Where the server listens, once it does.
#[cfg(feature = "http")]
#[derive(Debug, Default)]
pub(crate) struct Listening {
    pub(crate) address: parking_lot::Mutex<Option<std::net::SocketAddr>>,
    pub(crate) socket: parking_lot::Mutex<Option<std::path::PathBuf>>,
}

#[cfg(feature = "http")]
impl super::Builder {
    /// Serves the dashboard, health, figures, `/api` and events at this address. `PLIMSOLL_HTTP`
    /// (`127.0.0.1:9464`, `localhost:9464`); nothing listens unless given. Port 0 takes a free one:
    /// [`Handle::http_address`](crate::Handle::http_address) says which.
    ///
    /// Beyond the machine itself (any address but loopback) a token is needed, or [`Builder::http_open`](Self::http_open). It
    /// runs on a thread of its own, answers 32 connections at a time, and ends with the monitor.
    pub fn http(mut self, address: impl Into<String>) -> Self {
        self.given.serving.http = Some(address.into());
        self
    }

    /// Wants `Authorization: Bearer` with this token at every route but `/livez` and the dashboard's page, which has no
    /// figures of its own. `PLIMSOLL_HTTP_TOKEN`; none unless given. Compared in constant time, shown nowhere. A caller at the
    /// socket needs none: its file is the user's own.
    pub fn http_token(mut self, token: impl Into<String>) -> Self {
        self.given.serving.http_token = Some(super::Secret(token.into()));
        self
    }

    /// Lets everybody who can reach the address read, though it is not loopback and there is no token. `PLIMSOLL_HTTP_OPEN`
    /// (`on`, `off`); off unless given.
    pub fn http_open(mut self, open: bool) -> Self {
        self.given.serving.http_open = Some(open);
        self
    }

    /// Names by which the server may be called, besides `localhost` and its own addresses: what stands before the port in
    /// `Host`. `PLIMSOLL_HTTP_HOSTS` (`search.internal,10.0.0.5`); none unless given. Any other name gets 421, so that no
    /// web page can have a browser read it.
    pub fn http_hosts<H: Into<String>>(mut self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.given.serving.http_hosts = Some(hosts.into_iter().map(Into::into).collect());
        self
    }

    /// Lets callers over HTTP and MCP change something: evict, purge, unload, configure. `PLIMSOLL_HTTP_ACTIONS` (`on`,
    /// `off`); off unless given.
    pub fn http_actions(mut self, allowed: bool) -> Self {
        self.given.serving.http_actions = Some(allowed);
        self
    }

    /// Serves the same at a Unix socket that tools on this machine find by the process's id: in `XDG_RUNTIME_DIR`, or the
    /// directory for temporary files, with mode 0600. `PLIMSOLL_SOCKET` (`on`, or a path); none unless given.
    pub fn socket(mut self) -> Self {
        self.given.serving.socket = Some(super::SocketPlace::Usual);
        self
    }

    /// As [`Builder::socket`](Self::socket), at this path. A socket that nobody listens at any more is replaced; anything else there is
    /// an error.
    pub fn socket_at(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.given.serving.socket = Some(super::SocketPlace::At(path.into()));
        self
    }
}

#[cfg(feature = "webhook")]
impl super::Builder {
    /// Sends alerts there, as Alertmanager's JSON (version 4). `PLIMSOLL_WEBHOOK` (`http://127.0.0.1:9093/hook`); none
    /// unless given.
    ///
    /// A set of rules is there already ([`without_default_alerts`](Self::without_default_alerts) takes them away);
    /// [`alert`](Self::alert) adds your own. Sent from a
    /// thread of its own, retried while the receiver cannot be reached, and shown nowhere: the URL may hold a secret. `https`
    /// needs the feature `tls`. When the monitor stops all alerts are resolved.
    pub fn webhook(mut self, url: impl Into<String>) -> Self {
        self.given.serving.webhook = Some(super::Secret(url.into()));
        self
    }

    /// What is sent. `PLIMSOLL_WEBHOOK_FORM` (`webhook`, `text`, `alertmanager`); `webhook` unless given.
    pub fn webhook_form(mut self, form: super::WebhookForm) -> Self {
        self.given.serving.webhook_form = Some(form);
        self
    }

    /// Signs what is sent, as [Standard Webhooks](https://www.standardwebhooks.com) do. `PLIMSOLL_WEBHOOK_SECRET`
    /// (`whsec_` and base64 of 24 to 64 bytes); not signed unless given. Shown nowhere.
    pub fn webhook_secret(mut self, secret: impl Into<String>) -> Self {
        self.given.serving.webhook_secret = Some(super::Secret(secret.into()));
        self
    }

    /// How often alerts that go on are told again. `PLIMSOLL_WEBHOOK_REPEAT` (`4h`); 4 hours unless given. Valid: 1 s to
    /// 7 days.
    pub fn webhook_repeat(mut self, repeat: std::time::Duration) -> Self {
        self.given.serving.webhook_repeat = Some(repeat);
        self
    }

    /// Adds a rule of your own; at most 64 with the twelve that are there.
    pub fn alert(mut self, rule: crate::alert::AlertRule) -> Self {
        self.given.serving.alerts.own.push(rule);
        self
    }

    /// Leaves only the rules of [`alert`](Self::alert).
    pub fn without_default_alerts(mut self) -> Self {
        self.given.serving.alerts.without_defaults = true;
        self
    }
}

#[cfg(feature = "metrics")]
impl super::Builder {
    /// Sets gauges and counters of the [`metrics`](https://docs.rs/metrics) facade at every tick, once a second at most: those of
    /// [`METRICS`](crate::METRICS) with `plimsoll_` before their names, those of the caches, and your own. Off unless asked for.
    /// Where they go is up to the recorder that the program installs; plimsoll installs none.
    pub fn metrics_facade(mut self) -> Self {
        self.given.serving.facade = true;
        self
    }
}

#[cfg(feature = "otlp")]
impl super::Builder {
    /// Pushes the figures to an OpenTelemetry collector, over HTTP with protobuf. `PLIMSOLL_OTLP`
    /// (`http://127.0.0.1:4318`); none unless given.
    pub fn otlp(mut self, endpoint: impl Into<String>) -> Self {
        self.given.serving.otlp = Some(endpoint.into());
        self
    }
}
