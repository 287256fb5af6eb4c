//! What recording the heap costs, beside the system's allocator alone and other heap profilers.
//!
//! `cargo bench --bench heap` prints criterion's figures, then a table of how many times as long each takes as the
//! system's allocator, with the targets beside, then what a snapshot of a million blocks costs. In the table all
//! take turns, and the fastest turn counts: noise only ever adds. dhat's and pprof-alloc's allocators are called as
//! ours is. pprof-alloc walks by frame pointers, which this build has none of: its stacks are shorter than
//! 25 frames, and its figures lower than those of the build that it asks for.
#![allow(missing_docs, reason = "a program")]
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

mod contenders;
mod live;
mod program_allocator;
mod shapes;
mod table;

use std::time::Duration;

use contenders::Contender;
use criterion::Criterion;
use profile_cost::profile_cost;
use table::Row;

fn main() {
    let has = |wanted| std::env::args().any(|argument| argument == wanted);
    if has("--list") {
        return;
    }
    let test = has("--test");
    if has(live::ARGUMENT) {
        return live::measure(test);
    }
    // As in a service that looks at both: there is a call path for `paths` to find.
    profile_cost::enable();
    measure(test);
    live::measure_in_child(test);
}

#[profile_cost]
fn measure(test: bool) {
    let contenders = contenders::all();
    let document = shapes::document();
    let _dhat = contenders::start_dhat();
    contenders::check(&contenders);

    // Many short turns: on a busy machine only a short one has a chance to run through undisturbed.
    let turns = |many| if test { 1 } else { many };
    let row = |name, turns, rounds, run, target| Row { name, turns, rounds, run, target };
    let rows = [
        row("pairs", turns(200), 20_000, Box::new(|c: &Contender, n| (c.pairs)(n)), |t| t.pairs),
        row(
            "pairs, two threads",
            turns(100),
            20_000,
            Box::new(|c: &Contender, n| (c.two_threads)(n)),
            |_| None,
        ),
        row("ring of 200,000", turns(40), 20_000, Box::new(|c: &Contender, n| (c.ring)(n)), |t| t.ring),
        row("json", turns(240), 1, Box::new(move |c: &Contender, n| c.json(&document, n)), |t| t.json),
    ];
    let mut criterion = Criterion::default()
        .without_plots()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500))
        .configure_from_args();
    for row in &rows {
        let mut group = criterion.benchmark_group(row.name);
        for contender in &contenders {
            group.bench_function(contender.name, |b| {
                b.iter_custom(|rounds| contender.recording(|| (row.run)(contender, rounds)));
            });
        }
        group.finish();
    }
    criterion.final_summary();
    table::compare(&contenders, &rows);
}
