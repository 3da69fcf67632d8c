//! The top sites of the heap profile: who allocated what is live.

use super::theme::Theme;
use crate::print::{Table, bytes, count, plain, size};
use crate::top::profile::Profile;
use crate::top::view::View;
use ratatui::text::Line;
use serde_json::Value;

pub(super) fn name(view: &View) -> String {
    match &view.profile {
        Profile::Known(profile) if profile["is_running"] == false => {
            "heap profile: off, p starts it".into()
        }
        Profile::Known(profile) => {
            format!("heap profile, a sample in {}", size(&profile["mean_bytes"]))
        }
        _ => "heap profile".into(),
    }
}

pub(super) fn lines(view: &View, theme: Theme) -> Vec<Line<'static>> {
    let profile = match &view.profile {
        Profile::Known(profile) => profile,
        Profile::None(why) => return vec![Line::styled(plain(why), theme.quiet())],
        Profile::Unknown => return vec![Line::styled("not asked yet", theme.quiet())],
    };
    let sites = profile["sites"].as_array().map_or(&[][..], Vec::as_slice);
    if sites.is_empty() {
        return vec![Line::styled("no samples yet", theme.quiet())];
    }
    let mut table = Table::new(">>><");
    table.row(["live", "+-", "objects", "by"]);
    sites.iter().for_each(|site| table.row(row(site)));
    let mut lines: Vec<_> = table.lines(0).lines().map(|line| Line::raw(line.to_owned())).collect();
    if let Some(head) = lines.first_mut() {
        *head = std::mem::take(head).style(theme.quiet());
    }
    lines
}

fn row(site: &Value) -> [String; 4] {
    let live = &site["live_bytes"];
    let error = live["standard_error"].as_f64().map_or_else(String::new, bytes);
    let value = |estimate: &Value| estimate["value"].as_f64().unwrap_or(f64::NAN);
    [
        bytes(value(live)),
        error,
        count(&serde_json::json!(value(&site["live_objects"]).round())),
        site["name"].as_str().map(plain).unwrap_or_default(),
    ]
}
