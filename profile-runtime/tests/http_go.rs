//! `go tool pprof` given the addresses of a service: it asks the small server by itself, as a user would have it.
#![cfg(target_os = "linux")]

mod judges;
#[path = "service/mod.rs"]
mod recorded;
mod serving;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::process::Command;
use std::thread;
use std::time::Duration;

use judges::{available, run, scratch};
use profile_cost_runtime::heap::{self, Mode, Tracker};
use profile_cost_runtime::http::{Options, serve};
use recorded::{call, site};
use serving::{Service, TOKEN, role, service};

#[global_allocator]
static ALLOCATOR: Tracker = Tracker::system();

const BLOCKS: i64 = 70;
const SIZE: i64 = 1000;
const PASSING: i64 = 300;

#[inline(never)]
#[allow(clippy::vec_box, reason = "blocks of their own are counted")]
fn kept_blocks() -> Vec<Box<[u8; SIZE as usize]>> {
    let mut blocks = Vec::with_capacity(BLOCKS as usize);
    (0..BLOCKS).for_each(|i| blocks.push(Box::new([i as u8; SIZE as usize])));
    black_box(blocks)
}

#[inline(never)]
fn passing_block() {
    black_box(Box::new([1u8; PASSING as usize]));
}

/// Not a test: the service that the others ask. One thread is always in `order`, most of that in `load`, and allocates
/// each time; what `kept_blocks` made stays.
#[test]
#[ignore = "the service that the others start"]
fn serve_and_work() {
    let Some(role) = role() else { return };
    heap::set_mode(Mode::Exact { frames: 25 }).expect("it can be recorded here");
    let kept = kept_blocks();
    thread::spawn(|| {
        let [order, load] = ["order", "load"].map(|name| site(name, "src/orders.rs"));
        loop {
            call(order, || {
                passing_block();
                call(load, || thread::sleep(Duration::from_millis(1)));
            });
        }
    });
    let mut options = Options::default();
    options.snapshot_interval = Duration::ZERO;
    options.token = (role == "guarded").then(|| TOKEN.to_owned());
    let server = serve("127.0.0.1:0".parse().expect("an address"), options).expect("a port");
    let said = format!("http://{}/\n", server.local_addr());
    std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()).expect("stderr");
    serving::run_until_told();
    drop((server, kept));
}

/// `None`, and said so, where Go is not installed.
fn started(role: &str) -> Option<Service> {
    let probe = &mut Command::new("go");
    if !available("go tool pprof (Debian's golang-go)", probe.args(["tool", "-n", "pprof"])) {
        return None;
    }
    let mut command = service("serve_and_work", role);
    command.env_remove("PROFILE_COST_HTTP");
    Some(Service::start(command))
}

fn pprof(arguments: &[&str], url: &str) -> String {
    let mut go = Command::new("go");
    go.args(["tool", "pprof"]).args(arguments).arg(url);
    // Where it keeps what it has got, and its settings.
    let folder = scratch("go-home");
    run(go.env("PPROF_TMPDIR", &folder).env("HOME", &folder))
}

/// What `-raw` says of a profile.
struct Raw {
    /// `inuse_space/bytes[dflt]`, each.
    types: Vec<String>,
    samples: Vec<(Vec<i64>, Vec<u64>)>,
    /// By location: the functions inlined there and the one they are in.
    functions: BTreeMap<u64, Vec<String>>,
    text: String,
}

impl Raw {
    fn of(url: &str) -> Self {
        let text = pprof(&["-raw"], url);
        let part = |from: &str, to: &str| {
            let rest = text.split_once(&format!("{from}\n")).unwrap_or_else(|| panic!("{from}: {text}")).1;
            rest.split_once(&format!("{to}\n")).unwrap_or_else(|| panic!("{to}: {text}")).0
        };
        let mut samples = part("Samples:", "Locations").lines();
        let types = samples.next().expect("types").split_whitespace().map(str::to_owned).collect();
        let numbers = |text: &str| text.split_whitespace().map(|word| word.parse().ok()).collect();
        let samples = samples.filter_map(|line| {
            // What else there is are labels.
            let (values, locations) = line.split_once(": ")?;
            let (values, locations): (Option<Vec<i64>>, Option<Vec<i64>>) =
                (numbers(values), numbers(locations));
            Some((values?, locations?.into_iter().map(|id| id as u64).collect()))
        });
        let samples = samples.collect();
        let (mut functions, mut at) = (BTreeMap::<u64, Vec<String>>::new(), 0);
        for line in part("Locations", "Mappings").lines() {
            let id = line.split_once(':').and_then(|(id, _)| id.trim().parse().ok());
            at = id.unwrap_or(at);
            functions.entry(at).or_default().push(line.to_owned());
        }
        Self { types, samples, functions, text }
    }

    /// The sum of all that went through the function.
    fn through(&self, function: &str) -> Vec<i64> {
        let mut sum = vec![0; self.types.len()];
        let is_in = |id: &u64| self.functions[id].iter().any(|line| line.contains(function));
        for (values, _) in self.samples.iter().filter(|(_, locations)| locations.iter().any(is_in)) {
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
        sum
    }
}

fn heap_types(default: usize) -> Vec<String> {
    let names = ["alloc_objects/count", "alloc_space/bytes", "inuse_objects/count", "inuse_space/bytes"];
    let mut names = names.map(str::to_owned).to_vec();
    names[default].push_str("[dflt]");
    names
}

/// That a list of blocks and the blocks themselves are there.
fn kept() -> Vec<i64> {
    let (blocks, bytes) = (BLOCKS + 1, BLOCKS * (SIZE + 8));
    vec![blocks, bytes, blocks, bytes]
}

/// One of them may be under way.
fn assert_passing(passing: &[i64], text: &str) {
    let [blocks, bytes, live, live_bytes] = *passing else { panic!("{passing:?}") };
    assert!(blocks > 0 && bytes == blocks * PASSING, "{passing:?}: {text}");
    assert!((-1..=1).contains(&live) && live_bytes == live * PASSING, "{passing:?}: {text}");
}

#[test]
fn go_gets_what_happens_in_a_while() {
    let Some(service) = started("open") else { return };
    let url = format!("http://{}/debug/pprof/", service.address);
    let raw = Raw::of(&format!("{url}profile?seconds=2"));
    assert_eq!(raw.types, ["calls/count", "busy/nanoseconds[dflt]"], "{}", raw.text);
    let [order, load] = ["order", "load"].map(|name| raw.through(&format!(" {name} ")));
    // One thread, nearly always in there, for two seconds.
    assert!((1_000_000_000..=2_500_000_000).contains(&order[1]), "{order:?}: {}", raw.text);
    assert!(load[1] > order[1] / 10 * 9 && load[1] <= order[1], "{order:?} {load:?}");
    // Calls of both, those at either end of the while perhaps of one.
    assert!((20..=2000).contains(&load[0]), "{load:?}");
    assert!((order[0] - 2 * load[0]).abs() <= 2, "{order:?} {load:?}");
    // Those of the server are none of the service's.
    assert_eq!(raw.samples.len(), 2, "{}", raw.text);

    let whole = Raw::of(&format!("{url}heap"));
    let delta = Raw::of(&format!("{url}heap?seconds=1"));
    let after = Raw::of(&format!("{url}heap"));
    for raw in [&whole, &delta, &after] {
        assert_eq!(raw.types, heap_types(3), "{}", raw.text);
        assert_passing(&raw.through("passing_block"), &raw.text);
    }
    assert_eq!(whole.through("kept_blocks"), kept(), "{}", whole.text);
    // Made before that while.
    assert_eq!(delta.through("kept_blocks"), [0; 4], "{}", delta.text);
    // It holds no more than has come between the two that it lies between.
    let [before, between, after] = [&whole, &delta, &after].map(|raw| raw.through("passing_block")[0]);
    assert!((100..=after - before).contains(&between), "{before} {between} {after}");
    // As many seconds as were asked for, in the flag that Go has for them as well.
    let duration = |text: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("Duration: ")).expect("it says it");
        line.split(|c: char| c != '.' && !c.is_ascii_digit()).next().and_then(|n| n.parse::<f64>().ok())
    };
    for text in [delta.text, pprof(&["-raw", "-seconds=1"], &format!("{url}heap"))] {
        assert!(duration(&text).is_some_and(|seconds| (1.0..=30.0).contains(&seconds)), "{text}");
    }
}

#[test]
fn go_has_the_token_in_the_address() {
    let Some(service) = started("guarded") else { return };
    let below = format!("{}/debug/pprof/", service.address);
    let allocs = Raw::of(&format!("http://any:{TOKEN}@{below}allocs"));
    assert_eq!(allocs.types, heap_types(1), "{}", allocs.text);
    assert_eq!(allocs.through("kept_blocks"), kept(), "{}", allocs.text);
    for (user, status) in [("", "401 Unauthorized"), ("any:0123456789abcdeg@", "401 Unauthorized")] {
        let mut go = Command::new("go");
        go.args(["tool", "pprof", "-raw"]).arg(format!("http://{user}{below}allocs"));
        let folder = scratch("go-home");
        let output = go.env("PPROF_TMPDIR", &folder).env("HOME", &folder).output().expect("it was there");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(status), "{user}: {said}");
    }
}
