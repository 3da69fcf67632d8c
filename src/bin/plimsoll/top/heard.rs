//! `Heard`: whatever reaches the terminal view, from the process, the keyboard or the system.

use crate::fault::Fault;
use ratatui::crossterm::event::{self, Event, KeyEvent, KeyEventKind};
use serde_json::Value;
use tokio::sync::mpsc::Sender;

/// One thing that was heard.
pub(super) enum Heard {
    /// All that is known now.
    Status(Value),
    /// What was remembered before we came, as columns.
    History(Value),
    /// Events, from the one after the last that was heard.
    Events(Value),
    /// The heap profile, or why there is none.
    Profile(Result<Value, String>),
    /// The process does not answer, and why.
    Lost(String),
    /// What an eviction of so many bytes would ask of whom.
    Plan {
        bytes: u64,
        plan: Value,
    },
    /// What came of something that was asked for, in words.
    Done(Result<String, String>),
    Key(KeyEvent),
    /// The terminal has another size.
    Resized,
    /// Somebody wants this program to end.
    End,
}

/// Keys are waited for on a thread of their own, which the end of the program ends.
pub(super) fn of_keys(sender: Sender<Heard>) -> Result<(), Fault> {
    let read = move || {
        while let Some(heard) = next_key() {
            if sender.blocking_send(heard).is_err() {
                return;
            }
        }
        let _ = sender.blocking_send(Heard::End);
    };
    let thread = std::thread::Builder::new().name("keys".into()).spawn(read);
    thread.map(|_| ()).map_err(|error| Fault::new(format!("no thread for the keys: {error}")))
}

/// `None` when there is no keyboard any more.
fn next_key() -> Option<Heard> {
    loop {
        match event::read().ok()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => return Some(Heard::Key(key)),
            Event::Resize(..) => return Some(Heard::Resized),
            _ => {}
        }
    }
}

/// In raw mode Ctrl-C is a key; what others send is a signal.
#[cfg(unix)]
pub(super) fn of_signals(sender: Sender<Heard>) -> Result<(), Fault> {
    use tokio::signal::unix::{SignalKind, signal};
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let heard = signal(kind);
        let mut heard = heard.map_err(|error| Fault::new(format!("no signals: {error}")))?;
        let sender = sender.clone();
        tokio::spawn(async move {
            heard.recv().await;
            let _ = sender.send(Heard::End).await;
        });
    }
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn of_signals(_: Sender<Heard>) -> Result<(), Fault> {
    Ok(())
}
