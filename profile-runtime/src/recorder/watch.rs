//! The recorder's thread: signs of life, where the threads are, a row of the time line each second, copies of counters
//! that are older than the file.

use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::Builder;
use std::time::{Duration, Instant};

use super::Options;
use super::ending;
use super::journal::{self, Journal};
use super::last_words::LastWords;
use super::layout::{Live, row, thread};
use crate::block::Block;
use crate::clock;
use crate::counters::{AsyncCounters, Counters};
use crate::engine::{self, Engine};
use crate::heap::{self, SystemMemory};

/// How often it looks.
const BEAT: Duration = Duration::from_millis(250);
/// Of so many looks one makes a row.
const BEATS_A_ROW: u32 = 4;

/// How long a fork waits for the recorder's thread, at most.
const PATIENCE: Duration = Duration::from_millis(200);

/// The thread is at work, and may hold locks of ours.
static WORKS: AtomicBool = AtomicBool::new(false);
/// Threads that are forking.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Before a fork: waits until the recorder's thread holds nothing. It is not in the child, where nobody would ever release
/// that.
pub(super) fn before_fork() {
    FORKS.fetch_add(1, Ordering::SeqCst);
    let end = Instant::now() + PATIENCE;
    // NOTE: the bound is for handlers of others that came first, and hold what the thread waits for.
    while WORKS.load(Ordering::SeqCst) && Instant::now() < end {
        std::thread::yield_now();
    }
}

/// After it, in the parent.
pub(super) fn after_fork() {
    FORKS.fetch_sub(1, Ordering::SeqCst);
}

/// In the child, where the thread is not.
pub(super) fn in_child() {
    after_fork();
    WORKS.store(false, Ordering::SeqCst);
}

/// Does it while nobody forks.
fn work<R>(f: impl FnOnce() -> R) -> R {
    loop {
        WORKS.store(true, Ordering::SeqCst);
        if FORKS.load(Ordering::SeqCst) == 0 {
            break;
        }
        WORKS.store(false, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(1));
    }
    struct Ends;
    impl Drop for Ends {
        fn drop(&mut self) {
            WORKS.store(false, Ordering::SeqCst);
        }
    }
    let _ends = Ends;
    f()
}

/// Counters that were there before the file, and their copies in it.
#[derive(Debug, Default)]
pub(super) struct Copies {
    counters: Vec<(&'static [Counters], &'static [Counters])>,
    asyncs: Vec<(&'static [AsyncCounters], &'static [AsyncCounters])>,
}

impl Copies {
    /// Room for copies of what all blocks have by now outside of the file.
    pub(super) fn of(engine: &Engine, journal: &Journal) -> Self {
        let mut copies = Self::default();
        for block in engine.blocks() {
            let (counters, asyncs) = block.chunks();
            for chunk in counters.into_iter().filter(|chunk| !journal.holds(chunk)) {
                if let Some(copy) = journal.copies(block.id(), chunk) {
                    copies.counters.push((chunk, copy));
                }
            }
            for (ordinal, chunk) in (0..).zip(asyncs).filter(|(_, chunk)| !journal.holds(chunk)) {
                if let Some(copy) = journal.async_copies(block.id(), ordinal, chunk) {
                    copies.asyncs.push((chunk, copy));
                }
            }
        }
        copies
    }

    pub(super) fn refresh(&self) {
        for (from, to) in &self.counters {
            from.iter().zip(*to).for_each(|(from, to)| to.copy_from(from));
        }
        for (from, to) in &self.asyncs {
            from.iter().zip(*to).for_each(|(from, to)| to.copy_from(from));
        }
    }
}

/// Starts the thread.
///
/// # Errors
/// When there can be no further one.
pub(super) fn start(
    journal: &'static Journal,
    copies: Copies,
    previous: Option<File>,
    options: &Options,
) -> std::io::Result<()> {
    let mut watch = Watch {
        journal,
        engine: engine::process(),
        copies,
        calls: 0,
        said: false,
        last_words: LastWords::new(options),
    };
    // At once: a process may not get old.
    watch.look();
    watch.row(&SystemMemory::read());
    let thread = Builder::new().stack_size(512 << 10);
    crate::signal::without_signals(|| thread.spawn(move || watch.run(previous)))?;
    Ok(())
}

struct Watch {
    journal: &'static Journal,
    engine: &'static Engine,
    copies: Copies,
    /// Calls begun, when last looked at.
    calls: u64,
    /// That there is no more room.
    said: bool,
    last_words: LastWords,
}

impl Watch {
    fn run(mut self, previous: Option<File>) {
        crate::thread::leave_out(c"profile-recorder");
        if let Some(previous) = previous {
            super::report_previous(&previous);
        }
        let costs = work(crate::calibrate::costs);
        let words = [
            (Live::CostPerCall, costs.per_call),
            (Live::CostInsideCall, costs.inside_call),
            (Live::CostPerUntimedCall, costs.per_untimed_call),
            (Live::CostPerPoll, costs.per_poll),
        ];
        words.into_iter().for_each(|(word, cost)| self.journal.set(word, cost.to_bits()));
        let mut next = Instant::now();
        for beat in 1u32.. {
            // By now `main` has begun, if this was before it.
            ending::install_faults(beat > 1);
            work(|| {
                self.look();
                let memory = SystemMemory::read();
                if beat.is_multiple_of(BEATS_A_ROW) {
                    self.row(&memory);
                }
                self.last_words.look(self.journal, &memory);
            });
            next += BEAT;
            let now = Instant::now();
            // A process that was stopped has nothing to catch up with.
            next = next.max(now);
            std::thread::sleep(next - now);
        }
    }

    fn look(&mut self) {
        self.copies.refresh();
        let tick = self.journal.beat();
        for block in self.engine.blocks() {
            note_position(self.journal, block, tick);
        }
        self.journal.set(Live::NsPerTick, clock::ns_per_tick().to_bits());
        self.journal.set(Live::Threads, u64::from(self.engine.threads()));
        self.journal.set(Live::LateEvents, crate::thread::late_events());
        self.journal.reserve_ahead();
        if !self.said
            && let Some(complaint) = self.journal.complaint()
        {
            self.said = true;
            super::say(&complaint);
        }
    }

    fn row(&mut self, memory: &SystemMemory) {
        let is_tracked = heap::mode() != heap::Mode::Off;
        let (live, peak) = if is_tracked { heap::get_traced_memory() } else { (row::UNKNOWN, 0) };
        self.journal.set(Live::PeakBytes, peak);
        heap::mapped::look(self.journal);
        let mut calls = 0u64;
        for block in self.engine.blocks() {
            block.each(|counters, _| calls = calls.wrapping_add(counters.read_starts()));
        }
        let more = calls.saturating_sub(self.calls);
        self.calls = calls;
        let known = |value: Option<u64>| value.unwrap_or(row::UNKNOWN);
        let mut words = [0; row::NUMBER];
        words[row::TIME] = journal::now();
        words[row::LIVE_BYTES] = live;
        words[row::RSS] = known(memory.rss);
        words[row::CGROUP_USED] = known(memory.kept);
        words[row::CGROUP_LIMIT] = known(memory.limit);
        words[row::CALLS] = more;
        self.journal.add_row(words, memory.pressure);
    }
}

/// Where a thread is.
fn note_position(journal: &Journal, block: &'static Block, tick: u64) {
    let Some(words) = journal.thread(block.id()) else { return };
    let set = |word: usize, value: u64| words[word].store(value, Ordering::Release);
    set(thread::BACKSTEPS, block.read_backsteps());
    set(thread::TRUNCATED, block.read_truncated());
    let (Some(stay), Some((path, _))) = (block.read_current(tick), block.read_path_now(tick)) else { return };
    let sequence: &AtomicU64 = &words[thread::SEQUENCE];
    let number = sequence.load(Ordering::Relaxed) & !1;
    sequence.store(number.wrapping_add(1), Ordering::Release);
    set(thread::PATH, u64::from(path));
    set(thread::CHARGED, u64::from(stay.path()));
    set(thread::SINCE, tick.wrapping_sub(stay.ticks));
    set(thread::BEFORE, stay.before);
    set(thread::SEEN, tick);
    sequence.store(number.wrapping_add(2), Ordering::Release);
}
