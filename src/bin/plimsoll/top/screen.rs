//! `Screen`: the terminal while it is ours; given back when dropped, and in a panic.

use super::draw;
use super::view::View;
use crate::fault::Fault;
use ratatui::DefaultTerminal;

pub(super) struct Screen(DefaultTerminal);

impl Screen {
    /// Raw, and on the screen beside the shell's own.
    pub(super) fn open() -> Result<Self, Fault> {
        ratatui::try_init().map(Screen).map_err(|error| {
            ratatui::restore();
            Fault::new(format!("the terminal cannot be drawn on: {error}"))
        })
    }

    pub(super) fn draw(&mut self, view: &View) -> Result<(), Fault> {
        self.0.draw(|frame| draw::all(frame, view)).map(|_| ()).map_err(Fault::from)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}
