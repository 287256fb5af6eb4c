//! Calls of which few are timed, in a flight recorder's file: it tells of them what the process itself does.
#![cfg(unix)]
#![allow(missing_docs, reason = "a test")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use profile_cost_runtime::private::{Site, enter};
use profile_cost_runtime::recorder::{self, Options};
use profile_cost_runtime::{Counts, Profile, snapshot_with_threads};

fn leaf() {
    static SITE: Site = Site::new("leaf", file!(), line!(), true);
    let _call = enter(&SITE, || {});
    black_box(0);
}

fn branch(leaves: u64) {
    static SITE: Site = Site::new("branch", file!(), line!(), true);
    let _call = enter(&SITE, || {});
    (0..leaves).for_each(|_| leaf());
}

fn work() {
    static SITE: Site = Site::new("work", file!(), line!(), true);
    let _call = enter(&SITE, || {});
    (0..2_000).for_each(|round| branch(round % 50));
}

fn of(profile: &Profile, name: &str) -> Counts {
    let mut sum = Counts::default();
    let own = |path: &&profile_cost_runtime::Path| profile.function(path.function).label.name == name;
    profile.paths().iter().filter(own).for_each(|path| sum.add(&path.counts));
    sum
}

#[test]
fn a_file_tells_of_calls_that_were_only_counted_what_the_process_does() {
    let folder = std::env::temp_dir().join(format!("profile-cost-throttle-{}", std::process::id()));
    let path = recorder::start(&folder, &Options::default()).expect("it records");
    let threads: Vec<_> = (0..2)
        .map(|thread| {
            std::thread::Builder::new().name(format!("worker {thread}")).spawn(work).expect("a thread")
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("it ends"));
    let here = snapshot_with_threads();
    // The recorder's thread measures what a call costs when it comes to it.
    let end = Instant::now() + Duration::from_secs(60);
    let there = loop {
        let there = recorder::read(&path).expect("the file opens").profile;
        if there.notes.ticks_inside_call > 0.0 || Instant::now() > end {
            break there;
        }
        std::thread::yield_now();
    };
    let _ = std::fs::remove_dir_all(&folder);
    for name in ["leaf", "branch", "work"] {
        let (here, there) = (of(&here, name), of(&there, name));
        let calls = |counts: &Counts| (counts.starts, counts.returned, counts.untimed);
        assert_eq!(calls(&here), calls(&there), "{name}");
        let apart = here.self_busy.abs_diff(there.self_busy);
        assert!(
            apart * 100 <= here.self_busy + 1_000,
            "{name}: {} ns, {} in the file",
            here.self_busy,
            there.self_busy
        );
    }
    let leaves = of(&there, "leaf");
    assert!(leaves.untimed > 10_000 && leaves.self_busy > 0, "{leaves:?}");
    assert_eq!(there.notes.untimed_after, here.notes.untimed_after);
    for part in here.by_thread().iter().filter(|part| part.name.starts_with("worker")) {
        let busy = |profile: &Profile| -> u64 {
            let part = profile.by_thread().iter().find(|other| other.name == part.name).expect("it is there");
            let own = |(path, _): &&(profile_cost_runtime::PathId, Counts)| {
                profile.function(profile.path(*path).function).label.name == "leaf"
            };
            part.counts.iter().filter(own).map(|(_, counts)| counts.self_busy).sum()
        };
        let (here, there) = (busy(&here), busy(&there));
        assert!(
            here > 0 && here.abs_diff(there) * 100 <= here + 1_000,
            "{}: {here}, {there} in the file",
            part.name
        );
    }
}
