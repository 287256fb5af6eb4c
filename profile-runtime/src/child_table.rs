//! HOT PATH: one thread's table of where a call of a site from a path goes. Its owner alone touches it.

use std::cell::Cell;
use std::ptr::{self, NonNull};

use crate::counters::Counters;
use crate::paths::PathIndex;
use crate::site::SiteId;

/// A call of a site from a path, as one number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallKey(u64);

/// Marks free entries. No call: sites are numbered from 0.
const EMPTY: CallKey = CallKey(u64::MAX);

impl CallKey {
    #[inline(always)]
    pub(crate) fn new(path: PathIndex, site: SiteId) -> Self {
        Self((u64::from(path) << 32) | u64::from(site))
    }

    /// The same call, where it folds: it then takes the slower way, which counts that.
    pub(crate) fn indirect(self) -> Self {
        Self(self.0 | 1 << 63)
    }

    /// The same call, where ticks come from the system's clock: it then takes the slower way, which asks that.
    /// (Paths are fewer than 2^30.)
    pub(crate) fn by_os_clock(self) -> Self {
        Self(self.0 | 1 << 62)
    }

    /// Where in a table of `1 << (64 - shift)` entries the search begins.
    ///
    /// PERF: the upper bits of one multiplication, by the golden ratio for the site and by sqrt(5) - 2 for the
    /// path: keys that follow each other (callees of one function, a chain, a recursion) spread evenly at
    /// every size. Recursion (fib) went from 1.13 to 1.07 times the floor with it.
    #[inline(always)]
    fn slot(self, shift: u32) -> usize {
        self.0.wrapping_mul(0x9E37_79B9_3C6E_F373).wrapping_shr(shift) as usize
    }
}

struct Entry {
    key: Cell<CallKey>,
    counters: Cell<NonNull<Counters>>,
}

impl Entry {
    const fn empty() -> Self {
        Self { key: Cell::new(EMPTY), counters: Cell::new(NonNull::dangling()) }
    }
}

struct Nothing([Entry; 2]);
// SAFETY: never written: a table without entries is replaced before the first is made.
unsafe impl Sync for Nothing {}
static NOTHING: Nothing = Nothing([Entry::empty(), Entry::empty()]);

/// Up to this size tables are kept emptier.
const SMALL: usize = 128;
/// The smallest table that holds anything.
const LEAST: usize = 32;

/// Open addressing; a free entry ends every search.
pub(crate) struct ChildTable {
    /// A leaked slice of `1 << (64 - shift)` entries, or [`NOTHING`].
    entries: Cell<*const Entry>,
    shift: Cell<u32>,
    used: Cell<u32>,
}

impl ChildTable {
    pub(crate) const fn new() -> Self {
        Self { entries: Cell::new(&raw const NOTHING.0[0]), shift: Cell::new(63), used: Cell::new(0) }
    }

    /// The counters that the call goes to, if they are where the search begins: most are.
    #[inline(always)]
    pub(crate) fn find_at_once(&self, key: CallKey) -> Option<&'static Counters> {
        // SAFETY: as in `find`.
        let entry = unsafe { &*self.entries.get().add(key.slot(self.shift.get())) };
        // SAFETY: as in `find`.
        (entry.key.get() == key).then(|| unsafe { entry.counters.get().as_ref() })
    }

    /// The counters that the call goes to, if it was remembered.
    #[inline(always)]
    pub(crate) fn find(&self, key: CallKey) -> Option<&'static Counters> {
        let entries = self.entries.get();
        let mut at = key.slot(self.shift.get());
        loop {
            // SAFETY: `at` is below the table's size by construction, and only the owner, which is this
            // thread, replaces the table.
            let entry = unsafe { &*entries.add(at) };
            if entry.key.get() == key {
                // SAFETY: entries with a key point to leaked counters.
                return Some(unsafe { entry.counters.get().as_ref() });
            }
            if entry.key.get() == EMPTY {
                return None;
            }
            at = (at + 1) & self.mask();
        }
    }

    /// Remembers where a call goes that is not in the table yet.
    pub(crate) fn remember(&self, key: CallKey, counters: &'static Counters) {
        let (used, size) = (self.used.get() as usize + 1, self.size());
        // At most 5/8 full: most calls find their entry at the first look; 26 to 51 bytes a path. Small tables,
        // whose callees are likely to be called by turns and often, at most 1/4.
        let full = if size <= SMALL { used * 4 > size } else { used * 8 > size * 5 };
        if size < LEAST || full {
            self.grow();
        }
        self.used.set(self.used.get() + 1);
        self.place(key, NonNull::from(counters));
    }

    fn grow(&self) {
        let (old, old_size) = (self.entries.get(), self.size());
        let size = if old_size < LEAST { LEAST } else { old_size * 2 };
        let entries: Box<[Entry]> = (0..size).map(|_| Entry::empty()).collect();
        self.entries.set(Box::leak(entries).as_ptr());
        self.shift.set(64 - size.trailing_zeros());
        if old_size < LEAST {
            return;
        }
        // SAFETY: tables of that size were leaked above, and nothing refers to this one any more.
        let old = unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(old.cast_mut(), old_size)) };
        for entry in old.iter().filter(|entry| entry.key.get() != EMPTY) {
            self.place(entry.key.get(), entry.counters.get());
        }
    }

    fn place(&self, key: CallKey, counters: NonNull<Counters>) {
        let mut at = key.slot(self.shift.get());
        loop {
            // SAFETY: as in `find`.
            let entry = unsafe { &*self.entries.get().add(at) };
            if entry.key.get() == EMPTY {
                entry.key.set(key);
                entry.counters.set(counters);
                return;
            }
            at = (at + 1) & self.mask();
        }
    }

    fn size(&self) -> usize {
        self.mask() + 1
    }

    #[inline(always)]
    fn mask(&self) -> usize {
        u64::MAX.wrapping_shr(self.shift.get()) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_remembered_is_found_and_nothing_else() {
        let table = ChildTable::new();
        let other = ChildTable::new();
        let mut known = Vec::new();
        for n in 0..2_000u32 {
            // Callees of one function, a chain, and calls that fold.
            let key = match n % 3 {
                0 => CallKey::new(1, n),
                1 => CallKey::new(n, n + 1),
                _ => CallKey::new(n, 7).indirect(),
            };
            assert!(table.find(key).is_none());
            let counters: &'static Counters = Box::leak(Box::new(Counters::new()));
            table.remember(key, counters);
            known.push((key, counters));
            let found = |(key, counters): &(CallKey, &'static Counters)| {
                table.find(*key).is_some_and(|found| ptr::eq(found, *counters))
            };
            assert!(known.iter().all(found), "after {n}");
        }
        assert!(other.find(known[0].0).is_none());
        assert_eq!(table.size(), 4_096);
    }
}
