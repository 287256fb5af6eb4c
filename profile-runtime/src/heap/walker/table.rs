//! HOT PATH: walks by a table of call-frame rules (DWARF 5, section 6.4), built once from every loaded module's
//! `.eh_frame`, with a cache by address. Code compiled without frame pointers and without debug information will do.

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use gimli::{
    BaseAddresses, CfaRule, CieOrFde, EhFrame, NativeEndian, RegisterRule, UnwindContext, UnwindSection,
    X86_64,
};

use crate::heap::modules::{self, LoadedModule};

/// How to come from one frame to its caller, in one word: 0 when that is not known or there is none.
///
/// Bits 0 and 1: the frame's address (CFA) is counted from 1 rsp or 2 rbp. 2 to 17: how far, in words. 18 to 30: 1 plus
/// how many words below the CFA the caller's rbp is, 0 when rbp still is the caller's.
type Rule = u32;
const FROM_RSP: Rule = 1;
const FROM_RBP: Rule = 2;
const MAX_OFFSET: i64 = (1 << 16) * 8;
const MAX_SAVED: i64 = ((1 << 13) - 2) * 8;

/// The rules of one module: `rules[i]` holds from `starts[i]` (bytes into the module) to the next.
struct Part {
    range: std::ops::Range<usize>,
    starts: Vec<u32>,
    rules: Vec<Rule>,
}

/// What all threads walk by; never freed, since they may be at it.
struct Table {
    parts: Vec<Part>,
    cache: Vec<AtomicU64>,
}

static TABLE: AtomicPtr<Table> = AtomicPtr::new(ptr::null_mut());

/// Slots of the cache are a power of two: 128 KiB.
const CACHE_BITS: u32 = 14;
/// A slot holds the rule below and the rest of the address above; addresses have 47 bits.
const RULE_BITS: u32 = 31;

thread_local! {
    /// Ends of the thread's stack; 0 and 0 while not asked for.
    static STACK: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// Gets ready to walk: allocates, and takes milliseconds. Again when libraries were loaded since, to learn of them; what
/// was there before stays in memory. False when the program has no unwind tables.
pub(crate) fn prepare() -> bool {
    let modules = modules::loaded();
    let known = TABLE.load(Ordering::Acquire);
    // SAFETY: null, or a table that is never freed.
    if let Some(known) = unsafe { known.as_ref() } {
        let same = |(part, module): (&Part, &LoadedModule)| part.range == module.range;
        if known.parts.len() == modules.len() && known.parts.iter().zip(&modules).all(same) {
            return true;
        }
    }
    let parts: Vec<Part> = modules.iter().map(part_of).collect();
    if parts.iter().all(|part| part.rules.is_empty()) {
        return false;
    }
    let cache = (0..1 << CACHE_BITS).map(|_| AtomicU64::new(0)).collect();
    TABLE.store(Box::into_raw(Box::new(Table { parts, cache })), Ordering::Release);
    true
}

fn part_of(module: &LoadedModule) -> Part {
    let mut rows = rows_of(module).unwrap_or_default();
    // Where one function ends and the next begins, there are two rows: the one that says something holds.
    rows.sort_unstable();
    let mut part = Part { range: module.range.clone(), starts: Vec::new(), rules: Vec::new() };
    for (start, rule) in rows {
        match (part.starts.last(), part.rules.last_mut()) {
            (Some(&last), Some(known)) if last == start => *known = if rule == 0 { *known } else { rule },
            (_, Some(known)) if *known == rule => {}
            _ => {
                part.starts.push(start);
                part.rules.push(rule);
            }
        }
    }
    part
}

/// Each change of rule: where, bytes into the module. `None` when the module has no table in the usual form.
fn rows_of(module: &LoadedModule) -> Option<Vec<(u32, Rule)>> {
    /// `DW_EH_PE_pcrel | DW_EH_PE_sdata4`: how linkers write where `.eh_frame` is.
    const PCREL_SDATA4: u8 = 0x1b;
    let (header, len) = module.eh_frame_hdr;
    if header == 0 || len < 8 || !module.range.contains(&header) {
        return None;
    }
    // SAFETY: the segment is mapped while the module is loaded.
    let (encoding, offset) =
        unsafe { (*(header as *const u8).add(1), ptr::read_unaligned((header as *const i32).add(1))) };
    let start = (header + 4).wrapping_add_signed(offset as isize);
    if encoding != PCREL_SDATA4 || !module.range.contains(&start) {
        return None;
    }
    // SAFETY: from there to the end of the segments that are mapped; the entries end by one of length zero.
    // NOTE: segments may have gaps between them, which are behind that end.
    let bytes = unsafe { std::slice::from_raw_parts(start as *const u8, module.range.end - start) };
    let section = EhFrame::new(bytes, NativeEndian);
    let bases = BaseAddresses::default().set_eh_frame(start as u64).set_text(module.range.start as u64);
    let base = module.range.start as u64;
    let mut rows = Vec::new();
    let mut context = UnwindContext::new();
    let mut entries = section.entries(&bases);
    while let Ok(Some(entry)) = entries.next() {
        let CieOrFde::Fde(partial) = entry else { continue };
        let Ok(function) = partial.parse(|_, bases, offset| section.cie_from_offset(bases, offset)) else {
            break;
        };
        let Ok(mut table) = function.rows(&section, &bases, &mut context) else { continue };
        let mut end = None;
        while let Ok(Some(row)) = table.next_row() {
            let rule = rule_of(row.cfa(), |register| row.register(register));
            rows.push((u32::try_from(row.start_address().wrapping_sub(base)).ok()?, rule));
            end = Some(row.end_address());
        }
        if let Some(end) = end {
            rows.push((u32::try_from(end.wrapping_sub(base)).ok()?, 0));
        }
    }
    Some(rows)
}

fn rule_of(cfa: &CfaRule<usize>, register: impl Fn(gimli::Register) -> Option<RegisterRule<usize>>) -> Rule {
    let CfaRule::RegisterAndOffset { register: from, offset } = cfa else { return 0 };
    let from = match *from {
        X86_64::RSP => FROM_RSP,
        X86_64::RBP => FROM_RBP,
        _ => return 0,
    };
    if !(0..MAX_OFFSET).contains(offset) || offset % 8 != 0 {
        return 0;
    }
    if matches!(register(X86_64::RA), Some(RegisterRule::Undefined)) {
        return 0;
    }
    let saved = match register(X86_64::RBP) {
        Some(RegisterRule::Offset(at)) if at < 0 && -at <= MAX_SAVED && at % 8 == 0 => 1 + (-at / 8) as u32,
        None | Some(RegisterRule::Undefined | RegisterRule::SameValue) => 0,
        Some(_) => return 0,
    };
    from | ((offset / 8) as u32) << 2 | saved << 18
}

impl Table {
    #[inline(always)]
    fn rule(&self, address: usize) -> Rule {
        let slot = &self.cache[address & ((1 << CACHE_BITS) - 1)];
        let tag = (address >> CACHE_BITS) as u64;
        let cached = slot.load(Ordering::Relaxed);
        if cached >> RULE_BITS == tag && cached != 0 {
            return (cached & ((1 << RULE_BITS) - 1)) as Rule;
        }
        self.look_up(address, slot)
    }

    #[cold]
    #[inline(never)]
    fn look_up(&self, address: usize, slot: &AtomicU64) -> Rule {
        let rule = (self.parts.iter())
            .find(|part| part.range.contains(&address))
            .and_then(|part| {
                let into = (address - part.range.start) as u32;
                let at = part.starts.partition_point(|&start| start <= into).checked_sub(1)?;
                part.rules.get(at).copied()
            })
            .unwrap_or(0);
        slot.store((address as u64 >> CACHE_BITS) << RULE_BITS | u64::from(rule), Ordering::Relaxed);
        rule
    }
}

/// Fills `out` with return addresses, innermost first, beginning with the one in the function that called this; returns
/// how many. 0 before [`prepare`]. Ends where it does not know how to go on: in code without unwind tables, and on a
/// stack that is not the thread's own.
#[inline(never)]
pub(crate) fn walk(out: &mut [usize]) -> usize {
    // SAFETY: null, or a table that is never freed.
    let Some(table) = (unsafe { TABLE.load(Ordering::Acquire).as_ref() }) else { return 0 };
    let (mut address, mut rsp, mut rbp): (usize, usize, usize);
    // SAFETY: reads three registers.
    unsafe {
        std::arch::asm!(
            "lea {0}, [rip]",
            "mov {1}, rsp",
            "mov {2}, rbp",
            out(reg) address,
            out(reg) rsp,
            out(reg) rbp,
            options(nomem, nostack, preserves_flags)
        );
    }
    let mut stack = STACK.get();
    if stack.1 == 0 {
        stack = ask_for_stack();
    }
    if rsp < stack.0 {
        return 0;
    }
    let mut found = 0;
    while found < out.len() {
        let rule = table.rule(address);
        let from = match rule & 3 {
            FROM_RSP => rsp,
            FROM_RBP => rbp,
            _ => break,
        };
        let cfa = from.wrapping_add((rule >> 2 & 0xffff) as usize * 8);
        // Outwards, and within the stack: whatever the tables say, nothing else is read.
        if cfa <= rsp || cfa > stack.1 || !cfa.is_multiple_of(8) || cfa < 16 {
            break;
        }
        let saved = (rule >> 18) as usize;
        if saved != 0 {
            let at = cfa.wrapping_sub((saved - 1) * 8);
            if at < rsp || at >= cfa {
                break;
            }
            // SAFETY: aligned, and between rsp and the end of the thread's stack.
            rbp = unsafe { *(at as *const usize) };
        }
        // SAFETY: as above: the word below the CFA.
        let back = unsafe { *((cfa - 8) as *const usize) };
        if back < 4096 {
            break;
        }
        out[found] = back;
        found += 1;
        // Within the call: what follows it may belong to another function.
        address = back - 1;
        rsp = cfa;
    }
    found
}

/// The lowest and the highest address of the thread's stack; an empty range when the system does not say.
#[cold]
#[inline(never)]
fn ask_for_stack() -> (usize, usize) {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut low, mut size) = (ptr::null_mut(), 0);
    // SAFETY: initialised by the first call before it is used, and destroyed once.
    let known = unsafe {
        libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) == 0 && {
            let known = libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut low, &raw mut size) == 0;
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
            known
        }
    };
    let low = low.addr();
    let stack = if known { (low, low + size) } else { (1, 1) };
    STACK.set(stack);
    stack
}

#[cfg(test)]
mod tests {
    use std::ffi::{c_int, c_void};
    use std::hint::black_box;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use super::*;

    unsafe extern "C" {
        fn _Unwind_Backtrace(
            step: extern "C" fn(*mut c_void, *mut c_void) -> c_int,
            found: *mut c_void,
        ) -> c_int;
        fn _Unwind_GetIP(context: *mut c_void) -> usize;
    }

    extern "C" fn step(context: *mut c_void, found: *mut c_void) -> c_int {
        // SAFETY: called with what `judge` gave.
        let (found, address) = unsafe { (&mut *found.cast::<Vec<usize>>(), _Unwind_GetIP(context)) };
        found.push(address);
        0
    }

    /// The stack as the compiler's own unwinder finds it.
    fn judge() -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        // SAFETY: `step` gets what it expects, only until this returns.
        unsafe { _Unwind_Backtrace(step, (&raw mut found).cast()) };
        found.retain(|&address| address != 0);
        found
    }

    static STACKS: AtomicU64 = AtomicU64::new(0);

    /// Walks both ways, and compares from the caller outwards.
    #[inline(never)]
    fn compare() {
        let mut ours = [0; 200];
        let found = walk(&mut ours);
        let judge = judge();
        // The judge's innermost frames are its own and ours here.
        let ours = &ours[1..found];
        let from = judge.iter().position(|address| address == &ours[0]).expect("our caller is in its stack");
        let common = ours.len().min(judge.len() - from);
        assert_eq!(ours[..common], judge[from..from + common]);
        assert!(
            found == 200 || ours.len() == judge.len() - from,
            "{} frames, not {}",
            ours.len(),
            judge.len() - from
        );
        STACKS.fetch_add(1, Relaxed);
    }

    #[inline(never)]
    fn recursive<T: Copy>(depth: usize, padding: T) -> usize {
        let local = black_box([padding; 7]);
        if depth.is_multiple_of(3) {
            compare();
        }
        if depth == 0 { size_of_val(&local) } else { 1 + recursive(depth - 1, black_box(padding)) }
    }

    extern "C" fn by_qsort(a: *const c_void, b: *const c_void) -> c_int {
        compare();
        // SAFETY: qsort gives pointers to elements.
        unsafe { (*a.cast::<i32>()).cmp(&*b.cast::<i32>()) as c_int }
    }

    struct Dropped;
    impl Drop for Dropped {
        fn drop(&mut self) {
            compare();
        }
    }

    fn varied(seed: u64) {
        recursive(40, 1u8);
        recursive(40, [1u64; 5]);
        recursive(150, 1.5f32);
        let mut state = seed;
        let mut numbers: Vec<i32> = (0..200)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 33) as i32
            })
            .collect();
        // SAFETY: that many elements of that size.
        unsafe {
            libc::qsort(numbers.as_mut_ptr().cast(), numbers.len(), size_of::<i32>(), Some(by_qsort));
        }
        numbers.reverse();
        numbers.sort_by(|a, b| {
            compare();
            b.cmp(a)
        });
        let map: std::collections::BTreeMap<i32, String> = numbers
            .iter()
            .map(|number| {
                compare();
                (*number, number.to_string())
            })
            .collect();
        let by_object: &dyn Fn(&String) -> usize = &|text| {
            compare();
            text.len()
        };
        black_box(map.values().map(by_object).sum::<usize>());
        let caught = std::panic::catch_unwind(|| {
            let _dropped = Dropped;
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(caught.is_err());
    }

    #[test]
    fn stacks_are_those_of_the_compilers_unwinder() {
        assert!(prepare());
        let rounds = std::env::var("WALKER_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(15);
        let threads: Vec<_> = (0..2)
            .map(|thread| {
                std::thread::spawn(move || (0..rounds).for_each(|round| varied(thread * 1_000 + round)))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(STACKS.load(Relaxed) >= 50_000 || rounds < 15, "{} stacks", STACKS.load(Relaxed));
    }
}
