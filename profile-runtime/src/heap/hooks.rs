//! HOT PATH: what is recorded of a block that was allocated, freed or moved. Neither allocates, nor unwinds, nor
//! waits for the thread itself.

use std::alloc::Layout;
use std::mem::MaybeUninit;
use std::sync::atomic::Ordering::Relaxed;

use super::captured::{self, Owners, Weight};
use super::live;
use super::local::{self, Late, Local};
use super::mode::Mode;
use super::recording::{self, Kind, Plan};
use super::records::{self, Key, RecordId, Shape};
use super::sampler;
use super::size_class::SizeClass;
use super::tallies;
use super::walker;
use crate::thread;

/// Frames of our own that a walk begins with: into `intern`, into what called it here, into a method of `Tracker`.
///
/// NOTE: the same in every build, since none of these is inlined and all between them is. What comes next is whoever
/// called the allocator: optimised, the compiler's `__rust_alloc` leaves no frame; else it is the innermost one kept.
const OWN_FRAMES: usize = 3;
const MOST_FRAMES: usize = Mode::MAX_FRAMES as usize + OWN_FRAMES;
/// In place of a stack's number, where none is walked.
const NO_STACK: u64 = u64::MAX;

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
            local.join(plan);
            add(&local.counters[0], 1);
            add(&local.counters[1], layout.size() as u64);
            if local.part.rise(layout.size() as u64) {
                hand_over(local);
            }
        }
        Kind::Sample => {
            let skip = local.skip.load(Relaxed) - layout.size() as i64;
            local.skip.store(skip, Relaxed);
            if (skip < 0 || local.seen.load(Relaxed) != plan.word()) && is_chosen(local, plan, layout.size())
            {
                record_sample(local, address, layout);
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
    local.join(plan);
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
    local.known(shape.word(), NO_STACK).unwrap_or_else(|| find(local, shape, NO_STACK, &[], layout))
}

/// The record of the calling thread's stack and path.
///
/// PERF: a thread that allocates where it has allocated before finds the record by two comparisons.
#[inline(never)]
fn intern(local: &Local, plan: Plan, layout: Layout, rate: u8, path: u32) -> RecordId {
    let shape = shape_of(layout, rate, path);
    let mut stack = [const { MaybeUninit::<usize>::uninit() }; MOST_FRAMES];
    let asked = plan.frames() + OWN_FRAMES;
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
    if stack != walker::UNCOUNTED {
        local.know(shape.word(), stack, id);
    }
    id
}

/// Whether a block of that size is sampled, when the thread has come to a sample, or to another mode.
#[cold]
#[inline(never)]
fn is_chosen(local: &Local, plan: Plan, size: usize) -> bool {
    let rate = sampler::rate_of(plan.rate());
    let mut random = local.random.load(Relaxed);
    let mut skip = local.skip.load(Relaxed);
    if local.seen.load(Relaxed) != plan.word() {
        // The distance has no memory: it can be drawn anew at any time.
        local.seen.store(plan.word(), Relaxed);
        skip = sampler::gap(&mut random, rate) - size as i64;
    }
    let chosen = skip < 0;
    if chosen {
        skip = sampler::gap(&mut random, rate);
    }
    local.random.store(random, Relaxed);
    local.skip.store(skip, Relaxed);
    chosen
}

#[inline(never)]
fn record_sample(local: &Local, address: usize, layout: Layout) {
    let Some(_busy) = local.enter() else { return };
    let plan = recording::plan();
    if plan.kind() != Kind::Sample {
        return;
    }
    local.join(plan);
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

/// The thread's part of the total goes to all, in mode `counters`.
#[cold]
#[inline(never)]
fn hand_over(local: &Local) {
    let Some(_busy) = local.enter() else { return };
    if local.is_of(recording::plan().generation()) {
        local.part.hand_over();
    }
}

/// A block is about to be freed.
#[inline(always)]
pub(crate) fn freed(address: usize, layout: Layout) {
    let plan = recording::plan();
    match plan.kind() {
        Kind::Off | Kind::Probe => {}
        Kind::Counters => {
            let Some(local) = local::current() else { return tallies::count_unplaced(layout.size(), true) };
            local.join(plan);
            add(&local.counters[2], 1);
            add(&local.counters[3], layout.size() as u64);
            if local.part.sink(layout.size() as u64) {
                hand_over(local);
            }
        }
        Kind::Sample if !plan.has_others() && !sampler::may_be_sampled(address) => {}
        Kind::Sample | Kind::Paths | Kind::Exact => forget(address, layout),
    }
}

#[inline(never)]
fn forget(address: usize, layout: Layout) {
    let Some(local) = local::current() else {
        let Some(_late) = Late::enter() else { return };
        if recording::plan().keeps_blocks()
            && let Some(id) = live::remove(address)
        {
            free_captured(id, address, layout.size());
            count_late(id, address, layout.size(), true);
        }
        return;
    };
    let Some(_busy) = local.enter() else { return };
    let plan = recording::plan();
    if !plan.keeps_blocks() {
        return;
    }
    local.join(plan);
    match live::remove(address) {
        Some(id) => {
            free_captured(id, address, layout.size());
            count_free(local, id, address, layout.size(), local.is_recent(address));
        }
        // In a sample it is most likely one that was not chosen.
        None if plan.keeps_every_block() => add(&local.older_frees, 1),
        None => {}
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

/// What was known of a block that is being moved: its record, and the recording that this is one of.
///
/// NOTE: while it is moved nobody waits for the thread, so all may be forgotten and begun anew meanwhile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moving(Option<(RecordId, u32)>);

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
fn take(address: usize, size: usize) -> Option<(RecordId, u32)> {
    let local = local::current();
    let (_busy, _late) = match local {
        Some(local) => (Some(local.enter()?), None),
        None => (None, Some(Late::enter()?)),
    };
    let plan = recording::plan();
    if !plan.keeps_blocks() {
        return None;
    }
    let id = live::remove(address)?;
    if captured::are_open() {
        let owners = free_captured(id, address, size);
        if let Some(local) = local {
            local.set_moving(owners);
        }
    }
    Some((id, plan.generation()))
}

/// It could not be moved, and is where it was.
#[cold]
pub(crate) fn stayed(known: Moving, address: usize, size: usize) {
    let Some((id, generation)) = known.0 else { return };
    let local = local::current();
    let (busy, late) = match local {
        Some(local) => (local.enter(), None),
        None => (None, Late::enter()),
    };
    if (busy.is_some() || late.is_some()) && recording::plan().still_keeps(generation) {
        live::insert(address, id);
        if captured::are_open() {
            let owners = local.map_or_else(Owners::default, Local::take_moving);
            captured::stayed(address, owners, weight_of(id, size));
        }
    }
}

/// It is at `to` now, with `size` bytes: the block of whoever asked for that.
#[inline(always)]
pub(crate) fn moved(known: Moving, from: usize, old: Layout, to: usize, size: usize) {
    let plan = recording::plan();
    let mut rate = None;
    if plan.kind() == Kind::Counters {
        freed(from, old);
    } else if plan.keeps_every_block() || known.0.is_some() {
        rate = settle(known, from, old.size());
    }
    // SAFETY: the alignment is that of a layout, and the allocator has just served the size.
    let layout = unsafe { Layout::from_size_align_unchecked(size, old.align()) };
    allocated(to, layout);
    if from != to {
        let bytes = old.size().min(size);
        if plan.keeps_every_block() {
            copied(to, bytes);
        } else if let Some(rate) = rate {
            copied_sample(rate, old.size(), bytes, layout);
        }
    }
}

/// Counts the block that was moved as freed; the slot of the rate that it was sampled by.
#[inline(never)]
fn settle(known: Moving, from: usize, size: usize) -> Option<u8> {
    let Some(local) = local::current() else {
        let (id, generation) = known.0?;
        let _late = Late::enter()?;
        if recording::plan().still_keeps(generation) {
            count_late(id, from, size, true);
        }
        return None;
    };
    let _busy = local.enter()?;
    let plan = recording::plan();
    if !plan.keeps_blocks() {
        return None;
    }
    local.join(plan);
    match known.0 {
        Some((id, generation)) if generation == plan.generation() => {
            count_free(local, id, from, size, false);
            return Some(records::get(id).rate.load(Relaxed) as u8);
        }
        _ if plan.keeps_every_block() => add(&local.older_frees, 1),
        _ => {}
    }
    None
}

/// `bytes` of a block of `size` were copied that had been sampled by `rate`: they stand for those of the blocks that
/// had not, and belong to whoever moved it, though the block that they went to need not be a sample.
#[cold]
#[inline(never)]
fn copied_sample(rate: u8, size: usize, bytes: usize, to: Layout) {
    let Some(local) = local::current() else { return };
    let Some(_busy) = local.enter() else { return };
    let plan = recording::plan();
    if plan.kind() != Kind::Sample {
        return;
    }
    let blocks = match rate {
        0 => 1.0,
        rate => sampler::weight(size, sampler::rate_of(rate)).blocks as f64 / sampler::UNIT as f64,
    };
    let id = intern(local, plan, to, plan.rate(), home(current_path()));
    records::get(id).copied_bytes.fetch_add((bytes as f64 * blocks).round() as u64, Relaxed);
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
    match recording::plan().kind() {
        Kind::Probe => return recording::note_installed(),
        Kind::Counters => return tallies::count_unplaced(layout.size(), false),
        _ if local::is_quiet() => return,
        _ => {}
    }
    let Some(_late) = Late::enter() else { return };
    // NOTE: the stack of such a thread is not walked: what a walk needs of the thread may be gone.
    if recording::plan().keeps_every_block() && live::insert(address, records::TRUNCATED) {
        count_late(records::TRUNCATED, address, layout.size(), false);
    }
}

#[cold]
fn count_late(id: RecordId, address: usize, size: usize, freed: bool) {
    let (blocks, bytes) = weigh(id, address, size);
    tallies::count_late(id, blocks, bytes, freed);
}
