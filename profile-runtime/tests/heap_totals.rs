//! Cumulative figures of the heap, by function and by caller, against a model that looks each path's ancestors up; sort
//! keys, Python's texts and the native file with them.

use std::collections::{BTreeMap, HashSet};

use profile_cost_runtime::stats::totals;
use profile_cost_runtime::testing::{assert_same, generated_profile};
use profile_cost_runtime::{Counts, HeapCounts, Label, Path, PathId, Profile, SortKey, Stats, Style};

/// Blocks, bytes, freed blocks, freed bytes, samples.
type Sums = [u64; 5];

fn of(heap: &HeapCounts) -> Sums {
    [heap.allocations, heap.allocated_bytes, heap.frees, heap.freed_bytes, heap.samples]
}

fn add(to: &mut Sums, more: &Sums) {
    to.iter_mut().zip(more).for_each(|(to, more)| *to += more);
}

/// Own and cumulative, by function and by (caller, function): a path counts once for each function, and each pair, that
/// is on it.
type Model = BTreeMap<(Option<u32>, u32), (Sums, Sums)>;

fn model(profile: &Profile) -> Model {
    let mut model = Model::new();
    for (i, path) in profile.paths().iter().enumerate() {
        let heap = of(&path.counts.heap);
        let caller_of = |path: &Path| Some(profile.path(path.parent?).function.0);
        let mut on_path = HashSet::new();
        let mut at = Some(PathId(i as u32));
        while let Some(id) = at {
            let path = profile.path(id);
            on_path.insert((None, path.function.0));
            if let Some(caller) = caller_of(path) {
                on_path.insert((Some(caller), path.function.0));
            }
            at = path.parent;
        }
        for key in on_path {
            add(&mut model.entry(key).or_default().1, &heap);
        }
        add(&mut model.entry((None, path.function.0)).or_default().0, &heap);
        if let Some(caller) = caller_of(path) {
            add(&mut model.entry((Some(caller), path.function.0)).or_default().0, &heap);
        }
    }
    model.retain(|_, sums| *sums != ([0; 5], [0; 5]));
    model
}

#[test]
fn cumulative_figures_are_those_of_a_naive_model() {
    let mut compared = 0;
    for seed in 0..200 {
        let profile = generated_profile(seed);
        let mut found = Model::new();
        for row in totals(&profile) {
            found.insert((None, row.function.0), (of(&row.counts.heap), of(&row.cumulative_heap)));
            for edge in &row.callers {
                let key = (Some(edge.caller.0), row.function.0);
                found.insert(key, (of(&edge.heap), of(&edge.cumulative_heap)));
            }
        }
        found.retain(|_, sums| *sums != ([0; 5], [0; 5]));
        let expected = model(&profile);
        assert_eq!(found, expected, "seed {seed}");
        compared += expected.len();
        // What all functions hold themselves is what all paths hold.
        let mut stats = Stats::new(&profile);
        let whole = profile.paths().iter().fold([0; 5], |mut sum, path| {
            add(&mut sum, &of(&path.counts.heap));
            sum
        });
        let rows = stats.rows(());
        let own = rows.iter().fold([0; 5], |mut sum, row| {
            add(&mut sum, &of(&row.heap));
            sum
        });
        assert_eq!(own, whole, "seed {seed}");
        // Twice the profile is twice the figures, added either way.
        let mut doubled = profile.clone();
        doubled.merge(&profile);
        stats.add(Stats::new(&profile));
        for row in &rows {
            let twice = of(&row.cumulative_heap).map(|n| 2 * n);
            for stats in [&stats, &Stats::new(&doubled)] {
                let sum = stats.function(&row.label).expect("still there").details.cumulative_heap;
                assert_eq!(of(&sum), twice, "seed {seed}");
            }
        }
    }
    assert!(compared > 3_000, "{compared}");
}

#[test]
fn each_key_of_the_heap_sorts_by_its_own_figure() {
    type Figure = fn(&profile_cost_runtime::Row) -> u64;
    let keys: [(&str, Figure); 6] = [
        ("allocs", |row| row.heap.allocations),
        ("heap", |row| row.heap.allocated_bytes),
        ("live", |row| row.heap.live_bytes()),
        ("cumallocs", |row| row.cumulative_heap.allocations),
        ("cumheap", |row| row.cumulative_heap.allocated_bytes),
        ("cumlive", |row| row.cumulative_heap.live_bytes()),
    ];
    for seed in 0..50 {
        let profile = generated_profile(seed);
        for (word, figure) in keys {
            let mut stats = Stats::new(&profile);
            stats.sort_stats([word.parse::<SortKey>().unwrap()]);
            let rows = stats.rows(());
            assert!(rows.is_sorted_by(|a, b| figure(a) >= figure(b)), "{word}, seed {seed}");
        }
    }
}

/// Blocks have no place in what Python prints: with and without them it is the same text.
#[test]
fn pythons_texts_and_dumps_know_nothing_of_the_heap() {
    let mut of_heap_only = 0;
    for seed in 0..60 {
        let generated = generated_profile(seed);
        let [mut profile, mut plain] = [(), ()].map(|()| Profile::new());
        for path in generated.paths() {
            // A third of the functions was not called.
            let called = if path.function.0 % 3 > 0 { path.counts } else { Counts::default() };
            for (profile, heap) in [(&mut profile, path.counts.heap), (&mut plain, HeapCounts::default())] {
                let function = profile.add_function(generated.function(path.function).label.clone());
                profile.add_path(path.parent, function, &Counts { heap, ..called });
            }
        }
        of_heap_only += usize::from(Stats::new(&profile).rows(()).len() > Stats::new(&plain).rows(()).len());
        let texts = |profile: &Profile| {
            let mut stats = Stats::new(profile);
            stats.style(Style::Pstats).sort_stats([SortKey::Cumulative, SortKey::Stdname]);
            let mut text = Vec::new();
            stats.print_stats(&mut text, ()).unwrap().print_callers(&mut text, 0.7).unwrap();
            stats.print_callees(&mut text, "Orders").unwrap();
            profile.write_pstats(&mut text).unwrap();
            text
        };
        assert!(texts(&profile) == texts(&plain), "seed {seed}");
    }
    assert!(of_heap_only > 10, "{of_heap_only}");
}

/// `reset` while blocks are live leaves functions that have blocks and no calls.
#[test]
fn a_function_that_only_holds_blocks_is_in_the_report() {
    let mut profile = Profile::new();
    let [main, cache] = ["main", "Cache::fill"].map(|name| profile.add_function(Label::new("a.rs", 7, name)));
    let heap = HeapCounts { allocations: 3, allocated_bytes: 4096, ..HeapCounts::default() };
    let root = profile.add_path(None, main, &Counts::default());
    profile.add_path(Some(root), cache, &Counts { heap, ..Counts::default() });
    let mut text = Vec::new();
    let mut stats = Stats::new(&profile);
    stats.sort_stats(["live".parse().unwrap()]).print_stats(&mut text, ()).unwrap();
    stats.print_callers(&mut text, "Cache").unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("live bytes: 2 shown") && text.contains("Cache::fill  a.rs:7"), "{text}");
    assert!(text.lines().any(|line| line.contains("4.0 KiB") && line.ends_with("<- main  a.rs:7")), "{text}");
}

#[test]
fn files_keep_the_samples() {
    let mut samples = 0;
    for seed in 0..30 {
        let profile = generated_profile(seed);
        samples += profile.inclusive_heap().iter().map(|heap| heap.samples).sum::<u64>();
        let mut file = Vec::new();
        profile.write_json(&mut file).unwrap();
        assert_same(&Profile::read_json(&file[..]).unwrap(), &profile);
    }
    assert!(samples > 100, "{samples}");
}
