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

/// By their last names, for where there is little room.
pub(super) fn short(view: &View, theme: Theme) -> Vec<Line<'static>> {
    table(view, theme, last_names)
}

pub(super) fn lines(view: &View, theme: Theme) -> Vec<Line<'static>> {
    table(view, theme, str::to_owned)
}

fn table(view: &View, theme: Theme, named: fn(&str) -> String) -> Vec<Line<'static>> {
    let profile = match &view.profile {
        Profile::Known(profile) => profile,
        Profile::None(why) => return vec![Line::styled(plain(why), theme.quiet())],
        Profile::Unknown => return vec![Line::styled("not asked yet", theme.quiet())],
    };
    let sites = profile["sites"].as_array().map_or(&[][..], Vec::as_slice);
    let held: Vec<_> = sites.iter().filter(|site| value(&site["live_bytes"]) > 0.0).collect();
    if held.is_empty() {
        return vec![Line::styled("no samples yet", theme.quiet())];
    }
    let mut table = Table::new(">>><");
    table.row(["live", "+-", "objects", "by"]);
    held.iter().for_each(|site| table.row(row(site, named)));
    let mut lines: Vec<_> = table.lines(0).lines().map(|line| Line::raw(line.to_owned())).collect();
    if let Some(head) = lines.first_mut() {
        *head = std::mem::take(head).style(theme.quiet());
    }
    lines
}

fn value(estimate: &Value) -> f64 {
    estimate["value"].as_f64().unwrap_or(f64::NAN)
}

fn row(site: &Value, named: fn(&str) -> String) -> [String; 4] {
    let (live, objects) = (&site["live_bytes"], value(&site["live_objects"]).round() as i64);
    let error = live["standard_error"].as_f64().map_or_else(String::new, bytes);
    let name = site["name"].as_str().map(plain).unwrap_or_default();
    [bytes(value(live)), error, count(&serde_json::json!(objects)), named(&name)]
}

/// `service::remember`; one with type parameters is left as it is.
fn last_names(name: &str) -> String {
    let mut parts = name.rsplitn(3, "::");
    match (parts.next(), parts.next()) {
        (Some(last), Some(before)) if !name.contains('<') => format!("{before}::{last}"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_is_the_end_of_it() {
        assert_eq!(last_names("service::sessions::remember"), "sessions::remember");
        assert_eq!(last_names("main"), "main");
        assert_eq!(last_names("<a::B as c::D>::e"), "<a::B as c::D>::e");
    }
}
