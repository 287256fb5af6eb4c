//! The heap report: what two snapshots of a service say whose memory climbs.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use profile_cost::heap::{Mode, Snapshot, Trace};
use profile_cost::{Profile, SortKey, Stats};

const ROWS: usize = 8;
/// Frames that are told of a stack; the innermost ones are of the allocator and the standard library.
const FRAMES: usize = 12;

/// What is live on one call path.
#[derive(Clone, Copy, Debug, Default)]
struct Live {
    bytes: u64,
    blocks: u64,
}

/// Prints what holds the memory, and what grew since the first look. Returns the call path that grew most, and its
/// share of all that grew.
pub fn print(
    first: &Snapshot,
    now: &Snapshot,
    profile: &Profile,
    out: &mut impl Write,
) -> Result<Option<(String, f64)>> {
    let process = &now.process;
    let estimates = if matches!(now.mode, Mode::Sample { .. }) { ", estimates" } else { "" };
    writeln!(
        out,
        "\nHeap ({}{estimates}): {} recorded and live, at most {}; recording took {}",
        now.mode,
        kilobytes(process.live_bytes as i64),
        kilobytes(process.peak_bytes as i64),
        kilobytes(process.profiler_bytes as i64)
    )?;

    let (before, after) = (by_path(first), by_path(now));
    let mut rows: Vec<_> = after
        .iter()
        .map(|(path, live)| {
            let before = before.get(path).copied().unwrap_or_default();
            (path, live, live.bytes as i64 - before.bytes as i64, live.blocks as i64 - before.blocks as i64)
        })
        .collect();
    rows.sort_by_key(|&(path, _, grown, _)| (Reverse(grown), path));
    writeln!(out, "\nBy growth between the looks, {:.1} s apart", (now.taken - first.taken).as_secs_f64())?;
    writeln!(out, "{:>12}{:>10}{:>12}{:>10}  call path", "grown", "blocks", "live", "blocks")?;
    for (path, live, bytes, blocks) in rows.iter().take(ROWS) {
        let (grown, all) = (kilobytes(*bytes), kilobytes(live.bytes as i64));
        writeln!(out, "{grown:>12}{blocks:>+10}{all:>12}{:>10}  {path}", live.blocks)?;
    }

    if let Some(most) = now.traces.iter().max_by_key(|trace| trace.counts.live_bytes()) {
        print_stack(now, most, out)?;
    }
    writeln!(out)?;
    Stats::new(profile).strip_dirs().sort_stats([SortKey::Cumulative]).print_stats(out, ROWS)?;

    let all: i64 = rows.iter().map(|&(_, _, bytes, _)| bytes.max(0)).sum();
    let most = rows.first().filter(|&&(_, _, bytes, _)| bytes > 0);
    Ok(most.map(|&(path, _, bytes, _)| (path.clone(), bytes as f64 / all as f64)))
}

fn by_path(snapshot: &Snapshot) -> HashMap<String, Live> {
    let mut all: HashMap<String, Live> = HashMap::new();
    for trace in &snapshot.traces {
        let live = all.entry(name_of(snapshot, trace)).or_default();
        live.bytes += trace.counts.live_bytes();
        live.blocks += trace.counts.live_blocks();
    }
    all
}

/// `product > PageCache::page`.
fn name_of(snapshot: &Snapshot, trace: &Trace) -> String {
    let calls = std::iter::successors(trace.path, |&path| snapshot.paths[path as usize].parent);
    let mut names: Vec<_> = calls.map(|path| snapshot.paths[path as usize].label.name.as_str()).collect();
    names.reverse();
    if names.is_empty() { "(in no annotated function)".to_owned() } else { names.join(" > ") }
}

/// The stack that holds most. Its addresses have no names yet: those that are the program's own come as a command.
fn print_stack(snapshot: &Snapshot, trace: &Trace, out: &mut impl Write) -> Result<()> {
    let counts = &trace.counts;
    writeln!(
        out,
        "\nMost of one stack: {} in {} blocks of {}, by {}",
        kilobytes(counts.live_bytes() as i64),
        counts.live_blocks(),
        trace.size_class,
        name_of(snapshot, trace)
    )?;
    let frames = trace.frames.iter().map(|frame| &snapshot.frames[frame.0 as usize]);
    let addresses: Vec<_> = frames
        .filter(|frame| frame.module == Some(0))
        .take(FRAMES)
        .map(|frame| format!("{:#x}", frame.address))
        .collect();
    if let (Some(module), false) = (snapshot.modules.first(), addresses.is_empty()) {
        writeln!(out, "its lines: addr2line -Cfipe {} {}", module.path, addresses.join(" "))?;
    }
    Ok(())
}

/// Writes the profile, with what each function allocated, for `cargo profile-cost` and for the browser.
pub fn write(profile: &Profile, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for ending in ["json", "html"] {
        let path = folder.join("oom").with_extension(ending);
        profile.save(&path)?;
        println!("Wrote {}", path.display());
    }
    Ok(())
}

/// Says what the report shows.
pub fn conclude(most: Option<(String, f64)>) {
    let Some((path, share)) = most else { return println!("\nNothing grew between the looks.") };
    println!("\n{:.0} % of what grew was allocated by {path}.", share * 100.0);
    if path.contains("PageCache::page") {
        println!(
            "The cache's key has the visitor's session in it: no page is found again, none is dropped. read_whole allocates"
        );
        println!(
            "more and keeps nothing, as its `live` says. What is older than the recording, such as the dictionary, is not in it."
        );
    }
}

fn kilobytes(bytes: i64) -> String {
    format!("{:.1} kB", bytes as f64 / 1e3)
}
