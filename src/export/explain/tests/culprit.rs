//! What it is that grows, where that is not plain to see.

use super::*;

#[test]
fn what_many_caches_took_together_is_in_no_word_nobodys() {
    let before = snapshot(10, &[(AllocBytes, 20), (Caches, 10), (Used, 30)]);
    let now = snapshot(70, &[(AllocBytes, 60), (Caches, 50), (Used, 70)]);
    let with = |holds| (0..10).map(|n| cache(&format!("cache{n}"), Some(holds))).collect();
    let (held, holds): (Vec<_>, Vec<_>) = (with(1), with(5));
    let status = status(now, holds, forecast(Growth::Objects, 0.6));
    let explanation = explain(&before, &held, &status);
    assert_eq!(explanation.unexplained.as_ref().and_then(|rest| rest.change_bytes), Some(0));
    says(&explanation, &["registered caches say they took 40.0 MiB", "most cache0, 4.0 MiB"]);
    assert_eq!(tools(&explanation), [Some("unload")]);
}

/// Registered late, with what it has held all along.
#[test]
fn a_cache_took_no_more_than_there_is() {
    let before = snapshot(10, &[(AllocBytes, 60), (Used, 60)]);
    let now = snapshot(70, &[(AllocBytes, 70), (Caches, 50), (Used, 70)]);
    let mut status = status(now, vec![cache("pages", Some(50))], forecast(Growth::Objects, 0.2));
    let explanation = explain(&before, &[], &status);
    says(&explanation, &["no registered cache accounts for 10.0 MiB"]);
    // What may have come since then is taken for that.
    status.caches = vec![cache("pages", Some(8))];
    status.ledger.caches = status.caches.iter().map(line).collect();
    says(&explain(&before, &[], &status), &["cache pages says it took 8.0 MiB"]);
}

#[test]
fn live_bytes_are_judged_however_many_lines_changed_more() {
    let with = |second, live, dirty, cached, kernel, sockets| {
        let heap = [(AllocBytes, live), (Allocated, live), (Active, live), (Dirty, dirty)];
        let group = [(Field::CgroupFile, cached), (Field::CgroupKernel, kernel)];
        let rest =
            [(Field::CgroupSock, sockets), (Resident, live + dirty), (Rss, live + dirty + 9)];
        let charged = [(Field::Charged, live + dirty + 9 + cached + kernel + sockets)];
        snapshot(second, &[&heap[..], &group, &rest, &charged, &[(Used, live + dirty)]].concat())
    };
    let (before, now) = (with(10, 20, 30, 90, 30, 30), with(70, 26, 20, 40, 20, 20));
    let status = status(now, Vec::new(), forecast(Growth::Objects, 0.1));
    let before = Some(&before);
    let explanation = Explanation::of(&Facts {
        status: &status,
        oldest: before,
        before,
        caches_before: &[],
        events: &[],
        scope: Scope::Charged,
        grown: None,
    });
    assert_eq!(explanation.changes.lines.len(), 4);
    says(&explanation, &["no registered cache accounts for 6.0 MiB"]);
}

#[test]
fn while_growth_is_unknown_what_fell_has_no_culprit() {
    let before = snapshot(10, &[(AllocBytes, 20), (Dirty, 30), (Used, 50), (Caches, 0)]);
    let mut now = snapshot(20, &[(AllocBytes, 20), (Dirty, 1), (Used, 21), (Caches, 0)]);
    now.values.set(AllocBytes, Some(20 * MIB + 100));
    let mut pages = cache("pages", None);
    pages.usage_bytes = Some(100);
    let status = status(now, vec![pages], forecast(Growth::Unknown, 0.0));
    let explanation = explain(&before, &[cache("pages", Some(0))], &status);
    says(&explanation, &["the usage changed by -29.0 MiB."]);
    assert_eq!(tools(&explanation), [Some("explain_memory")], "a hundred bytes are no culprit");
}
