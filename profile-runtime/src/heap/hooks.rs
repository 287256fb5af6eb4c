//! HOT PATH: what is recorded of a block that was allocated, freed or moved. Neither allocates, nor unwinds, nor
//! waits for the thread itself.

use std::alloc::Layout;
use std::mem::MaybeUninit;
use std::sync::atomic::Ordering::Relaxed;

use super::captured::{self, Owners, Weight};
use super::live;
use super::local::{self, Local};
use super::mode::Mode;
use super::recording::{self, Kind, Plan};
use super::records::{self, Key, RecordId, Shape};
use super::sampler;
use super::size_class::SizeClass;
use super::tallies;
use super::walker;
use crate::thread;

/// Frames of our own that a walk begins with: into `record`, into a method of `Tracker`.
const OWN_FRAMES: usize = 2;
/// Frames that stand between a method of `Tracker` and whoever asked for memory (`__rust_alloc`).
const SHIM_FRAMES: usize = 1;
const MOST_FRAMES: usize = Mode::MAX_FRAMES as usize + OWN_FRAMES + SHIM_FRAMES;

#[inline(always)]
fn add(counter: &std::sync::atomic::AtomicU64, more: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(more), Relaxed);
}

/// A block was allocated.
#[inline(always)]
pub(crate) fn allocated(address: usize, layout: Layout) {
    let plan = recording::plan();
    let Some(local) = local::current() else {
        return late(address, layout);
    };
    match plan.kind() {
        Kind::Off => {}
        Kind::Probe => recording::note_installed(),
        Kind::Counters => {
            add(&local.counters[0], 1);
            add(&local.counters[1], layout.size() as u64);
            local.part.grow(layout.size() as u64);
        }
        Kind::Sample => {
            let skip = local.skip.load(Relaxed) - layout.size() as i64;
            local.skip.store(skip, Relaxed);
            if skip < 0 || local.seen.load(Relaxed) != plan.word() {
                sample(local, plan, address, layout);
            }
        }
        Kind::Paths | Kind::Exact => record(local, address, layout),
    }
}

/// Recorded as one block of its own.
#[inline(never)]
fn record(local: &Local, address: usize, layout: Layout) {
    let Some(_busy) = local.enter() else { return };
    // Again, now that whoever switches off would wait for us.
    let plan = recording::plan();
    if !plan.keeps_every_block() {
        return;
    }
    live::prefetch(address);
    let path = current_path();
    let home = home(path);
    let id = match plan.kind() {
        Kind::Paths => intern_path(local, layout, home),
        _ => intern(local, plan, layout, 0, home),
    };
    if !live::insert(address, id) {
        add(&local.unrecorded, 1);
        return recording::note_full();
    }
    local.lines.of(id).allocate(1, layout.size() as u64);
    local.part.grow(layout.size() as u64);
    local.allocated(address);
    if captured::are_open() {
        captured::allocated(address, path, Weight::one(layout.size()));
    }
}

/// The call path that the thread is on; `u32::MAX` outside of all, and in code of ours.
#[inline(always)]
fn current_path() -> u32 {
    if thread::is_inside() {
        return u32::MAX;
    }
    thread::block().current_path().unwrap_or(u32::MAX)
}

/// The same in the common tree: where what a call with a report of its own allocates is counted.
#[inline(always)]
fn home(path: u32) -> u32 {
    if captured::are_in_use() { captured::home(path) } else { path }
}

/// All of a record's key but the stack.
#[inline(always)]
fn shape_of(layout: Layout, rate: u8, path: u32) -> Shape {
    Shape {
        path,
        size_class: SizeClass::of(layout.size() as u64).0,
        align_log2: layout.align().trailing_zeros() as u8,
        rate,
    }
}

/// The record of the calling thread's path.
#[inline(always)]
fn intern_path(local: &Local, layout: Layout, path: u32) -> RecordId {
    let shape = shape_of(layout, 0, path);
    local.known(shape.word(), 0).unwrap_or_else(|| find(local, shape, 0, &[], layout))
}

/// The record of the calling thread's stack and path.
///
/// PERF: a thread that allocates where it has allocated before finds the record by two comparisons.
#[inline(never)]
fn intern(local: &Local, plan: Plan, layout: Layout, rate: u8, path: u32) -> RecordId {
    let shape = shape_of(layout, rate, path);
    let mut stack = [const { MaybeUninit::<usize>::uninit() }; MOST_FRAMES];
    let asked = plan.frames() + OWN_FRAMES + SHIM_FRAMES;
    // SAFETY: any word is a `usize`, and the walker writes before it counts.
    let stack = unsafe { std::slice::from_raw_parts_mut(stack.as_mut_ptr().cast::<usize>(), asked) };
    let walked = walker::walk_unless_same(stack);
    if walked.is_same() {
        if let Some(id) = local.known(shape.word(), walked.number) {
            return id;
        }
        walker::same(walked, stack);
    }
    let found = walked.len().min(asked);
    find(local, shape, walked.number, &stack[OWN_FRAMES.min(found)..found], layout)
}

/// The record of that key, made if need be; remembered as that of the thread's `stack`.
#[inline(always)]
fn find(local: &Local, shape: Shape, stack: u64, frames: &[usize], layout: Layout) -> RecordId {
    let id = records::intern(&Key { frames, shape }, layout.size());
    local.know(shape.word(), stack, id);
    id
}

/// The thread has come to a sample, or to another mode.
#[cold]
#[inline(never)]
fn sample(local: &Local, plan: Plan, address: usize, layout: Layout) {
    let rate = sampler::rate_of(plan.rate());
    let mut random = local.random.load(Relaxed);
    let mut skip = local.skip.load(Relaxed);
    if local.seen.load(Relaxed) != plan.word() {
        // The distance has no memory: it can be drawn anew at any time.
        local.seen.store(plan.word(), Relaxed);
        skip = sampler::gap(&mut random, rate) - layout.size() as i64;
    }
    let chosen = skip < 0;
    if chosen {
        skip = sampler::gap(&mut random, rate);
    }
    local.random.store(random, Relaxed);
    local.skip.store(skip, Relaxed);
    if chosen {
        record_sample(local, address, layout);
    }
}

#[inline(never)]
fn record_sample(local: &Local, address: usize, layout: Layout) {
    let Some(_busy) = local.enter() else { return };
    let plan = recording::plan();
    if plan.kind() != Kind::Sample {
        return;
    }
    let path = current_path();
    let id = intern(local, plan, layout, plan.rate(), home(path));
    if !live::insert(address, id) {
        return add(&local.unrecorded, 1);
    }
    sampler::note_sampled(address);
    let weight = sampler::weight(layout.size(), sampler::rate_of(plan.rate()));
    let record = records::get(id);
    record.sampled.fetch_add(1, Relaxed);
    record.samples.fetch_add(1, Relaxed);
    record.variance.fetch_add(weight.variance, Relaxed);
    local.lines.of(id).allocate(weight.blocks, weight.bytes);
    local.part.grow(weight.bytes);
    local.allocated(address);
    if captured::are_open() {
        let weight = Weight { blocks: weight.blocks, bytes: weight.bytes, is_sample: true };
        captured::allocated(address, path, weight);
    }
}

/// A block is about to be freed.
#[inline(always)]
pub(crate) fn freed(address: usize, layout: Layout) {
    let plan = recording::plan();
    match plan.kind() {
        Kind::Off | Kind::Probe => {}
        Kind::Counters => {
            let Some(local) = local::current() else { return };
            add(&local.counters[2], 1);
            add(&local.counters[3], layout.size() as u64);
            local.part.shrink(layout.size() as u64);
        }
        Kind::Sample if !plan.has_others() && !sampler::may_be_sampled(address) => {}
        Kind::Sample | Kind::Paths | Kind::Exact => forget(address, layout),
    }
}

#[inline(never)]
fn forget(address: usize, layout: Layout) {
    let Some(local) = local::current() else {
        if recording::plan().keeps_blocks()
            && let Some(id) = live::remove(address)
        {
            free_captured(id, address, layout.size());
            count_late(id, layout.size(), true);
        }
        return;
    };
    let Some(_busy) = local.enter() else { return };
    if !recording::plan().keeps_blocks() {
        return;
    }
    match live::remove(address) {
        Some(id) => {
            free_captured(id, address, layout.size());
            count_free(local, id, address, layout.size(), local.is_recent(address));
        }
        None => add(&local.older_frees, 1),
    }
}

/// Tells the calls with a report of their own of a block that is freed.
#[inline(always)]
fn free_captured(id: RecordId, address: usize, size: usize) -> Owners {
    if captured::are_open() { captured::freed(address, weight_of(id, size)) } else { Owners::default() }
}

#[inline(never)]
fn weight_of(id: RecordId, size: usize) -> Weight {
    match records::get(id).rate.load(Relaxed) as u8 {
        0 => Weight::one(size),
        rate => {
            let weight = sampler::weight(size, sampler::rate_of(rate));
            Weight { blocks: weight.blocks, bytes: weight.bytes, is_sample: true }
        }
    }
}

/// Counts a block of `size` bytes as freed, which is not among the live ones any more.
#[inline(always)]
fn count_free(local: &Local, id: RecordId, address: usize, size: usize, temporary: bool) {
    let (blocks, bytes) = weigh(id, address, size);
    local.lines.of(id).free(blocks, bytes, temporary);
    local.part.shrink(bytes);
}

/// What a block that is freed stands for; of a sample, takes back what it had told the filter and the variance.
#[inline(always)]
fn weigh(id: RecordId, address: usize, size: usize) -> (u64, u64) {
    let record = records::get(id);
    match record.rate.load(Relaxed) as u8 {
        0 => (1, size as u64),
        rate => {
            let weight = sampler::weight(size, sampler::rate_of(rate));
            sampler::note_freed(address);
            record.samples.fetch_sub(1, Relaxed);
            record.variance.fetch_sub(weight.variance, Relaxed);
            (weight.blocks, weight.bytes)
        }
    }
}

/// What was known of a block that is being moved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moving(Option<RecordId>);

/// A block is about to be moved: its address may be another's as soon as it is.
#[inline(always)]
pub(crate) fn moving(address: usize, size: usize) -> Moving {
    let plan = recording::plan();
    match plan.kind() {
        Kind::Off | Kind::Probe | Kind::Counters => Moving(None),
        Kind::Sample if !plan.has_others() && !sampler::may_be_sampled(address) => Moving(None),
        Kind::Sample | Kind::Paths | Kind::Exact => Moving(take(address, size)),
    }
}

#[inline(never)]
fn take(address: usize, size: usize) -> Option<RecordId> {
    let local = local::current();
    let _busy = match local {
        Some(local) => Some(local.enter()?),
        None => None,
    };
    if !recording::plan().keeps_blocks() {
        return None;
    }
    let id = live::remove(address)?;
    if captured::are_open() {
        let owners = free_captured(id, address, size);
        if let Some(local) = local {
            local.set_moving(owners);
        }
    }
    Some(id)
}

/// It could not be moved, and is where it was.
#[cold]
pub(crate) fn stayed(known: Moving, address: usize, size: usize) {
    if let (Some(id), Some(local)) = (known.0, local::current())
        && let Some(_busy) = local.enter()
        && recording::plan().keeps_blocks()
        && id < records::len()
    {
        live::insert(address, id);
        if captured::are_open() {
            captured::stayed(address, local.take_moving(), weight_of(id, size));
        }
    }
}

/// It is at `to` now, with `size` bytes: the block of whoever asked for that.
#[inline(always)]
pub(crate) fn moved(known: Moving, from: usize, old: Layout, to: usize, size: usize) {
    let plan = recording::plan();
    if plan.kind() == Kind::Counters {
        freed(from, old);
    } else if let Some(id) = known.0 {
        settle(id, from, old.size());
    } else if plan.keeps_every_block()
        && let Some(local) = local::current()
    {
        add(&local.older_frees, 1);
    }
    // SAFETY: the alignment is that of a layout, and the allocator has just served the size.
    let layout = unsafe { Layout::from_size_align_unchecked(size, old.align()) };
    allocated(to, layout);
    if from != to && plan.keeps_every_block() {
        copied(to, old.size().min(size));
    }
}

#[inline(never)]
fn settle(id: RecordId, from: usize, size: usize) {
    let Some(local) = local::current() else { return count_late(id, size, true) };
    if let Some(_busy) = local.enter()
        && recording::plan().keeps_blocks()
        && id < records::len()
    {
        count_free(local, id, from, size, false);
    }
}

/// `bytes` were copied into the block, which was recorded just now.
#[cold]
#[inline(never)]
fn copied(address: usize, bytes: usize) {
    let Some(local) = local::current() else { return };
    let Some(_busy) = local.enter() else { return };
    if recording::plan().keeps_every_block()
        && let Some(id) = live::find(address)
    {
        records::get(id).copied_bytes.fetch_add(bytes as u64, Relaxed);
    }
}

/// On a thread that has no state any more (its thread-locals are being destroyed) or not yet.
#[cold]
#[inline(never)]
fn late(address: usize, layout: Layout) {
    let plan = recording::plan();
    if plan.kind() == Kind::Probe {
        return recording::note_installed();
    }
    if !plan.keeps_every_block() || local::is_quiet() {
        return;
    }
    // NOTE: such a thread cannot say that it is busy, so no stack is walked and no table made: only what is there.
    if records::len() > 0 && live::insert(address, records::TRUNCATED) {
        count_late(records::TRUNCATED, layout.size(), false);
    }
}

#[cold]
fn count_late(id: RecordId, size: usize, freed: bool) {
    let (blocks, bytes) = weigh(id, 0, size);
    tallies::count_late(id, blocks, bytes, freed);
}
