//! A CPU-bound job on all cores: indexes a text with rayon, and shows where the time went.
//!
//! `cargo run --release --example textjob`. The text is from "Alice's Adventures in Wonderland" by Lewis
//! Carroll (1865, public domain), repeated until there is enough of it.

mod index;
mod words;

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use clap::Parser;
use profile_cost::{Context, FlamegraphOptions, Metric, Profile, SortKey, Stats, profile_cost};
use rayon::prelude::*;

use crate::index::Index;
use crate::words::Words;

const TEXT: &str = include_str!("alice.txt");

/// Index a text on all cores.
#[derive(Debug, Parser)]
struct Arguments {
    /// How often the text is repeated; each time is a job of its own
    #[arg(long, default_value_t = 1500)]
    shards: usize,
    /// Where the flamegraph goes
    #[arg(long, default_value = "profile-cost-out")]
    out: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    profile_cost::enable();
    let start = Instant::now();
    let index = build(arguments.shards);
    let elapsed = start.elapsed();
    profile_cost::disable();

    println!(
        "{} shards in {:.2} s on {} threads",
        arguments.shards,
        elapsed.as_secs_f64(),
        rayon::current_num_threads()
    );
    println!("Commonest pairs: {}", index.commonest_pairs(5).join(", "));
    println!("Rabbits that hurry are found in {} paragraphs\n", index.find(&["rabbits", "hurry"]));

    let profile = profile_cost::snapshot();
    Stats::new(&profile)
        .strip_dirs()
        .sort_stats([SortKey::Time])
        .print_stats(io::stdout(), 20)?
        .print_callers(io::stdout(), 20)?;

    fs::create_dir_all(&arguments.out).with_context(|| arguments.out.display().to_string())?;
    let path = arguments.out.join("textjob.svg");
    let subtitle = format!("{} shards", arguments.shards);
    let options = FlamegraphOptions { title: "Indexing Alice".to_owned(), subtitle, ..Default::default() };
    profile.write_flamegraph(BufWriter::new(File::create(&path)?), &options)?;
    profile.write_folded(BufWriter::new(File::create(path.with_extension("folded"))?), Metric::Busy)?;
    println!("Wrote {} and, beside it, textjob.folded", path.display());
    let factor = busy_below_roots(&profile) / elapsed.as_secs_f64();
    println!(
        "\nThe jobs took {factor:.1} times as long as the clock showed, because they ran side by side; they stand"
    );
    println!(
        "below `build`, whose context they were given. Its own time is the main thread's wait for them."
    );
    Ok(())
}

/// Indexes every shard on its own, then joins the indexes pair by pair.
#[profile_cost]
fn build(shards: usize) -> Index {
    // A job runs on whichever thread is free. The context makes it a callee of this call all the same.
    let context = Context::current();
    (0..shards)
        .into_par_iter()
        .map(|shard| context.run(|| index_shard(shard)))
        .reduce(Index::default, |left, right| context.run(|| left.merge(right)))
}

#[profile_cost]
fn index_shard(shard: usize) -> Index {
    let words = Words::new();
    let mut index = Index::default();
    let paragraphs = TEXT.split("\n\n").enumerate();
    for (number, paragraph) in paragraphs {
        // Each shard reads as a text of its own: paragraphs have numbers that no other shard has.
        index.add((shard * 1000 + number) as u32, &words.stems(paragraph));
    }
    index
}

fn busy_below_roots(profile: &Profile) -> f64 {
    let jobs = profile.paths().iter().filter(|path| path.parent.is_some());
    jobs.map(|path| path.counts.self_busy).sum::<u64>() as f64 * profile.seconds_per_tick
}
