//! Elapsed times of calls: the buckets of an HDR histogram, of which only those in use are kept.
//!
//! An `hdrhistogram::Histogram` holds every bucket up to the highest in use: 18 KiB for calls of up to 10 ms, 58 KiB
//! for the largest number there is. A profile of 2,000 functions would be mostly zeros, and a file of a few
//! bytes a function could ask for any amount of memory.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

/// Elapsed times of a function's finished calls, with the buckets of an [`hdrhistogram::Histogram`].
///
/// Values are in ticks of [`crate::Profile::seconds_per_tick`]; numbers that would not fit stay at the largest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elapsed {
    buckets: Buckets,
    /// The highest value of a bucket and its calls, ascending; none without calls.
    counts: Vec<(u64, u64)>,
}

/// Which values share a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Buckets {
    significant_digits: u8,
    lowest: u64,
}

impl Buckets {
    /// Values above 0 are told apart to so many decimal digits, but never finer than `lowest`.
    ///
    /// `None` when an HDR histogram could not be so.
    #[cfg(any(test, feature = "read"))]
    fn new(significant_digits: u8, lowest: u64) -> Option<Self> {
        let buckets = Self { significant_digits, lowest };
        let fits = significant_digits <= 5 && (1..=u64::MAX / 2).contains(&lowest);
        (fits && buckets.unit_bits() + buckets.linear_bits() <= 63).then_some(buckets)
    }

    /// Values differ in no less than this power of two.
    fn unit_bits(self) -> u32 {
        self.lowest.ilog2()
    }

    /// The power of two below which values are told apart one by one.
    fn linear_bits(self) -> u32 {
        (2 * 10u32.pow(self.significant_digits.into())).next_power_of_two().ilog2()
    }

    /// Ones in all the bits that values of one bucket may differ in.
    fn mask(self, value: u64) -> u64 {
        let bits = u64::BITS - value.leading_zeros();
        (1 << bits.saturating_sub(self.linear_bits()).max(self.unit_bits())) - 1
    }

    fn highest(self, value: u64) -> u64 {
        value | self.mask(value)
    }
}

impl Elapsed {
    /// No calls yet; values will be told apart to two decimal digits: a relative error below 1 %.
    pub fn new() -> Self {
        Self { buckets: Buckets { significant_digits: 2, lowest: 1 }, counts: Vec::new() }
    }

    /// From what a file holds; a value twice is added up.
    ///
    /// `None` when an HDR histogram could not have these buckets.
    #[cfg(feature = "read")]
    pub(crate) fn from_counts(
        significant_digits: u8,
        lowest: u64,
        mut counts: Vec<(u64, u64)>,
    ) -> Option<Self> {
        let buckets = Buckets::new(significant_digits, lowest)?;
        counts.retain_mut(|(value, calls)| {
            *value = buckets.highest(*value);
            *calls > 0
        });
        counts.sort_unstable();
        counts.dedup_by(|(value, calls), (kept, sum)| {
            let same = value == kept;
            if same {
                *sum = sum.saturating_add(*calls);
            }
            same
        });
        counts.shrink_to_fit();
        Some(Self { buckets, counts })
    }

    /// Adds calls that took so long.
    pub fn record(&mut self, value: u64, calls: u64) {
        if calls == 0 {
            return;
        }
        let value = self.buckets.highest(value);
        match self.counts.binary_search_by_key(&value, |&(value, _)| value) {
            Ok(at) => self.counts[at].1 = self.counts[at].1.saturating_add(calls),
            Err(at) => self.counts.insert(at, (value, calls)),
        }
    }

    /// Adds another's calls, to the precision of this one.
    pub fn add(&mut self, other: &Self) {
        if self.counts.is_empty() {
            self.clone_from(other);
            return;
        }
        if self.buckets != other.buckets {
            return other.counts.iter().for_each(|&(value, calls)| self.record(value, calls));
        }
        let missing = self.add_to_own(&other.counts);
        if missing == 0 {
            return;
        }
        // From the back, each to its place, so that nothing has to move twice.
        let (mut mine, mut theirs) = (self.counts.len(), other.counts.len());
        let mut to = mine + missing;
        self.counts.resize(to, (0, 0));
        while mine < to {
            to -= 1;
            let (value, calls) = other.counts[theirs - 1];
            if mine > 0 && self.counts[mine - 1].0 >= value {
                theirs -= usize::from(self.counts[mine - 1].0 == value);
                mine -= 1;
                self.counts[to] = self.counts[mine];
            } else {
                theirs -= 1;
                self.counts[to] = (value, calls);
            }
        }
    }

    /// The calls that were added since `earlier` was copied from this; all, where buckets are others.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        if self.buckets != earlier.buckets {
            return self.clone();
        }
        let mut calls: BTreeMap<u64, i128> =
            self.counts.iter().map(|&(value, calls)| (value, calls.into())).collect();
        for &(value, before) in &earlier.counts {
            *calls.entry(value).or_default() -= i128::from(before);
        }
        // NOTE: in a process's first moments the length of a tick is not settled, and calls may then be told in a
        // neighbouring bucket. Taken from the next one, so that the number of calls is right.
        let mut owed = 0;
        for calls in calls.values_mut() {
            (*calls, owed) = settled(*calls + owed);
        }
        for calls in calls.values_mut().rev() {
            (*calls, owed) = settled(*calls + owed);
        }
        let counts = calls.into_iter().filter(|&(_, calls)| calls > 0);
        let counts = counts.map(|(value, calls)| (value, u64::try_from(calls).unwrap_or(u64::MAX)));
        Self { buckets: self.buckets, counts: counts.collect() }
    }

    /// Adds what belongs to buckets that are in use here; how many are not?
    fn add_to_own(&mut self, others: &[(u64, u64)]) -> usize {
        let (mut at, mut missing) = (0, 0);
        for &(value, calls) in others {
            while self.counts.get(at).is_some_and(|own| own.0 < value) {
                at += 1;
            }
            match self.counts.get_mut(at) {
                Some(own) if own.0 == value => own.1 = own.1.saturating_add(calls),
                _ => missing += 1,
            }
        }
        missing
    }

    /// How many decimal digits of a value are kept.
    pub fn significant_digits(&self) -> u8 {
        self.buckets.significant_digits
    }

    /// Values below it are not told apart.
    pub fn lowest(&self) -> u64 {
        self.buckets.lowest
    }

    /// The buckets in use, ascending: the highest value that belongs to each, and its calls.
    pub fn counts(&self) -> &[(u64, u64)] {
        &self.counts
    }

    /// How many calls.
    pub fn len(&self) -> u64 {
        self.counts.iter().fold(0, |sum: u64, (_, calls)| sum.saturating_add(*calls))
    }

    /// True without calls.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The longest call; 0 without calls.
    pub fn max(&self) -> u64 {
        self.counts.last().map_or(0, |&(value, _)| value)
    }

    /// The value that this share of the calls, from 0 to 1, did not exceed; 0 without calls. The highest value
    /// of its bucket, as with [`hdrhistogram::Histogram::value_at_quantile`].
    pub fn value_at_quantile(&self, quantile: f64) -> u64 {
        let wanted = ((quantile.min(1.0) * self.len() as f64).ceil() as u64).max(1);
        let mut sum = 0u64;
        let found = self.counts.iter().find(|(_, calls)| {
            sum = sum.saturating_add(*calls);
            sum >= wanted
        });
        found.map_or(self.max(), |&(value, _)| value)
    }

    /// The same as an HDR histogram, which holds all the buckets that are not in use as well.
    pub fn to_histogram(&self) -> Histogram<u64> {
        let Buckets { significant_digits, lowest } = self.buckets;
        let mut histogram = Histogram::new_with_bounds(lowest, 2 * lowest, significant_digits)
            .unwrap_or_else(|_| unreachable!("these are buckets of an HDR histogram"));
        histogram.auto(true);
        // From the highest, so that it grows once.
        for &(value, calls) in self.counts.iter().rev() {
            // NOTE: fails only above a fixed maximum; it has none.
            let _ = histogram.record_n(value, calls);
        }
        histogram
    }
}

/// What is there, and what is owed.
fn settled(calls: i128) -> (i128, i128) {
    (calls.max(0), calls.min(0))
}

impl Default for Elapsed {
    fn default() -> Self {
        Self::new()
    }
}

impl From<&Elapsed> for Elapsed {
    fn from(elapsed: &Elapsed) -> Self {
        elapsed.clone()
    }
}

impl From<&Histogram<u64>> for Elapsed {
    fn from(histogram: &Histogram<u64>) -> Self {
        let buckets = Buckets { significant_digits: histogram.sigfig(), lowest: histogram.low() };
        let steps = histogram.iter_recorded();
        let counts = steps.map(|step| (buckets.highest(step.value_iterated_to()), step.count_at_value()));
        Self { buckets, counts: counts.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of all magnitudes, ends of buckets among them. NOTE: HDR histograms give the very last bucket of
    /// all two ends, `u64::MAX` and one less; it is left out.
    fn values() -> impl Iterator<Item = u64> {
        let around =
            |middle: u64| [middle - 1, middle, middle + 1, middle + middle / 3, middle + middle / 100];
        (1..63).flat_map(move |bits| around(1 << bits)).chain([0, u64::MAX / 2])
    }

    #[test]
    fn buckets_are_those_of_hdr_histograms() {
        for digits in 0..=5 {
            for lowest in [1, 2, 3, 1000, 1 << 40] {
                let histogram = Histogram::<u64>::new_with_bounds(lowest, 2 * lowest, digits).expect("fits");
                let buckets = Buckets::new(digits, lowest).expect("fits");
                for value in values() {
                    assert_eq!(
                        buckets.highest(value),
                        histogram.highest_equivalent(value),
                        "{digits} digits, lowest {lowest}, value {value}"
                    );
                }
            }
        }
        for (digits, lowest) in [(2, 0), (6, 1), (5, 1 << 62), (2, u64::MAX), (2, 1 << 56)] {
            assert_eq!(Buckets::new(digits, lowest), None);
            assert!(Histogram::<u64>::new_with_bounds(lowest, lowest.saturating_mul(2), digits).is_err());
        }
        assert!(Buckets::new(2, 1 << 55).is_some());
        assert!(Histogram::<u64>::new_with_bounds(1 << 55, 1 << 56, 2).is_ok());
    }

    #[test]
    fn sums_and_quantiles_are_those_of_hdr_histograms() {
        for digits in [1, 2, 3] {
            let (mut hdr, mut other_hdr) =
                (Histogram::<u64>::new(digits).expect("fits"), Histogram::new(2).expect("fits"));
            for (i, value) in values().enumerate() {
                let to = if i % 3 == 0 { &mut hdr } else { &mut other_hdr };
                to.record_n(value, 1 + i as u64 % 7).expect("grows");
            }
            let (mut elapsed, other) = (Elapsed::from(&hdr), Elapsed::from(&other_hdr));
            assert!(elapsed.to_histogram() == hdr);
            elapsed.add(&other);
            for &(value, calls) in other.counts() {
                hdr.record_n(value, calls).expect("grows");
            }
            assert!(elapsed.to_histogram() == hdr, "{digits} digits");
            assert_eq!((elapsed.len(), elapsed.max()), (hdr.len(), hdr.max()));
            for quantile in [0.001, 0.1, 0.5, 0.95, 0.99, 1.0, 7.0] {
                assert_eq!(
                    elapsed.value_at_quantile(quantile),
                    hdr.value_at_quantile(quantile),
                    "{quantile}"
                );
            }
        }
    }

    #[test]
    fn the_difference_is_what_was_added() {
        let all: Vec<u64> = values().collect();
        for cut in [0, 1, 40, all.len()] {
            let (mut both, mut before, mut after) = (Elapsed::new(), Elapsed::new(), Elapsed::new());
            for (i, &value) in all.iter().enumerate() {
                both.record(value, 1 + value % 3);
                if i < cut { &mut before } else { &mut after }.record(value, 1 + value % 3);
            }
            assert_eq!(both.since(&before), after);
        }
        let of = |counts: &[(u64, u64)]| {
            let mut elapsed = Elapsed::new();
            counts.iter().for_each(|&(value, calls)| elapsed.record(value, calls));
            elapsed
        };
        // Told in the next bucket, up or down, or lost.
        assert_eq!(of(&[(10, 4), (11, 3)]).since(&of(&[(10, 5)])), of(&[(11, 2)]));
        assert_eq!(of(&[(10, 4), (11, 1)]).since(&of(&[(10, 2), (11, 2)])), of(&[(10, 1)]));
        assert_eq!(of(&[(10, 4)]).since(&of(&[(3, 2), (30, 9)])), of(&[]));
    }

    #[test]
    fn nothing_recorded_and_more_than_fits() {
        let mut elapsed = Elapsed::new();
        assert_eq!((elapsed.len(), elapsed.max(), elapsed.value_at_quantile(0.5)), (0, 0, 0));
        elapsed.record(5, 0);
        assert_eq!(elapsed, Elapsed::default());
        assert_eq!(elapsed.buckets.highest(u64::MAX - 1), u64::MAX);
        elapsed.record(7, u64::MAX);
        elapsed.record(9, u64::MAX);
        elapsed.record(9, 1);
        assert_eq!((elapsed.len(), elapsed.value_at_quantile(0.5), elapsed.max()), (u64::MAX, 7, 9));
    }
}
