//! `top`: a process in a terminal, as it is this second, with keys for what may be done.

mod asking;
mod dialog;
mod draw;
mod heard;
mod keys;
mod profile;
mod screen;
mod series;
mod tab;
#[cfg(test)]
mod tests;
mod view;

use super::args::Reach;
use super::fault::Fault;
use asking::Asker;
use heard::Heard;
use keys::Wish;
use screen::Screen;
use std::io::IsTerminal;
use tokio::sync::mpsc;
use view::View;

/// What is said and not yet seen: more than a screen's worth waits for its turn.
const WAITING: usize = 64;

pub(crate) async fn run(reach: &Reach, colour: bool) -> Result<u8, Fault> {
    if reach.options.json {
        return Err(Fault::new(
            "top has no JSON: `plimsoll watch --json` follows, `status --json` asks once",
        ));
    }
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(Fault::new("top needs a terminal: `plimsoll status` and `watch` need none"));
    }
    let asker = Asker::new(reach.client(super::SHORT)?);
    // The first time a process must be there; from then on it is waited for.
    let first = asker.status().await?;
    let mut view = View::new(colour);
    view.hear(Heard::Status(first));
    show(asker, view).await
}

async fn show(asker: Asker, mut view: View) -> Result<u8, Fault> {
    let (sender, mut receiver) = mpsc::channel(WAITING);
    let mut screen = Screen::open()?;
    heard::of_keys(sender.clone())?;
    heard::of_signals(sender.clone())?;
    asker.follow(sender.clone());
    loop {
        screen.draw(&view)?;
        let wish = match receiver.recv().await {
            Some(heard) => view.hear(heard),
            None => Wish::Quit,
        };
        match wish {
            Wish::Nothing => {}
            Wish::Quit => return Ok(0),
            wish => asker.carry_out(wish, sender.clone()),
        }
    }
}
