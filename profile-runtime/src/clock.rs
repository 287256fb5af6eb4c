//! Ticks now, and ticks to nanoseconds. Ticks are read on the hot path; the conversion happens only when a
//! snapshot is made.
//!
//! The clock is the time-stamp counter where the Linux kernel itself keeps time by it (then it is
//! constant-rate and the same on all cores), the virtual counter on aarch64, and `Instant` elsewhere.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Set when the hardware counter cannot be trusted. Decided before the first event is recorded.
static USE_OS_CLOCK: AtomicBool = AtomicBool::new(!HAS_COUNTER);
const HAS_COUNTER: bool =
    cfg!(any(all(target_arch = "x86_64", target_os = "linux"), target_arch = "aarch64"));

/// Ticks since an arbitrary start.
#[inline(always)]
pub(crate) fn now() -> u64 {
    #[cfg(test)]
    if let Some(ticks) = FAKE.get() {
        return ticks;
    }
    if USE_OS_CLOCK.load(Ordering::Relaxed) { os_ticks() } else { counter() }
}

#[cfg(test)]
thread_local! {
    /// What the clock says on this thread, while a test sets it.
    static FAKE: std::cell::Cell<Option<u64>> = const { std::cell::Cell::new(None) };
}

/// Stops the clock of this thread at `ticks`, or lets it run again.
#[cfg(test)]
pub(crate) fn set_fake(ticks: Option<u64>) {
    FAKE.set(ticks);
}

/// True when ticks come from the system and not from [`counter`]. Unit tests may also set them.
#[inline(always)]
pub(crate) fn is_os_clock() -> bool {
    cfg!(test) || USE_OS_CLOCK.load(Ordering::Relaxed)
}

/// The hardware's counter; only where [`is_os_clock`] is false.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn counter() -> u64 {
    // SAFETY: `rdtsc` reads a register; every x86-64 processor has it and Linux leaves it enabled.
    unsafe { core::arch::x86_64::_rdtsc() }
}

#[cfg(target_arch = "aarch64")]
#[inline(always)]
pub(crate) fn counter() -> u64 {
    let ticks: u64;
    // SAFETY: reads the virtual counter, which user space may read; it touches no memory and no flags.
    unsafe {
        core::arch::asm!("mrs {}, cntvct_el0", out(reg) ticks, options(nomem, nostack, preserves_flags))
    };
    ticks
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[inline(always)]
pub(crate) fn counter() -> u64 {
    os_ticks()
}

#[cold]
#[inline(never)]
fn os_ticks() -> u64 {
    anchor().instant.elapsed().as_nanos() as u64
}

/// One moment on both clocks, from which the tick's length is measured.
struct Anchor {
    ticks: u64,
    instant: Instant,
}

static ANCHOR: OnceLock<Anchor> = OnceLock::new();

fn anchor() -> &'static Anchor {
    ANCHOR.get_or_init(|| {
        if kernel_distrusts_counter() {
            USE_OS_CLOCK.store(true, Ordering::Relaxed);
        }
        let ticks = if USE_OS_CLOCK.load(Ordering::Relaxed) { 0 } else { counter() };
        Anchor { ticks, instant: Instant::now() }
    })
}

/// Chooses the clock. Called before the first event.
pub(crate) fn start() {
    anchor();
}

fn kernel_distrusts_counter() -> bool {
    cfg!(all(target_arch = "x86_64", target_os = "linux"))
        && std::fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource")
            .map_or(true, |source| source.trim() != "tsc")
}

/// Nanoseconds in one tick.
///
/// NOTE: measured over the life of the process, at least 2 ms (two clock reads cost some 50 ns, so the
/// error is below 0.01 %), and fixed once 200 ms have passed, so that later snapshots never go backwards.
pub(crate) fn ns_per_tick() -> f64 {
    static FIXED: OnceLock<f64> = OnceLock::new();
    if let Some(&fixed) = FIXED.get() {
        return fixed;
    }
    let anchor = anchor();
    if USE_OS_CLOCK.load(Ordering::Relaxed) {
        return *FIXED.get_or_init(|| 1.0);
    }
    loop {
        let elapsed = anchor.instant.elapsed();
        if elapsed >= Duration::from_millis(2) {
            let ticks = counter().saturating_sub(anchor.ticks).max(1);
            let measured = elapsed.as_nanos() as f64 / ticks as f64;
            return if elapsed >= Duration::from_millis(200) {
                *FIXED.get_or_init(|| measured)
            } else {
                measured
            };
        }
        std::hint::spin_loop();
    }
}
