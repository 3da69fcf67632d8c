//! The tree that a flame graph draws: what each function holds, by whom it was called.

use super::stack::{Frame, frames};
use crate::profile::{HeapProfile, Owner};

/// A stack is drawn up to so many functions.
const DEPTH: usize = 96;

/// A function with what it holds below the same callers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) owner: Owner,
    /// Live bytes, estimated.
    pub(super) bytes: f64,
    /// Whom it called, by their names.
    pub(super) callees: Vec<Node>,
}

impl Node {
    fn new(frame: Frame) -> Self {
        Node { name: frame.name, owner: frame.owner, bytes: 0.0, callees: Vec::new() }
    }

    /// The tree of all stacks that hold anything.
    pub(super) fn of(profile: &HeapProfile) -> Self {
        let mut root = Node::new(Frame { name: "all".into(), owner: Owner::Own });
        for site in profile.sites.iter().filter(|site| site.live_bytes.value >= 0.5) {
            root.add(frames(profile, site).into_iter().take(DEPTH), site.live_bytes.value);
        }
        root
    }

    fn add(&mut self, stack: impl Iterator<Item = Frame>, bytes: f64) {
        self.bytes += bytes;
        let mut node = self;
        for frame in stack {
            node = node.callee(frame);
            node.bytes += bytes;
        }
    }

    /// The callee of that name, in the order of the names, so that two pictures can be laid side by side.
    fn callee(&mut self, frame: Frame) -> &mut Node {
        let found = self.callees.binary_search_by(|callee| callee.name.cmp(&frame.name));
        let index = found.unwrap_or_else(|index| {
            self.callees.insert(index, Node::new(frame));
            index
        });
        &mut self.callees[index]
    }

    /// How many functions lie above each other at most, this one among them.
    pub(super) fn depth(&self) -> usize {
        1 + self.callees.iter().map(Node::depth).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::profile::tests::profile;

    #[test]
    fn what_is_called_is_within_its_callers() {
        let tree = Node::of(&profile());
        assert_eq!(tree.bytes, (65 << 20) as f64);
        assert_eq!(tree.depth(), 5);
        let names: Vec<_> = tree.callees.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["[tag index]", "service::main"]);
        let sum: f64 = tree.callees.iter().map(|node| node.bytes).sum();
        assert_eq!(sum, tree.bytes);
    }
}
