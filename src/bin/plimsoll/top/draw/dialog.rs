//! What is asked, over everything else, in the middle.

use super::theme::Theme;
use crate::print::plain;
use crate::top::view::View;
use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Paragraph};

pub(super) fn draw(frame: &mut Frame<'_>, view: &View, theme: Theme) {
    let Some(dialog) = &view.dialog else { return };
    let lines: Vec<_> = dialog.lines().iter().map(|line| plain(line)).collect();
    let widest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0) + 4;
    let area = middle(frame.area(), widest, lines.len() + 2);
    let title = Line::styled(format!(" {} ", dialog.title()), theme.heading());
    let block = Block::bordered().title(title);
    let text = Paragraph::new(
        lines.into_iter().map(|line| Line::raw(format!(" {line}"))).collect::<Vec<_>>(),
    );
    frame.render_widget(Clear, area);
    frame.render_widget(text.block(block), area);
}

fn middle(area: Rect, width: usize, height: usize) -> Rect {
    let fit = |wanted: usize, room: u16| u16::try_from(wanted).unwrap_or(room).min(room);
    let (width, height) = (fit(width, area.width), fit(height, area.height));
    area.centered(Constraint::Length(width), Constraint::Length(height))
}
