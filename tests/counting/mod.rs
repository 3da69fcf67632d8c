//! What is counted, exactly: by hand, as forwarded, in random scripts against a model, in measurements and regions.

mod assertions;
mod by_hand;
mod forwarding;
mod measuring;
mod property;
mod regions;

use crate::common::harness::Case;

pub(crate) const GROUPS: &[&[Case]] = &[
    assertions::CASES,
    by_hand::CASES,
    forwarding::CASES,
    measuring::CASES,
    property::CASES,
    regions::CASES,
];
