//! `Theme`: the terminal's own colours for what matters; none where none are wanted.

use ratatui::style::{Color, Modifier, Style};

#[derive(Clone, Copy)]
pub(super) struct Theme {
    colour: bool,
}

impl Theme {
    pub(super) const fn new(colour: bool) -> Self {
        Theme { colour }
    }

    fn of(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    /// A level, a status or a severity.
    pub(super) fn word(self, word: &str) -> Style {
        match word {
            "healthy" => self.of(Color::Green),
            "caution" | "warning" => self.of(Color::Yellow).add_modifier(Modifier::BOLD),
            "critical" | "error" => self.of(Color::Red).add_modifier(Modifier::BOLD),
            _ => Style::new(),
        }
    }

    pub(super) fn used(self) -> Style {
        self.of(Color::Cyan)
    }

    pub(super) fn live(self) -> Style {
        self.of(Color::Blue)
    }

    pub(super) fn limit(self) -> Style {
        self.of(Color::Red)
    }

    pub(super) fn quiet(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub(super) const fn plain(self) -> Style {
        Style::new()
    }

    pub(super) fn heading(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(super) fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    pub(super) fn good(self) -> Style {
        self.of(Color::Green)
    }

    pub(super) fn bad(self) -> Style {
        self.of(Color::Red).add_modifier(Modifier::BOLD)
    }
}
