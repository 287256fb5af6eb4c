//! HOT PATH: what is recorded of a block that was allocated, freed or moved. Neither allocates, nor unwinds, nor
//! waits for the thread itself.

use std::alloc::Layout;
use std::mem::MaybeUninit;
use std::sync::atomic::Ordering::Relaxed;

use super::captured::{self, Owners, Weight};
use super::live;
use super::local::{self, Busy, Late, Local};
use super::mode::Mode;
use super::quick;
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

/// In mode `counters`.
#[inline(always)]
pub(super) fn count_allocation(local: &Local, size: usize) {
    add(&local.counters[0], 1);
    add(&local.counters[1], size as u64);
    if local.part.rise(size as u64) {
        hand_over(local);
    }
}

/// In mode `counters`.
#[inline(always)]
pub(super) fn count_deallocation(local: &Local, size: usize) {
    add(&local.counters[2], 1);
    add(&local.counters[3], size as u64);
    if local.part.sink(size as u64) {
        hand_over(local);
    }
}

/// A block was allocated: what `quick` does not do.
#[inline(never)]
pub(super) fn record(address: usize, layout: Layout) {
    let Some(local) = local::current() else { return late(address, layout) };
    let plan = recording::plan();
    match plan.kind() {
        Kind::Off => return,
        Kind::Probe => return recording::note_installed(),
        Kind::Counters => {
            local.begin_in(plan);
            return count_allocation(local, layout.size());
        }
        Kind::Sample if !is_chosen(local, plan, layout.size()) => return,
        Kind::Sample | Kind::Paths | Kind::Exact => {}
    }
    let Some(_busy) = local.enter() else { return };
    let (before, plan) = (plan, recording::plan());
    match plan.kind() {
        Kind::Sample if before.kind() == Kind::Sample => record_sample(local, plan, address, layout),
        Kind::Paths | Kind::Exact if before.keeps_every_block() => {
            local.begin_in(plan);
            local.nursery.prefetch(address);
            let path = current_path();
            let home = home(path);
            let id = match plan.kind() {
                Kind::Paths => intern_path(local, layout, home),
                _ => intern(local, plan, layout, 0, home),
            };
            keep(local, address, layout, path, id);
        }
        _ => {}
    }
}

/// A block of the record `id`, for which `quick` has found no place. No call has a report of its own.
#[inline(never)]
pub(super) fn keep_slowly(busy: Busy<'static>, address: usize, size: usize, id: RecordId) {
    let local = busy.local();
    local.nursery.prefetch(address);
    if local.nursery.insert_slowly(address, id) {
        count(local, id, address, size);
    } else {
        add(&local.unrecorded, 1);
        recording::note_full();
    }
}

#[inline(always)]
fn count(local: &Local, id: RecordId, address: usize, size: usize) {
    local.lines().of(id).allocate(1, size as u64);
    local.part.grow(size as u64);
    local.allocated(address);
}

/// A block that stands for itself, of the record `id`.
#[inline(always)]
fn keep(local: &'static Local, address: usize, layout: Layout, path: u32, id: RecordId) {
    if !local.nursery.insert(address, id) {
        add(&local.unrecorded, 1);
        return recording::note_full();
    }
    count(local, id, address, layout.size());
    if captured::are_open() {
        captured::allocated(address, path, Weight::one(layout.size()));
    }
}

/// The call path that the thread is on; `u32::MAX` outside of all, and in code of ours.
#[inline(always)]
pub(super) fn current_path() -> u32 {
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
    known_on_path(local, layout, path)
        .unwrap_or_else(|| find(local, shape_of(layout, 0, path), NO_STACK, &[], layout))
}

/// The same, if the thread has found it lately.
#[inline(always)]
pub(super) fn known_on_path(local: &Local, layout: Layout, path: u32) -> Option<RecordId> {
    local.known(shape_of(layout, 0, path).word(), NO_STACK)
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

/// Whether a block of that size is sampled.
#[cold]
#[inline(never)]
fn is_chosen(local: &Local, plan: Plan, size: usize) -> bool {
    let rate = sampler::rate_of(plan.rate());
    let mut random = local.random.load(Relaxed);
    let mut skip = local.skip.load(Relaxed);
    if !local.has_begun_in(plan) {
        // The distance has no memory: it can be drawn anew at any time.
        local.seen.store(plan.word(), Relaxed);
        skip = sampler::gap(&mut random, rate);
    }
    skip -= size as i64;
    let chosen = skip < 0;
    if chosen {
        skip = sampler::gap(&mut random, rate);
    }
    local.random.store(random, Relaxed);
    local.skip.store(skip, Relaxed);
    chosen
}

#[inline(always)]
fn record_sample(local: &Local, plan: Plan, address: usize, layout: Layout) {
    local.join(plan);
    let path = current_path();
    let id = intern(local, plan, layout, plan.rate(), home(path));
    // Past the cap it may be the record of what cannot be told apart, which has no rate to weigh the block by.
    if records::get(id).rate.load(Relaxed) == 0 || !live::insert(address, id) {
        return add(&local.unrecorded, 1);
    }
    sampler::note_sampled(address);
    let weight = sampler::weight(layout.size(), sampler::rate_of(plan.rate()));
    if let Some(extra) = records::make_extra(id) {
        extra.sampled.fetch_add(1, Relaxed);
        extra.samples.fetch_add(1, Relaxed);
        extra.variance.fetch_add(weight.variance, Relaxed);
    }
    local.lines().of(id).allocate(weight.blocks, weight.bytes);
    local.part.grow(weight.bytes);
    local.allocated(address);
    if captured::are_open() {
        let weight = Weight { blocks: weight.blocks, bytes: weight.bytes, is_sample: true };
        captured::allocated(address, path, weight);
    }
}

/// The thread's part of the total goes to all.
#[cold]
#[inline(never)]
pub(super) fn hand_over(local: &Local) {
    let Some(_busy) = local.enter() else { return };
    if local.is_of(recording::plan().generation()) {
        local.part.hand_over();
    }
}

/// A block is about to be freed which is not among those that its thread allocated last. No call has a report of its own
/// to come.
#[inline(never)]
pub(super) fn forget_shared(busy: Busy<'static>, address: usize, size: usize) {
    let local = busy.local();
    let plan = recording::plan();
    if !plan.keeps_blocks() {
        return;
    }
    // In a sample a thread may have begun without.
    local.join(plan);
    match live::remove(address) {
        Some(id) if plan.has_blocks_alone() => {
            local.lines().of(id).free(1, size as u64, local.is_recent(address));
            local.part.shrink(size as u64);
        }
        Some(id) => count_free(local, id, address, size, local.is_recent(address)),
        None => count_unknown(local, plan),
    }
}

/// A block is freed that is not known. In a sample it is most likely one that was not chosen.
#[inline(always)]
fn count_unknown(local: &Local, plan: Plan) {
    if plan.keeps_every_block() {
        add(&local.older_frees, 1);
    }
}

/// A block is about to be freed: what `quick` does not do.
#[inline(never)]
pub(super) fn forget(address: usize, layout: Layout) {
    let plan = recording::plan();
    if !plan.keeps_blocks() {
        return forget_counted(plan, layout);
    }
    let Some(local) = local::current() else { return forget_late(address, layout) };
    let Some(_busy) = local.enter() else { return };
    let plan = recording::plan();
    if !plan.keeps_blocks() {
        return;
    }
    local.join(plan);
    match local.nursery.remove(address).or_else(|| live::remove(address)) {
        Some(id) => {
            free_captured(id, address, layout.size());
            count_free(local, id, address, layout.size(), local.is_recent(address));
        }
        None => count_unknown(local, plan),
    }
}

#[cold]
#[inline(never)]
fn forget_counted(plan: Plan, layout: Layout) {
    if plan.kind() == Kind::Counters {
        let Some(local) = local::current() else { return tallies::count_unplaced(layout.size(), true) };
        local.begin_in(plan);
        count_deallocation(local, layout.size());
    }
}

#[cold]
#[inline(never)]
fn forget_late(address: usize, layout: Layout) {
    let Some(_late) = Late::enter() else { return };
    if recording::plan().keeps_blocks()
        && let Some(id) = live::remove(address)
    {
        free_captured(id, address, layout.size());
        count_late(id, address, layout.size(), true);
    }
}

/// Tells the calls with a report of their own of a block that is freed.
#[inline(always)]
fn free_captured(id: RecordId, address: usize, size: usize) -> Owners {
    if captured::are_open() { captured::freed(address, weight_of(id, size)) } else { Owners::default() }
}

#[inline(never)]
fn weight_of(id: RecordId, size: usize) -> Weight {
    match records::get(id).rate.load(Relaxed) {
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
    local.lines().of(id).free(blocks, bytes, temporary);
    local.part.shrink(bytes);
}

/// What a block that is freed stands for; of a sample, takes back what it had told the filter and the variance.
#[inline(always)]
fn weigh(id: RecordId, address: usize, size: usize) -> (u64, u64) {
    match records::get(id).rate.load(Relaxed) {
        0 => (1, size as u64),
        rate => {
            let weight = sampler::weight(size, sampler::rate_of(rate));
            sampler::note_freed(address);
            if let Some(extra) = records::extra(id) {
                extra.samples.fetch_sub(1, Relaxed);
                extra.variance.fetch_sub(weight.variance, Relaxed);
            }
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
    let young = local.and_then(|local| local.nursery.remove(address));
    let id = young.or_else(|| live::remove(address))?;
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
        if !quick::freed(from, old.size()) {
            forget(from, old);
        }
    } else if plan.keeps_every_block() || known.0.is_some() {
        rate = settle(known, from, old.size());
    }
    // SAFETY: the alignment is that of a layout, and the allocator has just served the size.
    let layout = unsafe { Layout::from_size_align_unchecked(size, old.align()) };
    if !quick::passes_by(size) {
        record(to, layout);
    }
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
            return Some(records::get(id).rate.load(Relaxed));
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
    add_copied(id, (bytes as f64 * blocks).round() as u64);
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
        add_copied(id, bytes as u64);
    }
}

/// NOTE: what is copied past the cap may not be counted.
fn add_copied(id: RecordId, bytes: u64) {
    if let Some(extra) = records::make_extra(id) {
        extra.copied_bytes.fetch_add(bytes, Relaxed);
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
