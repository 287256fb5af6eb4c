//! Flamegraph SVG, drawn by inferno.

use std::io::{self, Write};
use std::thread;

use inferno::flamegraph::color::{BasicPalette, Palette};
use inferno::flamegraph::{Options, TextTruncateDirection, from_lines};

use super::Metric;
use super::names::{NO_BREAK_SPACE, printable};
use super::tree::{Limits, Order, Tree};
use crate::profile::Profile;
use crate::units::bytes;

/// Widest drawing that a browser's numbers hold exactly.
const MAX_TOTAL: u64 = 1 << 53;

/// How a flamegraph looks. Fill in with `..Default::default()`.
#[derive(Clone, Debug)]
pub struct FlamegraphOptions {
    /// Heading; empty names the metric.
    pub title: String,
    /// Put before the totals on the line below the heading.
    pub subtitle: String,
    /// What widths stand for.
    pub metric: Metric,
    /// Width in pixels; `None` follows the window.
    pub width: Option<u32>,
    /// Frames narrower than this percentage of the whole are not drawn; their value stays in their caller's
    /// width, and the subtitle counts them.
    pub min_percent: f64,
    /// Levels that are drawn; what lies deeper is one frame `[deeper]`.
    pub max_depth: u32,
    /// Frames that are drawn, the widest first. Browsers get slow from some ten thousands.
    pub max_frames: usize,
}

impl Default for FlamegraphOptions {
    fn default() -> Self {
        Self {
            title: String::new(),
            subtitle: String::new(),
            metric: Metric::Busy,
            width: None,
            min_percent: 0.02,
            max_depth: 400,
            max_frames: 20_000,
        }
    }
}

impl FlamegraphOptions {
    /// The defaults, for `metric`.
    pub fn new(metric: Metric) -> Self {
        Self { metric, ..Self::default() }
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            depth: self.max_depth.max(1),
            frames: self.max_frames.max(1),
            min_share: (self.min_percent / 100.0).clamp(0.0, 1.0),
        }
    }

    pub(crate) fn title_or(&self, default: String) -> String {
        if self.title.is_empty() { default } else { printable(&self.title) }
    }
}

impl Profile {
    /// Writes a flamegraph as SVG, with search (Ctrl-F) and zoom (click). An empty profile gives a picture
    /// that says what to do. The script in the picture is inferno's, under CDDL-1.0.
    ///
    /// # Errors
    /// Those of the writer; `Other` if the picture cannot be drawn.
    pub fn write_flamegraph<W: Write>(&self, writer: W, options: &FlamegraphOptions) -> io::Result<()> {
        let metric = options.metric;
        let title = options.title_or(format!("Flamegraph of {}", metric.name()));
        let tree = Tree::new(self, &[], &metric.values(self), options.limits());
        if tree.total == 0 {
            return write_notice(writer, &title, &self.why_empty(metric));
        }
        let mut subtitle = subtitle_start(options);
        subtitle.push_str(&format!("{} in all", amount(tree.total, metric)));
        if self.threads > 0 {
            subtitle.push_str(&format!(
                ", {} thread{}",
                self.threads,
                if self.threads == 1 { "" } else { "s" }
            ));
        }
        if self.notes.truncated_calls > 0 {
            subtitle.push_str(&format!(", {} calls in [truncated]", self.notes.truncated_calls));
        }
        if self.notes.late_events > 0 {
            subtitle.push_str(&format!(", {} late events not counted", self.notes.late_events));
        }
        subtitle.push_str(&undrawn(&tree));
        let picture = Picture { title, subtitle, width: options.width, ..Picture::of(metric, tree.total) };
        draw(writer, &tree, picture)
    }

    pub(super) fn why_empty(&self, metric: Metric) -> [String; 2] {
        if self.is_empty() {
            [
                "No calls were recorded.".to_owned(),
                "Annotate functions with #[profile_cost], and call profile_cost::enable() before they run."
                    .to_owned(),
            ]
        } else {
            let other = if metric == Metric::Calls { Metric::Busy } else { Metric::Calls };
            [
                format!("{} call paths were recorded, but no {}.", self.paths().len(), metric.name()),
                format!("Draw Metric::{other:?} to see them."),
            ]
        }
    }
}

pub(crate) fn subtitle_start(options: &FlamegraphOptions) -> String {
    let mut text = printable(&options.subtitle);
    if !text.is_empty() {
        text.push_str(" · ");
    }
    text
}

/// What is not in the picture, so that nothing is lost in silence.
pub(crate) fn undrawn(tree: &Tree) -> String {
    let mut text = String::new();
    if tree.narrow > 0 {
        text.push_str(&format!(", narrow paths drawn as part of their callers: {}", tree.narrow));
    }
    if tree.deep > 0 {
        text.push_str(&format!(", paths in [deeper]: {}", tree.deep));
    }
    text
}

/// A value with its unit, for people.
pub(super) fn amount(value: u64, metric: Metric) -> String {
    match metric {
        Metric::Calls => return format!("{value} calls"),
        Metric::Live => return bytes(value),
        Metric::Busy | Metric::Await | Metric::Task => {}
    }
    let ns = value as f64;
    match value {
        0..1_000 => format!("{value} ns"),
        1_000..1_000_000 => format!("{:.2} µs", ns / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} ms", ns / 1e6),
        _ => format!("{:.2} s", ns / 1e9),
    }
}

/// The unit of the frames' own values and its size; coarse enough to be read, fine enough for percentages.
fn unit(total: u64, metric: Metric) -> (&'static str, f64) {
    match total {
        _ if metric == Metric::Calls => ("calls", 1.0),
        _ if metric == Metric::Live => ("bytes", 1.0),
        0..100_000_000 => ("ns", 1.0),
        100_000_000..1_000_000_000_000 => ("µs", 1e-3),
        _ => ("ms", 1e-6),
    }
}

/// What is around the frames, and how they look.
pub(crate) struct Picture {
    pub(crate) title: String,
    pub(crate) subtitle: String,
    pub(crate) width: Option<u32>,
    /// Values have a predecessor that decides the colour.
    pub(crate) is_difference: bool,
    /// Name of the unit that frames show their values in.
    pub(crate) unit: &'static str,
    /// How many of that unit a value of 1 is.
    pub(crate) factor: f64,
    pub(crate) palette: BasicPalette,
}

impl Picture {
    pub(super) fn of(metric: Metric, total: u64) -> Self {
        let (unit, factor) = unit(total, metric);
        let palette = match metric {
            Metric::Busy => BasicPalette::Hot,
            Metric::Await => BasicPalette::Io,
            Metric::Task => BasicPalette::Orange,
            Metric::Calls => BasicPalette::Mem,
            Metric::Live => BasicPalette::Aqua,
        };
        Self {
            title: String::new(),
            subtitle: String::new(),
            width: None,
            is_difference: false,
            unit,
            factor,
            palette,
        }
    }
}

pub(crate) fn draw<W: Write>(mut writer: W, tree: &Tree, picture: Picture) -> io::Result<()> {
    let shrink = tree.total.div_ceil(MAX_TOTAL).max(1);
    let Picture { title, subtitle, width, is_difference, unit, factor, palette } = picture;
    let mut lines: Vec<String> = Vec::new();
    tree.lines(Order::Nested, |stack, before, value| {
        let (before, value) = (before / shrink, value / shrink);
        lines.push(if is_difference {
            format!("{stack} {before} {value}")
        } else {
            format!("{stack} {value}")
        });
        Ok::<(), io::Error>(())
    })?;

    let mut svg = Vec::new();
    let drawing = || {
        let mut options = Options::default();
        options.title = title;
        options.subtitle = Some(subtitle);
        options.count_name = unit.to_owned();
        options.factor = factor * shrink as f64;
        options.image_width = width.map(|w| w.clamp(300, 20_000) as usize);
        options.text_truncate_direction = TextTruncateDirection::Right;
        options.colors = Palette::Basic(palette);
        // Colours by name: the default draws them from a generator that goes on from picture to picture.
        options.deterministic = true;
        options.min_width = 0.0; // the tree is pruned already, without loss
        // NOTE: inferno sorts by bytes, which tears frames (see Order::Nested); a chart keeps the order it
        // is given, reversed.
        options.flame_chart = true;
        from_lines(&mut options, lines.iter().rev().map(String::as_str), &mut svg)
    };
    // NOTE: on a thread of its own, because inferno keeps thread-locals, which are gone when a report is
    // written at the end of the process, and because a panic in it must not be the user's.
    thread::scope(|scope| {
        let worker =
            thread::Builder::new().name("profile-cost-render".to_owned()).spawn_scoped(scope, drawing)?;
        worker.join().unwrap_or_else(|_| Err(io::Error::other("the flamegraph could not be drawn")))
    })?;

    // Search would not find `phase 2` by its no-break space.
    let mut hard_space = [0; 2];
    let hard_space = NO_BREAK_SPACE.encode_utf8(&mut hard_space).as_bytes();
    let mut rest = svg.as_slice();
    while let Some(at) = rest.windows(hard_space.len()).position(|bytes| bytes == hard_space) {
        writer.write_all(&rest[..at])?;
        writer.write_all(b" ")?;
        rest = &rest[at + hard_space.len()..];
    }
    writer.write_all(rest)?;
    writer.flush()
}

/// A picture without frames.
pub(crate) fn write_notice<W: Write>(mut writer: W, title: &str, lines: &[String; 2]) -> io::Result<()> {
    let text = |y: u32, size: u32, text: &str| {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        format!(r#"<text x="600" y="{y}" font-size="{size}" text-anchor="middle">{text}</text>"#)
    };
    writeln!(
        writer,
        r##"<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<svg xmlns="http://www.w3.org/2000/svg" version="1.1" width="1200" height="140" viewBox="0 0 1200 140" font-family="monospace">
<rect width="100%" height="100%" fill="#eeeeee"/>
{}
{}
{}
</svg>"##,
        text(35, 17, title),
        text(75, 14, &lines[0]),
        text(100, 14, &lines[1]),
    )?;
    writer.flush()
}
