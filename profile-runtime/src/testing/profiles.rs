//! Profiles made up from a seed: every field in use, and names made to break whoever prints them.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::random::Random;
use crate::profile::{Counts, HeapCounts, Label, PathId, Profile};

/// Names that have broken a format, a parser or a page somewhere.
pub const HOSTILE_NAMES: &[&str] = &[
    "",
    " ",
    "\"quoted\" 'single' `back`",
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=document.title='owned'>",
    "<!-- comment",
    "]]> after cdata",
    "a;b;c",
    "two\nlines\r\n",
    "tab\tnul\u{0}bell\u{7}escape\u{1b}[31m",
    "\u{202e}right to left\u{202c} \u{2066}isolate\u{2069}",
    "line\u{2028}para\u{2029}",
    "\u{feff}byte order mark",
    "ends in a number 17",
    "fn=(1) x",
    "(2)",
    "calls=1 2",
    "# a comment",
    "back\\slash\\",
    "&amp; & &lt;",
    "{braces} %s %d ${x}",
    "関数::größe::🦀",
    "e\u{301}\u{301}\u{301}",
    "\u{10ffff}\u{fffd}",
    "~",
    "<built-in method>",
    "Vec<[u8; 4]>::sum",
    "__proto__",
    "constructor",
];

/// A profile with every kind of content that formats have to carry: hostile and long names, labels that
/// differ in one part only, deep and wide trees, recursion, async, heap, histograms, threads, notes.
///
/// Sums stay below 2^53. Nanoseconds.
pub fn generated_profile(seed: u64) -> Profile {
    let mut random = Random::of_seed(seed);
    let mut profile = Profile::new();
    let functions: Vec<_> = (0..1 + random.below(40))
        .map(|_| {
            let label = label(&mut random);
            profile.add_function(label)
        })
        .collect();
    for &function in &functions {
        if random.below(3) > 0
            && let Ok(mut elapsed) = Histogram::<u64>::new(2)
        {
            for _ in 0..random.below(12) {
                let _ = elapsed.record_n(random.magnitude(40).max(1), 1 + random.magnitude(20));
            }
            profile.add_elapsed(function, &elapsed);
        }
    }
    let deep = random.below(4) == 0;
    for _ in 0..random.below(200) {
        let len = profile.paths().len() as u64;
        let parent = match random.below(8) {
            0 => None,
            _ if len == 0 => None,
            _ if deep => Some(PathId(len as u32 - 1)),
            _ => Some(PathId(random.below(len) as u32)),
        };
        let function = functions[random.below(functions.len() as u64) as usize];
        let counts = counts(&mut random);
        profile.add_path(parent, function, &counts);
    }
    profile.duration = Duration::from_nanos(random.magnitude(45));
    profile.threads = random.below(5) as u32;
    for thread in 0..profile.threads {
        let some: Vec<_> = (0..).map(PathId).zip(profile.paths()).filter(|_| random.below(3) > 0).collect();
        // A part is never larger than the whole, and nobody's is what was suspended.
        let part = some.into_iter().map(|(id, path)| {
            let Counts { starts, returned, self_busy, .. } = path.counts;
            (
                id,
                Counts {
                    starts: starts / 8,
                    returned: returned / 8,
                    self_busy: self_busy / 8,
                    ..Counts::default()
                },
            )
        });
        let name = if thread % 2 == 0 { "worker".to_owned() } else { label(&mut random).name };
        let part = part.collect();
        profile.add_thread(name, part);
    }
    if random.below(2) == 0 {
        profile.notes.truncated_calls = random.magnitude(30);
        profile.notes.late_events = random.magnitude(10);
        profile.notes.clock_backsteps = random.magnitude(5);
        profile.notes.unisolated_reports = random.magnitude(5);
        profile.notes.heap.allocations = random.magnitude(20);
        profile.notes.heap.allocated_bytes = random.magnitude(36);
        profile.notes.heap.frees = profile.notes.heap.allocations / 3;
        profile.notes.heap.freed_bytes = profile.notes.heap.allocated_bytes / 5;
        profile.notes.heap.samples = random.magnitude(4);
        profile.notes.untimed_after = profile.notes.heap.samples + 100_000;
        profile.notes.ticks_per_call = random.below(100_000) as f64 / 1000.0;
        profile.notes.ticks_inside_call = profile.notes.ticks_per_call / 2.0;
        profile.notes.ticks_per_untimed_call = profile.notes.ticks_per_call / 8.0;
        profile.notes.ticks_per_poll = random.below(100_000) as f64 / 1000.0;
    }
    profile
}

fn label(random: &mut Random) -> Label {
    let mut pick = |long: u64| match random.below(long) {
        0 => "x".repeat(10_000),
        1 => {
            format!("{}{}", HOSTILE_NAMES[random.below(HOSTILE_NAMES.len() as u64) as usize], random.below(3))
        }
        2..=6 => HOSTILE_NAMES[random.below(HOSTILE_NAMES.len() as u64) as usize].to_owned(),
        _ => format!("Orders::step_{}", random.below(30)),
    };
    let name = pick(60);
    let file = match pick(40) {
        plain if plain.starts_with("Orders") => format!("src/{}.rs", plain.len()),
        hostile => hostile,
    };
    Label::new(file, random.below(4) as u32 * 100, name)
}

fn counts(random: &mut Random) -> Counts {
    if random.below(10) == 0 {
        return Counts::default();
    }
    let starts = random.magnitude(24);
    let panicked = random.below(starts / 4 + 1);
    let mut counts = Counts {
        starts,
        folded: random.below(4).min(starts) * random.below(2),
        returned: random.below(starts - panicked + 1),
        panicked,
        self_busy: random.magnitude(40),
        ..Counts::default()
    };
    if starts % 8 == 3 {
        counts.untimed = starts / 3;
    }
    if random.below(3) == 0 {
        counts.cancelled = random.below(counts.active() + 1);
        counts.self_await = random.magnitude(40);
        counts.polls = starts + random.magnitude(10);
        counts.longest_poll = random.magnitude(30);
    }
    if random.below(3) == 0 {
        let (allocations, allocated_bytes) = (random.magnitude(24), random.magnitude(36));
        counts.heap = HeapCounts {
            allocations,
            allocated_bytes,
            frees: random.below(allocations + 1),
            freed_bytes: random.below(allocated_bytes + 1),
            samples: allocations % 7,
        };
    }
    counts
}

/// A profile of that many paths and functions, as a large service has them: a tree some ten levels deep,
/// plain names, histograms, some async. For benchmarks.
pub fn large_profile(paths: u32, functions: u32, seed: u64) -> Profile {
    let mut random = Random::of_seed(seed);
    let mut profile = Profile::new();
    let ids: Vec<_> = (0..functions.max(1))
        .map(|n| {
            let file = format!("crates/service-{}/src/module_{}.rs", n % 17, n % 97);
            profile.add_function(Label::new(
                file,
                10 + n % 900,
                format!("Handler{}::process_step_{n}", n % 131),
            ))
        })
        .collect();
    for &id in &ids {
        if let Ok(mut elapsed) = Histogram::<u64>::new(2) {
            for _ in 0..20 {
                let _ = elapsed.record_n(1000 + random.magnitude(24), 1 + random.magnitude(10));
            }
            profile.add_elapsed(id, &elapsed);
        }
    }
    while profile.paths().len() < paths as usize {
        let len = profile.paths().len() as u64;
        // The lower of two draws: a wide tree of moderate depth.
        let parent = random.below(len + 1).min(random.below(len + 1));
        // No more roots than there are functions.
        let parent = (len >= u64::from(functions.clamp(1, 20))).then(|| PathId(parent.min(len - 1) as u32));
        let function = ids[random.below(ids.len() as u64) as usize];
        let starts = 1 + random.magnitude(16);
        let mut counts = Counts {
            starts,
            returned: starts,
            self_busy: starts * (50 + random.magnitude(14)),
            ..Counts::default()
        };
        if random.below(4) == 0 {
            counts.polls = starts * 2;
            counts.self_await = starts * random.magnitude(16);
        }
        profile.add_path(parent, function, &counts);
    }
    profile.duration = Duration::from_secs(60);
    profile.threads = 8;
    profile
}

/// Panics when two profiles differ, and says where.
pub fn assert_same(one: &Profile, other: &Profile) {
    let labels = |profile: &Profile| -> Vec<Label> {
        profile.functions().iter().map(|function| function.label.clone()).collect()
    };
    assert_eq!(labels(one), labels(other));
    for (one, other) in one.functions().iter().zip(other.functions()) {
        // Not printed whole: a histogram has thousands of buckets.
        assert!(one.elapsed == other.elapsed, "elapsed times of {:?}", one.label);
    }
    assert_eq!(one.paths().len(), other.paths().len());
    for (index, (one, other)) in one.paths().iter().zip(other.paths()).enumerate() {
        assert_eq!(
            (one.parent, one.function, one.counts),
            (other.parent, other.function, other.counts),
            "path {index}"
        );
    }
    assert_eq!(one.by_thread(), other.by_thread());
    let header = |profile: &Profile| {
        let Profile { seconds_per_tick, duration, threads, notes, .. } = *profile;
        (seconds_per_tick, duration, threads, notes)
    };
    assert_eq!(header(one), header(other));
}
