//! What became of the run, in a sentence: the verdict and what it stands on; and in another what grew.

use super::happened;
use super::sites::SiteHeld;
use super::words::{capital, change, plain, size};
use crate::recorder::{Exhibit, LastRun, RecordedEvent, Recording};

pub(super) fn sentence(recording: &Recording) -> String {
    let (lead, because) = (lead(recording.judgement.verdict), because(recording));
    if because.is_empty() { format!("{lead}.") } else { format!("{lead}: {because}.") }
}

/// The leak if there was one, else what grew most; with the function that holds it.
pub(super) fn cause(leak: Option<&RecordedEvent>, sites: &[SiteHeld]) -> Option<String> {
    leak.map(|leak| leaked(leak, sites)).or_else(|| grown(sites))
}

const fn lead(verdict: LastRun) -> &'static str {
    match verdict {
        LastRun::Running => "It still runs",
        LastRun::Clean => "It ended by itself",
        LastRun::Panicked => "A panic ended it",
        LastRun::OomKillConfirmed => "Killed by the kernel for want of memory",
        LastRun::OomKillProbable => "Probably killed for want of memory",
        LastRun::KilledNotByMemory => "Killed, and not by the kernel for want of memory",
        LastRun::Unknown => "It cannot be said what became of it",
    }
}

/// The weightiest of the evidence; before it the summary, where the lead does not say as much.
fn because(recording: &Recording) -> String {
    let judgement = &recording.judgement;
    let says_it_all = [LastRun::OomKillConfirmed, LastRun::Panicked, LastRun::Running];
    let summary = (!says_it_all.contains(&judgement.verdict)).then_some(&judgement.summary);
    let is_counted = judgement.verdict == LastRun::OomKillConfirmed;
    let finding = judgement.evidence.first().map(|first| finding(first, is_counted));
    let parts = summary.map(|summary| plain(summary)).into_iter().chain(finding);
    let parts: Vec<_> = parts.map(|part| part.trim_end_matches('.').to_owned()).collect();
    parts.join("; ")
}

/// With where it was read, if that is to be believed at once.
fn finding(exhibit: &Exhibit, with_source: bool) -> String {
    let finding = plain(&exhibit.finding);
    if with_source { format!("{finding} ({})", plain(&exhibit.source)) } else { finding }
}

/// As it was last told; and what has become of it by the last profile.
fn leaked(leak: &RecordedEvent, sites: &[SiteHeld]) -> String {
    let words = capital(&happened::words(leak));
    let is_named = happened::functions(leak).is_some();
    match grown_site(sites) {
        Some((_, grown)) if is_named => {
            format!("{words}. By the last profile: {grown}.")
        }
        Some((site, grown)) => format!("{words}; most of it in {}, {grown}.", plain(&site.name)),
        None => format!("{words}."),
    }
}

/// Without a word of a leak: who grew most all the same.
fn grown(sites: &[SiteHeld]) -> Option<String> {
    let (site, grown) = grown_site(sites)?;
    Some(format!("What grew most: {}, {grown}.", plain(&site.name)))
}

/// The first that has grown beyond doubt, and by how much.
fn grown_site(sites: &[SiteHeld]) -> Option<(&SiteHeld, String)> {
    let site = sites.iter().find(|site| site.has_grown())?;
    let (bytes, error) = (site.grown_bytes?, site.grown_standard_error?);
    Some((site, format!("{} (+- {})", change(bytes), size(error))))
}
