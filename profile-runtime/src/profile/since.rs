//! What was counted between two snapshots: one profile less another, path by path.

use super::{Counts, FunctionId, HeapCounts, Notes, PathId, Profile};
use crate::elapsed::Elapsed;

impl Profile {
    /// What was counted since `earlier`, an earlier snapshot of the same process. Path by path, as if
    /// [`crate::reset`] had been called at that moment:
    ///
    /// - Calls under way then count as begun since, so that ends never outnumber beginnings. Ends and polls are exact.
    ///   Times are exact to the nanosecond, and never below zero.
    /// - Elapsed times are those of calls that ended since, whenever they began.
    /// - Of the heap, blocks allocated since and blocks freed since, whenever those had been allocated. What is live in
    ///   the difference is therefore growth; 0 where it shrank.
    /// - The longest poll is a maximum: the one since the last reset, if it came after `earlier`; 0 where no poll since
    ///   then took longer than the longest before it.
    ///
    /// Paths on which nothing happened are left out. The number of threads is the later one, and the difference is not
    /// split by thread. When recording was reset in between (some count is lower than it was), or when the two have
    /// different units, all of this profile counts as new; likewise what it says of the heap when only that was begun
    /// anew.
    #[must_use]
    pub fn since(&self, earlier: &Profile) -> Profile {
        let was = Earlier::new(self, earlier);
        let mut since = Profile::new();
        since.seconds_per_tick = self.seconds_per_tick;
        since.threads = self.threads;
        since.duration =
            if was.is_reset { self.duration } else { self.duration.saturating_sub(earlier.duration) };
        since.notes = notes(&self.notes, &was.notes());
        let counts: Vec<Counts> =
            (0..).zip(&self.paths).map(|(path, later)| counts(&later.counts, &was.counts(path))).collect();
        let mut is_needed: Vec<bool> = counts.iter().map(|counts| *counts != Counts::default()).collect();
        for (index, path) in self.paths.iter().enumerate().rev() {
            if let Some(parent) = path.parent.filter(|_| is_needed[index]) {
                is_needed[parent.0 as usize] = true;
            }
        }
        let mut functions: Vec<Option<FunctionId>> = vec![None; self.functions.len()];
        let mut paths: Vec<Option<PathId>> = Vec::with_capacity(self.paths.len());
        for ((path, counts), is_needed) in self.paths.iter().zip(&counts).zip(is_needed) {
            paths.push(is_needed.then(|| {
                let index = path.function.0 as usize;
                let function = *functions[index].get_or_insert_with(|| {
                    let later = &self.functions[index];
                    let function = since.add_function(later.label.clone());
                    let elapsed = later.elapsed.as_ref().map(|elapsed| was.elapsed(index, elapsed));
                    if let Some(elapsed) = elapsed.filter(|elapsed| !elapsed.is_empty()) {
                        since.add_elapsed(function, elapsed);
                    }
                    function
                });
                // A parent of what is needed is needed.
                let parent = path.parent.and_then(|parent| paths[parent.0 as usize]);
                since.add_path(parent, function, counts)
            }));
        }
        since
    }
}

/// The earlier of two profiles, by the indices of the later one.
struct Earlier<'a> {
    profile: &'a Profile,
    functions: Vec<Option<FunctionId>>,
    paths: Vec<Option<PathId>>,
    /// Recording was reset since: nothing of it is in the later profile.
    is_reset: bool,
    /// The same for the heap.
    is_heap_reset: bool,
}

impl<'a> Earlier<'a> {
    fn new(later: &Profile, profile: &'a Profile) -> Self {
        let functions: Vec<Option<FunctionId>> =
            later.functions.iter().map(|f| profile.by_label.get(&f.label).copied()).collect();
        let mut paths: Vec<Option<PathId>> = Vec::with_capacity(later.paths.len());
        for path in &later.paths {
            let parent = match path.parent {
                None => Some(None),
                Some(parent) => paths[parent.0 as usize].map(Some),
            };
            let edge = parent.zip(functions[path.function.0 as usize]);
            paths.push(edge.and_then(|edge| profile.by_edge.get(&edge).copied()));
        }
        let mut after = vec![Counts::default(); profile.paths.len()];
        for (path, later) in paths.iter().zip(&later.paths) {
            if let Some(path) = path {
                after[path.0 as usize] = later.counts;
            }
        }
        let was_lower = |goes_back: fn(&Counts, &Counts) -> bool| {
            profile.paths.iter().zip(&after).any(|(path, after)| goes_back(&path.counts, after))
        };
        let is_reset = later.seconds_per_tick != profile.seconds_per_tick
            || was_lower(|before, after| {
                after.starts < before.starts || ends(after) < ends(before) || after.polls < before.polls
            });
        let is_heap_reset = is_reset
            || was_lower(|before, after| heap_goes_back(&before.heap, &after.heap))
            || heap_goes_back(&profile.notes.heap, &later.notes.heap);
        Self { profile, functions, paths, is_reset, is_heap_reset }
    }

    fn counts(&self, path: usize) -> Counts {
        let Some(path) = self.paths[path].filter(|_| !self.is_reset) else { return Counts::default() };
        let counts = self.profile.path(path).counts;
        if self.is_heap_reset { Counts { heap: HeapCounts::default(), ..counts } } else { counts }
    }

    fn elapsed(&self, function: usize, later: &Elapsed) -> Elapsed {
        let function = self.functions[function].filter(|_| !self.is_reset);
        let earlier = function.and_then(|function| self.profile.function(function).elapsed.as_ref());
        earlier.map_or_else(|| later.clone(), |earlier| later.since(earlier))
    }

    fn notes(&self) -> Notes {
        let notes = if self.is_reset { Notes::default() } else { self.profile.notes };
        if self.is_heap_reset { Notes { heap: HeapCounts::default(), ..notes } } else { notes }
    }
}

fn ends(counts: &Counts) -> u64 {
    counts.returned.saturating_add(counts.panicked).saturating_add(counts.cancelled)
}

fn heap_goes_back(before: &HeapCounts, after: &HeapCounts) -> bool {
    after.allocations < before.allocations
        || after.allocated_bytes < before.allocated_bytes
        || after.frees < before.frees
        || after.freed_bytes < before.freed_bytes
}

fn counts(later: &Counts, earlier: &Counts) -> Counts {
    let starts = later.starts.saturating_sub(ends(earlier));
    Counts {
        starts,
        folded: later.folded.saturating_sub(earlier.folded).min(starts),
        returned: later.returned.saturating_sub(earlier.returned),
        panicked: later.panicked.saturating_sub(earlier.panicked),
        cancelled: later.cancelled.saturating_sub(earlier.cancelled),
        self_busy: later.self_busy.saturating_sub(earlier.self_busy),
        self_await: later.self_await.saturating_sub(earlier.self_await),
        polls: later.polls.saturating_sub(earlier.polls),
        untimed: later.untimed.saturating_sub(earlier.untimed).min(starts),
        longest_poll: if later.longest_poll > earlier.longest_poll { later.longest_poll } else { 0 },
        heap: heap(&later.heap, &earlier.heap),
    }
}

fn heap(later: &HeapCounts, earlier: &HeapCounts) -> HeapCounts {
    let mut since = HeapCounts {
        allocations: later.allocations.saturating_sub(earlier.allocations),
        allocated_bytes: later.allocated_bytes.saturating_sub(earlier.allocated_bytes),
        frees: later.frees.saturating_sub(earlier.frees),
        freed_bytes: later.freed_bytes.saturating_sub(earlier.freed_bytes),
        samples: 0,
    };
    if later.samples > 0 && since != HeapCounts::default() {
        // Frees alone take no sample, and are an estimate all the same.
        since.samples = later.samples.saturating_sub(earlier.samples).max(1);
    }
    since
}

fn notes(later: &Notes, earlier: &Notes) -> Notes {
    Notes {
        truncated_calls: later.truncated_calls.saturating_sub(earlier.truncated_calls),
        late_events: later.late_events.saturating_sub(earlier.late_events),
        clock_backsteps: later.clock_backsteps.saturating_sub(earlier.clock_backsteps),
        unisolated_reports: later.unisolated_reports.saturating_sub(earlier.unisolated_reports),
        heap: heap(&later.heap, &earlier.heap),
        ..*later
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::profile::Label;
    use crate::testing::{Random, assert_same, generated_profile};

    /// Something that is counted on one of the paths of `TREE`.
    #[derive(Clone, Copy, Debug)]
    enum Event {
        Start,
        Return(u64),
        Panic(u64),
        Cancel(u64),
        Busy(u64),
        Await(u64),
        Poll(u64),
        Allocate(u64),
        Free(u64),
    }

    /// Parent and function of each path.
    const TREE: [(Option<usize>, usize); 9] = [
        (None, 0),
        (None, 1),
        (Some(0), 1),
        (Some(0), 2),
        (Some(2), 3),
        (Some(3), 3),
        (Some(5), 0),
        (Some(1), 4),
        (Some(7), 4),
    ];

    /// What some minutes of a service might be.
    fn events(random: &mut Random, count: u64) -> Vec<(usize, Event)> {
        let mut active = [0u64; TREE.len()];
        let mut events = Vec::new();
        while (events.len() as u64) < count {
            let path = random.below(TREE.len() as u64) as usize;
            let amount = 1 + random.magnitude(30);
            let ends = [Event::Return, Event::Panic, Event::Cancel];
            let event = match random.below(8) {
                0 | 1 => Event::Start,
                2 | 3 if active[path] > 0 => ends[random.below(3) as usize](amount),
                4 => Event::Busy(amount),
                5 => Event::Await(amount),
                6 => Event::Poll(amount),
                7 if amount.is_multiple_of(2) => Event::Allocate(amount),
                7 => Event::Free(amount),
                _ => continue,
            };
            match event {
                Event::Start => active[path] += 1,
                Event::Return(_) | Event::Panic(_) | Event::Cancel(_) => active[path] -= 1,
                _ => {}
            }
            events.push((path, event));
        }
        events
    }

    /// The naive way: everything that happened, one after the other. Paths are added in order of `first`, those that
    /// something happened on.
    fn counted(first: &[usize], under_way: &[u64], events: &[(usize, Event)], longest: &[u64]) -> Profile {
        let mut profile = Profile::new();
        let mut counts = [Counts::default(); TREE.len()];
        let mut elapsed: Vec<Elapsed> = vec![Elapsed::new(); 5];
        for (counts, under_way) in counts.iter_mut().zip(under_way) {
            counts.starts = *under_way;
        }
        for &(path, event) in events {
            let counts = &mut counts[path];
            match event {
                Event::Start => counts.starts += 1,
                Event::Return(_) => counts.returned += 1,
                Event::Panic(_) => counts.panicked += 1,
                Event::Cancel(_) => counts.cancelled += 1,
                Event::Busy(ns) => counts.self_busy += ns,
                Event::Await(ns) => counts.self_await += ns,
                Event::Poll(ns) => {
                    counts.polls += 1;
                    if ns > longest[path] {
                        counts.longest_poll = counts.longest_poll.max(ns);
                    }
                }
                Event::Allocate(bytes) => {
                    counts.heap.allocations += 1;
                    counts.heap.allocated_bytes += bytes;
                }
                Event::Free(bytes) => {
                    counts.heap.frees += 1;
                    counts.heap.freed_bytes += bytes;
                }
            }
            if let Event::Return(ns) | Event::Panic(ns) | Event::Cancel(ns) = event {
                elapsed[TREE[path].1].record(ns, 1);
            }
        }
        let mut ids = [None; TREE.len()];
        for &path in first {
            let is_needed = |path: usize| counts[path] != Counts::default();
            let leads_here = |other: usize| {
                std::iter::successors(Some(other), |&other| TREE[other].0).any(|other| other == path)
            };
            if !(0..TREE.len()).any(|other| leads_here(other) && is_needed(other)) {
                continue;
            }
            let (parent, function) = TREE[path];
            let function = profile.add_function(Label::new("x.rs", 1, format!("f{function}")));
            let parent = parent.map(|parent| ids[parent].expect("parents come first"));
            ids[path] = Some(profile.add_path(parent, function, &counts[path]));
        }
        for (function, elapsed) in elapsed.into_iter().enumerate() {
            if !elapsed.is_empty() {
                let function = profile.add_function(Label::new("x.rs", 1, format!("f{function}")));
                profile.add_elapsed(function, elapsed);
            }
        }
        profile
    }

    fn under_way(events: &[(usize, Event)]) -> Vec<u64> {
        let mut active = vec![0; TREE.len()];
        for &(path, event) in events {
            match event {
                Event::Start => active[path] += 1,
                Event::Return(_) | Event::Panic(_) | Event::Cancel(_) => active[path] -= 1,
                _ => {}
            }
        }
        active
    }

    fn longest(events: &[(usize, Event)]) -> Vec<u64> {
        let mut longest = vec![0; TREE.len()];
        for &(path, event) in events {
            if let Event::Poll(ns) = event {
                longest[path] = longest[path].max(ns);
            }
        }
        longest
    }

    #[test]
    fn what_happened_in_between_is_what_is_left() {
        let none = [0; TREE.len()];
        for seed in 0..300 {
            let mut random = Random::of_seed(seed);
            let all = events(&mut random, 400);
            let cut = random.below(400) as usize;
            // Other parents first: the earlier profile has other ids.
            let (down, up) = ([0, 2, 3, 4, 5, 6, 1, 7, 8], [1, 7, 8, 0, 3, 5, 6, 2, 4]);
            let mut earlier = counted(&up, &none, &all[..cut], &none);
            let mut later = counted(&down, &none, &all, &none);
            (earlier.duration, later.duration) = (Duration::from_secs(3), Duration::from_secs(5));
            (earlier.notes.truncated_calls, later.notes.truncated_calls) = (3, 10);
            (earlier.threads, later.threads) = (2, 3);
            let mut expected = counted(&down, &under_way(&all[..cut]), &all[cut..], &longest(&all[..cut]));
            expected.duration = Duration::from_secs(2);
            expected.notes.truncated_calls = 7;
            expected.threads = 3;
            let since = later.since(&earlier);
            assert_same(&since, &expected);
            for path in since.paths() {
                assert!(ends(&path.counts) <= path.counts.starts, "seed {seed}");
            }
            // Then what happened before and since is all, but for calls that were under way at the cut.
            let mut sum = earlier.clone();
            sum.merge(&since);
            let totals = |profile: &Profile, of: fn(&Counts) -> u64| -> u64 {
                profile.paths().iter().map(|path| of(&path.counts)).sum()
            };
            assert_eq!(totals(&sum, ends), totals(&later, ends));
            assert_eq!(totals(&sum, |c| c.self_busy), totals(&later, |c| c.self_busy));
            let under_way: u64 = under_way(&all[..cut]).iter().sum();
            assert_eq!(totals(&sum, |c| c.starts), totals(&later, |c| c.starts) + under_way);
        }
    }

    #[test]
    fn nothing_and_everything() {
        for seed in 0..50 {
            let profile = generated_profile(seed);
            assert!(profile.since(&profile).paths().iter().all(|path| ends(&path.counts) == 0));
            let all = profile.since(&Profile::new());
            let sum = |of: fn(&Counts) -> u64, profile: &Profile| {
                profile.paths().iter().map(|path| of(&path.counts)).sum::<u64>()
            };
            let columns: [fn(&Counts) -> u64; 4] =
                [|c| c.starts, |c| c.self_busy, |c| c.heap.allocated_bytes, |c| c.longest_poll];
            for of in columns {
                assert_eq!(sum(of, &all), sum(of, &profile), "seed {seed}");
            }
            assert_eq!(all.notes, profile.notes);
            assert!(all.by_thread().is_empty());
        }
    }

    #[test]
    fn after_a_reset_all_is_new() {
        let mut random = Random::of_seed(7);
        let all = events(&mut random, 2000);
        let order: Vec<usize> = (0..TREE.len()).collect();
        let none = [0; TREE.len()];
        let count = |events: &[(usize, Event)]| counted(&order, &none, events, &none);
        let (mut earlier, mut later) = (count(&all[..1500]), count(&all[1500..]));
        (earlier.duration, later.duration) = (Duration::from_secs(30), Duration::from_secs(1));
        assert_same(&later.since(&earlier), &later);
        // All functions were others.
        assert_same(&later.since(&generated_profile(3)), &later);
    }

    #[test]
    fn a_recording_of_the_heap_that_began_anew_is_all_new() {
        let profile = |starts, allocations, frees, process| {
            let mut profile = Profile::new();
            let function = profile.add_function(Label::new("x.rs", 1, "f"));
            let heap = HeapCounts {
                allocations,
                frees,
                allocated_bytes: allocations,
                freed_bytes: frees,
                samples: 0,
            };
            profile.add_path(None, function, &Counts { starts, heap, ..Counts::default() });
            profile.notes.heap.allocations = process;
            profile
        };
        let earlier = profile(10, 100, 50, 1000);
        let counts = |later: &Profile| later.since(&earlier).paths()[0].counts;
        let kept = counts(&profile(11, 130, 60, 1001));
        assert_eq!((kept.starts, kept.heap.allocations, kept.heap.frees), (11, 30, 10));
        for anew in [profile(11, 130, 20, 1001), profile(11, 80, 60, 1001), profile(11, 130, 60, 7)] {
            let heap = anew.paths()[0].counts.heap;
            assert_eq!((counts(&anew).starts, counts(&anew).heap), (11, heap));
        }
    }
}
