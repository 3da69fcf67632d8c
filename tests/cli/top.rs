//! `top` where it cannot be: `.ci/live/top` has it in a terminal.

use crate::target::Target;

#[test]
fn without_a_terminal_it_says_what_needs_none() {
    let target = Target::start();
    let told = target.run(&["top"]).complaint();
    assert!(told.contains("terminal") && told.contains("plimsoll status"), "{told}");
    let told = target.run(&["top", "--json"]).complaint();
    assert!(told.contains("watch --json"), "{told}");
}
