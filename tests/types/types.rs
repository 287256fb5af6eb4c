//! Which types own what was allocated: each site is run alone, and what the rules say is held against the label
//! written next to it.
//!
//! `PROFILE_COST_SHOW_STACKS=site` prints the stacks of sites whose name begins so; with `PROFILE_COST_FIGURES_ONLY=1`
//! nothing is demanded of the figures.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::print_stdout, reason = "figures for whoever asks with --nocapture")]
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod naming;
mod recorder;
mod sites;

use profile_cost_runtime::heap::{Source, Tracker};
use profile_cost_runtime::testing::classify;
use recorder::{Allocation, Recorder};
use sites::Site;

#[global_allocator]
static ALLOCATOR: Tracker = Tracker::system();

/// Of a site: what was said, and how that compares.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Verdict {
    Right,
    Unknown,
    Wrong,
}

#[test]
fn labelled_sites_get_the_type_of_their_label() {
    let mut recorder = Recorder::new();
    let mut tally = [0usize; 3];
    let sites: Vec<&Site> = sites::all().collect();
    for site in &sites {
        recorder.allocations.clear();
        (site.run)(&mut recorder);
        assert!(!recorder.allocations.is_empty(), "{}: allocates nothing", site.name);
        show_stacks(site, &recorder.allocations);
        tally[judge(site, &recorder.allocations) as usize] += 1;
    }
    let [right, unknown, wrong] = tally;
    println!("{} sites: {right} right, {unknown} unknown, {wrong} wrong", sites.len());
    assert!(sites.len() >= 100, "at least 100 sites are labelled");
    // Fat LTO merges functions that are the same to the last instruction, names and all.
    if std::env::var_os("PROFILE_COST_FIGURES_ONLY").is_none() {
        assert_eq!(wrong, 0, "a type that is wrong is worse than none");
        assert!(right * 100 >= sites.len() * 95, "at least 95 % of the sites are right");
    }
}

/// The worst that was said of the site's allocations.
fn judge(site: &Site, allocations: &[Allocation]) -> Verdict {
    let said: Vec<Option<String>> = allocations.iter().map(said).collect();
    let is_one_of = |part: &str, said: &str| part.split('|').any(|label| label.trim() == said);
    let parts = || site.expected.split(" & ");
    let mut worst = Verdict::Right;
    for name in &said {
        worst = worst.max(match name.as_deref() {
            Some(name) if parts().any(|part| is_one_of(part, name)) => Verdict::Right,
            None if site.expected == "unknown" => Verdict::Right,
            None => Verdict::Unknown,
            // True, and not enough.
            Some("String or Vec<u8>")
                if parts().any(|it| is_one_of(it, "String") || is_one_of(it, "Vec<u8>")) =>
            {
                Verdict::Unknown
            }
            Some(_) => Verdict::Wrong,
        });
    }
    let is_said = |part: &str| said.iter().flatten().any(|name| is_one_of(part, name));
    if site.expected != "unknown" && !parts().all(is_said) {
        worst = worst.max(Verdict::Unknown);
    }
    if worst != Verdict::Right {
        println!("{worst:?} at {}: {said:?}, and the label is {}", site.name, site.expected);
    }
    worst
}

fn said(allocation: &Allocation) -> Option<String> {
    let stack: Vec<&[Source]> = allocation.stack.iter().map(Vec::as_slice).collect();
    classify(&stack, allocation.align, allocation.size).as_deref().map(plain)
}

/// A name without paths.
fn plain(name: &str) -> String {
    let mut plain = String::new();
    for character in name.chars() {
        plain.push(character);
        if plain.ends_with("::") {
            let start =
                plain.trim_end_matches("::").rfind(|c: char| !c.is_alphanumeric() && !":_{}#".contains(c));
            plain.truncate(start.map_or(0, |at| at + 1));
        }
    }
    plain
}

fn show_stacks(site: &Site, allocations: &[Allocation]) {
    let wanted = std::env::var("PROFILE_COST_SHOW_STACKS");
    if !wanted.is_ok_and(|wanted| wanted.split(',').any(|wanted| site.name.starts_with(wanted))) {
        return;
    }
    println!("== {} ({})", site.name, site.expected);
    for allocation in allocations {
        println!("  size {} align {}", allocation.size, allocation.align);
        let is_recorder = |source: &Source| source.function.starts_with("record<");
        let depth = allocation.stack.iter().position(|frame| frame.iter().any(is_recorder));
        let frames = allocation.stack.iter().take(depth.map_or(usize::MAX, |depth| depth + 1));
        for (depth, frame) in frames.enumerate() {
            for source in frame {
                let Source { function, symbol, file, line } = source;
                println!("    {depth:2} {function}   [{file}:{line}]   {symbol}");
            }
        }
    }
}
