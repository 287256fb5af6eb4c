//! Memory that code in C takes for itself, from the same allocator: it is not recorded, does not confuse what is, and
//! shows in what the process has beside.

use std::hint::black_box;

use profile_cost_heap::{Judged, Random, judged};
use profile_cost_runtime::heap::Mode;

#[global_allocator]
static ALLOCATOR: Judged = Judged::system();

struct Foreign(*mut libc::c_void);

// SAFETY: any thread may free a block.
unsafe impl Send for Foreign {}

fn foreign(size: usize) -> Foreign {
    // SAFETY: that many bytes are ours then, and are written.
    unsafe {
        let block = libc::malloc(size);
        assert!(!block.is_null());
        libc::memset(block, 1, size);
        Foreign(block)
    }
}

fn free(block: Foreign) {
    // SAFETY: it came from there.
    unsafe { libc::free(block.0) }
}

/// Both take turns, so that each gets addresses that the other has had.
fn in_turns(seed: u64) -> (Vec<Vec<u8>>, Vec<Foreign>) {
    let mut random = Random::new(seed);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..10_000 {
        let size = 1 + random.below(400);
        match random.below(6) {
            0 => ours.push(vec![1u8; size]),
            1 => theirs.push(foreign(size)),
            2 | 3 if !ours.is_empty() => drop(ours.swap_remove(random.below(ours.len()))),
            4 if !theirs.is_empty() => free(theirs.swap_remove(random.below(theirs.len()))),
            _ => {
                if let Some(block) = theirs.last_mut() {
                    // SAFETY: it came from there.
                    block.0 = unsafe { libc::realloc(block.0, size) };
                }
            }
        }
    }
    (ours, theirs)
}

fn main() {
    judged::start(Mode::Exact { frames: 25 });
    let first = in_turns(1);
    let _ = judged::check_with_peak();
    let others: Vec<_> = (2..6).map(|seed| std::thread::spawn(move || in_turns(seed))).collect();
    let others: Vec<_> = others.into_iter().map(|other| other.join().expect("it does not panic")).collect();
    let before = judged::check();
    let large: Vec<Foreign> = (0..200).map(|_| foreign(1 << 20)).collect();
    let after = judged::check();
    let gap = |snapshot: &profile_cost_runtime::heap::Snapshot| {
        let process = &snapshot.process;
        let rss = process.rss_bytes.expect("the kernel says so");
        rss as i64 - process.live_bytes as i64 - process.profiler_bytes as i64
    };
    let more = gap(&after) - gap(&before);
    assert!((190 << 20..220 << 20).contains(&more), "{more} bytes more are nobody's");
    for (ours, theirs) in others.into_iter().chain([first]) {
        drop(black_box(ours));
        theirs.into_iter().for_each(free);
    }
    large.into_iter().for_each(free);
    let _ = judged::check();
    judged::stop();
}
