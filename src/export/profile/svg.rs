//! The flame graph as one SVG file: drawn here, because the crate for it (`inferno`) is under the CDDL, which this package's
//! dependencies may not be, and there is no other that is kept up. No script: a browser shows a function's figures when the
//! pointer rests on it. At most 2000 rectangles, the widest; what is too narrow to be seen is left out.

use super::flame::Node;
use crate::export::markup::escape;
use crate::profile::{Estimate, HeapProfile, Owner};
use bytesize::ByteSize;
use std::fmt::Write;

/// In the picture's own units, which are pixels where it is shown at its own size.
const WIDTH: f64 = 1200.0;
const MARGIN: f64 = 10.0;
const ROW: f64 = 17.0;
const HEAD: f64 = 58.0;
const FOOT: f64 = 34.0;

/// A character of the font.
const CHARACTER: f64 = 7.25;

/// Narrower rectangles are not drawn.
const NARROWEST: f64 = 0.4;

/// The most rectangles: some 400 KiB.
const MOST: usize = 2000;

/// Colours that can be told apart and read on light and on dark.
const STYLE: &str = "\
svg{background:#fff;--ink:#1b1f24;--faint:#59636e}
text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}
.h{font-size:17px;font-weight:600;fill:var(--ink)}.s{fill:var(--faint)}
rect{stroke:#fff;stroke-width:.6}g:hover>rect{stroke:#000;stroke-width:1.2}
.f text{fill:#241503;pointer-events:none}
@media(prefers-color-scheme:dark){svg{background:#0d1117;--ink:#f0f3f6;--faint:#9da7b3}
rect{stroke:#0d1117}g:hover>rect{stroke:#fff}}
";

impl HeapProfile {
    /// The live bytes by stack as a flame graph: an SVG file without script, readable on light and on dark.
    ///
    /// The lowest row is everything; above a function lies what it called, as wide as what that holds.
    ///
    /// ```
    /// let svg = plimsoll::HeapProfiler::read().with_symbols().to_flame_graph();
    /// assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    /// ```
    pub fn to_flame_graph(&self) -> String {
        let tree = Node::of(self);
        let height = HEAD + tree.depth() as f64 * ROW + FOOT;
        let mut picture = Picture::new(&tree, height);
        picture.head(self);
        picture.node(&tree, MARGIN, 0);
        picture.foot(self);
        picture.text
    }
}

struct Picture {
    text: String,
    height: f64,
    /// Narrower ones are not drawn.
    narrowest: f64,
    /// And of those that are just so wide, so many more.
    left: usize,
    /// Those that could be seen, and are too many.
    omitted: usize,
    /// What is as wide as the picture.
    all: f64,
}

impl Picture {
    fn new(tree: &Node, height: f64) -> Self {
        let (narrowest, left, omitted) = (NARROWEST, MOST, 0);
        let mut picture =
            Picture { text: String::new(), height, narrowest, left, omitted, all: tree.bytes };
        let mut widths = Vec::new();
        picture.measure(tree, &mut widths);
        if widths.len() > MOST {
            widths.sort_unstable_by(|a, b| b.total_cmp(a));
            picture.narrowest = widths[MOST - 1];
            picture.left = MOST - widths.partition_point(|width| *width > picture.narrowest);
            picture.omitted = widths.len() - MOST;
        }
        picture
    }

    /// The widths of all that can be seen. None is wider than its caller's, so that the widest hang together.
    fn measure(&self, node: &Node, widths: &mut Vec<f64>) {
        let width = self.width(node);
        if width >= NARROWEST {
            widths.push(width);
            node.callees.iter().for_each(|callee| self.measure(callee, widths));
        }
    }

    fn has_room_for(&mut self, width: f64) -> bool {
        let has_room = width > self.narrowest || width == self.narrowest && self.left > 0;
        if width == self.narrowest {
            self.left = self.left.saturating_sub(1);
        }
        has_room
    }

    fn put(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a text cannot fail.
        let _ = self.text.write_fmt(arguments);
    }

    fn head(&mut self, profile: &HeapProfile) {
        let height = self.height;
        self.put(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"100%\" \
             role=\"img\" aria-label=\"Flame graph of live bytes\">\n<style>{STYLE}</style>\n"
        ));
        let live = &profile.live_bytes;
        self.put(format_args!(
            "<text class=\"h\" x=\"{MARGIN}\" y=\"25\">{} live</text>\n\
             <text class=\"s\" x=\"{MARGIN}\" y=\"44\">{}</text>\n",
            size(live.value),
            escape(&basis(profile, live)),
        ));
    }

    fn foot(&mut self, profile: &HeapProfile) {
        let keys = [
            (Owner::Own, "the program's own"),
            (Owner::Library, "libraries"),
            (Owner::Machinery, "standard library"),
        ];
        let y = self.height - 12.0;
        for (index, (owner, words)) in keys.into_iter().enumerate() {
            let x = MARGIN + index as f64 * 170.0;
            self.put(format_args!(
                "<rect x=\"{x}\" y=\"{:.1}\" width=\"11\" height=\"11\" fill=\"{}\"/>\
                 <text class=\"s\" x=\"{:.1}\" y=\"{y}\">{words}</text>\n",
                y - 10.0,
                colour("", owner),
                x + 17.0,
            ));
        }
        if !profile.has_symbols {
            let x = MARGIN + 520.0;
            self.put(format_args!(
                "<text class=\"s\" x=\"{x}\" y=\"{y}\">without symbols</text>\n"
            ));
        }
        if self.omitted > 0 {
            let (x, omitted) = (MARGIN + 680.0, self.omitted);
            self.put(format_args!(
                "<text class=\"s\" x=\"{x}\" y=\"{y}\">the {omitted} narrowest are left out</text>\n"
            ));
        }
        self.text.push_str("</svg>\n");
    }

    /// A function and, above it, what it called.
    fn node(&mut self, node: &Node, x: f64, level: usize) {
        let width = self.width(node);
        if !self.has_room_for(width) {
            return;
        }
        self.rectangle(node, x, width, level);
        let mut at = x;
        for callee in &node.callees {
            self.node(callee, at, level + 1);
            at += self.width(callee);
        }
    }

    fn width(&self, node: &Node) -> f64 {
        if self.all > 0.0 {
            node.bytes / self.all * (WIDTH - 2.0 * MARGIN)
        } else {
            WIDTH - 2.0 * MARGIN
        }
    }

    fn rectangle(&mut self, node: &Node, x: f64, width: f64, level: usize) {
        let y = self.height - FOOT - (level + 1) as f64 * ROW;
        let share = if self.all > 0.0 { node.bytes / self.all * 100.0 } else { 0.0 };
        let fill = colour(&node.name, node.owner);
        self.put(format_args!(
            "<g class=\"f\"><title>{}: {}, {share:.1} %</title>\
             <rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\" rx=\"1.5\" fill=\"{fill}\"/>",
            escape(&node.name),
            size(node.bytes),
            ROW - 1.0,
        ));
        let label = label(&node.name, ((width - 6.0) / CHARACTER) as usize);
        if !label.is_empty() {
            let (x, y) = (x + 3.0, y + 12.0);
            self.put(format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escape(&label)));
        }
        self.text.push_str("</g>\n");
    }
}

/// What the figures stand on.
fn basis(profile: &HeapProfile, live: &Estimate) -> String {
    format!(
        "With 95 % between {} and {}: {} samples at {} sites, one every {} on average.",
        size(live.low),
        size(live.high),
        profile.live_samples,
        profile.sites.len(),
        size(profile.mean_bytes as f64),
    )
}

fn size(bytes: f64) -> String {
    ByteSize(bytes.max(0.0).round() as u64).to_string()
}

/// As much of a name as has room: without the path before its last two words, if need be, and cut then.
fn label(name: &str, room: usize) -> String {
    if room < 3 {
        return String::new();
    }
    let length = |text: &str| text.chars().count();
    if length(name) <= room {
        return name.to_owned();
    }
    let short = last_words(name);
    if length(short) <= room {
        return short.to_owned();
    }
    short.chars().take(room - 1).chain(['…']).collect()
}

/// `index::insert` of `service::store::index::insert`; all of a name that is no plain path.
fn last_words(name: &str) -> &str {
    if name.contains(['<', ' ', '(']) {
        return name;
    }
    let ends: Vec<_> = name.rmatch_indices("::").map(|(at, _)| at).collect();
    ends.get(1).map_or(name, |at| &name[at + 2..])
}

/// Warm for the program, green for libraries, grey for the rest; another shade for another name.
fn colour(name: &str, owner: Owner) -> String {
    let hash =
        name.bytes().fold(7u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    let (shade, light) = (hash % 21, hash / 21 % 9);
    match owner {
        Owner::Own => format!("hsl({},88%,{}%)", 20 + shade, 62 + light),
        Owner::Library => format!("hsl({},42%,{}%)", 150 + shade, 62 + light),
        Owner::Machinery => format!("hsl(215,14%,{}%)", 68 + light),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::profile::tests::profile;
    use crate::profile::Function;

    #[test]
    fn names_cannot_break_out_of_the_picture() {
        let mut profile = profile();
        let evil = "</title><script>alert(1)</script>\u{1b}&\"".to_owned();
        profile.locations[0].functions = vec![Function { name: evil, file: None, line: None }];
        let svg = profile.to_flame_graph();
        assert!(!svg.contains("<script") && !svg.contains('\u{1b}'), "{svg}");
        assert!(svg.contains("&lt;/title&gt;&lt;script&gt;"));
    }

    #[test]
    fn every_function_says_what_it_holds() {
        let svg = profile().to_flame_graph();
        assert!(svg.contains("<title>service::index::insert: 64.0 MiB, 98.5 %</title>"), "{svg}");
        assert!(svg.contains(">65.0 MiB live</text>"), "{svg}");
    }

    #[test]
    fn an_empty_profile_is_a_picture_too() {
        let svg = HeapProfile::default().to_flame_graph();
        assert_eq!(svg.matches("<g class").count(), 1, "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn rectangles_have_a_number() {
        let mut profile = profile();
        let site = profile.sites[1].clone();
        for index in 0..5000u32 {
            let function = Function { name: format!("f{index}"), file: None, line: None };
            let location = crate::profile::Location {
                functions: vec![function],
                ..crate::profile::Location::default()
            };
            let stack = vec![profile.locations.len() as u32];
            profile.locations.push(location);
            profile.sites.push(crate::profile::ProfileSite { stack, ..site.clone() });
        }
        // Each is a five-thousandth of the width: too narrow to be seen.
        assert!(profile.to_flame_graph().matches("<g class").count() < 20);
        profile.sites.drain(2500..);
        let svg = profile.to_flame_graph();
        assert_eq!(svg.matches("<g class").count(), MOST);
        assert!(svg.contains("narrowest are left out"));
    }

    #[test]
    fn of_too_many_the_widest_are_drawn() {
        let node = |name: String, bytes| Node { name, owner: Owner::Own, bytes, callees: vec![] };
        let tower = |name: &str, bytes: f64| {
            (1..40).fold(node(format!("{name}.0"), bytes), |callee, level| Node {
                callees: vec![callee],
                ..node(format!("{name}.{level}"), bytes)
            })
        };
        let mut wide = node("wide".into(), 55.0 * 60.0);
        wide.callees = (0..60).map(|index| tower(&format!("leaf{index}"), 55.0)).collect();
        let other = tower("other", 45.0 * 60.0);
        let tree = Node { callees: vec![wide, other], ..node("all".into(), 100.0 * 60.0) };
        let mut picture = Picture::new(&tree, 0.0);
        picture.node(&tree, MARGIN, 0);
        assert_eq!(picture.text.matches("<g class").count(), MOST);
        assert_eq!(picture.text.matches("<title>other.").count(), 40);
        assert_eq!(picture.omitted, 2 + 60 * 40 + 40 - MOST);
    }

    #[test]
    fn labels_keep_what_tells_a_function() {
        assert_eq!(label("a::b::index::insert", 40), "a::b::index::insert");
        assert_eq!(label("a::b::index::insert", 14), "index::insert");
        assert_eq!(label("a::b::index::insert", 8), "index::…");
        assert_eq!(label("<a::B as c::D>::e", 10), "<a::B as …");
        assert_eq!(label("anything", 2), "");
    }
}
