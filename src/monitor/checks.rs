//! The health checks that are made when somebody asks: our own, and the user's.

use super::shared::{Shared, UserCheck};
use super::{allocator, worker};
use crate::export::report::HealthReport;
use crate::policy::health::{Check, audit_check, own_checks};
use crate::snapshot::Moment;

pub(super) fn health(shared: &Shared, user_checks: Vec<(String, Check)>) -> HealthReport {
    let moment = Moment::now();
    let newest = shared.history.lock().newest.clone();
    // Before the first tick there is none: whoever asks so early shall not be told that nothing is known.
    let newest = newest.unwrap_or_else(|| shared.read(moment));
    let vitals = shared.vitals(moment.instant);
    let mut checks = own_checks(Some(&newest), shared.settings.growth, &vitals);
    checks.push(audit_check(shared.audit().as_ref()));
    checks.push(allocator::check(shared, &newest, moment.instant));
    checks.extend(user_checks);
    HealthReport::new(moment, shared.level(), checks)
}

/// Runs the user's checks on the calling thread.
pub(super) fn user_checks(shared: &Shared) -> Vec<(String, Check)> {
    let run = |(name, check): &UserCheck| {
        let panicked = |message| Check::critical(format!("the check panicked: {message}"));
        (name.clone(), worker::caught(check).unwrap_or_else(panicked))
    };
    shared.checks.iter().map(run).collect()
}
