//! Small drawings in SVG: a frame with axes from a share to 1, what stands in it, and bars.

use std::fmt::Write;

use maud::{Markup, html};

use crate::figures::{decimal, grouped};

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 270.0;
/// The frame inside: left, right, top, bottom.
const FRAME: [f64; 4] = [44.0, 338.0, 24.0, 226.0];

/// Where axes may begin: a fifth of the rest is a round number.
const BEGINNINGS: [f64; 7] = [0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99];

/// Two axes of shares, each from where it begins to 1.
pub(super) struct Axes {
    x: f64,
    y: f64,
}

impl Axes {
    /// Axes on which these values can be seen, and all above them.
    pub(super) fn from(x: f64, y: f64) -> Self {
        let begin =
            |value: f64| BEGINNINGS.into_iter().rfind(|begin| *begin <= value).unwrap_or(0.0);
        Self { x: begin(x), y: begin(y) }
    }

    pub(super) fn size(&self) -> (f64, f64) {
        (WIDTH, HEIGHT)
    }

    fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let [left, right, top, bottom] = FRAME;
        let along = |value: f64, begin: f64| ((value - begin) / (1.0 - begin)).clamp(0.0, 1.0);
        (left + along(x, self.x) * (right - left), bottom - along(y, self.y) * (bottom - top))
    }

    /// Lines and numbers at each fifth, and what the axes are.
    pub(super) fn frame(&self, x: &str, y: &str) -> Markup {
        let [left, right, top, bottom] = FRAME;
        let value = |fifth: i32, begin: f64| begin + f64::from(fifth) / 5.0 * (1.0 - begin);
        html! {
            @for fifth in 0..=5 {
                @let (on_x, on_y) = (value(fifth, self.x), value(fifth, self.y));
                @let (across, up) = self.at((on_x, on_y));
                path.grid d=(format!("M{across:.1} {top}V{bottom}M{left} {up:.1}H{right}")) {}
                (words(across, bottom + 15.0, Some("middle"), &tick(on_x)))
                (words(left - 5.0, up + 4.0, Some("end"), &tick(on_y)))
            }
            (words(right, bottom + 32.0, Some("end"), &format!("{x} →")))
            (words(left, top - 9.0, None, &format!("↑ {y}")))
        }
    }

    /// A curve through points.
    pub(super) fn path(&self, points: &[(f64, f64)]) -> Markup {
        let mut d = String::new();
        for (nth, point) in points.iter().enumerate() {
            let (x, y) = self.at(*point);
            let _ = write!(d, "{}{x:.1} {y:.1}", if nth == 0 { "M" } else { "L" });
        }
        html! { @if points.len() > 1 { path.curve d=(d) {} } }
    }

    /// From corner to corner: where both axes say the same.
    pub(super) fn diagonal(&self) -> Markup {
        let ((x0, y0), (x1, y1)) = (self.at((self.x, self.x)), self.at((1.0, 1.0)));
        html! { path.ideal d=(format!("M{x0:.1} {y0:.1}L{x1:.1} {y1:.1}")) {} }
    }

    /// A dot, the larger the more rows it stands for.
    pub(super) fn dot(&self, point: (f64, f64), rows: u64) -> Markup {
        self.circle("dot", point, 2.0 + (rows.max(1) as f64).log10())
    }

    pub(super) fn ring(&self, point: (f64, f64)) -> Markup {
        self.circle("setting", point, 7.0)
    }

    fn circle(&self, class: &str, point: (f64, f64), radius: f64) -> Markup {
        let (x, y) = self.at(point);
        html! {
            circle class=(class) cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r=(format!("{radius:.1}")) {}
        }
    }

    /// A line up and down at `x`.
    pub(super) fn range(&self, x: f64, low: f64, high: f64) -> Markup {
        let ((x, low), (_, high)) = (self.at((x, low)), self.at((x, high)));
        html! { path.range d=(format!("M{x:.1} {low:.1}V{high:.1}")) {} }
    }
}

fn words(x: f64, y: f64, anchor: Option<&str>, words: &str) -> Markup {
    html! {
        text x=(format!("{x:.1}")) y=(format!("{y:.1}")) text-anchor=[anchor] { (words) }
    }
}

/// A share on an axis, as a percentage without needless digits.
fn tick(share: f64) -> String {
    let percent = decimal(100.0 * share, 1);
    let whole = percent.strip_suffix(".0").or(percent.strip_suffix(",0"));
    format!("{} %", whole.unwrap_or(&percent))
}

/// A bar for each line, of two parts; and the size of the drawing.
pub(super) fn bars(lines: &[(String, u64, u64)]) -> (Markup, (f64, f64)) {
    const PITCH: f64 = 20.0;
    const LEFT: f64 = 88.0;
    const LONGEST: f64 = 160.0;
    let most = lines.iter().map(|(_, one, two)| one + two).max().unwrap_or(0).max(1) as f64;
    // What there is can be seen.
    let width =
        |count: u64| if count == 0 { 0.0 } else { (count as f64 / most * LONGEST).max(1.5) };
    let drawing = html! {
        @for (nth, (label, one, two)) in lines.iter().enumerate() {
            @let y = nth as f64 * PITCH;
            @let (first, second) = (width(*one), width(*two));
            (words(LEFT - 6.0, y + 14.0, Some("end"), label))
            @for (class, x, width) in [("right", LEFT, first), ("wrong", LEFT + first, second)] {
                @if width > 0.0 {
                    path class=(class) d=(format!("M{x:.1} {:.1}h{width:.1}v14h-{width:.1}z", y + 3.0)) {}
                }
            }
            (words(LEFT + first + second + 5.0, y + 14.0, None, &format!("{} + {}", grouped(*one), grouped(*two))))
        }
    };
    (drawing, (WIDTH, lines.len() as f64 * PITCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_begin_at_a_round_number_below_what_is_shown() {
        for (least, begins) in
            [(1.0, 0.99), (0.99, 0.99), (0.985, 0.98), (0.7, 0.5), (0.49, 0.0), (f64::NAN, 0.0)]
        {
            assert_eq!(Axes::from(least, 0.0).x, begins);
        }
        let axes = Axes::from(0.5, 0.0);
        assert_eq!(axes.at((0.5, 0.0)), (FRAME[0], FRAME[3]));
        assert_eq!(axes.at((0.75, 0.5)), (191.0, 125.0));
        // What is outside stands at the edge.
        assert_eq!(axes.at((0.1, 2.0)), (FRAME[0], FRAME[2]));
        assert_eq!(
            axes.path(&[(0.5, 0.0), (0.75, 0.5)]).into_string(),
            "<path class=\"curve\" d=\"M44.0 226.0L191.0 125.0\"></path>"
        );
    }

    #[test]
    fn ticks_have_no_needless_digits() {
        assert_eq!(
            [0.0, 0.5, 0.984, 0.998, 1.0].map(tick),
            ["0 %", "50 %", "98.4 %", "99.8 %", "100 %"]
        );
    }

    #[test]
    fn bars_are_as_long_as_their_counts() {
        let (drawing, (_, height)) =
            bars(&[("a".to_owned(), 1000, 0), ("b".to_owned(), 250, 1), ("c".to_owned(), 0, 0)]);
        let svg = drawing.into_string();
        assert_eq!((svg.matches("<path").count(), height), (3, 60.0));
        for part in ["h160.0v14", "h40.0v14", "h1.5v14", ">1,000 + 0<", ">0 + 0<"] {
            assert!(svg.contains(part), "{part}\n{svg}");
        }
    }
}
