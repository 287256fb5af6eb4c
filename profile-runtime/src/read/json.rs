//! The native form back into a [`Profile`].
//!
//! One pass over the bytes, whatever order the keys come in; keys that this version does not know are skipped.

use std::time::Duration;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess};

use super::ReadError;
use super::json_parts::{Array, Elements, Members, Object};
use crate::elapsed::Elapsed;
use crate::native::{COLUMNS, PROCESS_HEAP, Unit, VERSION, VERSION_KEY};
use crate::profile::{
    Counts, Function, FunctionId, HeapCounts, Label, Notes, Path, PathId, Profile, ThreadCounts,
};

/// Longest quotation from the file in an error, characters.
const LONGEST_MESSAGE: usize = 200;

impl Profile {
    /// Reads what [`Profile::write_json`] wrote.
    ///
    /// Functions of one label become one, as do paths of one function and one caller: other programs may have
    /// written them twice. Unknown keys are skipped.
    ///
    /// # Errors
    /// When the bytes are not such a profile; names the byte.
    pub fn read_json(bytes: &[u8]) -> Result<Self, ReadError> {
        let start = start_of_json(bytes)?;
        let json = &bytes[start..];
        let mut file = File::default();
        let mut read = file.read(json);
        if read.is_ok() && !file.refers_within() {
            // What is referred to came after what refers to it, or not at all: now that its number is known, find
            // the place.
            let sizes = Sizes { functions: Some(file.functions.len()), paths: Some(file.paths.len()) };
            file = File { sizes, ..File::default() };
            read = file.read(json);
            if read.is_ok() && !file.refers_within() {
                let message = "\"functions\" or \"paths\" is there twice; keep one of each";
                read = Err((json.len(), message.to_owned()));
            }
        }
        let fail = |at, message: String| Err(ReadError::new(start + at, message));
        // The version first: a file of another one may differ in any other way.
        match (file.version, read) {
            (Some(version), _) if version != VERSION => {
                let remedy = if version > VERSION { "; read it with a newer profile-cost" } else { "" };
                fail(0, format!("a profile of version {version}, but only version {VERSION} is read{remedy}"))
            }
            (_, Err((at, message))) => fail(at, message),
            (None, Ok(())) => {
                let message = "no profile-cost profile: the key \"profile_cost\" is missing; convert from the \
                               native .json, other formats are not read back";
                fail(0, message.to_owned())
            }
            (Some(_), Ok(())) => file.into_profile().or_else(|message| fail(json.len(), message)),
        }
    }
}

/// Skips a byte order mark; names what is not JSON at all.
fn start_of_json(bytes: &[u8]) -> Result<usize, ReadError> {
    let not = |message: &str| Err(ReadError::new(0, message));
    match bytes {
        [0xef, 0xbb, 0xbf, ..] => Ok(3),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, b'{', ..] | [b'{', 0, ..] => {
            not("UTF-16; save the profile as UTF-8")
        }
        [0x1f, 0x8b, ..] => not("compressed by gzip; run `gunzip` on it first"),
        [] => not("the file is empty; was the profile written to its end?"),
        _ => Ok(0),
    }
}

/// What is in the file so far.
#[derive(Default)]
struct File {
    version: Option<u64>,
    seconds_per_tick: Option<f64>,
    /// What the times read so far are in.
    unit: Option<Unit>,
    duration: Duration,
    threads: u32,
    notes: Notes,
    functions: Vec<Function>,
    paths: Vec<Path>,
    by_thread: Vec<ThreadCounts>,
    sizes: Sizes,
    /// The highest index into `functions` and into `paths`.
    highest: (Option<u32>, Option<u32>),
}

/// How many functions and paths there are, once that is known.
#[derive(Clone, Copy, Default)]
struct Sizes {
    functions: Option<usize>,
    paths: Option<usize>,
}

impl File {
    fn read(&mut self, json: &[u8]) -> Result<(), (usize, String)> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let read = Object(self).deserialize(&mut reader).and_then(|()| reader.end());
        read.map_err(|error| (offset(json, &error), message(&error)))
    }

    /// No index points behind the end of its list.
    fn refers_within(&self) -> bool {
        let within = |highest: Option<u32>, len: usize| highest.is_none_or(|index| (index as usize) < len);
        within(self.highest.0, self.functions.len()) && within(self.highest.1, self.paths.len())
    }

    /// Notes the unit that a time's key ends in.
    fn see<E: Error>(&mut self, unit: Unit) -> Result<(), E> {
        match self.unit.replace(unit) {
            Some(other) if other != unit => Err(E::custom("times both in nanoseconds and in ticks")),
            _ => Ok(()),
        }
    }

    fn function_id<E: Error>(&mut self, index: u32) -> Result<FunctionId, E> {
        self.highest.0 = self.highest.0.max(Some(index));
        match self.sizes.functions {
            Some(len) if index as usize >= len => {
                Err(E::custom(format_args!("function {index}, where there are {len} functions")))
            }
            _ => Ok(FunctionId(index)),
        }
    }

    fn path_id<E: Error>(&mut self, index: u32) -> Result<PathId, E> {
        self.highest.1 = self.highest.1.max(Some(index));
        match self.sizes.paths {
            Some(len) if index as usize >= len => {
                Err(E::custom(format_args!("path {index}, where there are {len} paths")))
            }
            _ => Ok(PathId(index)),
        }
    }

    fn into_profile(self) -> Result<Profile, String> {
        let seconds_per_tick = self.seconds_per_tick.unwrap_or(1e-9);
        if self.unit.is_some_and(|unit| unit != Unit::of(seconds_per_tick)) {
            return Err(match self.seconds_per_tick {
                Some(_) => "\"seconds_per_tick\" is given, but times are in nanoseconds; let their keys end in _ticks",
                None => "times are in ticks, but \"seconds_per_tick\" is missing",
            }
            .to_owned());
        }
        let (mut profile, moved) = Profile::from_parts(self.functions, self.paths);
        profile.seconds_per_tick = seconds_per_tick;
        profile.duration = self.duration;
        profile.threads = self.threads;
        profile.notes = self.notes;
        for ThreadCounts { name, mut counts } in self.by_thread {
            if let Some(moved) = &moved {
                counts.iter_mut().for_each(|(path, _)| *path = moved[path.0 as usize]);
            }
            profile.add_thread(name, counts);
        }
        Ok(profile)
    }
}

/// The byte at which reading stopped.
fn offset(json: &[u8], error: &serde_json::Error) -> usize {
    // Lines count from 1, and a column is the number of bytes of its line that were read.
    let lines = json.split_inclusive(|&byte| byte == b'\n');
    let before: usize = lines.take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    (before + error.column()).min(json.len())
}

/// One line: what is wrong, and what to do.
fn message(error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "the profile ends in the middle; was it written or copied to its end?".to_owned();
    }
    let mut text = error.to_string();
    if let Some(at) = text.rfind(" at line ") {
        text.truncate(at);
    }
    if let Some((end, _)) = text.char_indices().nth(LONGEST_MESSAGE) {
        text.truncate(end);
        text.push('…');
    }
    let remedy = if error.is_syntax() {
        "damaged, or no JSON; write the profile again"
    } else {
        "damaged, or edited; write the profile again"
    };
    format!("{text}; {remedy}")
}

/// The index of a key of a count, and the unit that it ends in.
fn column(key: &str) -> Option<(usize, Option<Unit>)> {
    let (name, unit) = Unit::split(key);
    let index = COLUMNS.iter().position(|column| column.key == name)?;
    (COLUMNS[index].is_time == unit.is_some()).then_some((index, unit))
}

impl<'de> Members<'de> for File {
    const NAME: &'static str = "a profile (an object)";

    fn member<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<Option<u32>, A::Error> {
        let bit = match key {
            VERSION_KEY => {
                self.version = Some(map.next_value()?);
                if self.version != Some(VERSION) {
                    return Err(A::Error::custom("another version"));
                }
                0
            }
            "seconds_per_tick" => {
                let seconds: f64 = map.next_value()?;
                if !(seconds.is_finite() && seconds > 0.0) {
                    return Err(A::Error::custom("\"seconds_per_tick\" is not above zero"));
                }
                self.seconds_per_tick = Some(seconds);
                1
            }
            "duration_ns" => {
                self.duration = Duration::from_nanos(map.next_value()?);
                2
            }
            "threads" => {
                self.threads = map.next_value()?;
                3
            }
            "notes" => {
                map.next_value_seed(Object(&mut NoteMembers(self)))?;
                4
            }
            "functions" => {
                map.next_value_seed(Array(&mut FunctionElements(self)))?;
                self.sizes.functions = Some(self.functions.len());
                5
            }
            "paths" => {
                map.next_value_seed(Array(&mut PathElements(self)))?;
                self.sizes.paths = Some(self.paths.len());
                6
            }
            "by_thread" => {
                map.next_value_seed(Array(&mut ThreadElements(self)))?;
                7
            }
            _ => return Ok(None),
        };
        Ok(Some(bit))
    }
}

struct NoteMembers<'a>(&'a mut File);

impl<'de> Members<'de> for NoteMembers<'_> {
    const NAME: &'static str = "notes (an object)";

    fn member<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<Option<u32>, A::Error> {
        let file = &mut *self.0;
        let (name, unit) = Unit::split(key);
        let (bit, place) = match (name, unit) {
            ("truncated_calls", None) => (0, &mut file.notes.truncated_calls),
            ("late_events", None) => (1, &mut file.notes.late_events),
            ("clock_backsteps", None) => (2, &mut file.notes.clock_backsteps),
            ("unisolated_reports", None) => (3, &mut file.notes.unisolated_reports),
            ("untimed_after", None) => (4, &mut file.notes.untimed_after),
            (name, Some(unit)) => {
                let notes = &mut file.notes;
                let (bit, place) = match name {
                    "cost_per_call" => (5, &mut notes.ticks_per_call),
                    "cost_inside_call" => (6, &mut notes.ticks_inside_call),
                    "cost_per_untimed_call" => (7, &mut notes.ticks_per_untimed_call),
                    "cost_per_poll" => (8, &mut notes.ticks_per_poll),
                    _ => return Ok(None),
                };
                *place = map.next_value()?;
                file.see(unit)?;
                return Ok(Some(bit));
            }
            (name, None) => {
                let Some(at) = (0..).zip(PROCESS_HEAP).find_map(|(at, key)| (key == name).then_some(at))
                else {
                    return Ok(None);
                };
                let heap = &mut file.notes.heap;
                let HeapCounts { allocations, allocated_bytes, frees, freed_bytes, samples } = heap;
                let places = [allocations, allocated_bytes, frees, freed_bytes, samples];
                let Some(place) = places.into_iter().nth(at) else { return Ok(None) };
                (9 + at as u32, place)
            }
        };
        *place = map.next_value()?;
        Ok(Some(bit))
    }
}

struct FunctionElements<'a>(&'a mut File);

impl<'de> Elements<'de> for FunctionElements<'_> {
    const NAME: &'static str = "an array of functions";

    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let mut function =
            FunctionMembers { file: self.0, label: Label::new("", 0, ""), named: false, elapsed: None };
        let some = seq.next_element_seed(Object(&mut function))?.is_some();
        if some {
            if !function.named {
                return Err(A::Error::custom("a function without a \"name\""));
            }
            let FunctionMembers { file, label, elapsed, .. } = function;
            file.functions.push(Function { label, elapsed });
        }
        Ok(some)
    }
}

struct FunctionMembers<'a> {
    file: &'a mut File,
    label: Label,
    named: bool,
    elapsed: Option<Elapsed>,
}

impl<'de> Members<'de> for FunctionMembers<'_> {
    const NAME: &'static str = "a function (an object)";

    fn member<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<Option<u32>, A::Error> {
        let bit = match Unit::split(key) {
            ("name", None) => {
                self.label.name = map.next_value()?;
                self.named = true;
                0
            }
            ("file", None) => {
                self.label.file = map.next_value()?;
                1
            }
            ("line", None) => {
                self.label.line = map.next_value()?;
                2
            }
            ("elapsed", Some(unit)) => {
                self.file.see(unit)?;
                let mut elapsed = ElapsedMembers::default();
                map.next_value_seed(Object(&mut elapsed))?;
                self.elapsed = Some(elapsed.elapsed()?);
                3
            }
            _ => return Ok(None),
        };
        Ok(Some(bit))
    }
}

#[derive(Default)]
struct ElapsedMembers {
    significant_digits: Option<u8>,
    lowest: Option<u64>,
    counts: Vec<(u64, u64)>,
}

impl ElapsedMembers {
    fn elapsed<E: Error>(self) -> Result<Elapsed, E> {
        let digits = self.significant_digits.unwrap_or(2);
        Elapsed::from_counts(digits, self.lowest.unwrap_or(1), self.counts)
            .ok_or_else(|| E::custom("elapsed times of a precision that there is not"))
    }
}

impl<'de> Members<'de> for ElapsedMembers {
    const NAME: &'static str = "elapsed times (an object)";

    fn member<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<Option<u32>, A::Error> {
        let bit = match key {
            "significant_digits" => {
                self.significant_digits = Some(map.next_value()?);
                0
            }
            "lowest" => {
                self.lowest = Some(map.next_value()?);
                1
            }
            "counts" => {
                map.next_value_seed(Array(&mut Pairs(&mut self.counts)))?;
                2
            }
            _ => return Ok(None),
        };
        Ok(Some(bit))
    }
}

struct Pairs<'a>(&'a mut Vec<(u64, u64)>);

impl<'de> Elements<'de> for Pairs<'_> {
    const NAME: &'static str = "an array of [elapsed time, calls]";

    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let pair: Option<(u64, u64)> = seq.next_element()?;
        self.0.extend(pair);
        Ok(pair.is_some())
    }
}

/// The numbers of a path, or of a thread on a path.
struct CountMembers<'a> {
    file: &'a mut File,
    parent: Option<PathId>,
    function: Option<FunctionId>,
    path: Option<PathId>,
    counts: Counts,
}

impl<'a> CountMembers<'a> {
    fn new(file: &'a mut File) -> Self {
        Self { file, parent: None, function: None, path: None, counts: Counts::default() }
    }
}

impl<'de> Members<'de> for CountMembers<'_> {
    const NAME: &'static str = "counts (an object)";

    fn member<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<Option<u32>, A::Error> {
        if let Some((index, unit)) = column(key) {
            if let Some(unit) = unit {
                self.file.see(unit)?;
            }
            *(COLUMNS[index].get_mut)(&mut self.counts) = map.next_value()?;
            return Ok(Some(index as u32));
        }
        let bit = match key {
            "parent" => {
                let parent: Option<u32> = map.next_value()?;
                let here = self.file.paths.len();
                if parent.is_some_and(|parent| parent as usize >= here) {
                    return Err(A::Error::custom("the \"parent\" of a path does not stand before it"));
                }
                self.parent = parent.map(PathId);
                29
            }
            "function" => {
                let index = map.next_value()?;
                self.function = Some(self.file.function_id(index)?);
                30
            }
            "path" => {
                let index = map.next_value()?;
                self.path = Some(self.file.path_id(index)?);
                31
            }
            _ => return Ok(None),
        };
        Ok(Some(bit))
    }
}

struct PathElements<'a>(&'a mut File);

impl<'de> Elements<'de> for PathElements<'_> {
    const NAME: &'static str = "an array of paths";

    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let mut path = CountMembers::new(self.0);
        if seq.next_element_seed(Object(&mut path))?.is_none() {
            return Ok(false);
        }
        let CountMembers { file, parent, function, counts, .. } = path;
        let function = function.ok_or_else(|| A::Error::custom("a path without a \"function\""))?;
        file.paths.push(Path { parent, function, counts });
        Ok(true)
    }
}

struct ThreadElements<'a>(&'a mut File);

impl<'de> Elements<'de> for ThreadElements<'_> {
    const NAME: &'static str = "an array of threads";

    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let mut thread = ThreadMembers { file: self.0, name: None, counts: Vec::new() };
        if seq.next_element_seed(Object(&mut thread))?.is_none() {
            return Ok(false);
        }
        let ThreadMembers { file, name, counts } = thread;
        let name = name.ok_or_else(|| A::Error::custom("a thread without a \"name\""))?;
        file.by_thread.push(ThreadCounts { name, counts });
        Ok(true)
    }
}

struct ThreadMembers<'a> {
    file: &'a mut File,
    name: Option<String>,
    counts: Vec<(PathId, Counts)>,
}

impl<'de> Members<'de> for ThreadMembers<'_> {
    const NAME: &'static str = "a thread (an object)";

    fn member<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<Option<u32>, A::Error> {
        let bit = match key {
            "name" => {
                self.name = Some(map.next_value()?);
                0
            }
            "paths" => {
                map.next_value_seed(Array(self))?;
                1
            }
            _ => return Ok(None),
        };
        Ok(Some(bit))
    }
}

impl<'de> Elements<'de> for ThreadMembers<'_> {
    const NAME: &'static str = "an array of counts";

    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let mut part = CountMembers::new(self.file);
        if seq.next_element_seed(Object(&mut part))?.is_none() {
            return Ok(false);
        }
        let CountMembers { path, counts, .. } = part;
        let path = path.ok_or_else(|| A::Error::custom("counts without a \"path\""))?;
        self.counts.push((path, counts));
        Ok(true)
    }
}
