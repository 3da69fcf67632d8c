//! The server: everything the monitor knows, at an address or a socket, on a thread of its own.
//!
//! ```text
//! address.rs  socket.rs     where it listens, and what may be listened at
//! server.rs                 the thread: connections, bounded in number, time and size
//! guard.rs                  who may ask: host, origin, token, size
//! routes.rs                 which question is whose
//! pages.rs                  the dashboard's files
//! probes.rs                 is it alive, ready, well?
//! figures.rs                `/metrics`
//! profile.rs                the heap profile, for pprof, as a picture and as JSON
//! api.rs  actions.rs        `/api`: what is asked, what is done
//! stream.rs                 `/events`: what happens, as it happens
//! answer.rs                 how an answer looks, and an error
//! ```

mod actions;
mod address;
mod answer;
mod api;
mod figures;
mod guard;
mod pages;
mod probes;
#[cfg_attr(not(feature = "profile"), path = "no_profile.rs")]
mod profile;
mod routes;
mod server;
mod socket;
mod stream;

use crate::error::Error;
use crate::monitor::{Handle, Monitor, Serving};
use crate::surface::blame;
use guard::Guard;
use std::net::SocketAddr;
use std::path::Path;

/// What every route knows.
#[derive(Clone, Debug)]
struct Site {
    handle: Handle,
    /// Whether callers may change something.
    actions: bool,
    stop: server::Stop,
}

/// Starts what `serving` asks for.
pub(crate) fn start(monitor: &Monitor, serving: &Serving) -> Result<(), Error> {
    let address = serving.http.as_deref().filter(|address| *address != "off");
    let address = address.map(|given| address::resolve(given, serving)).transpose();
    let address = address.map_err(|error| blame(monitor, "http", error))?;
    let tcp = address.map(server::listen).transpose()?;
    let unix = socket::listen(&serving.socket)?;
    if tcp.is_none() && unix.is_none() {
        return Ok(());
    }
    let listening = monitor.listening();
    *listening.address.lock() = tcp.as_ref().and_then(|tcp| tcp.local_addr().ok());
    *listening.socket.lock() = unix.as_ref().map(|unix| unix.path().to_owned());
    let stop = server::Stop::default();
    let site = Site { handle: monitor.handle(), actions: serving.http_actions, stop: stop.clone() };
    let router = routes::all(site, guard(serving));
    monitor.attach(server::Server::start(router, tcp, unix, stop)?);
    Ok(())
}

fn guard(serving: &Serving) -> Guard {
    Guard::new(serving.http_token.clone(), serving.http_hosts.clone())
}

impl Handle {
    /// The address at which the monitor is served: the one that was asked for, with its port if that was 0; `None` when it
    /// is not.
    pub fn http_address(&self) -> Option<SocketAddr> {
        *self.listening().address.lock()
    }

    /// The path of the socket at which the monitor is served to tools on this machine; `None` when it is not.
    pub fn socket_path(&self) -> Option<Box<Path>> {
        self.listening().socket.lock().as_deref().map(Box::from)
    }

    /// Everything that [`Builder::http`](crate::Builder::http) serves, for a program that runs axum already: nest it where you
    /// want it. Token, host names and permission are those of the settings; bounds on connections and times are your
    /// server's.
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
    /// let monitor = plimsoll::Monitor::builder().budget("64MiB".parse()?).start()?;
    /// let app: axum::Router = axum::Router::new()
    ///     .route("/", axum::routing::get(|| async { "my service" }))
    ///     .nest("/plimsoll", monitor.router());
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn router(&self) -> axum::Router {
        let serving = self.serving();
        let (handle, actions) = (self.clone(), serving.http_actions);
        routes::all(Site { handle, actions, stop: server::Stop::default() }, guard(&serving))
    }
}
