//! A profile as collapsed stacks: a line for each, functions with semicolons between them, and its live bytes.

use super::stack::frames;
use crate::profile::HeapProfile;
use std::collections::BTreeMap;
use std::fmt::Write;

impl HeapProfile {
    /// The stacks as flame graph tools read them: `outermost;...;innermost bytes`, by live bytes as estimated.
    ///
    /// ```
    /// for line in plimsoll::HeapProfiler::read().to_collapsed().lines() {
    ///     assert!(line.rsplit_once(' ').is_some_and(|(_, bytes)| bytes.parse::<u64>().is_ok()));
    /// }
    /// ```
    pub fn to_collapsed(&self) -> String {
        let mut stacks: BTreeMap<String, f64> = BTreeMap::new();
        for site in self.sites.iter().filter(|site| site.live_bytes.value >= 0.5) {
            let names = frames(self, site).into_iter().map(|frame| plain(&frame.name));
            let stack = names.collect::<Vec<_>>().join(";");
            *stacks.entry(stack).or_default() += site.live_bytes.value;
        }
        let mut text = String::new();
        for (stack, bytes) in stacks {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{stack} {bytes:.0}");
        }
        text
    }
}

/// Without what separates stacks and their lines.
fn plain(name: &str) -> String {
    name.replace(';', ":").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use crate::export::profile::tests::{profile, without_symbols};

    #[test]
    fn stacks_are_lines_with_their_bytes() {
        let text = profile().to_collapsed();
        assert_eq!(
            text,
            "[tag index];service::main;service::index::insert;serde_json::de::from_slice 67108864\n\
             service::main;<[Vec<u8>: 4] as service::Grow>::grow 1048576\n"
        );
    }

    #[test]
    fn without_names_there_are_files_and_offsets() {
        let text = without_symbols().to_collapsed();
        assert!(
            text.contains("[tag index];service+0x430;service+0x420;service+0x410 67108864"),
            "{text}"
        );
    }
}
