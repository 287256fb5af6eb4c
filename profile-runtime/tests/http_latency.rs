//! What an attack on the endpoints costs the service behind them: its latency without one, with one on the endpoints of
//! another process (which takes processor time, as the attackers do), and with one on its own. Prints; asserts nothing.
//!
//!     cargo test --release -p profile-cost-runtime --test http_latency -- --ignored --nocapture latency
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, reason = "figures for whoever asks")]

mod serving;

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use profile_cost_runtime::heap::Tracker;
use profile_cost_runtime::scope;
use serving::{Service, connect, rest, role, service, status};

#[global_allocator]
static ALLOCATOR: Tracker = Tracker::system();

/// Requests a second to the service, and how long one round is.
const RATE: u32 = 1000;
const ROUND: Duration = Duration::from_secs(4);
const ATTACKERS: usize = 100;

/// About 50 us, with allocations.
#[inline(never)]
fn handle(n: u64) -> u64 {
    scope!("handle");
    let mut words: Vec<String> = (0..100).map(|i| format!("{}", (i * n) % 977)).collect();
    words.sort();
    black_box(words).len() as u64
}

/// Not a test: the service, which says in a file where it listens.
#[test]
#[ignore = "the service that the other starts"]
fn serve_numbers() {
    let Some(file) = role() else { return };
    profile_cost_runtime::enable();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    std::fs::write(file, listener.local_addr().expect("an address").to_string()).expect("a file");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer_numbers(&stream));
        }
    });
    serving::run_until_told();
}

fn answer_numbers(mut stream: &TcpStream) {
    stream.set_nodelay(true).expect("a socket");
    let mut number = [0; 8];
    while stream.read_exact(&mut number).is_ok() {
        let answer = handle(u64::from_le_bytes(number));
        if stream.write_all(&answer.to_le_bytes()).is_err() {
            return;
        }
    }
}

/// Latencies of one round, from when each request was due, in nanoseconds.
fn measure(address: SocketAddr) -> Vec<u64> {
    let mut stream = connect(address);
    stream.set_nodelay(true).expect("a socket");
    let (begun, step) = (Instant::now(), Duration::from_secs(1) / RATE);
    (0..)
        .map(|i| begun + step * i)
        .take_while(|due| *due < begun + ROUND)
        .enumerate()
        .map(|(i, due)| {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            stream.write_all(&(i as u64).to_le_bytes()).expect("it answers");
            stream.read_exact(&mut [0; 8]).expect("it answers");
            due.elapsed().as_nanos() as u64
        })
        .collect()
}

fn percentile(latencies: &mut [u64], of_1000: usize) -> f64 {
    latencies.sort_unstable();
    latencies[latencies.len() * of_1000 / 1000] as f64 / 1000.0
}

/// Snapshots, reports and half requests, from so many connections at a time.
fn attack<T>(target: Option<SocketAddr>, meanwhile: impl FnOnce() -> T) -> (T, usize) {
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let attackers: Vec<_> = (0..target.map_or(0, |_| ATTACKERS))
        .map(|i| {
            let (stop, answered, target) = (stop.clone(), answered.clone(), target.expect("there is one"));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let request = match i % 4 {
                        0 => "GET /debug/profile-cost/stats",
                        1 => "GET /debug/profile-cost/tracemalloc?key_type=traceback",
                        _ => "POST /debug/profile-cost/snapshots",
                    };
                    let head = format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
                    let Ok(mut stream) = TcpStream::connect(target) else { continue };
                    let _ = stream.write_all(head.as_bytes());
                    if i % 10 != 9 {
                        let _ = stream.write_all(b"\r\n");
                    }
                    if status(&rest(stream)) != 0 {
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    let result = meanwhile();
    stop.store(true, Ordering::Relaxed);
    attackers.into_iter().for_each(|attacker| attacker.join().expect("it ends"));
    (result, answered.load(Ordering::Relaxed))
}

#[test]
#[ignore = "a measurement of a minute and more"]
fn latency() {
    let start = |name: &str| {
        let file = std::env::temp_dir().join(format!("profile-cost-latency-{}-{name}", std::process::id()));
        let mut command = service("serve_numbers", file.to_str().expect("text"));
        command.env("PROFILE_COST_HEAP", "sample:512KiB");
        let started = Service::start(command);
        let mut address = None;
        serving::await_that("the service listens", || {
            address = std::fs::read_to_string(&file).ok().and_then(|text| text.parse::<SocketAddr>().ok());
            address.is_some()
        });
        std::fs::remove_file(&file).expect("it was there");
        (started, address.expect("it listens"))
    };
    let ((host, numbers), (other, _)) = (start("host"), start("other"));
    let rounds: usize = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    let targets =
        [("none", None), ("on another process", Some(other.address)), ("on this one", Some(host.address))];
    let mut all: Vec<Vec<[f64; 3]>> = vec![Vec::new(); targets.len()];
    let (mut answers, mut used) = ([0; 3], [0; 3]);
    measure(numbers);
    for _ in 0..rounds {
        for (at, (_, target)) in targets.iter().enumerate() {
            let cpu = host.cpu();
            let (mut latencies, answered) = attack(*target, || measure(numbers));
            used[at] += host.cpu() - cpu;
            all[at].push([500, 990, 999].map(|of| percentile(&mut latencies, of)));
            answers[at] += answered;
        }
    }
    println!(
        "latency of the service, us, median of {rounds} rounds of {} requests at {RATE}/s",
        ROUND.as_secs() as u32 * RATE
    );
    println!(
        "{:<20} {:>8} {:>8} {:>8} {:>17} {:>17}",
        "attack", "p50", "p99", "p99.9", "attacks answered", "service's CPU"
    );
    for (at, (name, _)) in targets.iter().enumerate() {
        let median = |column: usize| {
            let mut values: Vec<f64> = all[at].iter().map(|round| round[column]).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        // Hundredths of a second, of so many seconds.
        let share = used[at] as f64 / (ROUND.as_secs() as usize * rounds) as f64;
        println!(
            "{name:<20} {:>8.0} {:>8.0} {:>8.0} {:>17} {share:>15.1} %",
            median(0),
            median(1),
            median(2),
            answers[at]
        );
    }
}
