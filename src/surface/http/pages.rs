//! The dashboard: one page and its files, which hold no figures. They are part of the program: nothing is read, nothing
//! is fetched.

use super::answer::Refusal;
use axum::extract::{OriginalUri, Path};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};

/// A file of the page: its name, what it is, and its bytes.
type File = (&'static str, &'static str, &'static [u8]);

const JS: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

macro_rules! files {
    ($($kind:ident: $($path:literal)*;)*) => {
        &[$($((name_of($path), $kind, include_bytes!(concat!("dashboard/", $path)))),*),*]
    };
}

const INDEX: &[u8] = include_bytes!("dashboard/index.html");

const FILES: &[File] = files! {
    JS: "actions.js" "api.js" "app.js" "caches.js" "charts.js" "dialogs.js" "dom.js" "events.js" "facts.js" "forecast.js"
        "format.js" "gauge.js" "health.js" "kept.js" "ledger.js" "levels.js" "lines.js" "log.js" "marks.js" "own.js"
        "points.js" "profile.js" "series.js" "settings.js" "stream.js" "theme.js" "vendor/uplot.js";
    CSS: "base.css" "charts.css" "colours.css" "narrow.css" "page.css" "tables.css" "vendor/uplot.css";
    SVG: "favicon.svg";
    TEXT: "vendor/uplot.LICENSE.txt";
};

/// What follows the last slash.
const fn name_of(path: &'static str) -> &'static str {
    match path.as_bytes() {
        [b'v', b'e', b'n', b'd', b'o', b'r', b'/', ..] => path.split_at(7).1,
        _ => path,
    }
}

/// Its files and figures are found beside it: where it is nested without a slash at the end, they would be looked for a floor
/// higher.
pub(super) async fn index(OriginalUri(asked): OriginalUri) -> Response {
    match asked.path().rsplit('/').next() {
        None | Some("") => page().await,
        Some(last) => Redirect::temporary(&format!("./{last}/index.html")).into_response(),
    }
}

pub(super) async fn page() -> Response {
    served("text/html; charset=utf-8", INDEX)
}

pub(super) async fn icon() -> Response {
    file("favicon.svg").unwrap_or_else(|| StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn asset(Path(name): Path<String>) -> Result<Response, Refusal> {
    file(&name).ok_or_else(|| {
        Refusal::new(StatusCode::NOT_FOUND, format!("the dashboard has no file {name:?}"))
    })
}

fn file(name: &str) -> Option<Response> {
    let (_, kind, bytes) = FILES.iter().find(|(known, ..)| *known == name)?;
    Some(served(kind, bytes))
}

/// Asked for again each time: a process that was updated has another page.
fn served(kind: &'static str, bytes: &'static [u8]) -> Response {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_is_served() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/surface/http/dashboard");
        let folders = [directory.to_owned(), format!("{directory}/vendor")];
        let entries =
            folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("a folder"));
        let files = entries.flatten().filter(|entry| entry.path().is_file());
        let mut names: Vec<_> =
            files.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect();
        let mut served: Vec<_> = FILES.iter().map(|(name, ..)| (*name).to_owned()).collect();
        served.push("index.html".into());
        names.sort_unstable();
        served.sort_unstable();
        assert_eq!(names, served);
    }
}
