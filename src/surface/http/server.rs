//! The server's thread: connections, bounded in number, time and size, and an end in bounded time.

use super::guard::Via;
use super::socket::Socket;
use crate::error::Error;
use crate::monitor::Surface;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Semaphore, watch};
use tokio_io_timeout::TimeoutStream;
use tower_service::Service;

/// Answered at a time over TCP; whoever comes when as many are there is told so and sent away.
const CONNECTIONS: u32 = 32;

/// And at the socket: whoever floods the address does not shut out the tools of this machine.
const LOCAL_CONNECTIONS: u32 = 8;

/// A request's head, at most.
const HEAD_BYTES: usize = 16 << 10;

/// For a request's head to come, and for an idle connection to be used again.
const PATIENCE: Duration = Duration::from_secs(5);

/// For a caller to take what it asked for.
const TAKING: Duration = Duration::from_secs(10);

/// For connections to end when the server does.
const FAREWELL: Duration = Duration::from_millis(500);

/// Told to all that serve when they are to end.
#[derive(Clone, Debug)]
pub(super) struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Stop(Arc::new(watch::Sender::new(false)))
    }
}

impl Stop {
    fn say(&self) {
        self.0.send_replace(true);
    }

    /// Ends when it has been said.
    pub(super) async fn heard(&self) {
        // The sender is kept here, so it cannot be gone before it has said so.
        let _ = self.0.subscribe().wait_for(|stopped| *stopped).await;
    }
}

/// A listener that does not block.
pub(super) fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    let listener = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    listener.map_err(|source| {
        let words = format!("{address}: {source}");
        let source = std::io::Error::new(source.kind(), words);
        Error::Monitoring { what: "listening for HTTP", source }
    })
}

/// The server, on its thread.
pub(super) struct Server {
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(
        router: Router,
        tcp: Option<TcpListener>,
        unix: Option<Socket>,
        stop: Stop,
    ) -> Result<Self, Error> {
        let refused = |source| Error::Monitoring { what: "starting the HTTP thread", source };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(2)
            .build()
            .map_err(refused)?;
        let told = stop.clone();
        let thread = std::thread::Builder::new()
            .name("plimsoll-http".into())
            .spawn(move || {
                // What the server's libraries log is no news of the program's.
                let quiet = tracing::subscriber::NoSubscriber::default();
                tracing::subscriber::with_default(quiet, || {
                    runtime.block_on(serve(router, tcp, unix.as_ref(), told));
                    runtime.shutdown_background();
                });
            })
            .map_err(refused)?;
        Ok(Server { stop, thread: Some(thread) })
    }
}

impl Surface for Server {
    fn stop(&mut self) {
        self.stop.say();
        let Some(thread) = self.thread.take() else { return };
        if thread.thread().id() != std::thread::current().id() {
            // It panics nowhere: a handler that does ends its own connection.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.say();
    }
}

async fn serve(router: Router, tcp: Option<TcpListener>, unix: Option<&Socket>, stop: Stop) {
    let near = Host::new(router.clone(), stop.clone(), LOCAL_CONNECTIONS);
    let far = Host::new(router, stop.clone(), CONNECTIONS);
    let listening = async { tokio::join!(accept_tcp(&far, tcp), accept_unix(&near, unix)) };
    tokio::select! {
        _ = listening => {}
        () = stop.heard() => {}
    }
    let all_have_ended = async { tokio::join!(far.all_have_ended(), near.all_have_ended()) };
    let _ = tokio::time::timeout(FAREWELL, all_have_ended).await;
}

async fn accept_tcp(host: &Host, listener: Option<TcpListener>) {
    let Some(listener) = listener.and_then(|tcp| tokio::net::TcpListener::from_std(tcp).ok())
    else {
        return;
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                let via = stream.local_addr().map_or(Via::Unknown, |own| Via::Address(own.ip()));
                host.receive(stream, via).await;
            }
            Err(_) => pause().await,
        }
    }
}

#[cfg(unix)]
async fn accept_unix(host: &Host, socket: Option<&Socket>) {
    let listener = socket.and_then(|socket| socket.listener().ok());
    let Some(listener) = listener.and_then(|unix| tokio::net::UnixListener::from_std(unix).ok())
    else {
        return;
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => host.receive(stream, Via::Socket).await,
            Err(_) => pause().await,
        }
    }
}

#[cfg(not(unix))]
async fn accept_unix(_: &Host, _: Option<&Socket>) {}

/// No descriptor is left, or the like: it may pass.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// Receives connections.
#[derive(Clone)]
struct Host {
    router: Router,
    stop: Stop,
    most: u32,
    places: Arc<Semaphore>,
}

impl Host {
    fn new(router: Router, stop: Stop, most: u32) -> Self {
        Host { router, stop, most, places: Arc::new(Semaphore::new(most as usize)) }
    }

    /// Each connection gives its place back when it ends.
    async fn all_have_ended(&self) {
        let _ = self.places.acquire_many(self.most).await;
    }

    async fn receive<S>(&self, mut stream: S, via: Via)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        match self.places.clone().try_acquire_owned() {
            Ok(place) => {
                let (router, stop) = (self.router.clone(), self.stop.clone());
                tokio::spawn(async move {
                    converse(stream, via, router, stop).await;
                    drop(place);
                });
            }
            Err(_) => {
                // Small enough for any socket's buffer: nobody is waited for.
                let _ = tokio::time::timeout(Duration::ZERO, stream.write_all(BUSY)).await;
            }
        }
    }
}

const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Answers one connection's requests until it ends, or the server does.
async fn converse<S>(stream: S, via: Via, router: Router, stop: Stop)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(TAKING));
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(via);
        router.clone().call(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let mut connection = std::pin::pin!(connection);
    // What goes wrong with a connection is its caller's affair.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stop.heard() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
