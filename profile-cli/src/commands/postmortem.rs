//! `postmortem`: how a process ended and what it was doing, from its flight recorder's file.

use std::io::Write;
use std::path::Path;
use std::time::UNIX_EPOCH;

use profile_cost_runtime::heap::{ReportOptions, Snapshot, source_line};
use profile_cost_runtime::recorder::{self, ReadError};

use crate::args::Postmortem;
use crate::failure::Failure;
use crate::input::notice;
use crate::output;

/// Functions that are shown when nobody asked for a number.
const TOP: usize = 30;

#[derive(Clone, Copy)]
enum Shape {
    Text,
    Json,
    Html,
}

pub(crate) fn run(asked: &Postmortem) -> Result<(), Failure> {
    let shape = shape(asked);
    let post_mortem = recorder::read(&asked.file).map_err(|error| failure(&asked.file, error))?;
    let top = match asked.top {
        Some(0) => usize::MAX,
        top => top.unwrap_or(TOP),
    };
    let heap = post_mortem.heap().and_then(|read| {
        read.inspect_err(|error| {
            notice(&format!("{}: the snapshot of the heap: {error}", asked.file.display()))
        })
        .ok()
    });
    // Names are looked for only where they are shown.
    let named = |mut heap: Snapshot| {
        super::heap::name(&mut heap, &asked.file, &asked.binaries)?;
        Ok::<_, Failure>(heap)
    };
    let (heap, before) = match shape {
        Shape::Text | Shape::Html => (
            heap.map(named).transpose()?,
            post_mortem.heap_before().and_then(Result::ok).map(named).transpose()?,
        ),
        Shape::Json => (None, None),
    };
    let write_heap = |out: &mut dyn Write| {
        let Some(heap) = &heap else { return Ok(()) };
        let age = post_mortem.last_sign.duration_since(UNIX_EPOCH + heap.taken).unwrap_or_default();
        match age.as_secs() {
            0 => writeln!(out, "\nTHE HEAP, at the last sign of life")?,
            seconds => writeln!(out, "\nTHE HEAP, {seconds} s before the last sign of life")?,
        }
        let options = ReportOptions { top, source_line: Some(source_line), ..ReportOptions::default() };
        heap.write_report(&mut *out, &options)?;
        let Some(before) = &before else { return Ok(()) };
        let apart = heap.taken.saturating_sub(before.taken).as_secs_f64();
        writeln!(out, "\nWHAT GREW in the {apart:.0} seconds before that")?;
        heap.write_growth(before, out, &options)
    };
    output::to(asked.output.as_deref(), |out| match shape {
        Shape::Text => {
            post_mortem.write_text(out, top)?;
            write_heap(out)
        }
        Shape::Json => post_mortem.write_json(out),
        Shape::Html => {
            let mut text = Vec::new();
            write_heap(&mut text)?;
            post_mortem.write_html(out, &String::from_utf8_lossy(&text))
        }
    })
}

fn shape(asked: &Postmortem) -> Shape {
    let extension = asked.output.as_deref().and_then(Path::extension);
    match extension.and_then(|extension| extension.to_str()) {
        _ if asked.json => Shape::Json,
        _ if asked.html => Shape::Html,
        Some("json") => Shape::Json,
        Some("html") => Shape::Html,
        _ => Shape::Text,
    }
}

fn failure(path: &Path, error: ReadError) -> Failure {
    match error {
        ReadError::Io(error) => Failure::of_file(path, &error),
        other => Failure::new(format!("{}: {other}", path.display())),
    }
}
