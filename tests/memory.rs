//! How much memory recording takes, counted by the allocator.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::print_stdout, reason = "figures for whoever asks with --nocapture")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use common::{Site, enter, isolated, sites};

struct Counting;

/// Bytes that are allocated now.
static LIVE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn live() -> usize {
    LIVE.load(Ordering::SeqCst)
}

/// Resident memory, bytes.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    pages.and_then(|text| text.split(' ').nth(1)?.parse::<usize>().ok()).map_or(0, |pages| pages * 4096)
}

fn call(site: &'static Site) {
    let _call = enter(site, || {});
}

#[test]
fn twenty_million_calls_of_one_function_add_less_than_a_megabyte() {
    isolated("twenty_million_calls_of_one_function_add_less_than_a_megabyte", || {
        profile_cost::enable();
        let site = sites("f", 1)[0];
        (0..1_000).for_each(|_| call(site));
        let (before, resident_before) = (live(), resident());
        (0..20_000_000).for_each(|_| call(site));
        let (more, more_resident) =
            (live().saturating_sub(before), resident().saturating_sub(resident_before));
        println!("# 20 million calls: {more} bytes of heap, {more_resident} resident");
        assert!(more < 100_000, "{more}");
        assert!(more_resident < 1_000_000, "{more_resident}");
    });
}

/// Calls paths of 4 levels of these functions, and tells how many paths there are after each.
fn each_path(sites: &[&'static Site], mut seen: impl FnMut(usize)) {
    let mut paths = 0usize;
    for a in sites {
        let _a = enter(a, || {});
        for b in sites {
            let _b = enter(b, || {});
            for c in sites {
                let _c = enter(c, || {});
                for d in sites {
                    call(d);
                    paths += 1;
                    seen(paths + paths.div_ceil(10) + paths.div_ceil(100) + paths.div_ceil(1_000));
                }
            }
        }
    }
}

#[test]
fn a_path_takes_at_most_128_bytes_a_thread() {
    isolated("a_path_takes_at_most_128_bytes_a_thread", || {
        profile_cost::enable();
        let sites: &'static [&'static Site] = Box::leak(sites("f", 10).into_boxed_slice());
        let before = live();
        each_path(sites, |_| ());
        let first = live() - before;
        // The tree is there: the second thread adds only what a thread needs.
        let worst = std::thread::spawn(move || {
            // The thread's block, and the functions' histograms with all buckets they will use: calls of
            // up to a millisecond.
            for time in (0..400).map(|step| 1.035f64.powi(step)) {
                for site in sites {
                    let start = std::time::Instant::now();
                    let _call = enter(site, || {});
                    while start.elapsed().as_nanos() < time as u128 {}
                }
            }
            let before = live();
            let (mut worst, mut last) = (0.0f64, 0.0);
            each_path(sites, |paths| {
                last = (live() - before) as f64 / paths as f64;
                if paths >= 1_000 {
                    worst = worst.max(last);
                }
            });
            println!("# second thread: at most {worst:.1} bytes a path, {last:.1} at the end");
            (worst, last)
        });
        let (worst, last) = worst.join().expect("no panic");
        let tree = first as f64 / 11_110.0 - last;
        println!("# tree: {tree:.1} bytes a path");
        assert!(worst <= 128.0, "{worst}");
        assert!(tree <= 128.0, "{tree}");
    });
}

#[test]
fn short_threads_use_as_many_blocks_as_were_alive_at_once() {
    isolated("short_threads_use_as_many_blocks_as_were_alive_at_once", || {
        profile_cost::enable();
        let site = sites("f", 1)[0];
        call(site);
        let wave = || {
            let all_there = Arc::new(Barrier::new(8));
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    let all_there = all_there.clone();
                    std::thread::spawn(move || {
                        call(site);
                        all_there.wait();
                    })
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        };
        (0..10).for_each(|_| wave());
        let before = live();
        (0..2_490).for_each(|_| wave());
        let more = live().saturating_sub(before);
        let profile = profile_cost::snapshot();
        assert_eq!(profile.threads, 20_001);
        assert_eq!(common::counts(&profile, "f0").returned, 20_001);
        let blocks = profile_cost::snapshot_by_thread().len();
        println!("# 20,000 threads, 8 at once: {blocks} blocks, {more} bytes more after the first 80");
        assert!(blocks <= 9, "{blocks}");
        // Histograms grow with the scheduling noise; a block for each thread would be 40 MB.
        assert!(more < 100_000, "{more}");
    });
}

/// 500 threads at once, each in a hundredth of 10,000 paths.
fn five_hundred_threads(sites: &'static [&'static Site], touch: fn(&[&'static Site], usize)) -> usize {
    profile_cost::enable();
    let (there, go, done) =
        (Arc::new(Barrier::new(501)), Arc::new(Barrier::new(501)), Arc::new(Barrier::new(501)));
    let threads: Vec<_> = (0..500)
        .map(|number| {
            let (there, go, done) = (there.clone(), go.clone(), done.clone());
            let body = move || {
                there.wait();
                go.wait();
                (0..3).for_each(|_| touch(sites, number));
                done.wait();
                done.wait();
            };
            std::thread::Builder::new().stack_size(256 << 10).spawn(body).expect("a thread")
        })
        .collect();
    there.wait();
    let before = live();
    go.wait();
    done.wait();
    let more = live() - before;
    let paths = profile_cost::snapshot().paths().len();
    println!("# 500 threads, {paths} paths: {more} bytes, {} a thread", more / 500);
    assert!(paths >= 10_000, "{paths}");
    done.wait();
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    more
}

#[test]
fn memory_follows_the_paths_that_were_used() {
    isolated("memory_follows_the_paths_that_were_used", || {
        let sites = Box::leak(sites("f", 22).into_boxed_slice());
        // 22 * 22 * 22 paths and what is above; each thread takes 100 of them.
        let more = five_hundred_threads(sites, |sites, number| {
            let _a = enter(sites[number % 22], || {});
            for b in 0..4 {
                let _b = enter(sites[(number / 22 + b) % 22], || {});
                sites.iter().for_each(|c| call(c));
            }
        });
        assert!(more < 10_000_000, "{more}");
    });
}

#[test]
fn memory_follows_the_paths_that_were_used_where_each_is_of_another_function() {
    isolated("memory_follows_the_paths_that_were_used_where_each_is_of_another_function", || {
        let sites = Box::leak(sites("f", 100).into_boxed_slice());
        let more = five_hundred_threads(sites, |sites, number| {
            let _a = enter(sites[number % 100], || {});
            sites.iter().for_each(|b| call(b));
        });
        // Here each path has a histogram of its own.
        assert!(more < 10_000_000, "{more}");
    });
}
