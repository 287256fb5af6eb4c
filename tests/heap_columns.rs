//! What annotated functions ask of the heap, in their own report: right across threads, frees elsewhere, and tasks that
//! move between threads.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Barrier, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};

use profile_cost::heap::{self, Mode};
use profile_cost::{Context as Place, HeapCounts, Profile, Stats, profile_cost, runcall};

#[global_allocator]
static ALLOCATOR: heap::Tracker = heap::Tracker::system();

#[profile_cost]
fn keep(blocks: &mut Vec<Vec<u8>>, size: usize) {
    blocks.push(Vec::with_capacity(size));
    inner(size);
}

#[profile_cost]
fn inner(size: usize) {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(size * 2)));
}

#[profile_cost]
async fn task() -> Box<[u8; 1000]> {
    let first = Box::new([1; 1000]);
    let mut polled = false;
    std::future::poll_fn(
        |_| {
            if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
        },
    )
    .await;
    let second = Box::new([2; 1000]);
    drop(first);
    second
}

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let guard = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    profile_cost::enable();
    heap::stop();
    heap::set_mode(Mode::Paths).unwrap();
    profile_cost::reset();
    guard
}

fn of(profile: &Profile, name: &str) -> HeapCounts {
    let mut found = profile
        .paths()
        .iter()
        .filter(|path| profile.functions()[path.function.0 as usize].label.name.ends_with(name))
        .map(|path| path.counts.heap);
    let counts = found.next().unwrap_or_default();
    assert_eq!(found.next(), None, "on one path only");
    counts
}

#[test]
fn blocks_belong_to_the_function_that_allocated_them_whoever_frees_them() {
    let _alone = alone();
    let mut blocks = Vec::with_capacity(10);
    // The profiler's own first look at the paths is not to be counted.
    keep(&mut blocks, 100);
    blocks.clear();
    profile_cost::reset();
    for _ in 0..10 {
        keep(&mut blocks, 100);
    }
    let profile = profile_cost::snapshot();
    let counts = HeapCounts { allocations: 10, allocated_bytes: 1_000, frees: 0, freed_bytes: 0, samples: 0 };
    assert_eq!(of(&profile, "keep"), counts);
    let counts =
        HeapCounts { allocations: 10, allocated_bytes: 2_000, frees: 10, freed_bytes: 2_000, samples: 0 };
    assert_eq!(of(&profile, "inner"), counts);
    let mut report = Vec::new();
    Stats::new(&profile).print_stats(&mut report, "keep").unwrap();
    let report = String::from_utf8(report).unwrap();
    assert!(
        report.contains("self heap") && report.contains("cum. heap") && report.contains("1000 B"),
        "{report}"
    );
    std::thread::spawn(move || drop(blocks)).join().unwrap();
    let counts =
        HeapCounts { allocations: 10, allocated_bytes: 1_000, frees: 10, freed_bytes: 1_000, samples: 0 };
    assert_eq!(of(&profile_cost::snapshot(), "keep"), counts);
    heap::stop();
}

#[test]
fn a_task_that_moves_to_another_thread() {
    struct Nobody;
    impl Wake for Nobody {
        fn wake(self: Arc<Self>) {}
    }
    let _alone = alone();
    for round in 0..2 {
        let mut future = Box::pin(task());
        let waker = Waker::from(Arc::new(Nobody));
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let kept = std::thread::spawn(move || {
            let waker = Waker::from(Arc::new(Nobody));
            match pin!(future).poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(kept) => kept,
                Poll::Pending => panic!("ready at the second poll"),
            }
        })
        .join()
        .unwrap();
        if round == 0 {
            profile_cost::reset();
            drop(kept);
            continue;
        }
        let counts = of(&profile_cost::snapshot(), "task");
        assert_eq!((counts.live_blocks(), counts.live_bytes()), (1, 1000));
        drop(kept);
        assert_eq!(of(&profile_cost::snapshot(), "task").live_blocks(), 0);
    }
    heap::stop();
}

#[profile_cost]
fn leaf(size: usize) -> Vec<u8> {
    Vec::with_capacity(size)
}

/// A block at each level, the size one more each time, and a leaf at the last.
#[profile_cost]
fn descend(size: usize, levels: usize, into: &mut Vec<Vec<u8>>) {
    into.push(Vec::with_capacity(size));
    match levels {
        0 => into.push(leaf(size)),
        _ => descend(size + 1, levels - 1, into),
    }
}

#[profile_cost]
fn stretch(block: &mut Vec<u8>, size: usize) {
    block.reserve_exact(size);
}

#[profile_cost]
fn wrapper<R>(inside: impl FnOnce() -> R) -> R {
    inside()
}

/// Sums by call path, as in `wrapper/leaf`.
type ByPath = BTreeMap<String, HeapCounts>;

/// Those of a profile that hold or held anything.
fn by_path(profile: &Profile) -> ByPath {
    let mut names: Vec<String> = Vec::new();
    let mut sums = ByPath::new();
    for path in profile.paths() {
        let name = &profile.function(path.function).label.name;
        let name = name.rsplit("::").next().unwrap().to_owned();
        names.push(match path.parent {
            Some(parent) => format!("{}/{name}", names[parent.0 as usize]),
            None => name,
        });
        if path.counts.heap != HeapCounts::default() {
            assert_eq!(sums.insert(names[names.len() - 1].clone(), path.counts.heap), None);
        }
    }
    sums
}

/// A block, the path it was allocated on, and the calls with a report of their own that it belongs to, each with its
/// path there.
struct Block {
    data: Vec<u8>,
    path: String,
    calls: Vec<(usize, String)>,
}

/// What should have been counted: by call, and in the common tree.
#[derive(Default)]
struct Model {
    blocks: Vec<Block>,
    calls: Vec<ByPath>,
    common: ByPath,
}

impl Model {
    fn call(&mut self) -> usize {
        self.calls.push(ByPath::new());
        self.calls.len() - 1
    }

    /// `data` was allocated on `path` in each of `calls`.
    fn allocated(&mut self, data: Vec<u8>, path: &str, calls: &[(usize, &str)]) {
        let bytes = data.capacity() as u64;
        let count = |sums: &mut ByPath, path: &str| {
            let sum = sums.entry(path.to_owned()).or_default();
            sum.allocations += 1;
            sum.allocated_bytes += bytes;
        };
        count(&mut self.common, path);
        for (call, path) in calls {
            count(&mut self.calls[*call], path);
        }
        let calls = calls.iter().map(|(call, path)| (*call, (*path).to_owned())).collect();
        self.blocks.push(Block { data, path: path.to_owned(), calls });
    }

    /// Takes a block out, as freed.
    fn freed(&mut self, at: usize) -> Vec<u8> {
        let block = self.blocks.swap_remove(at);
        let bytes = block.data.capacity() as u64;
        let count = |sums: &mut ByPath, path: &str| {
            let sum = sums.get_mut(path).unwrap();
            sum.frees += 1;
            sum.freed_bytes += bytes;
        };
        count(&mut self.common, &block.path);
        for (call, path) in &block.calls {
            count(&mut self.calls[*call], path);
        }
        block.data
    }
}

/// Allocates as [`descend`] does, and tells the model below `below` in the common tree and in `calls`.
fn descend_and_tell(model: &Mutex<Model>, blocks: &mut Vec<Vec<u8>>, below: &str, calls: &[(usize, &str)]) {
    let mut model = model.lock().unwrap();
    let last = blocks.len() - 1;
    let mut path = "descend".to_owned();
    for (level, data) in blocks.drain(..).enumerate() {
        match level {
            0 => {}
            level if level == last => path.push_str("/leaf"),
            _ => path.push_str("/descend"),
        }
        let paths: Vec<(usize, String)> =
            calls.iter().map(|(call, below)| (*call, format!("{below}{path}"))).collect();
        let paths: Vec<(usize, &str)> = paths.iter().map(|(call, path)| (*call, &path[..])).collect();
        model.allocated(data, &format!("{below}{path}"), &paths);
    }
}

/// Threads that allocate in plain calls, in calls with a report of their own and in those inside each other, all of the
/// same functions, and free each other's blocks meanwhile. Each report is exactly that of its call, and the common
/// profile that of all.
#[test]
fn reports_of_single_calls_are_those_of_a_naive_model() {
    let _alone = alone();
    let model = Mutex::new(Model::default());
    let threads = 4;
    let barrier = Barrier::new(threads);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (model, barrier) = (&model, &barrier);
            scope.spawn(move || {
                let mut random = 88_172_645_463_325_252_u64 ^ (thread as u64) << 7;
                let mut below = |limit: usize| {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    random as usize % limit
                };
                let mut blocks = Vec::with_capacity(20);
                barrier.wait();
                for _ in 0..400 {
                    let (size, levels) = (1 + below(5_000), below(6));
                    match below(7) {
                        0 => {
                            descend(size, levels, &mut blocks);
                            descend_and_tell(model, &mut blocks, "", &[]);
                        }
                        // A call with a report, in which others' blocks are freed.
                        1 | 2 => {
                            let call = model.lock().unwrap().call();
                            let (held, profile) = runcall(|| {
                                descend(size, levels, &mut blocks);
                                descend_and_tell(model, &mut blocks, "", &[(call, "")]);
                                let mut model = model.lock().unwrap();
                                // Other threads may have freed all that there was.
                                for _ in 0..3.min(model.blocks.len()) {
                                    let at = below(model.blocks.len());
                                    drop(model.freed(at));
                                }
                                // Nobody allocates or frees until the report is there.
                                model
                            });
                            assert_eq!(by_path(&profile), held.calls[call]);
                        }
                        // One inside the other, below a function.
                        3 => {
                            let [outer, inner] = [(), ()].map(|()| model.lock().unwrap().call());
                            let mut more = Vec::with_capacity(20);
                            let ((held, profile), outer_profile) = runcall(|| {
                                let (_, inner_profile) = wrapper(|| {
                                    descend(size, levels, &mut more);
                                    runcall(|| descend(size, levels, &mut blocks))
                                });
                                let calls = [(outer, "wrapper/")];
                                descend_and_tell(model, &mut more, "wrapper/", &calls);
                                let calls = [(outer, "wrapper/"), (inner, "")];
                                descend_and_tell(model, &mut blocks, "wrapper/", &calls);
                                // Blocks of the inner call too, now that it is over.
                                let mut held = model.lock().unwrap();
                                for _ in 0..3.min(held.blocks.len()) {
                                    let last = held.blocks.len() - 1;
                                    drop(held.freed(last - below(4).min(last)));
                                }
                                (held, inner_profile)
                            });
                            assert_eq!(by_path(&outer_profile), held.calls[outer]);
                            let allocated = |sums: &ByPath| -> Vec<(u64, u64)> {
                                sums.values().map(|sum| (sum.allocations, sum.allocated_bytes)).collect()
                            };
                            assert_eq!(allocated(&by_path(&profile)), allocated(&held.calls[inner]));
                        }
                        // On another thread, on behalf of the call.
                        4 => {
                            let call = model.lock().unwrap().call();
                            let (held, profile) = runcall(|| {
                                wrapper(|| {
                                    let place = Place::current();
                                    let blocks = &mut blocks;
                                    std::thread::scope(|scope| {
                                        scope.spawn(move || place.run(|| descend(size, levels, blocks)));
                                    });
                                });
                                descend_and_tell(model, &mut blocks, "wrapper/", &[(call, "wrapper/")]);
                                model.lock().unwrap()
                            });
                            let mut found = by_path(&profile);
                            // Its own are those of the thread that was spawned in it.
                            found.remove("wrapper");
                            assert_eq!(found, held.calls[call]);
                        }
                        // Moved, in the allocator's sense: freed and allocated anew by who asked for it.
                        5 => {
                            let call = model.lock().unwrap().call();
                            let (held, profile) = runcall(|| {
                                let mut model = model.lock().unwrap();
                                if !model.blocks.is_empty() {
                                    let at = below(model.blocks.len());
                                    let mut data = model.freed(at);
                                    let size = data.capacity() + size;
                                    stretch(&mut data, size);
                                    model.allocated(data, "stretch", &[(call, "stretch")]);
                                }
                                model
                            });
                            assert_eq!(by_path(&profile), held.calls[call]);
                        }
                        _ => {
                            let mut model = model.lock().unwrap();
                            for _ in 0..below(8) {
                                if !model.blocks.is_empty() {
                                    let at = below(model.blocks.len());
                                    drop(model.freed(at));
                                }
                            }
                        }
                    }
                }
            });
        }
    });
    let mut model = model.into_inner().unwrap();
    let mut found = by_path(&profile_cost::snapshot());
    found.remove("wrapper");
    assert_eq!(found, model.common);
    // The heap's own snapshot says the same of the paths.
    let snapshot = heap::take_snapshot();
    let mut of_heap = ByPath::new();
    for trace in &snapshot.traces {
        let mut name = String::new();
        let mut at = trace.path;
        while let Some(path) = at.map(|at| &snapshot.paths[at as usize]) {
            let part = path.label.name.rsplit("::").next().unwrap();
            name = if name.is_empty() { part.to_owned() } else { format!("{part}/{name}") };
            at = path.parent;
        }
        let sum = of_heap.entry(name).or_default();
        sum.allocations += trace.counts.allocations;
        sum.allocated_bytes += trace.counts.allocated_bytes;
        sum.frees += trace.counts.frees;
        sum.freed_bytes += trace.counts.freed_bytes;
    }
    of_heap.retain(|path, _| !path.is_empty() && path != "wrapper");
    assert_eq!(of_heap, model.common);
    // Cumulative: each path once for each function that is on it.
    let stats = Stats::new(profile_cost::snapshot());
    for function in ["descend", "leaf", "stretch"] {
        let on_it = |path: &str| path.split('/').any(|part| part == function);
        let live = model.common.iter().filter(|(path, _)| on_it(path)).map(|(_, sum)| sum.live_bytes());
        let (_, row) = stats.functions().find(|(label, _)| label.name.ends_with(function)).unwrap();
        assert_eq!(row.details.cumulative_heap.live_bytes(), live.sum::<u64>(), "{function}");
    }
    // Whatever is freed at last was known.
    while !model.blocks.is_empty() {
        drop(model.freed(0));
    }
    let mut found = by_path(&profile_cost::snapshot());
    found.remove("wrapper");
    assert!(found.values().all(|sum| sum.live_bytes() == 0 && sum.live_blocks() == 0), "{found:?}");
    assert!(model.calls.len() > 500, "{}", model.calls.len());
    heap::stop();
}

/// So many that the table of whose they are has to grow, and most of its places are taken.
#[test]
fn a_call_with_many_blocks() {
    let _alone = alone();
    let (blocks, mut kept, mut freed) = (100_000, Vec::with_capacity(100_000), 0);
    let ((), profile) = runcall(|| {
        for i in 0..blocks {
            kept.push(leaf(16));
            // From all over the heap.
            if i % 3 == 2 {
                drop(kept.swap_remove(i * 7 % kept.len()));
                freed += 1;
            }
        }
        while kept.len() > 1_000 {
            drop(kept.swap_remove(kept.len() / 3));
            freed += 1;
        }
    });
    let blocks = blocks as u64;
    let counts = HeapCounts {
        allocations: blocks,
        allocated_bytes: 16 * blocks,
        frees: freed,
        freed_bytes: 16 * freed,
        samples: 0,
    };
    assert_eq!((of(&profile, "leaf"), kept.len()), (counts, 1_000));
    heap::stop();
}

/// The private tree of a call is used again: what a former call left there and is freed later is not the later call's.
#[test]
fn blocks_of_a_former_call_are_not_those_of_the_next() {
    let _alone = alone();
    let (kept, first) = runcall(|| leaf(300));
    let (_, second) = runcall(|| {
        drop(kept);
        drop(leaf(200));
    });
    let counts = |blocks, bytes, frees, freed_bytes| HeapCounts {
        allocations: blocks,
        allocated_bytes: bytes,
        frees,
        freed_bytes,
        samples: 0,
    };
    assert_eq!(of(&first, "leaf"), counts(1, 300, 0, 0));
    assert_eq!(of(&second, "leaf"), counts(1, 200, 1, 200));
    assert_eq!(of(&profile_cost::snapshot(), "leaf"), counts(2, 500, 2, 500));
    heap::stop();
}

/// After a reset what is still live counts as allocated since, also by functions that are not called any more.
#[test]
fn live_blocks_outlive_a_reset() {
    let _alone = alone();
    let kept = [leaf(1_000), leaf(500)];
    drop(leaf(77));
    profile_cost::reset();
    let counts = |frees, freed_bytes| HeapCounts {
        allocations: 2,
        allocated_bytes: 1_500,
        frees,
        freed_bytes,
        samples: 0,
    };
    assert_eq!(of(&profile_cost::snapshot(), "leaf"), counts(0, 0));
    let mut report = Vec::new();
    Stats::new(profile_cost::snapshot()).print_stats(&mut report, "leaf").unwrap();
    let report = String::from_utf8(report).unwrap();
    assert!(report.contains("1.5 KiB") && report.contains("leaf  "), "{report}");
    drop(kept);
    assert_eq!(of(&profile_cost::snapshot(), "leaf"), counts(2, 1_500));
    heap::stop();
}

/// Where no block is remembered there are still the totals of the process.
#[test]
fn the_process_as_a_whole() {
    let _alone = alone();
    for mode in [Mode::Counters, Mode::Paths, Mode::Exact { frames: 2 }] {
        heap::stop();
        heap::set_mode(mode).unwrap();
        profile_cost::reset();
        let before = profile_cost::snapshot().notes.heap;
        let kept: Vec<_> = (0..1_000).map(|_| leaf(10_000)).collect();
        let all = profile_cost::snapshot().notes.heap;
        // The table of blocks, and what the snapshots take themselves.
        assert!((1_000..5_000).contains(&(all.allocations - before.allocations)), "{mode}: {all:?}");
        assert!(
            (10_000_000..11_000_000).contains(&(all.live_bytes() - before.live_bytes())),
            "{mode}: {all:?}"
        );
        drop(kept);
        let profile = profile_cost::snapshot();
        assert!(profile.notes.heap.live_bytes() < all.live_bytes() - 10_000_000, "{mode}");
        let mut report = Vec::new();
        Stats::new(&profile).print_stats(&mut report, ()).unwrap();
        let report = String::from_utf8(report).unwrap();
        assert!(report.contains("note: all code of the process allocated "), "{report}");
        assert_eq!(report.contains("cum. heap"), mode != Mode::Counters, "{report}");
    }
    heap::stop();
}

#[test]
fn estimates_say_on_how_many_samples_they_stand() {
    let _alone = alone();
    heap::set_mode(Mode::Sample { rate: 1_000 }).unwrap();
    let (kept, profile) = runcall(|| (0..10_000).map(|_| leaf(100)).collect::<Vec<_>>());
    for profile in [profile, profile_cost::snapshot()] {
        let heap = of(&profile, "leaf");
        // Some 950 blocks of 10,000 are sampled, with a deviation of 29; the estimate's is 3 %.
        assert!((800..1_100).contains(&heap.samples), "{heap:?}");
        assert!((800_000..1_200_000).contains(&heap.allocated_bytes), "{heap:?}");
        let mut report = Vec::new();
        Stats::new(profile).print_stats(&mut report, "leaf").unwrap();
        let report = String::from_utf8(report).unwrap();
        // The thousands stand apart there: sometimes more than that are drawn.
        let is_count = |word: &str| word.replace(',', "") == heap.samples.to_string();
        assert!(report.split_whitespace().any(is_count) && report.contains(" KiB"), "{report}");
        let row = report.lines().find(|line| line.contains("leaf  ")).unwrap();
        assert!(row.matches('~').count() == 6, "{report}");
    }
    drop(kept);
    assert_eq!(of(&profile_cost::snapshot(), "leaf").live_bytes(), 0);
    heap::stop();
}
