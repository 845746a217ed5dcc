//! The keys of a domain against time: a bar for each, the part after its due date in another
//! colour, and the doubts.

use cstatns::audit::{DomainAccount, Turn};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use maud::{Markup, html};

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 64.0;
const LEFT: f64 = 6.0;
const RIGHT: f64 = 354.0;
const TOP: f64 = 20.0;
const BAR: f64 = 16.0;

/// The years that all drawings of a page have in common.
pub(super) struct Years {
    first: f64,
    last: f64,
}

impl Years {
    /// From the first key to today, in whole years.
    pub(super) fn of(domains: &[DomainAccount], today: Date) -> Self {
        let turns = domains.iter().flat_map(|domain| &domain.rotation.generations);
        let first = turns.map(|turn| day(turn.made.time)).min().unwrap_or(today);
        let due = domains.iter().flat_map(|domain| &domain.rotation.generations);
        let due = due.filter(|turn| turn.replaced.is_none()).filter_map(|turn| turn.due).max();
        let last = due.unwrap_or(today).max(today);
        Self { first: f64::from(first.year()), last: f64::from(last.year()) + 1.0 }
    }

    pub(super) fn size() -> (f64, f64) {
        (WIDTH, HEIGHT)
    }

    fn at(&self, date: Date) -> f64 {
        let year = f64::from(date.year()) + f64::from(date.day_of_year() - 1) / 366.0;
        LEFT + (year - self.first) / (self.last - self.first) * (RIGHT - LEFT)
    }

    /// The drawing of a domain.
    pub(super) fn draw(&self, domain: &DomainAccount, today: Date) -> Markup {
        let rotation = &domain.rotation;
        let end = rotation.destroyed.map_or(today, day);
        html! {
            (self.axis())
            @for turn in &rotation.generations { (self.key(turn, end, rotation.ends)) }
            @for doubt in rotation.generations.iter().flat_map(|turn| &turn.doubts) {
                @let x = self.at(day(doubt.time));
                path.doubt d=(format!("M{x:.1} {:.1}l-4 -8h8z", TOP - 2.0)) {}
            }
        }
    }

    /// A line for each year, and as many numbers as there is room for.
    fn axis(&self) -> Markup {
        let years = (self.last - self.first) as i16;
        let step = 1 + years / 8;
        let bottom = TOP + BAR + 6.0;
        html! {
            @for year in 0..=years {
                @let date = Date::constant(self.first as i16 + year, 1, 1);
                @let x = self.at(date);
                path.grid d=(format!("M{x:.1} {TOP}V{bottom}")) {}
                @if year % step == 0 && year < years {
                    text x=(format!("{x:.1}")) y=(format!("{:.1}", bottom + 13.0)) { (date.year()) }
                }
            }
        }
    }

    /// The bar of a key: until it was replaced, or destroyed.
    fn key(&self, turn: &Turn, end: Date, ends: Option<Date>) -> Markup {
        let (since, until) =
            (day(turn.made.time), turn.replaced.as_ref().map(|next| day(next.time)));
        let (from, to) = (self.at(since), self.at(until.unwrap_or(end)));
        let due = turn.due.or(ends);
        let over = due
            .map(|due| self.at(due).clamp(from, to))
            .filter(|_| turn.late_days.is_some() || ends.is_some());
        let right = over.unwrap_or(to);
        html! {
            rect.key x=(format!("{from:.1}")) y=(TOP) height=(BAR)
                width=(format!("{:.1}", (right - from - 1.0).max(1.0))) {}
            @if to > right {
                rect.over x=(format!("{right:.1}")) y=(TOP) height=(BAR)
                    width=(format!("{:.1}", (to - right).max(1.5))) {}
            }
            @if let Some(due) = due {
                @let x = self.at(due);
                path.due d=(format!("M{x:.1} {:.1}V{:.1}", TOP - 6.0, TOP + BAR + 6.0)) {}
            }
            @if right - from > 12.0 {
                text.label x=(format!("{:.1}", from + 4.0)) y=(format!("{:.1}", TOP + 12.0)) { (turn.generation) }
            }
        }
    }
}

pub(super) fn day(time: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(time).date()
}
