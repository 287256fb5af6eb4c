//! HOT PATH: what is recorded of a block where all is as it mostly is, in a few instructions that neither lock nor call
//! anything. Whatever is not so is left to `hooks`, before anything was changed.
//!
//! PERF: functions that call nothing they return from save no registers. The compiler takes a thread-local of another crate
//! for a call: so they are generic over `A`, the allocator inside, and compiled into the crate that names it.

use std::alloc::Layout;
use std::sync::atomic::Ordering::Relaxed;

use super::captured;
use super::hooks;
use super::local::{self, Busy, Local};
use super::recording::{self, Kind, Plan};
use super::records::{self, RecordId};
use super::sampler;

/// A block of `size` bytes is about to be allocated: true when that is all, since only a sample is recorded, and the
/// block is not in it.
///
/// NOTE: one that there is no memory for then counts as bytes passed by; the distance to the next sample has no memory.
#[inline(always)]
pub(crate) fn passes_by(size: usize) -> bool {
    let plan = recording::plan();
    if plan.kind() != Kind::Sample {
        return false;
    }
    let Some(local) = local::begun(plan) else { return false };
    let skip = local.skip.load(Relaxed) - size as i64;
    if skip >= 0 {
        local.skip.store(skip, Relaxed);
    }
    skip >= 0
}

/// A block was allocated which [`passes_by`] did not let pass.
#[inline(always)]
#[allow(clippy::extra_unused_type_parameters, reason = "see the top of the file")]
pub(crate) fn allocated<A>(address: usize, layout: Layout) {
    let plan = recording::plan();
    match plan.kind() {
        Kind::Counters => {
            if let Some(local) = local::begun(plan) {
                return hooks::count_allocation(local, layout.size());
            }
        }
        Kind::Paths => return allocated_on_path::<A>(address, layout),
        _ => {}
    }
    hooks::record(address, layout);
}

/// A block is about to be freed: true when all is done that there is to do; else [`freed_block`] does it.
#[inline(always)]
pub(crate) fn freed(address: usize, size: usize) -> bool {
    let plan = recording::plan();
    if plan.is_sample_alone() {
        return !sampler::may_be_sampled(address);
    }
    if plan.kind() == Kind::Counters
        && let Some(local) = local::begun(plan)
    {
        hooks::count_deallocation(local, size);
        return true;
    }
    false
}

/// A block was allocated, in mode `paths`.
#[inline(never)]
#[allow(clippy::extra_unused_type_parameters, reason = "see the top of the file")]
fn allocated_on_path<A>(address: usize, layout: Layout) {
    match try_allocated_on_path(address, layout) {
        Some(Part::Kept) => {}
        Some(Part::Due(local)) => hooks::hand_over(local),
        Some(Part::Found(busy, id)) => hooks::keep_slowly(busy, address, layout.size(), id),
        None => hooks::record(address, layout),
    }
}

/// A block is about to be freed, in a mode that keeps blocks.
#[inline(never)]
#[allow(clippy::extra_unused_type_parameters, reason = "see the top of the file")]
pub(crate) fn freed_block<A>(address: usize, layout: Layout) {
    match try_freed_block(address, layout.size()) {
        Some(Part::Kept) => {}
        Some(Part::Due(local)) => hooks::hand_over(local),
        Some(Part::Found(busy, _)) => hooks::forget_shared(busy, address, layout.size()),
        None => hooks::forget(address, layout),
    }
}

/// What is to be done with the thread's part of the total.
enum Part {
    Kept,
    /// It goes to all.
    Due(&'static Local),
    /// Nothing yet: the block's record was found, but the table that all threads share has to be asked for room, or for
    /// the block.
    Found(Busy<'static>, RecordId),
}

impl Part {
    #[inline(always)]
    fn of(local: &'static Local, is_due: bool) -> Self {
        if is_due { Self::Due(local) } else { Self::Kept }
    }
}

/// The mode, if the thread has begun in it: read once the thread is busy, so that whoever switches off would wait.
#[inline(always)]
fn begun_in(local: &Local) -> Option<Plan> {
    Some(recording::plan()).filter(|plan| local.has_begun_in(*plan))
}

#[inline(always)]
fn try_allocated_on_path(address: usize, layout: Layout) -> Option<Part> {
    let local = local::present()?;
    let busy = local.enter()?;
    if begun_in(local)?.kind() != Kind::Paths || captured::are_in_use() {
        return None;
    }
    let id = hooks::known_on_path(local, layout, hooks::current_path())?;
    let Some(slot) = local.nursery.vacant(address) else { return Some(Part::Found(busy, id)) };
    let line = local.lines().ready(id)?;
    let bytes = layout.size() as u64;
    slot.fill(id);
    line.allocate_more(1, bytes);
    local.allocated(address);
    Some(Part::of(local, local.part.rise(bytes)))
}

#[inline(always)]
fn try_freed_block(address: usize, size: usize) -> Option<Part> {
    let local = local::present()?;
    let busy = local.enter()?;
    begun_in(local)?;
    if captured::are_open() {
        return None;
    }
    let Some(young) = local.nursery.find(address) else {
        return Some(Part::Found(busy, records::TRUNCATED));
    };
    let line = local.lines().ready(young.id())?;
    young.remove();
    // No sample: those are not kept there.
    line.free_more(1, size as u64, local.is_recent(address));
    Some(Part::of(local, local.part.sink(size as u64)))
}
