//! Where the time of calls went that were only counted ([`crate::throttle`]). It was charged to the innermost timed call
//! around them; here it goes back to their own paths, by what the samples among them took. It is moved, not added: the sum
//! stays, and so does the cumulative time of each path whose calls are all timed.
//!
//! Were each call of path p timed with probability t(p)/n(p), whatever else is, then of all own time below and in p that no
//! timed call further in takes, U(p), the part S(p) = U(p) t(p)/n(p) would be charged to p, and the rest to p's parent. So p
//! is owed (n(p)/t(p) - 1) S(p) by its parent (Horvitz and Thompson's estimator, doi:10.1080/01621459.1952.10483446).

use crate::paths::{NO_PATH, PathIndex};
use crate::profile::Counts;

/// Of a path's timed calls, those that stand for others.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Samples {
    pub(crate) calls: u64,
    /// What they were charged.
    pub(crate) ticks: u64,
}

/// Moves busy ticks from parents to paths with calls that were only counted. All are indexed by path; parents come before
/// their children. A sample is charged `inside` ticks that are our own.
pub(crate) fn give_back(
    counts: &mut [Counts],
    samples: &[Samples],
    inside: f64,
    parent: impl Fn(PathIndex) -> PathIndex,
) {
    let parent = |path: usize| Some(parent(path as PathIndex)).filter(|&parent| parent != NO_PATH);
    let owed: Vec<u64> = (counts.iter().zip(samples))
        .map(|(counts, samples)| match samples.calls {
            0 => 0,
            calls => {
                let own = samples.ticks as f64 - calls as f64 * inside;
                (own.max(0.0) * counts.untimed as f64 / calls as f64) as u64
            }
        })
        .collect();
    let creditors = || {
        let owed = owed.iter().enumerate().filter(|&(_, &owed)| owed > 0);
        owed.filter_map(|(path, &owed)| Some((path, parent(path)? as usize, owed)))
    };
    let mut wanted = vec![0u64; counts.len()];
    for (_, parent, owed) in creditors() {
        wanted[parent] = wanted[parent].saturating_add(owed);
    }
    // What a parent has, its own parent's part included, before its children take theirs.
    let mut has: Vec<u64> = counts.iter().map(|counts| counts.self_busy).collect();
    for (path, parent, owed) in creditors() {
        // Nobody gives more than it has.
        let part =
            u128::from(owed) * u128::from(has[parent].min(wanted[parent])) / u128::from(wanted[parent]);
        counts[parent].self_busy -= part as u64;
        // NOTE: of a file that says anything the sum may be too large for any number.
        counts[path].self_busy = counts[path].self_busy.saturating_add(part as u64);
        has[path] = has[path].saturating_add(part as u64);
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::testing::Random;

    fn counts(self_busy: u64, starts: u64, untimed: u64) -> Counts {
        Counts { starts, returned: starts, self_busy, untimed, ..Counts::default() }
    }

    fn busy(counts: &[Counts]) -> Vec<u64> {
        counts.iter().map(|counts| counts.self_busy).collect()
    }

    /// A root, a, b below a, c below b.
    fn chain(path: PathIndex) -> PathIndex {
        path.checked_sub(1).unwrap_or(NO_PATH)
    }

    #[test]
    fn a_caller_gives_back_what_its_callees_samples_say() {
        let mut all = [counts(5, 0, 0), counts(10_000, 1, 0), counts(150, 1_000, 990), counts(0, 7, 7)];
        let samples = [(0, 0), (0, 0), (10, 70), (0, 0)].map(|(calls, ticks)| Samples { calls, ticks });
        // (70 - 10 * 2) / 10 * 990.
        give_back(&mut all, &samples, 2.0, chain);
        assert_eq!(busy(&all), [5, 5_050, 5_100, 0]);
    }

    #[test]
    fn nobody_gives_more_than_it_has_and_nothing_is_lost() {
        let mut random = Random::of_seed(7);
        for round in 0..2_000 {
            let len = 2 + random.index(30);
            let parents: Vec<PathIndex> =
                (0..len).map(|i| if i == 0 { NO_PATH } else { random.index(i) as u32 }).collect();
            let mut all: Vec<Counts> = (0..len)
                .map(|_| {
                    let most = 1 << random.index(40);
                    let starts = 1 + random.index(most);
                    counts(random.index(most * 1_000) as u64, starts as u64, random.index(starts) as u64)
                })
                .collect();
            let samples: Vec<Samples> = (all.iter())
                .map(|c| Samples {
                    calls: random.index(1 + (c.starts - c.untimed) as usize) as u64,
                    ticks: random.index(1 + c.self_busy as usize) as u64,
                })
                .collect();
            let before = busy(&all);
            give_back(&mut all, &samples, 0.0, |path| parents[path as usize]);
            assert_eq!(busy(&all).iter().sum::<u64>(), before.iter().sum::<u64>(), "round {round}");
            let is_below = |mut path: PathIndex, top: PathIndex| {
                while path != top && path != NO_PATH {
                    path = parents[path as usize];
                }
                path == top
            };
            for top in 0..len as PathIndex {
                let below = |busy: &[u64]| -> u64 {
                    (0..).zip(busy).filter(|&(path, _)| is_below(path, top)).map(|(_, busy)| busy).sum()
                };
                let (was, is) = (below(&before), below(&busy(&all)));
                let all_timed = samples[top as usize].calls == 0 || all[top as usize].untimed == 0;
                assert!(if all_timed { is == was } else { is >= was }, "round {round}, {top}: {was} {is}");
            }
        }
    }

    /// Calls at random, of which each is timed or not at random: what is given back is what there was, nearly.
    #[test]
    fn the_estimate_is_near_the_truth() {
        // root -> a (all timed) -> b -> c, with own times that differ from call to call.
        let mut random = Random::of_seed(11);
        let mut all = [counts(0, 0, 0), counts(0, 1, 0), counts(0, 0, 0), counts(0, 0, 0)];
        let mut samples = [Samples::default(); 4];
        let mut truth = [0u64; 4];
        for _ in 0..200_000 {
            let b_is_timed = random.index(16) == 0;
            let mut charge = |path: usize, to: usize, ticks: u64, all: &mut [Counts; 4]| {
                truth[path] += ticks;
                all[to].self_busy += ticks;
                if to > 1 {
                    samples[to].ticks += ticks;
                }
            };
            charge(1, 1, random.index(50) as u64, &mut all);
            let b = if b_is_timed { 2 } else { 1 };
            charge(2, b, 20 + random.index(100) as u64, &mut all);
            let mut calls_of_c = Vec::new();
            for _ in 0..random.index(4) {
                let c_is_timed = random.index(16) == 0;
                charge(3, if c_is_timed { 3 } else { b }, random.index(60) as u64, &mut all);
                calls_of_c.push(c_is_timed);
            }
            for (path, is_timed) in
                calls_of_c.into_iter().map(|is_timed| (3, is_timed)).chain([(2, b_is_timed)])
            {
                all[path].starts += 1;
                all[path].untimed += u64::from(!is_timed);
                samples[path].calls += u64::from(is_timed);
            }
        }
        give_back(&mut all, &samples, 0.0, chain);
        for (path, (&found, &truth)) in busy(&all).iter().zip(&truth).enumerate() {
            let error = found.abs_diff(truth) as f64 / truth.max(1) as f64;
            assert!(error < 0.05, "path {path}: {found} for {truth}");
        }
    }
}
