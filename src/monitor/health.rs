//! The health check: our own checks and the user's, on the thread of whoever asks or on one of its own.

use super::shared::{self, Shared};
use super::{Handle, allocator, reply, worker};
use crate::error::Error;
use crate::export::report::HealthReport;
use crate::policy::health::{Check, RECORDER, audit_check, own_checks};
use crate::snapshot::Moment;
use std::sync::atomic::Ordering;

impl Handle {
    /// Runs every check, the user's own on the calling thread.
    ///
    /// One of them holds the count against jemalloc's bins, as [`Audit::take`](crate::Audit::take) does.
    pub fn health_check(&self) -> HealthReport {
        health(&self.shared, user_checks(&self.shared))
    }

    /// As [`Handle::health_check`], for callers that must not block: the user's checks run on a thread of their own, one
    /// at a time. While an earlier call's have not returned, that is a critical finding in their place.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub async fn health_check_async(&self) -> Result<HealthReport, Error> {
        if let Some(report) = self.health_check_in_turn().await? {
            return Ok(report);
        }
        let late = Check::critical("the checks of an earlier call have not returned");
        Ok(health(&self.shared, vec![("user_checks".into(), late)]))
    }

    /// As [`Handle::health_check_async`]; `None` while an earlier call's checks have not returned.
    pub(crate) async fn health_check_in_turn(&self) -> Result<Option<HealthReport>, Error> {
        if self.shared.checks.is_empty() {
            return Ok(Some(self.health_check()));
        }
        // Acquire and release: whoever gets the turn goes after the one before.
        if self.shared.checking.swap(true, Ordering::Acquire) {
            return Ok(None);
        }
        let (replier, reply) = reply::channel();
        let shared = self.shared.clone();
        let thread = std::thread::Builder::new().name("plimsoll-health".into()).spawn(move || {
            let checks = user_checks(&shared);
            shared.checking.store(false, Ordering::Release);
            replier.send(checks);
        });
        if let Err(source) = thread {
            self.shared.checking.store(false, Ordering::Release);
            return Err(Error::Monitoring { what: "starting a thread for the checks", source });
        }
        let checks = reply.await.map_err(|_| Error::NotRunning)?;
        Ok(Some(health(&self.shared, checks)))
    }
}

fn health(shared: &Shared, user_checks: Vec<(String, Check)>) -> HealthReport {
    let moment = Moment::now();
    let newest = shared.history.lock().newest.clone();
    // Before the first tick there is none: whoever asks so early shall not be told that nothing is known.
    let newest = newest.unwrap_or_else(|| shared.read(moment));
    let (vitals, words) = (shared.vitals(moment.instant), shared.words(moment.instant));
    let mut checks = own_checks(Some(&newest), shared.settings().growth, &vitals, &words);
    checks.push(audit_check(shared.audit().as_ref()));
    checks.push(allocator::check(shared, &newest, moment.instant));
    checks.extend(shared.tape.check().map(|check| (RECORDER.to_owned(), check)));
    checks.extend(user_checks);
    HealthReport::new(moment, shared.level(), checks)
}

/// Runs the user's checks on the calling thread.
fn user_checks(shared: &Shared) -> Vec<(String, Check)> {
    let run = |(name, check): &shared::UserCheck| {
        let panicked = |message| Check::critical(format!("the check panicked: {message}"));
        (name.clone(), worker::caught(check).unwrap_or_else(panicked))
    };
    shared.checks.iter().map(run).collect()
}
