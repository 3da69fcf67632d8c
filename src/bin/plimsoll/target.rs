//! `Target`: the process that is meant, by URL, address, socket, id, or as the only one there is.

use super::fault::Fault;
use super::sockets::{self, Socket, State};
use std::path::PathBuf;

const FORMS: &str = "a URL (http://127.0.0.1:9464), host:port, a socket's path, or a process's id";
const TURN_ON: &str = "start it with PLIMSOLL_SOCKET=on, or with .socket() in its code";

/// Which process is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    At(Place),
    /// Looked up anew for every connection, so that a process that comes back is found.
    Pid(u32),
    Only,
}

/// Where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `prefix` is what stands before every route: empty, or `/somewhere`.
    Tcp {
        host: String,
        port: u16,
        prefix: String,
    },
    Unix(PathBuf),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Tcp { host, port, prefix } => write!(f, "http://{host}:{port}{prefix}"),
            Place::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Target {
    /// As it was given; the only process when nothing was.
    pub(crate) fn parse(given: Option<&str>) -> Result<Self, Fault> {
        let Some(text) = given.map(str::trim).filter(|text| !text.is_empty()) else {
            return Ok(Target::Only);
        };
        if let Some((scheme, rest)) = text.split_once("://") {
            return url(scheme, rest).map(Target::At);
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return pid(text);
        }
        if text.contains('/') || text.ends_with(".sock") {
            return Ok(Target::At(Place::Unix(text.into())));
        }
        address(text, None).map(Target::At)
    }

    /// Where it listens now.
    pub(crate) fn place(&self) -> Result<Place, Fault> {
        match self {
            Target::At(place) => Ok(place.clone()),
            Target::Pid(pid) => of_pid(*pid, &sockets::all()),
            Target::Only => only(&sockets::all()),
        }
    }
}

fn pid(text: &str) -> Result<Target, Fault> {
    let pid = text.parse().ok().filter(|pid| *pid > 0);
    pid.map(Target::Pid).ok_or_else(|| Fault::new(format!("{text}: no process has such an id")))
}

fn url(scheme: &str, rest: &str) -> Result<Place, Fault> {
    match scheme.to_ascii_lowercase().as_str() {
        "http" => {}
        "https" => {
            return Err(Fault::new(
                "https:// is not spoken here: reach the process by a tunnel (ssh -L \
                 9464:127.0.0.1:9464 HOST) and name http://127.0.0.1:9464",
            ));
        }
        other => return Err(Fault::new(format!("{other}://: a target is {FORMS}"))),
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.contains('@') {
        return Err(Fault::new("a URL holds no user or password: give a token with --token"));
    }
    if path.contains(['?', '#']) {
        return Err(Fault::new(format!("{rest}: a target's URL ends with its path")));
    }
    let place = address(authority, Some(80))?;
    Ok(with_prefix(place, path.trim_end_matches('/')))
}

fn with_prefix(place: Place, path: &str) -> Place {
    match place {
        Place::Tcp { host, port, .. } if !path.is_empty() => {
            Place::Tcp { host, port, prefix: format!("/{path}") }
        }
        place => place,
    }
}

/// `host:port`, `[::1]:port`; without a port only where there is a usual one.
fn address(text: &str, usual: Option<u16>) -> Result<Place, Fault> {
    let wrong = || Fault::new(format!("{text:?}: a target is {FORMS}"));
    let (host, port) = match text.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
        Some((host, port)) => (host, port.parse().ok().filter(|port| *port > 0)),
        None => (text, usual),
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match bare {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        }
    };
    match port {
        Some(port) if is_host => {
            Ok(Place::Tcp { host: host.to_owned(), port, prefix: String::new() })
        }
        _ => Err(wrong()),
    }
}

fn of_pid(pid: u32, found: &[Socket]) -> Result<Place, Fault> {
    let its: Vec<_> = found.iter().filter(|socket| socket.pid == pid).collect();
    if let Some(socket) = its.iter().find(|socket| socket.state == State::Runs) {
        return Ok(Place::Unix(socket.path.clone()));
    }
    Err(Fault::new(match its.first() {
        Some(left) => format!("{}: {}", left.path.display(), left.state.words()),
        None => format!("process {pid} has no socket in {}: {TURN_ON}", looked_in()),
    }))
}

fn only(found: &[Socket]) -> Result<Place, Fault> {
    let running: Vec<_> = found.iter().filter(|socket| socket.state == State::Runs).collect();
    match running.as_slice() {
        [one] => Ok(Place::Unix(one.path.clone())),
        [] => Err(Fault::new(format!(
            "no monitored process was found in {}: name {FORMS}; or {TURN_ON}",
            looked_in()
        ))),
        several => {
            let names: Vec<_> = several.iter().map(|socket| told(socket)).collect();
            let names = names.join(", ");
            Err(Fault::new(format!("there is more than one monitored process, name one: {names}")))
        }
    }
}

fn told(socket: &Socket) -> String {
    let name = sockets::name(socket.pid).unwrap_or("unknown".into());
    format!("{} ({})", socket.pid, super::print::plain(&name))
}

fn looked_in() -> String {
    let places: Vec<_> = sockets::places().iter().map(|dir| dir.display().to_string()).collect();
    places.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Target, String> {
        Target::parse(Some(text)).map_err(|fault| fault.to_string())
    }

    fn tcp(host: &str, port: u16, prefix: &str) -> Target {
        Target::At(Place::Tcp { host: host.into(), port, prefix: prefix.into() })
    }

    #[test]
    fn every_form_is_taken_for_what_it_is() {
        assert_eq!(parsed("http://127.0.0.1:9464"), Ok(tcp("127.0.0.1", 9464, "")));
        assert_eq!(parsed("HTTP://box/"), Ok(tcp("box", 80, "")));
        assert_eq!(parsed("http://box:8080/memory/"), Ok(tcp("box", 8080, "/memory")));
        assert_eq!(parsed("localhost:9464"), Ok(tcp("localhost", 9464, "")));
        assert_eq!(parsed("[::1]:9464"), Ok(tcp("[::1]", 9464, "")));
        assert_eq!(parsed("1234"), Ok(Target::Pid(1234)));
        assert_eq!(parsed("./a.sock"), Ok(Target::At(Place::Unix("./a.sock".into()))));
        assert_eq!(Target::parse(None).ok(), Some(Target::Only));
        assert_eq!(Target::parse(Some(" ")).ok(), Some(Target::Only));
    }

    #[test]
    fn what_is_none_of_them_is_told_what_would_be_right() {
        let nearly = ["localhost", "host:", "host:0", "host:70000", ":9464", "[x]:1", "a b:1"];
        for wrong in nearly {
            let error = parsed(wrong).expect_err(wrong);
            assert!(error.contains("host:port"), "{error}");
        }
        assert!(parsed("https://host").expect_err("TLS").contains("ssh -L"));
        assert!(parsed("ftp://host").expect_err("ftp").contains("http://"));
        assert!(parsed("http://a:b@host").expect_err("user").contains("--token"));
        assert!(parsed("http://host/?a=1").expect_err("query").contains("path"));
        assert!(parsed("0").expect_err("zero").contains("id"));
        assert!(parsed("99999999999").expect_err("too large").contains("id"));
    }

    fn socket(pid: u32, state: State) -> Socket {
        Socket { pid, path: format!("/run/plimsoll-{pid}-1.sock").into(), state }
    }

    #[test]
    fn the_only_process_is_found_and_several_are_listed() {
        let (runs, gone) = (socket(u32::MAX, State::Runs), socket(2, State::Gone));
        let place = Place::Unix(runs.path.clone());
        assert_eq!(only(&[gone.clone(), runs.clone()]).ok(), Some(place.clone()));
        assert_eq!(of_pid(u32::MAX, &[gone.clone(), runs.clone()]).ok(), Some(place));
        let several = only(&[runs, socket(u32::MAX - 1, State::Runs)]).expect_err("two");
        assert!(several.to_string().contains("4294967294 (unknown)"), "{several}");
        let none = only(std::slice::from_ref(&gone)).expect_err("none runs");
        assert!(none.to_string().contains("PLIMSOLL_SOCKET=on"), "{none}");
        assert!(of_pid(2, &[gone]).expect_err("stale").to_string().contains("has ended"));
        let none = of_pid(3, &[]).expect_err("no socket").to_string();
        assert!(none.contains("process 3") && none.contains(".socket()"), "{none}");
    }
}
