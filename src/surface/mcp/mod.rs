//! The tools for agents: the Model Context Protocol over streamable HTTP at `/mcp`.
//!
//! ```text
//! server.rs     what the protocol asks: who this is, its tools, resources and prompts
//! tools.rs      the table of tools: names, words, schemas, hints; who answers which
//! arguments.rs  what the tools are called with, and what is wrong with it
//! answer.rs     what they answer: success with figures, or an error with what to do instead
//! looking.rs    the tools that only look
//! profile.rs    the heap profile, and how it differs from an earlier one
//! changing.rs   the tools that change something, which must be allowed
//! resources.rs  the newest snapshot and the ledger, as documents
//! prompts.rs    the question that agents are asked most
//! ```
//!
//! Each request stands for itself: no session, no stream, an answer as JSON. The future of a tool waits for the monitor and
//! blocks nothing.

mod answer;
mod arguments;
mod changing;
mod looking;
#[cfg_attr(not(feature = "profile"), path = "no_profile.rs")]
mod profile;
mod prompts;
mod resources;
mod server;
mod tools;

use crate::monitor::Handle;
use axum::Router;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use server::Server;
use std::sync::Arc;

/// The largest request: a tool's arguments are a few hundred bytes.
const MOST_BYTES: usize = 64 * 1024;

/// `/mcp`, for the router of the server. Callers may change something if `actions_allowed`. Needs tokio's timer.
pub(crate) fn routes(handle: Handle, actions_allowed: bool) -> Router {
    let server = Server::new(handle, actions_allowed);
    let sessions = Arc::new(NeverSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(server.clone()), sessions, configuration());
    Router::new().route_service("/mcp", service)
}

/// Host and Origin are the guard's, which stands before every route and knows the server's own names.
fn configuration() -> StreamableHttpServerConfig {
    StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .disable_allowed_hosts()
        .disable_allowed_origins()
        .with_max_request_body_bytes(MOST_BYTES)
}
