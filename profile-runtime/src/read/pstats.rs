//! Python's marshalled statistics back into [`Stats`].
//!
//! Read in one pass by what has to come next, so that nesting costs nothing. References make a small file stand for
//! a large one: what they repeat is shared while reading and rationed in the result.

use std::collections::HashMap;
use std::rc::Rc;

use super::ReadError;
use super::marshal::{DAMAGED, Item, Token, Tokens};
use super::text::readable;
use crate::profile::Label;
use crate::stats::dump::{Builder, Callers, Entry};
use crate::stats::{EdgeStats, LabelId, Stats};

/// How many bytes of names and callers a file may stand for, per byte of its own. In dumps of real programs it is
/// below 4; a thousand functions in a file whose path has 1,000 letters come to 16.
const EXPANSION: usize = 20;
/// So many are allowed in any case.
const EXPANSION_FLOOR: usize = 64 << 10;
/// What one caller of a function counts for.
const CALLER: usize = 64;

/// The key beside the functions by which Python 3.15's sampling profiler marks its dumps.
const SAMPLED: &[u8] = b"__sampled__";

impl Stats {
    /// Reads a dump of cProfile, profile or pstats, as any Python from 2.7 to 3.15 writes it, in any version of marshal,
    /// and what other tools write for pstats.
    ///
    /// Figures are those of the dump, to the last bit. Counts below zero (pyinstrument has none and writes -1) are 0.
    /// Where callers are plain counts, as Python's `profile` module has them, so they stay
    /// ([`EdgeStats::calls_only`]). Names that are not UTF-8 are read as Python's `backslashreplace` prints them. What
    /// Python 3.15's sampling profiler calls calls are samples.
    ///
    /// Takes memory in proportion to the bytes, whatever they are: at most 64 KiB and 120 times their number.
    ///
    /// # Errors
    /// When the bytes are not such a dump, or end too early; names the byte.
    pub fn read_dump(bytes: &[u8]) -> Result<Self, ReadError> {
        let mut reader = Reader::new(bytes);
        let entries = reader.dump()?;
        Ok(reader.builder.finish(entries))
    }
}

/// An object as far as statistics have use for it.
#[derive(Clone, Copy, Debug)]
enum Value {
    None,
    Whole(u64),
    /// A whole number below zero, without its sign.
    Negative(u64),
    Float(f64),
    /// Index in `Reader::texts`.
    Text(u32),
    /// That many objects follow.
    Sequence(u32),
    /// Keys and values follow.
    Dict,
    End,
    Label(LabelId),
    /// Index in `Reader::edges`, and so on.
    Edge(u32),
    Callers(u32),
    Entry(u32),
    /// A shared object that is still being read.
    Unfinished,
}

/// Where an object that has begun is to be remembered.
type Slot = Option<usize>;

struct Reader<'a> {
    tokens: Tokens<'a>,
    builder: Builder,
    texts: Vec<&'a [u8]>,
    /// Every text is looked at once, however often it is referred to.
    text_ids: HashMap<&'a [u8], u32>,
    /// File, line and name.
    labels: HashMap<(u32, u32, u32), LabelId>,
    /// Python 2's interned texts.
    interned: Vec<u32>,
    /// What `r` refers to.
    shared: Vec<Value>,
    edges: Vec<EdgeStats>,
    callers: Vec<Callers>,
    entries: Vec<Entry>,
    /// Bytes that the statistics may still grow by.
    ration: usize,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            tokens: Tokens::new(bytes),
            builder: Builder::default(),
            texts: Vec::new(),
            text_ids: HashMap::new(),
            labels: HashMap::new(),
            interned: Vec::new(),
            shared: Vec::new(),
            edges: Vec::new(),
            callers: Vec::new(),
            entries: Vec::new(),
            ration: bytes.len().saturating_mul(EXPANSION).saturating_add(EXPANSION_FLOOR),
        }
    }

    /// The whole file: a dict of functions.
    fn dump(&mut self) -> Result<Vec<(LabelId, Entry)>, ReadError> {
        match self.tokens.next() {
            Ok(Item { token: Token::Dict, shared, .. }) => {
                self.shared.extend(shared.then_some(Value::Unfinished))
            }
            Err(error) if self.tokens.len() == 0 => return Err(error),
            _ => {
                let what = "not a pstats dump, which begins with a marshalled dict; convert it by the tool that wrote it";
                return Err(ReadError::new(0, what));
            }
        }
        let mut functions = Vec::new();
        while let Some(key) = self.key()? {
            match key {
                Key::Function(label) => functions.push((label, self.entry()?)),
                Key::Sampled => self.sampled()?,
            }
        }
        let (at, len) = (self.tokens.at(), self.tokens.len());
        if at < len {
            return Err(ReadError::new(
                at,
                format!("the dump ends here, but the file goes on to byte {len}; {DAMAGED}"),
            ));
        }
        Ok(functions)
    }

    /// The next key of the outermost dict.
    fn key(&mut self) -> Result<Option<Key>, ReadError> {
        let (at, slot, value) = self.next()?;
        match value {
            Value::End => return Ok(None),
            Value::Sequence(1) => {
                let (at, _, value) = self.next()?;
                return match value {
                    Value::Text(text) if self.texts[text as usize] == SAMPLED => Ok(Some(Key::Sampled)),
                    other => Err(wrong(at, "a function", other)),
                };
            }
            _ => {}
        }
        self.label(at, slot, value).map(Key::Function).map(Some)
    }

    fn sampled(&mut self) -> Result<(), ReadError> {
        match self.next()? {
            (_, _, Value::None | Value::Whole(_)) => Ok(()),
            (at, _, other) => Err(wrong(at, "the mark of a sampling profiler", other)),
        }
    }

    /// `(file, line, name)`
    fn label(&mut self, at: usize, slot: Slot, value: Value) -> Result<LabelId, ReadError> {
        match value {
            Value::Label(id) => return Ok(id),
            Value::Sequence(3) => {}
            other => return Err(wrong(at, "a function: (file, line, name)", other)),
        }
        let file = self.text("the file of a function")?;
        let line = match self.next()? {
            (_, _, Value::None) => 0,
            (at, _, Value::Whole(line)) => u32::try_from(line).map_err(|_| {
                ReadError::new(
                    at,
                    format!("line {line} of a source file is beyond the last that can be, {}", u32::MAX),
                )
            })?,
            (at, _, other) => return Err(wrong(at, "the line of a function, from 0", other)),
        };
        let name = self.text("the name of a function")?;
        let id = match self.labels.get(&(file, line, name)) {
            Some(&id) => id,
            None => {
                let [file_text, name_text] = [file, name].map(|text| readable(self.texts[text as usize]));
                self.charge(at, file_text.len() + name_text.len())?;
                let id = self.builder.label(&Label::new(file_text, line, name_text));
                self.labels.insert((file, line, name), id);
                id
            }
        };
        self.close(slot, Value::Label(id));
        Ok(id)
    }

    /// `(cc, nc, tt, ct, callers)`
    fn entry(&mut self) -> Result<Entry, ReadError> {
        let (at, slot, value) = self.next()?;
        match value {
            Value::Entry(index) => {
                let entry = self.entries[index as usize].clone();
                self.charge(at, entry.callers.len().saturating_mul(CALLER))?;
                return Ok(entry);
            }
            Value::Sequence(5) => {}
            other => return Err(wrong(at, "the figures of a function: (cc, nc, tt, ct, callers)", other)),
        }
        let entry = Entry {
            primitive_calls: self.count()?,
            calls: self.count()?,
            tottime: self.seconds()?,
            cumtime: self.seconds()?,
            callers: self.callers()?,
        };
        if slot.is_some() {
            self.close(slot, Value::Entry(self.entries.len() as u32));
            self.entries.push(entry.clone());
        }
        Ok(entry)
    }

    /// `{(file, line, name): (nc, cc, tt, ct)}`
    fn callers(&mut self) -> Result<Callers, ReadError> {
        let (at, slot, value) = self.next()?;
        match value {
            Value::None => return Ok(Callers::default()),
            Value::Callers(index) => {
                let callers = Rc::clone(&self.callers[index as usize]);
                self.charge(at, callers.len().saturating_mul(CALLER))?;
                return Ok(callers);
            }
            Value::Dict => {}
            other => return Err(wrong(at, "the callers of a function, a dict", other)),
        }
        let mut callers = Vec::new();
        loop {
            let (at, slot, value) = self.next()?;
            if let Value::End = value {
                break;
            }
            let caller = self.label(at, slot, value)?;
            callers.push((caller, self.edge()?));
        }
        callers.shrink_to_fit();
        let callers: Callers = Rc::new(callers);
        if slot.is_some() {
            self.close(slot, Value::Callers(self.callers.len() as u32));
            self.callers.push(Rc::clone(&callers));
        }
        Ok(callers)
    }

    /// `(nc, cc, tt, ct)`, or a count alone.
    fn edge(&mut self) -> Result<EdgeStats, ReadError> {
        let (at, slot, value) = self.next()?;
        let parts = match value {
            Value::Edge(index) => return Ok(self.edges[index as usize]),
            // Sums of Python 2.6's pstats are several such rows in one.
            Value::Sequence(length) if length > 0 && length.is_multiple_of(4) => length / 4,
            other => match count(other) {
                Some(calls) => return Ok(EdgeStats::of_calls(calls)),
                None => return Err(wrong(at, "the figures of a caller: (nc, cc, tt, ct)", other)),
            },
        };
        let mut edge = EdgeStats::default();
        for part in 0..parts {
            let more = EdgeStats {
                calls: self.count()?,
                primitive_calls: self.count()?,
                tottime: self.seconds()?,
                cumtime: self.seconds()?,
                ..EdgeStats::default()
            };
            if part == 0 { edge = more } else { edge.add(&more) }
        }
        if slot.is_some() {
            self.close(slot, Value::Edge(self.edges.len() as u32));
            self.edges.push(edge);
        }
        Ok(edge)
    }

    fn text(&mut self, what: &str) -> Result<u32, ReadError> {
        match self.next()? {
            (_, _, Value::Text(text)) => Ok(text),
            // As Python prints it.
            (_, _, Value::None) => Ok(self.text_id(b"None")),
            (at, _, other) => Err(wrong(at, what, other)),
        }
    }

    fn count(&mut self) -> Result<u64, ReadError> {
        let (at, _, value) = self.next()?;
        count(value).ok_or_else(|| wrong(at, "a number of calls", value))
    }

    fn seconds(&mut self) -> Result<f64, ReadError> {
        match self.next()? {
            (_, _, Value::Float(seconds)) => Ok(seconds),
            (_, _, Value::Whole(seconds)) => Ok(seconds as f64),
            (_, _, Value::Negative(seconds)) => Ok(-(seconds as f64)),
            (_, _, Value::None) => Ok(0.0),
            (at, _, other) => Err(wrong(at, "seconds", other)),
        }
    }

    /// The next object, its references followed, and the slot of one that only begins.
    fn next(&mut self) -> Result<(usize, Slot, Value), ReadError> {
        let Item { at, shared, token } = self.tokens.next()?;
        let value = match token {
            Token::Reference(number) => match self.shared.get(number as usize) {
                Some(Value::Unfinished) => {
                    return Err(ReadError::new(at, format!("an object that holds itself; {DAMAGED}")));
                }
                Some(value) => *value,
                None => {
                    return Err(ReadError::new(
                        at,
                        format!("a reference to no object, number {number}; {DAMAGED}"),
                    ));
                }
            },
            Token::InternedReference(number) => match self.interned.get(number as usize) {
                Some(text) => Value::Text(*text),
                None => {
                    return Err(ReadError::new(
                        at,
                        format!("a reference to no text, number {number}; {DAMAGED}"),
                    ));
                }
            },
            Token::End => Value::End,
            Token::None => Value::None,
            Token::Whole(number) => {
                let magnitude = u64::try_from(number.unsigned_abs()).unwrap_or(u64::MAX);
                if number < 0 { Value::Negative(magnitude) } else { Value::Whole(magnitude) }
            }
            Token::Float(number) => Value::Float(number),
            Token::Text(text) => Value::Text(self.text_id(text)),
            Token::Interned(text) => {
                let id = self.text_id(text);
                self.interned.push(id);
                Value::Text(id)
            }
            Token::Sequence(length) => Value::Sequence(length),
            Token::Dict => Value::Dict,
        };
        let mut slot = None;
        if shared {
            slot = Some(self.shared.len());
            let begins = matches!(value, Value::Sequence(_) | Value::Dict);
            self.shared.push(if begins { Value::Unfinished } else { value });
        }
        Ok((at, slot, value))
    }

    fn close(&mut self, slot: Slot, value: Value) {
        if let Some(slot) = slot {
            self.shared[slot] = value;
        }
    }

    fn text_id(&mut self, text: &'a [u8]) -> u32 {
        let Self { texts, text_ids, .. } = self;
        *text_ids.entry(text).or_insert_with(|| {
            texts.push(text);
            texts.len() as u32 - 1
        })
    }

    /// Takes so many bytes off the ration.
    fn charge(&mut self, at: usize, bytes: usize) -> Result<(), ReadError> {
        match self.ration.checked_sub(bytes) {
            Some(left) => self.ration = left,
            None => {
                return Err(ReadError::new(
                    at,
                    format!(
                        "up to here the file stands for more than {EXPANSION} times its size, by references; {DAMAGED}"
                    ),
                ));
            }
        }
        Ok(())
    }
}

/// What stands at the place of a function.
enum Key {
    Function(LabelId),
    Sampled,
}

/// A number of calls. There is none below zero; other tools than Python's write -1 for what they do not know.
fn count(value: Value) -> Option<u64> {
    match value {
        Value::Whole(n) => Some(n),
        Value::Negative(_) | Value::None => Some(0),
        Value::Float(n) if n.fract() == 0.0 => Some(n as u64),
        _ => None,
    }
}

fn wrong(at: usize, expected: &str, found: Value) -> ReadError {
    let found = match found {
        Value::None => "None".into(),
        Value::Whole(n) => format!("the number {n}"),
        Value::Negative(n) => format!("the number -{n}"),
        Value::Float(n) => format!("the number {n}"),
        Value::Text(_) => "a text".into(),
        Value::Sequence(length) => format!("a sequence of {length}"),
        Value::Dict | Value::Callers(_) => "a dict".into(),
        Value::End => "the end of a dict".into(),
        Value::Label(_) => "a function".into(),
        Value::Edge(_) => "the figures of a caller".into(),
        Value::Entry(_) => "the figures of a function".into(),
        Value::Unfinished => "an object that holds itself".into(),
    };
    ReadError::new(at, format!("not statistics of functions: expected {expected}, found {found}; {DAMAGED}"))
}
