//! The endpoints over the heap: what they share.
//!
//! A request takes a snapshot, at most one a second ([`Limits::note_snapshot`]), or asks of one that was kept. Whatever
//! takes long (the snapshot, a child that names it, the rows) is done in [`Work`](super::Work), one at a time
//! ([`Turns`]). Where no names are got the answer has addresses, and says why.

pub(super) mod control;
mod kept;
pub(super) mod memory;
pub(super) mod pprof;
mod rows;
pub(super) mod snapshots;
pub(super) mod tracemalloc;
mod turns;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use super::endpoints::{Endpoints, State};
use super::form::Form;
use super::parameters::Parameters;
use super::response::{Refusal, Response, TEXT};
use super::work::{Reply, Work};
use crate::heap::recording::is_installed;
use crate::heap::{self, KeyType, Mode, NameCache, Snapshot, StartError};
use kept::Kept;
use turns::Turns;

/// What the endpoints over the heap remember from one request to the next.
#[derive(Debug, Default)]
pub(super) struct HeapState {
    turns: Turns,
    names: Mutex<NameCache>,
    kept: Mutex<Kept>,
    growth: Mutex<memory::Before>,
}

impl HeapState {
    /// With a child for names that misbehaves.
    #[cfg(feature = "testing")]
    pub(super) fn set_names(&self, names: NameCache) {
        *lock(&self.names) = names;
    }
}

/// What a panic of ours left is as good as any: each holds whole values.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// How a recording is begun, for those who ask before.
const START: &str = "POST /debug/profile-cost/control/heap/start?mode=sample begins to record \
                     (mode=exact&frames=25, paths, counters; PROFILE_COST_HEAP=sample records from the start)";

/// Refuses while nothing is recorded: 501 where nothing can be, 409 where it could.
fn require_recording() -> Result<(), Refusal> {
    require_mode(heap::mode())
}

fn require_mode(mode: Mode) -> Result<(), Refusal> {
    match mode {
        Mode::Off if !is_installed() => Err(Refusal::new(501, StartError::NotInstalled.to_string())),
        Mode::Off => Err(Refusal::new(409, format!("the heap is not being recorded: {START}"))),
        Mode::Counters => Err(Refusal::new(
            409,
            format!("mode counters knows nothing of lines, paths and types: stop it first. {START}"),
        )),
        _ => Ok(()),
    }
}

/// Which snapshot is asked of.
enum Asked {
    /// One that was kept.
    Kept(Arc<Snapshot>),
    /// One to be taken.
    Now,
}

impl Asked {
    /// `id=`, or `now` without. Refuses when it is too soon for another.
    fn parse(endpoints: &Endpoints, parameters: &Parameters) -> Result<Self, Refusal> {
        Self::named(endpoints, parameters.get("id").unwrap_or("now"))
    }

    fn named(endpoints: &Endpoints, id: &str) -> Result<Self, Refusal> {
        if id == "now" {
            require_recording()?;
            return Self::now(endpoints);
        }
        Ok(Self::Kept(lock(&endpoints.state().heap.kept).find(id)?))
    }

    fn now(endpoints: &Endpoints) -> Result<Self, Refusal> {
        let state = endpoints.state();
        state.limits.note_snapshot(Instant::now(), state.options.snapshot_interval)?;
        Ok(Self::Now)
    }

    fn get(&self) -> Snapshot {
        match self {
            Self::Kept(snapshot) => Snapshot::clone(snapshot),
            Self::Now => heap::take_snapshot(),
        }
    }
}

/// A snapshot, and why it has no names.
struct Look {
    snapshot: Snapshot,
    unnamed: Option<String>,
}

impl Look {
    fn named(state: &State, mut snapshot: Snapshot) -> Self {
        let unnamed = lock(&state.heap.names).name(&mut snapshot).err();
        Self { snapshot, unnamed }
    }

    /// The line of a text that says so.
    fn note(&self) -> String {
        self.unnamed.as_ref().map_or_else(String::new, |problem| {
            format!("NOTE: addresses instead of lines and types: {}\n", one_line(problem))
        })
    }

    /// The header that says so, of answers that are files.
    fn in_header(&self, response: Response) -> Response {
        match &self.unnamed {
            None => response,
            // What stands in a header is ASCII.
            Some(problem) => response
                .with("x-profile-cost-unnamed", one_line(problem).replace(|c: char| !c.is_ascii(), "?")),
        }
    }
}

fn one_line(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ")
}

/// The work on a snapshot, in its turn. Asked for here, where nobody may be made to wait: refuses when too many do already.
fn in_turn(
    endpoints: &Endpoints,
    work: impl FnOnce(&State) -> Result<Response, Refusal> + Send + 'static,
) -> Result<Reply, Refusal> {
    let state = endpoints.state().clone();
    let place = state.heap.turns.queue()?;
    Ok(Work::now(move || {
        let _turn = place.turn()?;
        work(&state)
    }))
}

/// `key_type=`: tracemalloc's three, those of ours, and `path` for `call-path`.
fn key_type(parameters: &Parameters) -> Result<KeyType, Refusal> {
    match parameters.get("key_type") {
        None => Ok(KeyType::Lineno),
        Some("path") => Ok(KeyType::CallPath),
        Some(name) => name.parse().map_err(|remedy: String| {
            Refusal::parameter("key_type", name, &remedy.replace("call-path", "path"))
        }),
    }
}

/// `limit=`: rows.
fn limit(parameters: &Parameters) -> Result<usize, Refusal> {
    Ok(parameters.number("limit", 1..=1000, 10)? as usize)
}

fn text_of(
    look: &Look,
    write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>,
) -> Result<Response, Refusal> {
    Response::written(TEXT, |body| {
        body.extend_from_slice(look.note().as_bytes());
        write(body)
    })
}
