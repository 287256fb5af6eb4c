//! HOT PATH: the thread's walk before. What of the stack is unchanged since, outwards from some frame, needs no steps.
//!
//! A step from a frame to its caller depends on the frame's registers, on the words that it reads, and on the table. So
//! where a walk comes to a frame that the one before had with the same registers, and all words that lead outwards from
//! it are still the same, the rest is what the one before found.
//!
//! PERF: a step waits for the word that the step before has read, 12 cycles each; to look whether words have changed,
//! nothing waits.

use std::cell::{Cell, UnsafeCell};
use std::mem::MaybeUninit;
use std::{ptr, slice};

use super::frame::Frame;
use super::table::Table;
use super::walked::Walked;

/// Most frames that are kept; longer walks keep none.
pub(super) const FRAMES: usize = 64;
/// Of the buffer, so that frames stay where they are while others come and go on both ends.
const CAPACITY: usize = 2 * FRAMES;

struct Memo {
    /// A walk of this thread is at it.
    busy: Cell<bool>,
    /// Which frames of the buffer: innermost first.
    first: Cell<usize>,
    len: Cell<usize>,
    /// What it was walked by, and the end of the stack that it was on.
    table: Cell<*const Table>,
    end: Cell<usize>,
    /// Goes up whenever a walk finds another stack than the one before.
    number: Cell<u64>,
    frames: UnsafeCell<[Frame; CAPACITY]>,
}

thread_local! {
    static MEMO: Memo = const {
        Memo {
            busy: Cell::new(false),
            first: Cell::new(0),
            len: Cell::new(0),
            table: Cell::new(ptr::null()),
            end: Cell::new(0),
            number: Cell::new(0),
            frames: UnsafeCell::new([Frame::NONE; CAPACITY]),
        }
    };
}

impl Memo {
    /// The frames that are kept. INVARIANT: `first + len` is within the buffer; each frame's `rsp` is above that of the
    /// one before, and `end` at most.
    #[inline(always)]
    fn frames(&self) -> *mut Frame {
        // SAFETY: within the buffer, by the invariant.
        unsafe { self.frames.get().cast::<Frame>().add(self.first.get()) }
    }

    /// The first from which on all words that lead outwards are the same: 1 at least, if there are any frames.
    ///
    /// # Safety
    /// The stack is mapped from `rsp` to `end`.
    #[inline(always)]
    unsafe fn unchanged_from(&self, rsp: usize) -> usize {
        let (frames, len) = (self.frames(), self.len.get());
        let mut inside = 0;
        // SAFETY: up to `len`. The words that lead to a frame are between the rsp of the one inside of it and its own.
        unsafe {
            while inside < len && (*frames.add(inside)).rsp < rsp {
                inside += 1;
            }
            let mut from = len;
            while from > inside + 1 && (*frames.add(from - 1)).is_unchanged() {
                from -= 1;
            }
            from
        }
    }

    /// Walks from the frame `innermost` outwards, and fills `out` when that is another stack than before.
    ///
    /// # Safety
    /// As for [`walk`].
    #[inline(always)]
    unsafe fn walk(
        &self,
        out: *mut usize,
        most: usize,
        innermost: Frame,
        table: &'static Table,
        end: usize,
    ) -> Walked {
        if !ptr::eq(self.table.get(), table) || self.end.get() != end {
            self.len.set(0);
            self.table.set(table);
            self.end.set(end);
        }
        let (frames, len) = (self.frames(), self.len.get());
        // SAFETY: as the caller promised.
        let mut at = unsafe { self.unchanged_from(innermost.rsp) }.saturating_sub(1);
        let mut fresh = [const { MaybeUninit::<Frame>::uninit() }; FRAMES];
        let mut frame = innermost;
        let mut found = 0;
        // SAFETY: `found` is below `most`, which is FRAMES at most, and `at` below `len`; steps lead outwards, so that the
        // stack is mapped from the frame's rsp to `end`.
        let is_known = unsafe {
            loop {
                *out.add(found) = frame.back;
                let inner = fresh.get_unchecked_mut(found).write(frame);
                found += 1;
                while at < len && (*frames.add(at)).rsp < frame.rsp {
                    at += 1;
                }
                if at < len && (*frames.add(at)).has_registers_of(&frame) {
                    break true;
                }
                if found == most {
                    break false;
                }
                match inner.caller(table, end) {
                    Some(caller) => frame = caller,
                    None => break false,
                }
            }
        };
        // SAFETY: so many were written; `at` is one of those that are kept if it is known.
        unsafe {
            let outermost = !is_known || (*frames.add(at)).needs_rbp();
            Frame::settle(slice::from_raw_parts_mut(fresh.as_mut_ptr().cast::<Frame>(), found), outermost);
        }
        if !is_known {
            // SAFETY: `found` were written.
            unsafe { self.keep(&fresh, found, 0, 0) };
            return self.is_another(found);
        }
        let rest = (len - at - 1).min(most - found);
        // SAFETY: those before were written, and `found` are within `len`; `rest` are within `len` and `most`.
        let is_same = unsafe {
            let is_same = found == at + 1
                && found + rest == len
                && (0..found).all(|inner| *out.add(inner) == (*frames.add(inner)).back);
            self.keep(&fresh, found, at + 1, rest);
            is_same
        };
        let (inner, known) = (found, found + rest);
        let frames = self.frames();
        found = known;
        if found < most {
            // Further than the walk before. SAFETY: `keep` has left room for `most`; otherwise as above.
            unsafe {
                // NOTE: these need their rbp, as the outermost frame of any walk does.
                frame = *frames.add(found - 1);
                while found < most
                    && let Some(caller) = frame.caller(table, end)
                {
                    *frames.add(found) = caller;
                    found += 1;
                    frame = caller;
                }
            }
        }
        if is_same && found == known {
            return Walked::same(found, self.number.get());
        }
        // SAFETY: so many are kept, and `most` at most.
        unsafe { self.copy(out, inner, found) };
        self.is_another(found)
    }

    #[inline(always)]
    fn is_another(&self, len: usize) -> Walked {
        self.len.set(len);
        self.number.set(self.number.get() + 1);
        Walked::another(len, self.number.get())
    }

    /// Copies the return addresses from the frame `inner` to the frame `outer`.
    ///
    /// # Safety
    /// So many are kept, and there is room for them.
    #[inline(always)]
    unsafe fn copy(&self, out: *mut usize, inner: usize, outer: usize) {
        let frames = self.frames();
        for at in inner..outer {
            // SAFETY: as the caller promised.
            unsafe { *out.add(at) = (*frames.add(at)).back };
        }
    }

    /// Puts the first `count` of `fresh` before `rest` of the frames that are kept, from the one at `known` on; there is
    /// room for `FRAMES` then.
    ///
    /// # Safety
    /// So many are written, and kept; together they are `FRAMES` at most.
    #[inline(always)]
    unsafe fn keep(&self, fresh: &[MaybeUninit<Frame>; FRAMES], count: usize, known: usize, rest: usize) {
        let from = self.first.get() + known;
        let first = match from.checked_sub(count) {
            Some(first) if first + FRAMES <= CAPACITY => first,
            _ => {
                let first = (CAPACITY - FRAMES) / 2;
                let buffer = self.frames.get().cast::<Frame>();
                // SAFETY: both are within the buffer.
                unsafe { ptr::copy(buffer.add(from), buffer.add(first + count), rest) };
                first
            }
        };
        self.first.set(first);
        let frames = self.frames();
        for (at, frame) in fresh.iter().enumerate().take(count) {
            // SAFETY: written, and with room for FRAMES.
            unsafe { *frames.add(at) = frame.assume_init() };
        }
    }
}

/// Fills `out` with the stack of the walk that has just said that it is the same as the one before.
#[inline(always)]
pub(crate) fn same(walked: Walked, out: &mut [usize]) {
    MEMO.with(|memo| {
        if memo.len.get() == walked.len() && walked.len() <= out.len() {
            // SAFETY: as just compared.
            unsafe { memo.copy(out.as_mut_ptr(), 0, walked.len()) };
        }
    });
}

/// Fills `out` from the frame `innermost` outwards, unless it is the same stack as before. `None` while this thread is at it already (in a
/// signal handler).
///
/// # Safety
/// `out` has room for `most`, which is from 1 to [`FRAMES`]. The stack is mapped from `innermost.rsp` to `end`.
#[inline(always)]
pub(super) unsafe fn walk(
    out: *mut usize,
    most: usize,
    innermost: Frame,
    table: &'static Table,
    end: usize,
) -> Option<Walked> {
    // SAFETY: this thread's, which has no destructor and is there as long as the thread runs.
    let memo = unsafe { &*MEMO.with(ptr::from_ref) };
    if memo.busy.replace(true) {
        return None;
    }
    // SAFETY: as the caller promised.
    let found = unsafe { memo.walk(out, most, innermost, table, end) };
    memo.busy.set(false);
    Some(found)
}
