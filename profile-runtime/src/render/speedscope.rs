//! speedscope's own JSON: a profile a thread and metric, which share their frames.
//!
//! <https://www.speedscope.app/file-format-schema.json>

use std::io::{self, Write};

use super::json_text::Quoted;
use super::names::{line_names, printable};
use super::nanoseconds::Nanoseconds;
use super::split::{Part, parts};
use super::walk::{Step, Walk, depths};
use crate::profile::{Counts, PathId, Profile};

/// speedscope itself recurses: a stack much deeper is one that it cannot draw.
const MAX_DEPTH: u32 = 1000;
/// Frame for what lies below.
const DEEPER: &str = "[deeper]";

impl Profile {
    /// Writes speedscope's JSON.
    ///
    /// Its profiles are, where there is anything in them: busy time of each thread (of all together unless the
    /// profile was split by thread), await time, calls, and what was allocated and is still live on the heap. In
    /// each a frame is as wide as its own value and its callees' together, in nanoseconds, bytes or calls; the
    /// order from left to right is that of first call and not one of time. A function is named `name`,
    /// or `name (file:line)` where several share a name, and has its file and line. Paths deeper than 1,000 calls end in the frame `[deeper]`.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_speedscope<W: Write>(&self, mut writer: W) -> io::Result<()> {
        let depths = depths(self);
        write!(
            writer,
            "{{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\"exporter\":\"profile-cost {}\",\
             \"name\":\"profile-cost\",\"activeProfileIndex\":0,\n\"shared\":{{\"frames\":[",
            env!("CARGO_PKG_VERSION")
        )?;
        let mut comma = "\n";
        for (name, function) in line_names(self).iter().zip(self.functions()) {
            let label = &function.label;
            write!(writer, "{comma}{{\"name\":{}", Quoted(name))?;
            write!(writer, ",\"file\":{}", Quoted(&printable(&label.file)))?;
            if label.line > 0 {
                write!(writer, ",\"line\":{}", label.line)?;
            }
            write!(writer, "}}")?;
            comma = ",\n";
        }
        if depths.iter().any(|&depth| depth > MAX_DEPTH) {
            write!(writer, "{comma}{{\"name\":{}}}", Quoted(DEEPER))?;
        }
        write!(writer, "]}},\n\"profiles\":[")?;
        let tree = Tree { profile: self, walk: Walk::new(self), depths };
        let mut comma = "\n";
        let mut views = views(self).peekable();
        // speedscope wants at least one.
        let nothing =
            View { name: "busy time".to_owned(), unit: "nanoseconds", values: vec![0; self.paths().len()] };
        let nothing = views.peek().is_none().then_some(nothing);
        for view in views.chain(nothing) {
            write!(writer, "{comma}")?;
            tree.write(&view, &mut writer)?;
            comma = ",\n";
        }
        writeln!(writer, "]}}")
    }
}

/// One of speedscope's profiles: what it is called and each path's exclusive value.
struct View {
    name: String,
    unit: &'static str,
    values: Vec<u64>,
}

/// Name, unit and value of what is shown of all threads together.
type Metric = (&'static str, &'static str, fn(&Counts) -> u64);

const OF_ALL: [Metric; 6] = [
    ("await time", "nanoseconds", |counts| counts.self_await),
    ("calls", "none", |counts| counts.starts),
    ("allocated bytes", "bytes", |counts| counts.heap.allocated_bytes),
    ("allocations", "none", |counts| counts.heap.allocations),
    ("live bytes", "bytes", |counts| counts.heap.live_bytes()),
    ("live blocks", "none", |counts| counts.heap.live_blocks()),
];

fn views(profile: &Profile) -> impl Iterator<Item = View> {
    let split = !profile.by_thread().is_empty();
    let busy = parts(profile).into_iter().map(move |part| View {
        name: match part.thread {
            Some(thread) if thread.trim().is_empty() => "busy time, (unnamed)".to_owned(),
            Some(thread) => format!("busy time, {}", printable(thread)),
            None if split => "busy time, not told apart by thread".to_owned(),
            None => "busy time".to_owned(),
        },
        unit: "nanoseconds",
        values: busy_of(profile, &part),
    });
    let others = OF_ALL.into_iter().map(|(name, unit, value)| {
        let nanoseconds = Nanoseconds::of(profile);
        let convert = |value| if unit == "nanoseconds" { nanoseconds.of_ticks(value) } else { value };
        let values = profile.paths().iter().map(|path| convert(value(&path.counts))).collect();
        View { name: name.to_owned(), unit, values }
    });
    busy.chain(others).filter(|view| view.values.iter().any(|&value| value > 0))
}

fn busy_of(profile: &Profile, part: &Part<'_>) -> Vec<u64> {
    let nanoseconds = Nanoseconds::of(profile);
    let mut values = vec![0; profile.paths().len()];
    for &(path, counts) in &part.counts {
        values[path.0 as usize] = nanoseconds.of_ticks(counts.self_busy);
    }
    values
}

/// The calls as they nest, for all views.
struct Tree<'a> {
    profile: &'a Profile,
    walk: Walk,
    depths: Vec<u32>,
}

impl Tree<'_> {
    /// Writes a view as a profile of the kind `evented`: a frame is opened, its own value passes, its callees are
    /// opened and closed, and it is closed. Unlike one of the kind `sampled` it does not repeat the callers.
    fn write(&self, view: &View, writer: &mut dyn Write) -> io::Result<()> {
        let wide = self.with_callees(&view.values);
        let roots = self.profile.paths().iter().zip(&wide).filter(|(path, _)| path.parent.is_none());
        let total = roots.fold(0u64, |sum, (_, &value)| sum.saturating_add(value));
        write!(
            writer,
            "{{\"type\":\"evented\",\"name\":{},\"unit\":\"{}\",\"startValue\":0,\"endValue\":{total},\"events\":[",
            Quoted(&view.name),
            view.unit
        )?;
        let mut events = Events { writer, at: 0, comma: "\n" };
        let below = |path: PathId| self.depths[path.0 as usize] < MAX_DEPTH && wide[path.0 as usize] > 0;
        self.walk.each(below, |step| {
            let (Step::Enter(path) | Step::Leave(path)) = step;
            let index = path.0 as usize;
            if wide[index] == 0 {
                return Ok(());
            }
            let frame = self.profile.path(path).function.0 as usize;
            let Step::Enter(_) = step else { return events.event('C', frame) };
            events.event('O', frame)?;
            events.pass(view.values[index]);
            let deeper = wide[index].saturating_sub(view.values[index]);
            if self.depths[index] == MAX_DEPTH && deeper > 0 {
                let frame = self.profile.functions().len();
                events.event('O', frame)?;
                events.pass(deeper);
                events.event('C', frame)?;
            }
            Ok(())
        })?;
        write!(events.writer, "]}}")
    }

    /// Each path's value with those of all paths below it.
    fn with_callees(&self, values: &[u64]) -> Vec<u64> {
        let mut wide = values.to_vec();
        for (i, path) in self.profile.paths().iter().enumerate().rev() {
            if let Some(parent) = path.parent {
                wide[parent.0 as usize] = wide[parent.0 as usize].saturating_add(wide[i]);
            }
        }
        wide
    }
}

/// Events on their way out.
struct Events<'a> {
    writer: &'a mut dyn Write,
    at: u64,
    comma: &'static str,
}

impl Events<'_> {
    fn event(&mut self, kind: char, frame: usize) -> io::Result<()> {
        let (comma, at) = (self.comma, self.at);
        self.comma = ",";
        write!(self.writer, "{comma}{{\"type\":\"{kind}\",\"frame\":{frame},\"at\":{at}}}")
    }

    fn pass(&mut self, value: u64) {
        self.at = self.at.saturating_add(value);
    }
}
