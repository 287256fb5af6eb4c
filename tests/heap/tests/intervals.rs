//! What a sample says of itself: over 200 runs the truth lies in the 95 % interval in nine of ten, of the whole and of
//! rows, as the report prints it and as rows give it; counts of blocks are right on average.
//!
//! The same seeds each time, so that it passes always or never.

use profile_cost_heap::{Block, Random, set_mode};
use profile_cost_runtime::heap::{self, KeyType, Measure, Mode, ReportOptions, SizeClass, Snapshot};
use profile_cost_runtime::testing::seed_samples;

/// Fewer where they take long.
const RUNS: u64 = if cfg!(debug_assertions) { 40 } else { 200 };

/// Blocks that a run allocates; a third is freed, and a third moved.
struct Mix {
    name: &'static str,
    rate: u64,
    blocks: usize,
    size: fn(&mut Random) -> usize,
}

const MIXES: [Mix; 7] = [
    Mix {
        name: "small, a few samples",
        rate: 1 << 19,
        blocks: 4_000,
        size: |random| 1 + random.below(1_000),
    },
    Mix { name: "small", rate: 1 << 15, blocks: 2_000, size: |random| 1 + random.below(1_000) },
    Mix { name: "equal", rate: 1 << 13, blocks: 2_000, size: |_| 64 },
    Mix { name: "around the rate", rate: 1 << 14, blocks: 300, size: |random| 1 << (12 + random.below(5)) },
    Mix {
        name: "all sizes",
        rate: 1 << 16,
        blocks: 1_000,
        size: |random| {
            let power = random.below(20);
            1 + random.below(1 << power)
        },
    },
    Mix {
        name: "many small, few large",
        rate: 1 << 19,
        blocks: 1_000,
        size: |random| if random.below(100) == 0 { 3 << 20 } else { 1 + random.below(2_000) },
    },
    Mix { name: "a fine rate", rate: 512, blocks: 500, size: |random| 1 + random.below(300) },
];

/// `12.3 MiB` and `1.5 MiB` of `from 12 samples: 12.3 MiB ±1.5 MiB live (95 %)`, in bytes, with what rounding may hide.
fn printed(snapshot: &Snapshot) -> Option<(f64, f64)> {
    let mut report = Vec::new();
    snapshot.write_report(&mut report, &ReportOptions::default()).expect("a Vec takes every write");
    let report = String::from_utf8(report).expect("text");
    let note = report.lines().find(|line| line.contains("places are estimated from"))?;
    let (estimate, error) = note.split_once(": places").map_or(note, |(_, rest)| rest).split_once(" ±")?;
    let bytes = |text: &str| {
        let (number, unit) = text.trim().split_once(' ').expect("a number and its unit");
        let unit = ["B", "KiB", "MiB", "GiB"].iter().position(|name| *name == unit).expect("a unit");
        let digits = number.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let number: f64 = number.replace(',', "").parse().expect("a number");
        let unit = 1024f64.powi(unit as i32);
        (number * unit, unit * 0.5 / 10f64.powi(digits as i32))
    };
    let (estimate, error) = (estimate.rsplit_once(": ")?.1, error.split_once(" live")?.0);
    let ((estimate, rounded), (error, also)) = (bytes(estimate), bytes(error));
    Some((estimate, error + rounded + also))
}

/// How often the truth lay in the intervals.
#[derive(Debug, Default)]
struct Within {
    total: u32,
    printed: u32,
    rows: u32,
    of_rows: u32,
    /// Of blocks, estimate to truth.
    counts: Vec<f64>,
}

fn run(mix: &Mix, seed: u64, within: &mut Within) {
    seed_samples(seed);
    // The truth is the same in all runs, and the sample is not.
    let mut random = Random::new(7);
    let mut blocks: Vec<Block> = (0..mix.blocks).map(|_| Block::new((mix.size)(&mut random))).collect();
    let mut kept = Vec::new();
    for mut block in blocks.drain(..) {
        match random.below(3) {
            0 => drop(block),
            1 => {
                block.resize((mix.size)(&mut random));
                kept.push(block);
            }
            _ => kept.push(block),
        }
    }
    let snapshot = heap::take_snapshot();
    assert_eq!(snapshot.notes.older_frees, 0, "blocks that were not sampled are not older ones");
    let truth: usize = kept.iter().map(Block::size).sum();
    let total = snapshot.total(Measure::Live);
    let (low, high) = total.interval();
    within.total += u32::from((low..=high).contains(&(truth as u64)));
    let (estimate, error) = printed(&snapshot).expect("a sample is said to be one");
    within.printed += u32::from((truth as f64 - estimate).abs() <= error);
    within.counts.push(total.count as f64 / kept.len() as f64);
    for row in snapshot.statistics(KeyType::SizeClass, false) {
        let heap::Key::SizeClass(class) = row.key else { unreachable!("grouped so") };
        let of_class = kept.iter().filter(|block| SizeClass::of(block.size() as u64) == class);
        let truth: usize = of_class.map(Block::size).sum();
        // Rows that are there by luck are too large whenever they are there.
        if truth as u64 > 4 * mix.rate {
            let (low, high) = row.interval();
            within.of_rows += 1;
            within.rows += u32::from((low..=high).contains(&(truth as u64)));
        }
    }
    drop(kept);
    assert_eq!(heap::take_snapshot().totals().samples, 0);
}

#[allow(clippy::print_stdout, reason = "the figures")]
fn main() {
    for mix in MIXES {
        // One recording for all: what a run has counted is gone when its blocks are.
        set_mode(Mode::Sample { rate: mix.rate }).expect("a mode");
        let mut within = Within::default();
        (1..=RUNS).for_each(|seed| run(&mix, seed, &mut within));
        heap::stop();
        let Within { total, printed, rows, of_rows, counts } = within;
        let mean = counts.iter().sum::<f64>() / counts.len() as f64;
        let spread =
            counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / (counts.len() - 1) as f64;
        let error = (mean - 1.0) / (spread / counts.len() as f64).sqrt();
        println!(
            "{}: the truth is within in {total} of {RUNS}, as printed in {printed}, in rows {rows} of {of_rows}; \
             blocks {mean:.3} of the truth",
            mix.name
        );
        assert!(u64::from(total) * 10 >= RUNS * 9, "{}: {total} of {RUNS}", mix.name);
        assert!(u64::from(printed) * 10 >= RUNS * 9, "{}: {printed} of {RUNS} as printed", mix.name);
        assert!(rows * 10 >= of_rows * 9, "{}: {rows} of {of_rows} rows", mix.name);
        assert!(error.abs() < 4.0, "{}: blocks {mean} of the truth, {error} standard errors off", mix.name);
    }
}
