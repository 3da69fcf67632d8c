//! From live bytes to what the kernel charges, line by line.

use super::theme::Theme;
use crate::print::{Table, size, text};
use crate::top::view::View;
use ratatui::text::Line;

pub(super) fn lines(view: &View, theme: Theme) -> Vec<Line<'static>> {
    let parts = view.status["ledger"]["lines"].as_array().map_or(&[][..], Vec::as_slice);
    let mut table = Table::new("<><");
    for part in parts {
        let sign = if part["kind"] == "sum" { "=" } else { "+" };
        let name = format!("{sign} {}", text(&part["name"]).replace('_', " "));
        let remedy = part["remedy"].as_str().map(crate::print::plain).unwrap_or_default();
        table.row([name, size(&part["bytes"]), remedy]);
    }
    for source in view.status["ledger"]["sources"].as_array().into_iter().flatten() {
        let name = format!("  {}", text(&source["name"]));
        table.row([name, size(&source["reported_bytes"]), "as reported".into()]);
    }
    let style = |line: &str| if line.starts_with('=') { theme.heading() } else { theme.plain() };
    table.lines(0).lines().map(|line| Line::styled(line.to_owned(), style(line))).collect()
}
