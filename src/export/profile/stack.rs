//! A site's stack as lines of text, the outermost first: thread, tag, functions.

use crate::profile::{Function, HeapProfile, Owner, ProfileSite};

/// One line of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The function, or the file and where in it.
    pub(super) name: String,
    /// Whose it is.
    pub(super) owner: Owner,
}

/// The stack of `site`, the outermost first.
pub(super) fn frames(profile: &HeapProfile, site: &ProfileSite) -> Vec<Frame> {
    let label = |what: &str, text: &Option<String>| {
        let name = text.as_ref().map(|text| format!("[{what} {text}]"))?;
        Some(Frame { name, owner: Owner::Own })
    };
    let labels = [label("thread", &site.thread), label("tag", &site.tag)];
    let own = |name| Frame { name, owner: Owner::Own };
    let mut stack: Vec<_> = profile.shown(site).map(frame).collect();
    if stack.is_empty() {
        stack.extend(profile.places(site).map(own));
    }
    if stack.is_empty() {
        stack.push(own(site.name().to_owned()));
    }
    labels.into_iter().flatten().chain(stack.into_iter().rev()).collect()
}

fn frame(function: &Function) -> Frame {
    Frame { name: function.name.clone(), owner: function.owner() }
}
