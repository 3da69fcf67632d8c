//! A picture of memory over time: a line for each contestant, and the lines that it should stay below.

use super::chart::{Axis, STYLE};
use super::markdown::{rows, text};
use serde_json::Value;
use std::fmt::Write;

const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 380.0;
/// Room for what is written around the plot: left, right, above, below.
const MARGIN: [f64; 4] = [56.0, 130.0, 58.0, 42.0];
const MIB: f64 = (1 << 20) as f64;

/// The plot's axes and the text so far.
struct Plot {
    x: Axis,
    y: Axis,
    svg: String,
}

/// The whole picture, from what the bench `governed` found.
pub(crate) fn governed(found: &Value) -> String {
    let contestants = rows(found, "contestants");
    let mut plot = Plot::new(last_second(contestants), bytes(found, "limit_bytes") * 1.08);
    plot.write(56.0, 20.0, "font-weight=\"bold\"", "Memory of each process, MiB, over the seconds");
    plot.ticks();
    plot.phases(found, contestants);
    plot.lines(found);
    for (index, contestant) in contestants.iter().enumerate() {
        plot.contestant(index, contestant);
    }
    plot.svg + "</svg>\n"
}

fn bytes(found: &Value, field: &str) -> f64 {
    found[field].as_f64().unwrap_or_default()
}

fn curve(contestant: &Value) -> impl Iterator<Item = (f64, f64)> {
    rows(contestant, "curve")
        .iter()
        .filter_map(|point| Some((point[0].as_f64()?, point[1].as_f64()?)))
}

/// The next 1, 2 or 5 times a power of ten.
fn round(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0]
        .map(|step| step * power)
        .into_iter()
        .find(|step| *step >= value)
        .unwrap_or(10.0 * power)
}

fn last_second(contestants: &[Value]) -> f64 {
    contestants.iter().flat_map(curve).map(|(at, _)| at).fold(1.0, f64::max)
}

impl Plot {
    fn new(seconds: f64, most: f64) -> Self {
        let [left, right, above, below] = MARGIN;
        let scale = std::convert::identity;
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n{STYLE}"
        );
        Plot {
            x: Axis { least: 0.0, most: seconds, from: left, to: WIDTH - right, scale },
            y: Axis { least: 0.0, most, from: HEIGHT - below, to: above, scale },
            svg,
        }
    }

    fn write(&mut self, x: f64, y: f64, how: &str, words: &str) {
        let _ = writeln!(self.svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" {how}>{words}</text>");
    }

    fn across(&mut self, at: f64, how: &str) {
        let (from, to) = (self.x.from, self.x.to);
        let _ = writeln!(
            self.svg,
            "<line x1=\"{from}\" x2=\"{to}\" y1=\"{at:.1}\" y2=\"{at:.1}\" {how}/>"
        );
    }

    /// Every 64 MiB, and some ten times.
    fn ticks(&mut self) {
        let most = self.y.most;
        for mib in (0..).step_by(64).map(f64::from).take_while(|mib| mib * MIB <= most) {
            let at = self.y.place(mib * MIB);
            self.across(at, "");
            self.write(self.x.from - 6.0, at + 4.0, "text-anchor=\"end\"", &mib.to_string());
        }
        let step = round(self.x.most / 10.0);
        for second in (0..=10).map(|number| f64::from(number) * step) {
            if second <= self.x.most {
                let (x, y) = (self.x.place(second), self.y.from + 16.0);
                self.write(x, y, "text-anchor=\"middle\"", &second.to_string());
            }
        }
    }

    /// Where each phase of the load begins; of one round, since many would be a fence.
    fn phases(&mut self, found: &Value, contestants: &[Value]) {
        let of_last = contestants.last().filter(|_| found["rounds"] == 1);
        for phase in of_last.map_or(&[][..], |contestant| rows(contestant, "phases")) {
            let (Some(at), Some(name)) = (phase[0].as_f64(), phase[1].as_str()) else { continue };
            let (x, top, bottom) = (self.x.place(at), self.y.to, self.y.from);
            let _ = writeln!(
                self.svg,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\" stroke-dasharray=\"1 3\"/>"
            );
            self.write(x + 2.0, top - 6.0, "font-size=\"10\"", name);
        }
    }

    /// The lines to stay below, with their names at the right.
    fn lines(&mut self, found: &Value) {
        let (limit, budget) = (bytes(found, "limit_bytes"), bytes(found, "budget_bytes"));
        let wall = if found["limited"] == true { "limit: killed" } else { "limit" };
        for (value, name) in [
            (limit, wall),
            (budget, "budget"),
            (budget * 0.80, "80 %: caution"),
            (budget * 0.73, "73 %: left again"),
        ] {
            let at = self.y.place(value);
            self.across(at, "style=\"stroke:#888\" stroke-dasharray=\"6 3\"");
            self.write(self.x.to + 6.0, at + 4.0, "", name);
        }
    }

    fn contestant(&mut self, index: usize, contestant: &Value) {
        let places: Vec<(f64, f64)> =
            curve(contestant).map(|(at, bytes)| (self.x.place(at), self.y.place(bytes))).collect();
        let points: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ =
            writeln!(self.svg, "<polyline class=\"s{index}\" points=\"{}\"/>", points.join(" "));
        let (name, class) = (text(contestant, "strategy"), format!("class=\"s{index}\""));
        // The names in the room at the lower right, one below the other.
        self.write(self.x.to + 6.0, self.y.from - 60.0 + 18.0 * index as f64, &class, name);
        if let (Some((x, y)), Some(9)) = (places.last(), contestant["signal"].as_u64()) {
            let how =
                format!("{class} font-weight=\"bold\" font-size=\"16\" text-anchor=\"middle\"");
            self.write(*x, y + 6.0, &how, "✕");
        }
    }
}
