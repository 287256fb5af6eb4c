//! A dump back into a snapshot; whatever else a file may hold is answered with the line that is wrong.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::str::{FromStr, Split};
use std::time::Duration;

use super::dump::{MAGIC, VERSION};
use super::frame::{CallPath, Frame, FrameId, Module, Source};
use super::mode::Mode;
use super::process::ProcessMemory;
use super::size_class::SizeClass;
use super::snapshot::{Notes, Snapshot, Trace, TraceCounts};
use crate::profile::Label;

/// Why a dump could not be read. Its text is one line, and says what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be opened or read.
    Io(io::Error),
    /// Something else than a dump of a heap snapshot: `Snapshot::dump` writes those.
    NotADump,
    /// A dump in a form that this version does not know: read it with the version that wrote it.
    Version(String),
    /// A line that is damaged or forged: dump the snapshot again.
    Line {
        /// Which, from 1.
        number: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// The end is missing: copy the file again, whole, or dump the snapshot again.
    CutShort {
        /// Lines that are there.
        lines: u64,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the heap snapshot cannot be read: {error}"),
            Self::NotADump => {
                f.write_str("line 1: not a heap snapshot; give a file that was written by Snapshot::dump")
            }
            Self::Version(found) => write!(
                f,
                "line 1: a heap snapshot of version {found}, this reads version {VERSION}; read it with the version of \
                 profile-cost that wrote it"
            ),
            Self::Line { number, problem } => {
                write!(f, "line {number}: {problem}; the file is damaged, dump the snapshot again")
            }
            Self::CutShort { lines } => {
                write!(f, "line {lines}: the file ends here, before its `end`; copy it again, whole")
            }
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl Snapshot {
    /// Reads what [`Snapshot::dump`] wrote: tracemalloc's `Snapshot.load`.
    ///
    /// # Errors
    /// When the file cannot be read, or is no such dump.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let file = File::open(path).map_err(LoadError::Io)?;
        Self::read_dump(&mut BufReader::with_capacity(64 * 1024, file))
    }

    /// Reads what [`Snapshot::write_dump`] wrote. A file made to do harm takes memory in proportion to its size.
    ///
    /// # Errors
    /// When there is something else, or the reader fails.
    pub fn read_dump(reader: &mut dyn BufRead) -> Result<Self, LoadError> {
        let (snapshot, lines) = Self::read_one(reader)?;
        if !reader.fill_buf().map_err(LoadError::Io)?.is_empty() {
            let problem = "text after the end".to_owned();
            return Err(LoadError::Line { number: lines + 1, problem });
        }
        Ok(snapshot)
    }

    /// A dump that others may follow, and how many lines it has.
    pub(super) fn read_one(reader: &mut dyn BufRead) -> Result<(Self, u64), LoadError> {
        check_first_line(reader)?;
        let mut snapshot = Self::new();
        let mut number = 1;
        let mut line = Vec::new();
        loop {
            line.clear();
            if reader.read_until(b'\n', &mut line).map_err(LoadError::Io)? == 0 {
                return Err(LoadError::CutShort { lines: number });
            }
            number += 1;
            // A line that is cut short may still read as another.
            let Some(text) = line.strip_suffix(b"\n") else {
                return Err(LoadError::CutShort { lines: number });
            };
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            let more = std::str::from_utf8(text)
                .map_err(|error| format!("byte {} is not UTF-8", error.valid_up_to() + 1))
                .and_then(|text| snapshot.read_record(number, text))
                .map_err(|problem| LoadError::Line { number, problem })?;
            if !more {
                return Ok((snapshot, number));
            }
        }
    }

    /// False at the end.
    fn read_record(&mut self, number: u64, text: &str) -> Result<bool, String> {
        let mut fields = text.split('\t');
        let kind = fields.next().unwrap_or_default();
        let fields = &mut Fields { fields, kind };
        if let Some(&wanted) = HEAD.get(number as usize - 2) {
            if kind != wanted {
                return Err(format!("`{wanted}` belongs here, found {}", quoted(kind)));
            }
            self.read_head(fields)?;
        } else {
            match kind {
                "module" => self.modules.push(read_module(fields)?),
                "type" => self.types.push(fields.name()?),
                "path" => self.paths.push(read_path(fields, self.paths.len())?),
                "frame" => self.frames.push(read_frame(fields, self.modules.len())?),
                "source" => {
                    let frame = self.frames.last_mut().ok_or("a source before any frame")?;
                    frame.sources.push(read_source(fields)?);
                }
                "trace" => {
                    let trace = read_trace(fields, self)?;
                    self.traces.push(trace);
                }
                "end" => {
                    let lines: u64 = fields.number()?;
                    if lines != number {
                        return Err(format!(
                            "`end` says that this is line {lines}: lines are missing or doubled"
                        ));
                    }
                }
                other => return Err(format!("no record is called {}", quoted(other))),
            }
        }
        fields.end()?;
        Ok(kind != "end")
    }

    fn read_head(&mut self, fields: &mut Fields<'_>) -> Result<(), String> {
        match fields.kind {
            "mode" => {
                let text = fields.text()?;
                self.mode =
                    Mode::from_str(text).map_err(|remedy| format!("mode {}: {remedy}", quoted(text)))?;
            }
            "frame_limit" => self.frame_limit = fields.number()?,
            "duration" => self.duration = fields.seconds()?,
            "taken" => self.taken = fields.seconds()?,
            "process" => {
                self.process = ProcessMemory {
                    live_bytes: fields.number()?,
                    live_blocks: fields.number()?,
                    peak_bytes: fields.number()?,
                    profiler_bytes: fields.number()?,
                    rss_bytes: fields.optional()?,
                    cgroup_limit: fields.optional()?,
                    cgroup_used: fields.optional()?,
                }
            }
            "notes" => {
                self.notes = Notes {
                    older_frees: fields.number()?,
                    unrecorded: fields.number()?,
                    truncated: fields.number()?,
                    cap_reached: fields.number()?,
                }
            }
            _ => {
                self.named = match fields.text()? {
                    "yes" => true,
                    "no" => false,
                    other => return Err(format!("`named` is yes or no, found {}", quoted(other))),
                }
            }
        }
        Ok(())
    }
}

/// The records that come first, each once, in this order.
const HEAD: [&str; 7] = ["mode", "frame_limit", "duration", "taken", "process", "notes", "named"];

fn check_first_line(reader: &mut dyn BufRead) -> Result<(), LoadError> {
    let mut first = Vec::new();
    // No more than that of a file that may be anything, and have no lines.
    reader.take(64).read_until(b'\n', &mut first).map_err(LoadError::Io)?;
    let Ok(text) = std::str::from_utf8(&first) else { return Err(LoadError::NotADump) };
    let Some(version) = text.strip_prefix(MAGIC) else {
        let begun = !text.is_empty() && MAGIC.starts_with(text);
        return Err(if begun { LoadError::CutShort { lines: 1 } } else { LoadError::NotADump });
    };
    let Some(version) = version.strip_suffix('\n') else {
        let cut = first.len() < 64;
        return Err(if cut { LoadError::CutShort { lines: 1 } } else { LoadError::NotADump });
    };
    let version = version.strip_suffix('\r').unwrap_or(version);
    if version == VERSION { Ok(()) } else { Err(LoadError::Version(quoted(version))) }
}

fn read_module(fields: &mut Fields<'_>) -> Result<Module, String> {
    Ok(Module { build_id: fields.name()?, path: fields.name()? })
}

fn read_path(fields: &mut Fields<'_>, before: usize) -> Result<CallPath, String> {
    let parent = fields.index("path", before)?;
    let line = fields.number()?;
    let name = fields.name()?;
    let file = fields.name()?;
    Ok(CallPath { parent, label: Label { file, line, name } })
}

fn read_frame(fields: &mut Fields<'_>, modules: usize) -> Result<Frame, String> {
    let module = fields.index("module", modules)?;
    let text = fields.text()?;
    let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let address = u64::from_str_radix(text, 16).ok().filter(|_| digits);
    let address =
        address.ok_or_else(|| format!("an address is 64 bits in hexadecimal, found {}", quoted(text)))?;
    Ok(Frame { module, address, sources: Vec::new() })
}

fn read_source(fields: &mut Fields<'_>) -> Result<Source, String> {
    Ok(Source {
        line: fields.number()?,
        function: fields.name()?,
        symbol: fields.name()?,
        file: fields.name()?,
    })
}

fn read_trace(fields: &mut Fields<'_>, snapshot: &Snapshot) -> Result<Trace, String> {
    let text = fields.text()?;
    let mut frames = Vec::new();
    if !text.is_empty() {
        frames.reserve_exact(1 + text.bytes().filter(|&byte| byte == b' ').count());
        for index in text.split(' ') {
            frames.push(FrameId(index_of("frame", index, snapshot.frames.len())?));
        }
    }
    Ok(Trace {
        frames,
        path: fields.index("path", snapshot.paths.len())?,
        size_class: SizeClass(
            fields
                .number::<u8>()
                .ok()
                .filter(|&class| class <= 64)
                .ok_or("a size class is a number from 0 to 64")?,
        ),
        first_size: fields.number()?,
        align: fields.number()?,
        type_id: fields.index("type", snapshot.types.len())?,
        counts: TraceCounts {
            allocations: fields.number()?,
            allocated_bytes: fields.number()?,
            frees: fields.number()?,
            freed_bytes: fields.number()?,
            temporary: fields.number()?,
            copied_bytes: fields.number()?,
            peak_blocks: fields.number()?,
            peak_bytes: fields.number()?,
            samples: fields.number()?,
            variance: fields.variance()?,
        },
    })
}

/// The fields of one line, from left to right.
struct Fields<'a> {
    fields: Split<'a, char>,
    kind: &'a str,
}

impl<'a> Fields<'a> {
    fn text(&mut self) -> Result<&'a str, String> {
        self.fields.next().ok_or_else(|| format!("`{}` has too few fields", self.kind))
    }

    fn end(&mut self) -> Result<(), String> {
        match self.fields.next() {
            None => Ok(()),
            Some(more) => Err(format!("`{}` has a field too many: {}", self.kind, quoted(more))),
        }
    }

    fn number<T: FromStr>(&mut self) -> Result<T, String> {
        number(self.text()?)
    }

    fn optional(&mut self) -> Result<Option<u64>, String> {
        match self.text()? {
            "-" => Ok(None),
            text => number(text).map(Some),
        }
    }

    fn index(&mut self, what: &str, len: usize) -> Result<Option<u32>, String> {
        match self.text()? {
            "-" => Ok(None),
            text => index_of(what, text, len).map(Some),
        }
    }

    fn seconds(&mut self) -> Result<Duration, String> {
        let text = self.text()?;
        let parts = text.split_once('.').filter(|(_, nanos)| nanos.len() == 9);
        let parts = parts.and_then(|(seconds, nanos)| Some((number(seconds).ok()?, number(nanos).ok()?)));
        let (seconds, nanos) = parts.ok_or_else(|| {
            format!("seconds with nine decimals, as in 1.500000000, found {}", quoted(text))
        })?;
        Ok(Duration::new(seconds, nanos))
    }

    fn variance(&mut self) -> Result<f64, String> {
        let text = self.text()?;
        let plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.'));
        let variance = text.parse().ok().filter(|variance: &f64| plain && variance.is_finite());
        variance.ok_or_else(|| format!("a variance is a number from 0, found {}", quoted(text)))
    }

    fn name(&mut self) -> Result<String, String> {
        let text = self.text()?;
        let mut name = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((plain, escaped)) = rest.split_once('\\') {
            name.push_str(plain);
            let (c, after) = escape(escaped).ok_or_else(|| {
                format!("{} has a backslash that escapes nothing: it is written \\\\", quoted(text))
            })?;
            name.push(c);
            rest = after;
        }
        name.push_str(rest);
        Ok(name)
    }
}

/// The character that an escape stands for, from behind its backslash; what follows.
fn escape(text: &str) -> Option<(char, &str)> {
    let kind = text.chars().next()?;
    let after = &text[kind.len_utf8()..];
    let c = match kind {
        '\\' => '\\',
        't' => '\t',
        'n' => '\n',
        'r' => '\r',
        'u' => {
            let (hex, after) = after.strip_prefix('{')?.split_once('}')?;
            let hex = Some(hex).filter(|hex| (1..=6).contains(&hex.len()) && !hex.starts_with('+'))?;
            return Some((char::from_u32(u32::from_str_radix(hex, 16).ok()?)?, after));
        }
        _ => return None,
    };
    Some((c, after))
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if plain { text.parse().ok() } else { None };
    number.ok_or_else(|| format!("a whole number from 0 in its range belongs here, found {}", quoted(text)))
}

fn index_of(what: &str, text: &str, len: usize) -> Result<u32, String> {
    let index = number(text)?;
    if (index as usize) < len {
        Ok(index)
    } else {
        Err(format!("{what} {index} is not there: {len} stand above, counted from 0"))
    }
}

/// A piece of the file that is safe to print.
fn quoted(text: &str) -> String {
    const MOST: usize = 40;
    let end = text.char_indices().nth(MOST).map_or(text.len(), |(end, _)| end);
    format!("{:?}{}", &text[..end], if end < text.len() { ".." } else { "" })
}
