//! What is counted, exactly: while threads run, when requests are refused, for every layout, in regions.

mod assertions;
mod by_hand;
mod forwarding;
mod hand_over;
mod layouts;
mod many_threads;
mod measuring;
mod property;
mod refusal;
mod regions;

use crate::common::harness::Case;

pub(crate) const GROUPS: &[&[Case]] = &[
    assertions::CASES,
    by_hand::CASES,
    forwarding::CASES,
    hand_over::CASES,
    layouts::CASES,
    many_threads::CASES,
    measuring::CASES,
    property::CASES,
    refusal::CASES,
    regions::CASES,
];
