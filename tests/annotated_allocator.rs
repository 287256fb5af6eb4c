//! An allocator whose methods are measured: the profiler allocates too, and must neither wait for itself
//! nor call itself for ever.

use std::alloc::{GlobalAlloc, Layout, System};

use profile_cost::{SortKey, Stats, profile_cost};

struct Measured;

// SAFETY: forwards to the system's allocator.
unsafe impl GlobalAlloc for Measured {
    #[profile_cost]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    #[profile_cost]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Measured = Measured;

#[profile_cost]
fn fill(depth: u32) -> Vec<u8> {
    if depth > 0 { fill(depth - 1) } else { vec![1; 100] }
}

#[test]
fn an_annotated_allocator_is_measured_and_waits_for_nobody() {
    profile_cost::enable();
    let threads: Vec<_> = (0..4)
        .map(|n| {
            std::thread::spawn(move || {
                for depth in 0..200 {
                    drop(fill(depth % (20 + n)));
                }
            })
        })
        .collect();
    let mut text = Vec::new();
    for _ in 0..20 {
        let profile = profile_cost::snapshot();
        let (_, own) = profile_cost::runcall(|| drop(fill(3)));
        assert_eq!(own.functions().iter().filter(|f| f.label.name == "fill").count(), 1);
        text.clear();
        Stats::new(profile)
            .sort_stats([SortKey::Cumulative])
            .print_stats(&mut text, 5)
            .expect("memory takes it");
    }
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    profile_cost::reset();
    drop(fill(1));
    let profile = profile_cost::snapshot();
    let calls = |name: &str| -> u64 {
        let paths = profile.paths().iter();
        paths
            .filter(|p| profile.function(p.function).label.name.contains(name))
            .map(|p| p.counts.starts)
            .sum()
    };
    assert_eq!(calls("fill"), 2);
    assert!(calls("alloc") >= 1);
}
