//! The call-frame rules of every loaded module, built once from their `.eh_frame`. HOT PATH: looked up by address, with
//! a cache.

use std::ops::{ControlFlow, Range};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use gimli::{
    BaseAddresses, CieOrFde, CommonInformationEntry, EhFrame, EhFrameHdr, EndianSlice, FrameDescriptionEntry,
    NativeEndian, Pointer, UnwindContext, UnwindSection,
};

use super::rule::{self, LongRule, Rule};
use super::valgrind;
use crate::heap::memory;
use crate::heap::modules::{self, Image};

/// What all threads walk by.
#[repr(C)]
pub(super) struct Table {
    /// Which rule is for which return address: a slot holds the rule in its low bits and the rest of the address above,
    /// so it never answers for another one. Part of the table, so that another table begins with none.
    cache: [AtomicU64; 1 << CACHE_BITS],
    /// Whether walks may look at words that no frame of the current stack has written: valgrind says that they are
    /// not initialised.
    pub(super) may_look_anywhere: bool,
    /// What was loaded when it was built.
    generation: (u64, u64),
    parts: &'static [Part],
    /// Where each rule begins, bytes into the module; it holds to where the next does.
    starts: &'static [u32],
    rules: &'static [Rule],
    long_rules: &'static [LongRule],
}

/// The rules of one module.
#[derive(Clone, Copy, Debug)]
struct Part {
    low: usize,
    high: usize,
    first: usize,
    last: usize,
}

/// 128 KiB. PERF: misses of a program with more than 16,000 call sites on its stacks cost some 50 ns each.
const CACHE_BITS: u32 = 14;
/// What the kernel gives to processes.
const ADDRESS_BITS: u32 = 47;
const _: () = assert!(ADDRESS_BITS - CACHE_BITS + rule::BITS <= u64::BITS);

static TABLE: AtomicPtr<Table> = AtomicPtr::new(ptr::null_mut());

/// The one that is current; `None` before [`prepare`].
#[inline(always)]
pub(super) fn current() -> Option<&'static Table> {
    // SAFETY: null, or a table that is never freed.
    unsafe { TABLE.load(Ordering::Acquire).as_ref() }
}

/// Gets ready to walk, which takes milliseconds; again when libraries were loaded since, to learn of them (it costs next to
/// nothing when none were: ask as often as you like). False when no module has unwind tables, or there is no memory.
///
/// Tables are never freed, since a thread may be walking by one: every change of what is loaded costs their size again
/// (some 0.5 MB).
pub(crate) fn prepare() -> bool {
    let generation = modules::generation();
    if current().is_some_and(|known| known.generation == generation) {
        return true;
    }
    let Some(table) = build().and_then(|rows| rows.into_table(generation)) else { return false };
    TABLE.store(ptr::from_ref(table).cast_mut(), Ordering::Release);
    true
}

fn build() -> Option<Rows> {
    // Room is made before the loader's lock is taken. A change of rule takes two bytes at least, an entry a dozen.
    let (mut images, mut most) = (0, 0);
    loop {
        let mut rows = Rows::with_room(images, most);
        (images, most) = (0, 0);
        let mut context = UnwindContext::new();
        modules::each(|image| {
            images += 1;
            most += Unwinding::of(image).map_or(0, |unwinding| unwinding.len() / 2);
            if images <= rows.parts.capacity() && most <= rows.rows.capacity() {
                rows.add(image, &mut context);
            }
            ControlFlow::Continue(())
        });
        if images <= rows.parts.capacity() && most <= rows.rows.capacity() {
            return (!rows.rows.is_empty()).then_some(rows);
        }
    }
}

type Bytes<'a> = EndianSlice<'a, NativeEndian>;

/// A module's unwind tables.
struct Unwinding<'a> {
    index: Option<gimli::ParsedEhFrameHdr<Bytes<'a>>>,
    start: u64,
    entries: EhFrame<Bytes<'a>>,
    bases: BaseAddresses,
}

impl<'a> Unwinding<'a> {
    fn of(image: &Image<'a>) -> Option<Self> {
        let (place, len) = image.eh_frame_hdr()?;
        let header = image.bytes(place)?.get(..len)?;
        let bases = BaseAddresses::default().set_eh_frame_hdr(place as u64);
        let index = EhFrameHdr::new(header, NativeEndian).parse(&bases, size_of::<usize>() as u8).ok()?;
        let Pointer::Direct(start) = index.eh_frame_ptr() else { return None };
        let entries = EhFrame::new(image.bytes(start as usize)?, NativeEndian);
        let bases = bases.set_eh_frame(start).set_text(image.range().start as u64);
        Some(Self { index: Some(index), start, entries, bases })
    }

    /// Bytes of the tables, or more.
    fn len(&self) -> usize {
        gimli::Section::reader(&self.entries).slice().len()
    }

    /// Shows each function's entry, by the index of addresses if there is one.
    fn each(&self, mut see: impl FnMut(&FrameDescriptionEntry<Bytes<'a>>)) {
        // Most entries share theirs.
        let mut common: Option<(gimli::EhFrameOffset, CommonInformationEntry<Bytes<'a>>)> = None;
        let mut common_at = |section: &EhFrame<Bytes<'a>>, bases: &BaseAddresses, offset| match &common {
            Some((known, entry)) if *known == offset => Ok(entry.clone()),
            _ => {
                let entry = section.cie_from_offset(bases, offset)?;
                common = Some((offset, entry.clone()));
                Ok(entry)
            }
        };
        if let Some(index) = self.index.as_ref().and_then(|index| index.table()) {
            for entry in index.iter(&self.bases) {
                let Ok((_, Pointer::Direct(at))) = entry else { return };
                let Some(offset) = at.checked_sub(self.start) else { continue };
                let offset = gimli::EhFrameOffset(offset as usize);
                if let Ok(function) = self.entries.fde_from_offset(&self.bases, offset, &mut common_at) {
                    see(&function);
                }
            }
            return;
        }
        let mut entries = self.entries.entries(&self.bases);
        while let Ok(Some(entry)) = entries.next() {
            if let CieOrFde::Fde(partial) = entry
                && let Ok(function) = partial.parse(&mut common_at)
            {
                see(&function);
            }
        }
    }
}

/// Rules as they are read.
struct Rows {
    parts: Vec<Part>,
    rows: Vec<(u32, Rule)>,
    long_rules: Vec<LongRule>,
}

impl Rows {
    fn with_room(parts: usize, rows: usize) -> Self {
        let long_rules = Vec::with_capacity(1024);
        Self { parts: Vec::with_capacity(parts), rows: Vec::with_capacity(rows), long_rules }
    }

    /// Adds a module's rules, sorted; none where they do not fit.
    fn add(&mut self, image: &Image<'_>, context: &mut UnwindContext<usize>) {
        let Range { start: low, end: high } = image.range();
        let Some(unwinding) = Unwinding::of(image) else { return };
        let first = self.rows.len();
        let mut fits = u32::try_from(high - low).is_ok();
        let mut add = |address: u64, rule: Rule| {
            let start = (address as usize).checked_sub(low).and_then(|start| u32::try_from(start).ok());
            match start {
                Some(start) if self.rows.len() < self.rows.capacity() => self.rows.push((start, rule)),
                _ => fits = false,
            }
        };
        unwinding.each(|function| {
            let mut end = function.initial_address();
            let mut last = None;
            if let Ok(mut table) = function.rows(&unwinding.entries, &unwinding.bases, context) {
                while let Ok(Some(row)) = table.next_row() {
                    end = row.end_address();
                    let rule = LongRule::new(row.cfa(), |register| row.register(register))
                        .map_or(rule::NONE, |long| shorten(long, &mut self.long_rules));
                    if last.replace(rule) != Some(rule) {
                        add(row.start_address(), rule);
                    }
                }
            }
            add(end, rule::NONE);
        });
        if !fits {
            return self.rows.truncate(first);
        }
        if let Some(rows) = self.rows.get_mut(first..) {
            rows.sort_unstable();
        }
        self.drop_repeated(first);
        if self.rows.len() > first {
            self.parts.push(Part { low, high, first, last: self.rows.len() });
        }
    }

    /// Of rows for one address, leaves the one that says something (where one function ends, the next begins); and
    /// none that says the same as the one before.
    fn drop_repeated(&mut self, first: usize) {
        let mut kept = first;
        for at in first..self.rows.len() {
            let row = self.rows[at];
            let before = (kept > first).then(|| self.rows[kept - 1]);
            match before {
                Some((start, _)) if start == row.0 => self.rows[kept - 1] = row,
                Some((_, rule)) if rule == row.1 => {}
                _ => {
                    self.rows[kept] = row;
                    kept += 1;
                }
            }
        }
        self.rows.truncate(kept);
    }

    fn into_table(mut self, generation: (u64, u64)) -> Option<&'static Table> {
        self.parts.sort_unstable_by_key(|part| part.low);
        let (parts, long_rules) = (keep(self.parts.iter().copied())?, keep(self.long_rules.iter().copied())?);
        let starts = keep(self.rows.iter().map(|row| row.0))?;
        let rules = keep(self.rows.iter().map(|row| row.1))?;
        let table: *mut Table = memory::map(size_of::<Table>())?.cast();
        // SAFETY: pages of that size that are never given back and nobody else's yet; zeroed, which is a value for the
        // atomics of the cache, and the other fields are written before anybody reads them.
        unsafe {
            (&raw mut (*table).may_look_anywhere).write(!valgrind::is_here());
            (&raw mut (*table).generation).write(generation);
            (&raw mut (*table).parts).write(parts);
            (&raw mut (*table).starts).write(starts);
            (&raw mut (*table).rules).write(rules);
            (&raw mut (*table).long_rules).write(long_rules);
            Some(&*table)
        }
    }
}

fn shorten(long: LongRule, long_rules: &mut Vec<LongRule>) -> Rule {
    if let Some(short) = long.short() {
        return short;
    }
    let known = long_rules.iter().position(|known| *known == long);
    match known {
        Some(index) => rule::in_list(index),
        None if long_rules.len() < long_rules.capacity() => {
            long_rules.push(long);
            rule::in_list(long_rules.len() - 1)
        }
        None => rule::NONE,
    }
}

/// Puts values into pages of our own, for ever.
fn keep<T>(values: impl ExactSizeIterator<Item = T>) -> Option<&'static [T]> {
    let len = values.len();
    if len == 0 {
        return Some(&[]);
    }
    let memory: *mut T = memory::map(len * size_of::<T>())?.cast();
    for (at, value) in values.enumerate().take(len) {
        // SAFETY: within the pages, which are aligned for any of ours and nobody else's.
        unsafe { memory.add(at).write(value) };
    }
    // SAFETY: that many were written just now, and the pages are never given back.
    Some(unsafe { std::slice::from_raw_parts(memory, len) })
}

impl Table {
    /// The rule at the call that returns to `back`; `NONE` where there is none.
    #[inline(always)]
    pub(super) fn rule(&self, back: usize) -> Rule {
        let slot = &self.cache[back & ((1 << CACHE_BITS) - 1)];
        let cached = slot.load(Ordering::Relaxed);
        // An address of more bits than those equals none that is cached.
        if cached >> rule::BITS == (back >> CACHE_BITS) as u64 {
            return (cached & ((1 << rule::BITS) - 1)) as Rule;
        }
        self.look_up(back, slot)
    }

    #[cold]
    #[inline(never)]
    fn look_up(&self, back: usize, slot: &AtomicU64) -> Rule {
        // Within the call: what follows it may belong to another function.
        let rule = self.find(back.wrapping_sub(1)).unwrap_or(rule::NONE);
        if back >> ADDRESS_BITS == 0 {
            let tag = (back >> CACHE_BITS) as u64;
            slot.store(tag << rule::BITS | u64::from(rule), Ordering::Relaxed);
        }
        rule
    }

    fn find(&self, address: usize) -> Option<Rule> {
        let part = self.parts.get(self.parts.partition_point(|part| part.high <= address))?;
        let into = address.checked_sub(part.low)? as u32;
        let starts = self.starts.get(part.first..part.last)?;
        let at = starts.partition_point(|&start| start <= into).checked_sub(1)?;
        self.rules.get(part.first + at).copied()
    }

    pub(super) fn long_rule(&self, rule: Rule) -> Option<LongRule> {
        self.long_rules.get((rule >> 3) as usize).copied()
    }
}
