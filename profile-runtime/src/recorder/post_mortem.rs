//! What became of a process, as its file tells: a value, and the ways to it.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::assemble::{Assembled, assemble};
use super::layout::{self, Live, row};
use super::parts::{Parts, ReadError, Row};
use crate::heap::{LoadError, Snapshot};
use crate::in_flight::OpenCall;
use crate::profile::{Counts, HeapCounts, PathId, Profile};
use crate::units;

/// Longer files are none of a recorder's.
const LONGEST: u64 = (1 << 30) + (1 << 20);
/// What grew is told of about this time, nanoseconds.
const MINUTE: u64 = 60_000_000_000;
/// A signal or a panic so long before the last sign of life was not the end.
const SOON: Duration = Duration::from_secs(2);
/// Share of the limit from which memory is taken for the cause, in percent: that from which the recorder warns.
const NEAR: u64 = 90;

/// How a process ended, as far as its file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// It has not: it lives, or something that inherited the file does.
    Running,
    /// By returning from `main` or by `exit`: handlers at exit ran.
    Exited,
    /// By a signal, which is its number. It was seen, and nothing after it.
    Signal(i32),
    /// A panic was its last word: with `panic = "abort"`, or a second one while the first unwound.
    Panic,
    /// Without a word: SIGKILL, for its memory as well, `_exit`, `exec`, or the machine went down.
    Silent,
}

/// A message from the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// When.
    pub time: SystemTime,
    /// Thread, place and text of a panic; the heap's top lines, near the limit.
    pub text: String,
    /// True for a panic.
    pub is_panic: bool,
}

/// A row of the time line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub time: SystemTime,
    /// Bytes that were allocated and not freed; `None` where no allocator tracked them.
    pub live_bytes: Option<u64>,
    /// Resident set, bytes.
    pub rss_bytes: Option<u64>,
    /// Charged to the cgroup that has the limit, without files' content, which is given back first; bytes.
    pub cgroup_used: Option<u64>,
    /// Its limit, bytes.
    pub cgroup_limit: Option<u64>,
    /// Calls begun since the row before.
    pub calls: u64,
    /// Memory pressure in hundredths of a percent; `None` where it was not known.
    pub pressure: Option<u32>,
}

/// A thread that was inside an annotated function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningThread {
    /// Its name.
    pub thread: String,
    /// The calls it was in, outermost first, with their age at the last sign of life.
    pub calls: Vec<OpenCall>,
}

/// Futures that waited on one call path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuspendedPath {
    /// The calls they were in, outermost first. The innermost is the one that waited.
    pub calls: Vec<OpenCall>,
    /// How many of them.
    pub count: u64,
}

/// What a flight recorder's file says.
#[derive(Clone, Debug)]
pub struct PostMortem {
    /// The program's path.
    pub program: String,
    /// Its build id, in hexadecimal digits; empty where it has none.
    pub build_id: String,
    /// The machine's or container's name.
    pub host: String,
    /// Number of the process, as it saw itself.
    pub pid: u32,
    /// When recording began.
    pub started: SystemTime,
    /// When it was last known to live.
    pub last_sign: SystemTime,
    /// How it ended.
    pub ending: Ending,
    /// The last signal that ends programs: number, when, and of a fault the address. It may have lived on.
    pub signal: Option<(i32, SystemTime, u64)>,
    /// Panics and last words, the newest last.
    pub messages: Vec<Message>,
    /// One row a second, of the last hour.
    pub time_line: Vec<Moment>,
    /// The limit of the resident set that the recorder was given, bytes.
    pub memory_limit: Option<u64>,
    /// The most bytes that were tracked live at once; 0 where no allocator tracked them.
    pub peak_bytes: u64,
    /// What was running.
    pub running: Vec<RunningThread>,
    /// What was suspended.
    pub suspended: Vec<SuspendedPath>,
    /// What was counted, from the beginning to the end, whatever was reset. Split by thread.
    pub profile: Profile,
    /// What a reader has to know beside: what is missing, damaged or late.
    pub notes: Vec<String>,
    /// The heap at the end, and as it was dumped some time before that.
    heap: Option<Heap>,
    heap_before: Option<Vec<u8>>,
}

/// What the heap held, as far as the file says.
#[derive(Clone, Debug)]
enum Heap {
    /// By its counters: at the end.
    Live(Box<Snapshot>),
    /// By the last snapshot of it, as that was dumped.
    Dumped(Vec<u8>),
}

impl Heap {
    fn read(&self) -> Result<Cow<'_, Snapshot>, LoadError> {
        match self {
            Self::Live(snapshot) => Ok(Cow::Borrowed(snapshot)),
            Self::Dumped(dump) => Snapshot::read_dump(&mut &dump[..]).map(Cow::Owned),
        }
    }
}

fn time(nanoseconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanoseconds)
}

/// True for what begins as a recorder's file does.
#[must_use]
pub fn is_recording(bytes: &[u8]) -> bool {
    bytes.starts_with(layout::MAGIC)
}

/// Reads a recorder's file, or the newest in a folder. The process may still live.
///
/// # Errors
/// When there is none, or it cannot be read. What is damaged in a file is left out, and said in the notes.
pub fn read(path: impl AsRef<Path>) -> Result<PostMortem, ReadError> {
    let path = path.as_ref();
    let newest = if path.is_dir() { newest(path)?.ok_or(ReadError::Empty)? } else { path.to_owned() };
    let file = File::open(&newest).map_err(ReadError::Io)?;
    read_file(&file)
}

/// Reads an open file.
pub(super) fn read_file(file: &File) -> Result<PostMortem, ReadError> {
    let is_alive = is_alive(file);
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).map_err(ReadError::Io)?;
    let mut post_mortem = read_bytes(&bytes)?;
    if is_alive {
        post_mortem.ending = Ending::Running;
    }
    Ok(post_mortem)
}

/// The newest file in a folder.
///
/// # Errors
/// Those of the folder.
pub fn newest(folder: impl AsRef<Path>) -> Result<Option<PathBuf>, ReadError> {
    #[cfg(unix)]
    return Ok(super::folder::files(folder.as_ref()).map_err(ReadError::Io)?.into_iter().next());
    #[cfg(not(unix))]
    {
        let _ = folder;
        Err(ReadError::Io(io::ErrorKind::Unsupported.into()))
    }
}

fn is_alive(file: &File) -> bool {
    #[cfg(unix)]
    return super::folder::is_alive(file);
    #[cfg(not(unix))]
    {
        let _ = file;
        false
    }
}

/// Reads what a recorder's file holds.
///
/// # Errors
/// When it is no such file, or its header is damaged.
pub fn read_bytes(bytes: &[u8]) -> Result<PostMortem, ReadError> {
    let parts = Parts::read(bytes)?;
    let assembled = assemble(&parts);
    let beat = parts.live(Live::BeatTick);
    let since_beat = (assembled.end.saturating_sub(beat) as f64 * assembled.ns_per_tick) as u64;
    let messages: Vec<Message> = (parts.notes.iter())
        .map(|note| Message { time: time(note.time), text: note.text.clone(), is_panic: note.kind == 1 })
        .collect();
    let signal = i32::try_from(parts.live(Live::Signal)).ok().filter(|signal| *signal > 0);
    let signal =
        signal.map(|signal| (signal, time(parts.live(Live::SignalTime)), parts.live(Live::SignalAddress)));
    let signs = [
        parts.header.started,
        parts.live(Live::BeatTime).saturating_add(since_beat),
        parts.live(Live::ExitTime),
        parts.live(Live::SignalTime),
    ];
    let last_sign =
        time(signs.into_iter().chain(parts.notes.iter().map(|note| note.time)).max().unwrap_or(0));
    let is_last = |at: SystemTime| last_sign.duration_since(at).is_ok_and(|since| since < SOON);
    let ending = match signal {
        _ if parts.live(Live::Exited) == 1 => Ending::Exited,
        Some((signal, at, _)) if is_last(at) => Ending::Signal(signal),
        _ if messages.last().is_some_and(|message| message.is_panic && is_last(message.time)) => {
            Ending::Panic
        }
        _ => Ending::Silent,
    };
    let notes = notes(&parts, &assembled);
    let taken = last_sign.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
    let dumped = || Some(Heap::Dumped(bytes.get(parts.heaps.last()?.1.clone())?.to_vec()));
    let live = parts.heap.snapshot(&parts, bytes, taken);
    let is_live = live.is_some();
    let heap = live.map(|snapshot| Heap::Live(Box::new(snapshot))).or_else(dumped);
    let mut profile = assembled.profile;
    // What cannot be read is told by whoever asks for the heap.
    if let Some(Ok(snapshot)) = heap.as_ref().map(Heap::read) {
        add_heap(&mut profile, &snapshot);
    }
    Ok(PostMortem {
        program: parts.header.program.clone(),
        build_id: parts.header.build_id.clone(),
        host: parts.header.host.clone(),
        pid: parts.header.pid,
        started: time(parts.header.started),
        last_sign,
        ending,
        signal,
        messages,
        time_line: parts.rows.iter().map(moment).collect(),
        memory_limit: Some(parts.live(Live::MemoryLimit)).filter(|limit| *limit > 0),
        peak_bytes: parts.live(Live::PeakBytes),
        running: assembled.running,
        suspended: assembled.suspended,
        profile,
        notes,
        heap,
        heap_before: base(&parts.heaps, is_live.then_some(taken))
            .and_then(|range| bytes.get(range))
            .map(<[u8]>::to_vec),
    })
}

/// Of snapshots by time the one that what was last known, at `end`, is compared with: the newest of those that are a minute
/// older, or else the oldest. Without an `end` that is the last of them.
fn base(heaps: &[(u64, Range<usize>)], end: Option<u64>) -> Option<Range<usize>> {
    let (end, others) = match end {
        Some(end) => (end, heaps),
        None => heaps.split_last().map(|((last, _), others)| (*last, others))?,
    };
    let is_old = |(time, _): &&(u64, Range<usize>)| end.saturating_sub(*time) >= MINUTE;
    others.iter().rev().find(is_old).or(others.first()).map(|(_, range)| range.clone())
}

/// What each path asked of the heap, as of the snapshot.
fn add_heap(profile: &mut Profile, snapshot: &Snapshot) {
    let mut ids: Vec<PathId> = Vec::with_capacity(snapshot.paths.len());
    for path in &snapshot.paths {
        let function = profile.add_function(path.label.clone());
        // Its index is smaller than the path's own, as whoever read it has made sure.
        let parent = path.parent.and_then(|parent| ids.get(parent as usize).copied());
        ids.push(profile.add_path(parent, function, &Counts::default()));
    }
    for trace in &snapshot.traces {
        let counts = &trace.counts;
        let heap = HeapCounts {
            allocations: counts.allocations,
            allocated_bytes: counts.allocated_bytes,
            frees: counts.frees,
            freed_bytes: counts.freed_bytes,
            samples: counts.samples,
        };
        profile.notes.heap.add(&heap);
        if let Some(&id) = trace.path.and_then(|path| ids.get(path as usize)) {
            let (parent, function) = (profile.path(id).parent, profile.path(id).function);
            profile.add_path(parent, function, &Counts { heap, ..Counts::default() });
        }
    }
}

fn moment(row: &Row) -> Moment {
    let known = |word: usize| Some(row.words[word]).filter(|value| *value != row::UNKNOWN);
    Moment {
        time: time(row.words[row::TIME]),
        live_bytes: known(row::LIVE_BYTES),
        rss_bytes: known(row::RSS),
        cgroup_used: known(row::CGROUP_USED),
        cgroup_limit: known(row::CGROUP_LIMIT),
        calls: row.words[row::CALLS],
        pressure: row.pressure,
    }
}

fn notes(parts: &Parts, assembled: &Assembled) -> Vec<String> {
    let mut notes = Vec::new();
    let lost = parts.live(Live::Lost);
    if lost > 0 {
        let why = match i32::try_from(parts.live(Live::NoSpace)) {
            Ok(0) | Err(_) => format!("the file has the {} that it may have", units::bytes(parts.header.cap)),
            Ok(error) => format!("it could not grow: {}", io::Error::from_raw_os_error(error)),
        };
        notes.push(format!("{why}: {} are not in it", units::counted(lost, "later piece")));
    }
    if parts.has_copies {
        notes.push(
            "some threads counted before recording began: of what they had begun to count then the file is up to 0.3 s old"
                .to_owned(),
        );
    }
    let damage = parts.damage;
    if damage.missing > 0 {
        notes.push(format!("the file is cut off: {} of it are missing", units::bytes(damage.missing)));
    }
    if damage.skipped > 0 {
        notes.push(format!("{} of the file are damaged and left out", units::bytes(damage.skipped)));
    }
    if damage.records > 0 {
        notes.push(format!("{} damaged and left out", units::counted(damage.records, "record")));
    }
    if assembled.unknown_calls > 0 {
        notes.push(format!(
            "{} on paths that the file does not tell are left out",
            units::counted(assembled.unknown_calls, "call")
        ));
    }
    notes
}

impl PostMortem {
    /// The snapshot that [`PostMortem::heap`] may be compared with, to see what grew: of one to two minutes before, where the process
    /// lived for so long. `None` where there was one only.
    ///
    /// # Errors
    /// As [`PostMortem::heap`].
    pub fn heap_before(&self) -> Option<Result<Snapshot, LoadError>> {
        self.heap_before.as_ref().map(|dump| Snapshot::read_dump(&mut &dump[..]))
    }

    /// The heap at the end, not yet named; `None` where it was not recorded. Where recording it began before the flight
    /// recorder, or the file had no room for all of it, this is as of the last snapshot, of up to ten seconds before.
    ///
    /// # Errors
    /// When it was damaged in a way that its checksum does not tell.
    pub fn heap(&self) -> Option<Result<Snapshot, LoadError>> {
        self.heap.as_ref().map(|heap| heap.read().map(Cow::into_owned))
    }

    /// Memory at the end and its limit, where it was so near that it is likely to have been the cause.
    pub fn near_limit(&self) -> Option<(u64, u64)> {
        let last = self.time_line.last()?;
        let cgroup = last.cgroup_used.or(last.rss_bytes).zip(last.cgroup_limit);
        let given = last.rss_bytes.zip(self.memory_limit);
        let is_near =
            |(used, limit): &(u64, u64)| u128::from(*used) * 100 >= u128::from(*limit) * u128::from(NEAR);
        cgroup.into_iter().chain(given).find(is_near)
    }
}
