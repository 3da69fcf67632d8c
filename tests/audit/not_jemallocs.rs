//! A jemalloc that is linked and does not serve the heap is no witness.

use crate::common::harness::cases;

cases![there_is_no_audit_by_a_jemalloc_that_serves_nobody];

fn there_is_no_audit_by_a_jemalloc_that_serves_nobody() {
    assert!(plimsoll::is_installed());
    assert_eq!(plimsoll::Audit::take(), None);
    assert_eq!(plimsoll::Audit::take_flushed(), None);
}
