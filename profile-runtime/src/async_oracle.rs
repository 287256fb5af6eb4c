//! Holds what the engine records of simulated asynchronous programs to an independent model.
//!
//! `tests/mutants.py` plants bugs in the engine and shows that this test notices each.
//! `ASYNC_ORACLE_SEEDS=n` sets how many programs are tried, `ASYNC_ORACLE_FIRST=n` the first seed.

mod model;
mod world;

use std::collections::BTreeMap;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use self::model::{Calls, Suspended, Totals};
use self::world::{SITES, World};
use crate::block::Block;
use crate::in_flight::{self, OpenCall};
use crate::paths::ROOT;
use crate::ring::bucket_of;
use crate::tally::Baseline;
use crate::{clock, control, snapshot, thread};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

/// What the engine says of `blocks` now, by the functions from the root.
fn recorded(world: &World, blocks: &[&'static Block]) -> BTreeMap<Vec<usize>, Totals> {
    let paths = &world.engine.paths;
    let now = clock::now();
    let tallies = snapshot::collect(world.engine, blocks, now, control::epoch());
    let mut all = BTreeMap::new();
    for (path, tally) in (0..).zip(&tallies).skip(1) {
        let mut functions = Vec::new();
        let mut at = path;
        while at != ROOT {
            functions.push(SITES.iter().position(|site| site.id() == paths.site(at)).unwrap_or(usize::MAX));
            at = paths.parent(at);
        }
        functions.reverse();
        let counts = tally.since(now, &Baseline::default());
        let totals = Totals {
            starts: counts.starts,
            returned: counts.returned,
            panicked: counts.panicked,
            cancelled: counts.cancelled,
            busy: counts.self_busy,
            awaited: counts.self_await,
            polls: counts.polls,
            longest: counts.longest_poll,
        };
        all.insert(functions, totals);
    }
    all
}

fn recorded_elapsed(world: &World) -> BTreeMap<usize, BTreeMap<usize, u64>> {
    let mut all: BTreeMap<usize, BTreeMap<usize, u64>> = BTreeMap::new();
    for (site, buckets) in world.engine.blocks().iter().flat_map(|block| block.read_histograms(None)) {
        let Some(function) = SITES.iter().position(|s| s.id() == site) else { continue };
        for (bucket, count) in buckets {
            *all.entry(function).or_default().entry(bucket).or_default() += count;
        }
    }
    all
}

fn differ<K: Ord + Clone + std::fmt::Debug, V: PartialEq + Default + std::fmt::Debug>(
    world: &World,
    when: &str,
    is: &BTreeMap<K, V>,
    must: &BTreeMap<K, V>,
) {
    for key in is.keys().chain(must.keys().filter(|key| !is.contains_key(key))) {
        let none = V::default();
        let (is, must) = (is.get(key).unwrap_or(&none), must.get(key).unwrap_or(&none));
        if is != must {
            let now = clock::now();
            world
                .mismatches
                .borrow_mut()
                .push(format!("{when}, at {now}: {key:?}\n  is   {is:?}\n  must {must:?}"));
        }
    }
}

/// Compares everything at this moment of the simulated program.
fn check(world: &World, when: &str) {
    world.checks.set(world.checks.get() + 1);
    let blocks = world.engine.blocks();
    differ(world, when, &recorded(world, &blocks), &world.model.borrow().totals());
    for (thread, &block) in blocks.iter().enumerate() {
        let mut part = recorded(world, &[block]);
        part.values_mut().for_each(|totals| totals.awaited = 0);
        differ(world, &format!("{when}, thread {thread}"), &part, &world.model.borrow().totals_of(thread));
    }
    let mut elapsed: BTreeMap<usize, BTreeMap<usize, u64>> = BTreeMap::new();
    for (&function, ticks) in &world.model.borrow().elapsed {
        for &ticks in ticks {
            *elapsed.entry(function).or_default().entry(bucket_of(ticks)).or_default() += 1;
        }
    }
    differ(world, when, &recorded_elapsed(world), &elapsed);
    let (running, suspended) = under_way(world);
    differ(world, when, &running, &world.model.borrow().running());
    differ(world, when, &suspended, &world.model.borrow().suspended());
}

/// What runs, by thread, and what is suspended, by path.
fn under_way(world: &World) -> (BTreeMap<usize, Calls>, Suspended) {
    let calls = |calls: Vec<OpenCall>| -> Calls {
        let call = |call: OpenCall| (call.label.line as usize, call.age.map(|age| age.as_nanos() as u64));
        calls.into_iter().map(call).collect()
    };
    let found = in_flight::look(world.engine, &[], clock::now(), 1.0);
    let number = |name: &str| name.trim_start_matches("thread ").parse::<usize>().unwrap_or_default() - 1;
    let running = found.running.into_iter().map(|running| (number(&running.thread), calls(running.calls)));
    let suspended = found.suspended.into_iter().map(|suspended| {
        let calls = calls(suspended.calls);
        (calls.iter().map(|(function, _)| *function).collect(), (suspended.count, calls))
    });
    (running.collect(), suspended.collect())
}

/// What is wrong with one program, and how often it was looked at.
fn mismatches(seed: u64) -> (Vec<String>, u64) {
    let world = World::new(seed, seed.is_multiple_of(5));
    let before = thread::block();
    let ran = catch_unwind(AssertUnwindSafe(|| world.run()));
    thread::set_block(before);
    if ran.is_err() {
        world.mismatches.borrow_mut().push("the engine panicked".to_owned());
    } else if world.sequential {
        let all: u64 = recorded(&world, &world.engine.blocks()).values().map(|t| t.busy + t.awaited).sum();
        let elapsed = world.root_elapsed();
        if all != elapsed {
            world.mismatches.borrow_mut().push(format!("cumulative {all}, elapsed {elapsed}"));
        }
    }
    clock::set_fake(None);
    (world.mismatches.take(), world.checks.get())
}

#[test]
fn every_counter_is_what_the_model_says() {
    control::enable();
    let (first, seeds) = (number("ASYNC_ORACLE_FIRST", 0), number("ASYNC_ORACLE_SEEDS", 1000));
    let mut checks = 0;
    for seed in first..first + seeds {
        let (wrong, looks) = mismatches(seed);
        checks += looks;
        assert!(wrong.is_empty(), "seed {seed}: {} mismatches, first:\n{}", wrong.len(), wrong[0]);
    }
    let _ = writeln!(std::io::stderr(), "{seeds} programs, looked at {checks} times: 0 mismatches");
}
