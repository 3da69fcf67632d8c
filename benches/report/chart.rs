//! A chart as SVG: both axes logarithmic, plain, readable on light and on dark ground. What `timeline` needs of it, too.

use std::fmt::Write;

/// One line of a chart.
pub(crate) struct Series {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
}

/// One chart.
pub(crate) struct Chart {
    pub(crate) title: &'static str,
    pub(crate) across: &'static str,
    pub(crate) series: Vec<Series>,
}

pub(crate) const WIDTH: f64 = 440.0;
pub(crate) const HEIGHT: f64 = 270.0;
/// Room for what is written around the plot: left, right, above, below.
const MARGIN: [f64; 4] = [56.0, 84.0, 34.0, 42.0];

/// The whole picture: charts in two columns.
pub(crate) fn picture(charts: &[Chart]) -> String {
    let height = charts.len().div_ceil(2) as f64 * HEIGHT;
    let width = 2.0 * WIDTH;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n{STYLE}"
    );
    for (index, chart) in charts.iter().enumerate() {
        let (x, y) = ((index % 2) as f64 * WIDTH, (index / 2) as f64 * HEIGHT);
        let _ = writeln!(svg, "<g transform=\"translate({x} {y})\">");
        chart.draw(&mut svg);
        svg += "</g>\n";
    }
    svg + "</svg>\n"
}

/// The colours have enough contrast with white and with black.
pub(crate) const STYLE: &str = "<style>
text { fill: #333 } line { stroke: #ccc }
polyline { fill: none; stroke-width: 2 }
.s0 { stroke: #1f77c9; fill: #1f77c9 } .s1 { stroke: #d9601a; fill: #d9601a } .s2 { stroke: #2b9348; fill: #2b9348 }
text.s0, text.s1, text.s2 { stroke: none } polyline.s0, polyline.s1, polyline.s2 { fill: none }
@media (prefers-color-scheme: dark) { text { fill: #ddd } line { stroke: #555 } }
</style>
";

/// From a range of values to a range of places.
pub(crate) struct Axis {
    pub(crate) least: f64,
    pub(crate) most: f64,
    pub(crate) from: f64,
    pub(crate) to: f64,
    /// Of what the places are in proportion: of the logarithm, or of the value itself.
    pub(crate) scale: fn(f64) -> f64,
}

impl Axis {
    pub(crate) fn place(&self, value: f64) -> f64 {
        let beyond_least = |value: f64| (self.scale)(value) - (self.scale)(self.least);
        let share = beyond_least(value) / beyond_least(self.most);
        self.from + share * (self.to - self.from)
    }
}

impl Chart {
    fn values(&self, of: impl Fn(&(f64, f64)) -> f64) -> Vec<f64> {
        let mut values: Vec<f64> = self.series.iter().flat_map(|s| &s.points).map(of).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        values
    }

    fn draw(&self, svg: &mut String) {
        let [left, right, above, below] = MARGIN;
        let _ =
            writeln!(svg, "<text x=\"{left}\" y=\"20\" font-weight=\"bold\">{}</text>", self.title);
        let (across, up) = (self.values(|point| point.0), self.values(|point| point.1));
        let ticks = ticks(&up);
        let (Some(&first), Some(&last)) = (across.first(), across.last()) else { return };
        let (Some(&least), Some(&most)) = (ticks.first(), ticks.last()) else { return };
        let scale = f64::ln;
        let x = Axis { least: first, most: last, from: left, to: WIDTH - right, scale };
        let y = Axis { least, most, from: HEIGHT - below, to: above, scale };
        for tick in ticks {
            let (at, end, label) = (y.place(tick), WIDTH - right, short(tick));
            let _ =
                writeln!(svg, "<line x1=\"{left}\" x2=\"{end}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>");
            let (x, y) = (left - 6.0, at + 4.0);
            let _ =
                writeln!(svg, "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{label}</text>");
        }
        for value in across {
            let (at, below, label) = (x.place(value), HEIGHT - below + 16.0, short(value));
            let _ = writeln!(
                svg,
                "<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">{label}</text>"
            );
        }
        let (middle, bottom) = ((left + WIDTH - right) / 2.0, HEIGHT - 8.0);
        let _ = writeln!(
            svg,
            "<text x=\"{middle}\" y=\"{bottom}\" text-anchor=\"middle\">{}</text>",
            self.across
        );
        for (index, series) in self.series.iter().enumerate() {
            series.draw(svg, index, &x, &y);
        }
    }
}

impl Series {
    fn draw(&self, svg: &mut String, index: usize, x: &Axis, y: &Axis) {
        let places: Vec<(f64, f64)> =
            self.points.iter().map(|&(across, up)| (x.place(across), y.place(up))).collect();
        let points: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(svg, "<polyline class=\"s{index}\" points=\"{}\"/>", points.join(" "));
        for (x, y) in &places {
            let _ =
                writeln!(svg, "<circle class=\"s{index}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
        }
        if let Some((x, y)) = places.last() {
            let (x, y) = (x + 8.0, y + 4.0);
            let _ = writeln!(
                svg,
                "<text class=\"s{index}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
                self.name
            );
        }
    }
}

/// 1, 2, 5, 10, ... around the `values`; whole powers of ten where they span more than three.
fn ticks(values: &[f64]) -> Vec<f64> {
    let (Some(&least), Some(&most)) = (values.first(), values.last()) else { return vec![] };
    let steps: &[f64] = if most / least > 1000.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let all: Vec<f64> =
        (-3..12).flat_map(|power| steps.iter().map(move |step| step * 10f64.powi(power))).collect();
    let first = all.iter().rposition(|&tick| tick <= least).unwrap_or(0);
    let last = all.iter().position(|&tick| tick >= most).unwrap_or(all.len() - 1);
    let last = last.max(first + 1);
    all.get(first..=last).unwrap_or_default().to_vec()
}

/// 4096 as it is, 28 800 as 28.8k, a million as 1M.
fn short(value: f64) -> String {
    let text = |value: f64| format!("{}", (value * 100.0).round() / 100.0);
    match value {
        1e6.. => text(value / 1e6) + "M",
        1e4.. => text(value / 1e3) + "k",
        _ => text(value),
    }
}
