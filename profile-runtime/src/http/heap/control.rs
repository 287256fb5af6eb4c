//! `control/heap/{start,stop,reset}`: the heap's recording, switched while the service runs.
//!
//! There is one recording in a process, whoever began it: `PROFILE_COST_HEAP`, the program, or a request.
//!
//! - `start` in another mode than that which is recorded in is refused (409), so that nobody's recording changes under
//!   them; in the same mode it changes nothing. A `duration` may only be given to a recording that has one, or begins now.
//! - `stop` ends any recording and gives its memory back; what `PROFILE_COST_HEAP` would have reported at exit is gone.
//! - `reset` forgets what was recorded and goes on, until the time that it would have ended.

use std::sync::{Mutex, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Form, START, lock};
use crate::heap::recording::{self, is_installed};
use crate::heap::{self, Mode, StartError, memory};
use crate::http::endpoints::Endpoints;
use crate::http::json::Json;
use crate::http::parameters::Parameters;
use crate::http::response::{JSON, Refusal, Response, TEXT};
use crate::http::timer::Timer;
use crate::http::work::{Reply, Work};
use crate::units;

/// The longest `duration`, seconds: a day.
const LONGEST: u64 = 24 * 60 * 60;
/// How often the timer tries to stop while threads are held up inside the allocator, a second each.
const TRIES: usize = 10;

/// The recording, as requests switch it: the process's, whichever endpoints are asked.
#[derive(Debug, Default)]
struct Recordings {
    ending: Mutex<Ending>,
    timer: Timer,
}

fn recordings() -> &'static Recordings {
    static RECORDINGS: OnceLock<Recordings> = OnceLock::new();
    RECORDINGS.get_or_init(Recordings::default)
}

/// How the recording under way ends by itself.
#[derive(Debug, Default)]
struct Ending {
    /// Which start or stop this belongs to; what an older one has begun is void.
    number: u64,
    /// Which recording is to be ended.
    recording: u32,
    /// When; `None` when somebody has to.
    until: Option<SystemTime>,
}

impl Ending {
    /// A recording is under way that has an end.
    fn is_of_this_recording(&self) -> bool {
        self.until.is_some() && heap::is_tracing() && self.recording == recording::plan().generation()
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
struct Start {
    mode: Mode,
    duration: Option<Duration>,
    /// Of the profiler's own memory, bytes.
    memory_limit: Option<u64>,
}

impl Start {
    fn parse(parameters: &Parameters) -> Result<Self, Refusal> {
        let default = Mode::Sample { rate: Mode::RATE };
        let exact = Mode::Exact { frames: Mode::FRAMES };
        let words =
            [("sample", default), ("exact", exact), ("paths", Mode::Paths), ("counters", Mode::Counters)];
        let mut mode = parameters.one_of("mode", &words)?;
        let bytes = |name: &str| {
            let bytes = |text: &str| {
                let found = heap::bytes(text).filter(|bytes| *bytes > 0);
                found.ok_or_else(|| Refusal::parameter(name, text, "use bytes, as in 512KiB or 64MiB"))
            };
            parameters.get(name).map(bytes).transpose()
        };
        if let Mode::Exact { frames } = &mut mode {
            let most = u64::from(Mode::MAX_FRAMES);
            *frames = parameters.number("frames", 1..=most, u64::from(Mode::FRAMES))? as u32;
        } else if let Some(frames) = parameters.get("frames") {
            return Err(Refusal::parameter("frames", frames, "goes with mode=exact"));
        }
        if let Some(rate) = bytes("rate")? {
            let Mode::Sample { .. } = mode else {
                return Err(Refusal::parameter("rate", &rate.to_string(), "goes with mode=sample"));
            };
            mode = Mode::Sample { rate };
            // What cannot be recorded cannot be written and read, either.
            if mode.to_string().parse() != Ok(mode) {
                return Err(Refusal::new(400, StartError::BadMode(mode).to_string()));
            }
        }
        let duration = match parameters.get("duration") {
            None => None,
            Some(_) => Some(Duration::from_secs(parameters.number("duration", 1..=LONGEST, 1)?)),
        };
        Ok(Self { mode, duration, memory_limit: bytes("limit")? })
    }
}

/// `control/heap/start`: `mode`, `frames`, `rate`, `duration` (seconds), `limit` (of the profiler's own memory).
pub(in crate::http) fn start(_endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    let (start, form) = (Start::parse(parameters)?, Form::parse(parameters, Form::Json)?);
    switched(form, move |recordings| recordings.start(start))
}

/// `control/heap/stop`.
pub(in crate::http) fn stop(_endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    switched(Form::parse(parameters, Form::Json)?, |recordings| recordings.stop())
}

/// `control/heap/reset`.
pub(in crate::http) fn reset(_endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    switched(Form::parse(parameters, Form::Json)?, |recordings| recordings.reset())
}

/// Switches (which waits until threads have come out of the allocator), and answers with what is recorded then.
fn switched(
    form: Form,
    switch: impl FnOnce(&'static Recordings) -> Result<(), Refusal> + Send + 'static,
) -> Result<Reply, Refusal> {
    Ok(Work::now(move || {
        let recordings = recordings();
        switch(recordings)?;
        Ok(match form {
            Form::Json => Response::new(JSON, Json::object(|json| recordings.write(json))),
            Form::Text => Response::new(TEXT, recordings.sentence()),
        })
    }))
}

/// What is recorded of the heap, for the status of all recordings. May wait for a snapshot that is being taken.
pub(in crate::http) fn write_status(json: &mut Json) {
    recordings().write(json);
}

impl Recordings {
    fn start(&'static self, start: Start) -> Result<(), Refusal> {
        let mut ending = lock(&self.ending);
        let now = heap::mode();
        if now != Mode::Off && now != start.mode {
            return Err(Refusal::new(
                409,
                format!(
                    "the heap is being recorded already, as {now}: POST control/heap/stop first, which forgets it"
                ),
            ));
        }
        if now != Mode::Off && start.duration.is_some() && !ending.is_of_this_recording() {
            return Err(Refusal::new(
                409,
                "the heap is being recorded already, without an end (by PROFILE_COST_HEAP, the program, or a start \
                 without duration): POST control/heap/stop ends it",
            ));
        }
        if let Some(bytes) = start.memory_limit {
            heap::set_memory_limit(bytes);
        }
        if now == Mode::Off {
            *ending = Ending { number: ending.number + 1, ..Ending::default() };
            self.timer.cancel();
            heap::set_mode(start.mode).map_err(refused)?;
            ending.recording = recording::plan().generation();
        }
        let Some(duration) = start.duration else { return Ok(()) };
        ending.number += 1;
        ending.until = SystemTime::now().checked_add(duration);
        let number = ending.number;
        self.timer.set(duration, move || self.end(number)).map_err(|error| {
            // What would not end shall not begin.
            ending.until = None;
            heap::stop();
            Refusal::new(503, format!("no thread can be started that would end the recording: {error}"))
        })
    }

    /// The time of a recording is over.
    fn end(&self, number: u64) {
        let mut ending = lock(&self.ending);
        if ending.number == number && ending.is_of_this_recording() {
            ending.until = None;
            let _is_stopped = (0..TRIES).any(|_| recording::try_stop().is_ok());
        }
    }

    fn stop(&self) -> Result<(), Refusal> {
        let mut ending = lock(&self.ending);
        ending.number += 1;
        ending.until = None;
        self.timer.cancel();
        recording::try_stop().map_err(refused)
    }

    fn reset(&self) -> Result<(), Refusal> {
        let mut ending = lock(&self.ending);
        if heap::mode() == Mode::Off {
            return Err(Refusal::new(409, format!("the heap is not being recorded: {START}")));
        }
        let is_ours = ending.is_of_this_recording();
        heap::clear_traces().map_err(refused)?;
        if is_ours {
            ending.recording = recording::plan().generation();
        }
        Ok(())
    }

    fn write(&self, json: &mut Json) {
        let until = self.until();
        let mode = heap::mode();
        let since = recording::since().filter(|_| mode != Mode::Off).map(|since| since.elapsed());
        let (live, peak) = heap::get_traced_memory();
        json.text("mode", &mode.to_string());
        json.field("is_recording", mode != Mode::Off);
        json.field("is_installed", is_installed());
        json.field("frames", heap::get_traceback_limit());
        let began = since.and_then(|since| SystemTime::now().checked_sub(since));
        json.optional("since_unix_ns", began.and_then(unix));
        json.optional("recorded_ns", since.map(|since| since.as_nanos()));
        json.optional("until_unix_ns", until.and_then(unix));
        json.optional("ends_in_ns", until.and(self.timer.left()).map(|left| left.as_nanos()));
        json.field("live_bytes", live);
        json.field("peak_bytes", peak);
        json.field("profiler_bytes", heap::get_tracemalloc_memory());
        json.field("memory_limit_bytes", memory::cap());
    }

    fn sentence(&self) -> String {
        let mode = heap::mode();
        if mode == Mode::Off {
            return "the heap is not being recorded\n".to_owned();
        }
        let end = match self.until().and(self.timer.left()) {
            Some(left) => format!(", for another {}", units::duration(left.as_secs_f64())),
            None => String::new(),
        };
        format!("recording the heap as {mode}{end}\n")
    }

    fn until(&self) -> Option<SystemTime> {
        let ending = lock(&self.ending);
        ending.until.filter(|_| ending.is_of_this_recording())
    }
}

fn unix(time: SystemTime) -> Option<u128> {
    time.duration_since(UNIX_EPOCH).ok().map(|since| since.as_nanos())
}

fn refused(error: StartError) -> Refusal {
    let status = match error {
        StartError::NotInstalled | StartError::NoStacks => 501,
        StartError::BadMode(_) => 400,
        StartError::NoMemory => 507,
        StartError::StillBusy => 503,
    };
    Refusal::new(status, error.to_string())
}
