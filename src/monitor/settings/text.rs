//! Settings as an operator writes them: `30s`, `512MiB`, `80%`, `on`.

use crate::error::Error;
use crate::policy::budget::parse_size;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

pub(super) fn parse<T: FromStr<Err = Error>>(text: &str) -> Result<T, Error> {
    text.parse()
}

pub(super) fn duration(text: &str) -> Result<Duration, Error> {
    let refused =
        |_| Error::Parse { given: text.into(), expected: "a duration such as 30s or 5min" };
    humantime::parse_duration(text.trim()).map_err(refused)
}

pub(super) fn size(text: &str) -> Result<u64, Error> {
    parse_size(text).ok_or(Error::Parse { given: text.into(), expected: "a size such as 512MiB" })
}

pub(super) fn count(text: &str) -> Result<usize, Error> {
    let refused = |_| Error::Parse { given: text.into(), expected: "a whole number such as 2880" };
    text.trim().parse().map_err(refused)
}

pub(super) fn percent(text: &str) -> Result<f64, Error> {
    let number = text.trim().trim_end_matches('%').trim_end();
    let refused =
        |_| Error::Parse { given: text.into(), expected: "a percentage such as 80 or 80%" };
    number.parse().map_err(refused)
}

pub(super) fn points(text: &str) -> Result<f64, Error> {
    let refused =
        |_| Error::Parse { given: text.into(), expected: "a number of percent points such as 7" };
    text.trim().parse().map_err(refused)
}

pub(super) fn on_or_off(text: &str) -> Result<bool, Error> {
    match text.trim() {
        "on" | "true" | "1" => Ok(true),
        "off" | "false" | "0" => Ok(false),
        _ => Err(Error::Parse { given: text.into(), expected: "on or off" }),
    }
}

/// Words with commas between them.
pub(super) fn words(text: &str) -> Result<Vec<String>, Error> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    Ok(words.map(str::to_owned).collect())
}

/// A path, as it is but for blanks around it.
pub(super) fn file(text: &str) -> Result<PathBuf, Error> {
    let path = text.trim();
    if path.is_empty() {
        return Err(Error::Parse { given: text.into(), expected: "the path of a file" });
    }
    Ok(path.into())
}

pub(in crate::monitor) fn word(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}
