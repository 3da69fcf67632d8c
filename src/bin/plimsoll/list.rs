//! `list`: the monitored processes of this machine, by the sockets that they have put there.

use super::args::List;
use super::client::Client;
use super::fault::Fault;
use super::print::{Out, Table, percent, plain, size, span, text};
use super::sockets::{self, Socket, State};
use super::target::{Place, Target};
use serde_json::{Value, json};

pub(crate) async fn run(wanted: &List, out: &Out) -> Result<u8, Fault> {
    let mut rows = Vec::new();
    for socket in sockets::all() {
        rows.push(row(&socket, wanted).await);
    }
    if wanted.json {
        return out.show(&json!(rows).to_string()).map(|()| 0);
    }
    out.show(&page(&rows, out)).map(|()| 0)
}

/// What one socket is, and what its process says of itself.
async fn row(socket: &Socket, wanted: &List) -> Value {
    let status = match socket.state {
        State::Runs => Some(status(socket, wanted).await),
        _ => None,
    };
    let (status, error) = match status {
        Some(Ok(status)) => (status, None),
        Some(Err(fault)) => (Value::Null, Some(fault.to_string())),
        None => (Value::Null, Some(socket.state.words().to_owned())),
    };
    json!({
        "pid": socket.pid,
        "name": name(socket, &status),
        "socket": socket.path.display().to_string(),
        "stale": matches!(socket.state, State::Gone | State::Another),
        "error": error,
        "level": status["level"],
        "usage_bytes": status["snapshot"]["usage_bytes"],
        "usage_percent": status["snapshot"]["usage_percent"],
        "budget_bytes": status["budget"]["bytes"],
        "uptime_seconds": status["process"]["uptime_seconds"],
    })
}

fn name(socket: &Socket, status: &Value) -> Option<String> {
    let told = status["process"]["name"].as_str().map(str::to_owned);
    let running = || (socket.state == State::Runs).then(|| sockets::name(socket.pid)).flatten();
    told.or_else(running)
}

async fn status(socket: &Socket, wanted: &List) -> Result<Value, Fault> {
    let target = Target::At(Place::Unix(socket.path.clone()));
    let client = Client { target, token: None, timeout: wanted.timeout };
    client.json("/api/v1/status").await.map(|answer| answer.value)
}

fn page(rows: &[Value], out: &Out) -> String {
    if rows.is_empty() {
        let places: Vec<_> = sockets::places().iter().map(|p| p.display().to_string()).collect();
        return format!(
            "no monitored process was found in {}: one is, when it runs with PLIMSOLL_SOCKET=on\n",
            places.join(" and ")
        );
    }
    let mut table = Table::new("><<>>>><");
    table.row(["PID", "NAME", "LEVEL", "USED", "BUDGET", "SHARE", "UP", "SOCKET"]);
    for row in rows {
        match row["error"].as_str() {
            None => table.row(cells(row, out)),
            Some(error) => table.row(failed(row, error)),
        }
    }
    table.lines(0)
}

fn cells(row: &Value, out: &Out) -> [String; 8] {
    [
        row["pid"].to_string(),
        text(&row["name"]),
        out.word(&text(&row["level"])),
        size(&row["usage_bytes"]),
        size(&row["budget_bytes"]),
        percent(&row["usage_percent"]),
        span(&row["uptime_seconds"]),
        text(&row["socket"]),
    ]
}

/// What is wrong stands behind the socket, where it pushes no column apart.
fn failed(row: &Value, error: &str) -> [String; 8] {
    let dash = || "-".to_owned();
    let name = row["name"].as_str().map_or_else(dash, plain);
    let socket = text(&row["socket"]);
    let error = plain(error);
    let told = if error.contains(&socket) { error } else { format!("{socket} ({error})") };
    [row["pid"].to_string(), name, dash(), dash(), dash(), dash(), dash(), told]
}
