//! `Chart`: figures over time. The SVG is stretched to its place and holds no text; labels are the page's own, and stay legible
//! however narrow it is.

use super::marks::Marks;
use crate::export::autopsy::words::{size, time_of_day};
use crate::export::markup::escape;
use std::fmt::Write;

/// Of the drawing, which is stretched to its place.
const WIDE: f64 = 1000.0;
const HIGH: f64 = 400.0;

/// One figure: when, how much; `None` where it was not known.
pub(super) type Points = Vec<(f64, Option<f64>)>;

/// How a figure is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Line,
    /// With what is under it, down to another figure if there is one.
    Area,
    Dashed,
}

pub(super) struct Figure {
    pub(super) name: &'static str,
    /// A class of the style.
    pub(super) class: &'static str,
    pub(super) form: Form,
    pub(super) points: Points,
    /// What an area stands on.
    pub(super) floor: Option<Points>,
}

pub(super) struct Chart {
    pub(super) title: &'static str,
    pub(super) figures: Vec<Figure>,
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Chart {
    /// Empty where there is nothing to be drawn.
    pub(super) fn html(&self, marks: &Marks) -> String {
        let most = self.most();
        let most = if most > 0.0 { most * 1.05 } else { return String::new() };
        let legend: String = self.figures.iter().map(key).collect();
        let drawn: String = self.figures.iter().map(|figure| self.drawn(figure, most)).collect();
        format!(
            "<figure>\n<figcaption><b>{}</b> {legend}</figcaption>\n<div class=\"plot\">\n{}\
             <svg viewBox=\"0 0 {WIDE} {HIGH}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">\n{}{drawn}{}</svg>\n\
             {}{}</div>\n</figure>\n",
            self.title,
            heights(most),
            self.told(),
            GRID,
            self.lines(marks),
            self.flags(marks),
            self.times(),
        )
    }

    fn most(&self) -> f64 {
        let all = self.figures.iter().flat_map(|figure| &figure.points);
        all.filter_map(|(_, bytes)| *bytes).fold(0.0, f64::max)
    }

    /// For whoever does not see it: what each figure ended at.
    fn told(&self) -> String {
        let last = |figure: &Figure| figure.points.iter().rev().find_map(|(_, bytes)| *bytes);
        let told =
            self.figures.iter().filter_map(|it| Some(format!("{} {}", it.name, size(last(it)?))));
        escape(&format!("{}, at the end: {}", self.title, told.collect::<Vec<_>>().join(", ")))
    }

    fn share(&self, time: f64) -> f64 {
        let span = (self.to - self.from).max(1e-9);
        ((time - self.from) / span).clamp(0.0, 1.0)
    }

    fn drawn(&self, figure: &Figure, most: f64) -> String {
        let class = figure.class;
        let line = self.path(&figure.points, most, 'M');
        match figure.form {
            Form::Line => format!("<path class=\"line {class}\" d=\"{line}\"/>\n"),
            Form::Dashed => format!("<path class=\"line dashed {class}\" d=\"{line}\"/>\n"),
            Form::Area => {
                let area = self.area(figure, most);
                format!(
                    "<path class=\"area {class}\" d=\"{area}\"/>\n<path class=\"line {class}\" d=\"{line}\"/>\n"
                )
            }
        }
    }

    /// Lifted where nothing is known.
    fn path(&self, points: &Points, most: f64, first: char) -> String {
        let (mut path, mut pen) = (String::new(), first);
        for (time, bytes) in points {
            let Some(bytes) = bytes else {
                pen = 'M';
                continue;
            };
            let (x, y) = (self.share(*time) * WIDE, HIGH - bytes / most * HIGH);
            let _ = write!(path, "{pen}{x:.1} {y:.1}");
            pen = 'L';
        }
        path
    }

    /// Along the figure and back along what it stands on; points at which one of the two is unknown are left out.
    fn area(&self, figure: &Figure, most: f64) -> String {
        let floor = figure.floor.clone().unwrap_or_else(|| {
            figure.points.iter().map(|(time, bytes)| (*time, bytes.map(|_| 0.0))).collect()
        });
        let both = figure.points.iter().zip(&floor).filter(|(a, b)| a.1.is_some() && b.1.is_some());
        let (top, mut bottom): (Points, Points) = both.map(|(a, b)| (*a, *b)).unzip();
        bottom.reverse();
        match top.is_empty() {
            true => String::new(),
            false => format!("{}{}Z", self.path(&top, most, 'M'), self.path(&bottom, most, 'L')),
        }
    }

    fn lines(&self, marks: &Marks) -> String {
        let each = |mark: &super::marks::Mark| {
            let x = self.share(mark.timestamp) * WIDE;
            let (class, words) = (mark.class, escape(&mark.words));
            format!(
                "<line class=\"mark {class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{HIGH}\"><title>{words}</title></line>\n"
            )
        };
        marks.all.iter().map(each).collect()
    }

    fn flags(&self, marks: &Marks) -> String {
        let each = |mark: &super::marks::Mark| {
            let left = self.share(mark.timestamp) * 100.0;
            let (class, words, number) = (mark.class, escape(&mark.words), mark.number?);
            Some(format!(
                "<span class=\"flag {class}\" style=\"left:{left:.2}%\" title=\"{words}\">{number}</span>\n"
            ))
        };
        marks.all.iter().filter_map(each).collect()
    }

    fn times(&self) -> String {
        let middle = self.from.midpoint(self.to);
        let labels = [("first", self.from), ("middle", middle), ("last", self.to)];
        let each = |(class, time): (&str, f64)| {
            format!("<span class=\"time {class}\">{}</span>\n", time_of_day(time))
        };
        labels.into_iter().map(each).collect()
    }
}

const GRID: &str = "<path class=\"grid\" d=\"M0 0H1000M0 200H1000M0 400H1000\"/>\n";

fn key(figure: &Figure) -> String {
    let class = figure.class;
    format!("<span class=\"key\"><i class=\"{class}\"></i>{}</span> ", figure.name)
}

fn heights(most: f64) -> String {
    let labels = [(0.0, 100.0), (0.5, 50.0), (1.0, 0.0)];
    let each = |(share, top): (f64, f64)| {
        format!("<span class=\"height\" style=\"top:{top}%\">{}</span>\n", size(most * share))
    };
    labels.into_iter().map(each).collect()
}
