//! What the recorder says of the run before.

use super::super::status::Status;
use super::text::{Family, Page};

pub(super) fn write(page: &mut Page<'_>, status: &Status) {
    let help = "1 when the run before died for want of memory, as its recording and the kernel's counts \
                say; absent without a recording of one.";
    let family = Family::gauge("plimsoll_previous_run_oom", "", help);
    page.one(family, status.previous_run.as_ref().map(|run| run.judgement.verdict.is_oom()));
}
