//! The functions that `metrics` tells by name: a bounded number, and each for good, with counters that never go back.
//!
//! A function is given series in the first scrape that sees it, those with the most cumulative time first, while there is
//! room; from then on it keeps them. What finds no room is summed, and is never given any later: so that nothing leaves the
//! sum again. [`crate::reset`] is not heeded: counters are of the process's whole life. Where a figure is read a little lower
//! than before (time of a call under way, see [`crate::snapshot`]) it stays.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::elapsed::Elapsed;
use crate::profile::Profile;
use crate::render::names::{one_line, printable};
use crate::stats::totals;

/// Upper ends of the buckets of elapsed times, seconds; one more is above them all.
pub(super) const BOUNDS: [f64; 15] =
    [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// A function as labels: name and file. Its line is not among them: it changes with each deployment.
pub(super) type Key = (String, String);

/// What is known of a function, or of several.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Figures {
    pub(super) calls: u64,
    pub(super) panicked: u64,
    pub(super) cancelled: u64,
    pub(super) polls: u64,
    pub(super) busy_ns: u64,
    pub(super) await_ns: u64,
    /// Calls of each bucket that ended, and those above the last.
    pub(super) elapsed: [u64; BOUNDS.len() + 1],
    pub(super) elapsed_ns: u64,
    /// The only one that goes down as well.
    pub(super) in_flight: u64,
}

impl Figures {
    fn combine(&mut self, other: &Self, each: fn(u64, u64) -> u64) {
        let pairs = [
            (&mut self.calls, other.calls),
            (&mut self.panicked, other.panicked),
            (&mut self.cancelled, other.cancelled),
            (&mut self.polls, other.polls),
            (&mut self.busy_ns, other.busy_ns),
            (&mut self.await_ns, other.await_ns),
            (&mut self.elapsed_ns, other.elapsed_ns),
        ];
        for (mine, other) in pairs {
            *mine = each(*mine, other);
        }
        for (mine, other) in self.elapsed.iter_mut().zip(other.elapsed) {
            *mine = each(*mine, other);
        }
    }

    fn add(&mut self, other: &Self) {
        self.combine(other, u64::saturating_add);
        self.in_flight = self.in_flight.saturating_add(other.in_flight);
    }

    /// What is read now, but nothing less than was read before.
    fn advance_to(&mut self, now: &Self) {
        self.combine(now, u64::max);
        self.in_flight = now.in_flight;
    }

    fn add_elapsed(&mut self, elapsed: &Elapsed) {
        for &(ns, calls) in elapsed.counts() {
            let seconds = ns as f64 * 1e-9;
            let bucket = BOUNDS.iter().position(|&bound| seconds <= bound).unwrap_or(BOUNDS.len());
            self.elapsed[bucket] = self.elapsed[bucket].saturating_add(calls);
            self.elapsed_ns = self.elapsed_ns.saturating_add(ns.saturating_mul(calls));
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Series {
    functions: BTreeMap<Key, Figures>,
    /// All functions that found no room; none while there was room for all.
    others: Option<Figures>,
}

impl Series {
    /// Goes on to what the process has counted by now, with room for so many functions.
    pub(super) fn advance(&mut self, profile: &Profile, room: usize) {
        let mut now = figures(profile);
        for (key, figures) in &mut self.functions {
            let (_, now) = now.remove(key).unwrap_or_default();
            figures.advance_to(&now);
        }
        let mut rest: Vec<(Key, (u64, Figures))> = now.into_iter().collect();
        rest.sort_by_key(|(_, (cumulative, _))| Reverse(*cumulative));
        // Once something had to stay outside, nobody gets in any more.
        let free = if self.others.is_some() { 0 } else { room.saturating_sub(self.functions.len()) };
        let outside = rest.split_off(free.min(rest.len()));
        self.functions.extend(rest.into_iter().map(|(key, (_, figures))| (key, figures)));
        if self.others.is_some() || !outside.is_empty() {
            let mut sum = Figures::default();
            outside.iter().for_each(|(_, (_, figures))| sum.add(figures));
            self.others.get_or_insert_default().advance_to(&sum);
        }
    }

    /// In order of their names.
    pub(super) fn functions(&self) -> impl Iterator<Item = (&Key, &Figures)> {
        self.functions.iter()
    }

    pub(super) fn others(&self) -> Option<&Figures> {
        self.others.as_ref()
    }
}

/// The figures of each function, and by how much time with all callees it is ranked.
fn figures(profile: &Profile) -> BTreeMap<Key, (u64, Figures)> {
    let mut all: BTreeMap<Key, (u64, Figures)> = BTreeMap::new();
    for totals in totals(profile) {
        let function = profile.function(totals.function);
        let key = [&function.label.name, &function.label.file].map(|text| one_line(&printable(text)));
        // What is one after cleaning is one.
        let (cumulative, figures) = all.entry(key.into()).or_default();
        *cumulative = cumulative.saturating_add(totals.cumulative_ticks());
        let counts = &totals.counts;
        figures.add(&Figures {
            calls: counts.starts,
            panicked: counts.panicked,
            cancelled: counts.cancelled,
            polls: counts.polls,
            busy_ns: counts.self_busy,
            await_ns: counts.self_await,
            in_flight: counts.active(),
            ..Figures::default()
        });
        if let Some(elapsed) = &function.elapsed {
            figures.add_elapsed(elapsed);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Counts, Label};

    /// A function of each name, with that many calls of a microsecond each.
    fn profile(functions: &[(&str, u64)]) -> Profile {
        let mut profile = Profile::new();
        for &(name, calls) in functions {
            let function = profile.add_function(Label::new("x.rs", calls as u32, name));
            let counts = Counts { starts: calls, self_busy: 1000 * calls, ..Counts::default() };
            profile.add_path(None, function, &counts);
        }
        profile
    }

    fn calls(series: &Series) -> (Vec<(&str, u64)>, Option<u64>) {
        let functions = series.functions().map(|((name, _), figures)| (name.as_str(), figures.calls));
        (functions.collect(), series.others().map(|others| others.calls))
    }

    #[test]
    fn whoever_has_series_keeps_them_and_nothing_goes_back() {
        let mut series = Series::default();
        series.advance(&profile(&[("a", 5)]), 3);
        assert_eq!(calls(&series), (vec![("a", 5)], None));
        // The slowest first; two functions of one label are one.
        series.advance(&profile(&[("a", 6), ("b", 1), ("c", 30), ("d", 4), ("d", 3)]), 3);
        assert_eq!(calls(&series), (vec![("a", 6), ("c", 30), ("d", 7)], Some(1)));
        // Whatever is slow now comes too late, and what cannot be read stays as it was.
        series.advance(&profile(&[("a", 4), ("b", 1000), ("d", 8), ("e", 1)]), 4);
        assert_eq!(calls(&series), (vec![("a", 6), ("c", 30), ("d", 8)], Some(1001)));
        series.advance(&Profile::new(), 3);
        assert_eq!(calls(&series), (vec![("a", 6), ("c", 30), ("d", 8)], Some(1001)));
    }

    #[test]
    fn elapsed_times_by_bucket() {
        let mut elapsed = Elapsed::new();
        for (ns, calls) in [(1, 2), (99_000, 3), (102_000, 4), (9_000_000_000, 5), (1 << 40, 6)] {
            elapsed.record(ns, calls);
        }
        let mut figures = Figures::default();
        figures.add_elapsed(&elapsed);
        assert_eq!([0, 1, 14, 15].map(|bucket| figures.elapsed[bucket]), [5, 4, 5, 6]);
        assert_eq!(figures.elapsed.iter().sum::<u64>(), 20);
    }
}
