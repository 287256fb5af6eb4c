//! Throughput of a service under wrk: plain, annotated and off, recording calls, sampling the heap on top, each of these two with
//! the flight recorder and scraped each second.
//!
//! `cargo bench -p profile-cost-bench-service`. All of them serve during the whole run, each on the first processor; wrk
//! runs on the second, and asks them in turn, in an order that changes from round to round. What is printed are the
//! medians over the rounds of the ratio to the plain service in the same round: of requests a second, and of requests a
//! second of the service's own processor time, which is what that would be with the processor to itself.
//! `SERVICE_ROUNDS` and `SERVICE_SECONDS` (of each in a round) set how long it takes.

#![allow(clippy::print_stdout, clippy::print_stderr, missing_docs, reason = "a bench")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

struct Contender {
    name: &'static str,
    program: &'static str,
    what: &'static str,
    scraped: bool,
    goal: Option<f64>,
}

const ON: usize = 3;
/// With the flight recorder, and the same without it.
const RECORDED: [(usize, usize); 2] = [(4, ON), (7, 6)];
const CONTENDERS: [Contender; 9] = [
    Contender { name: "plain", program: PLAIN, what: "", scraped: false, goal: None },
    // The same program once more: how far apart two equal ones are.
    Contender { name: "plain again", program: PLAIN, what: "", scraped: false, goal: None },
    Contender { name: "off", program: PROFILED, what: "off", scraped: false, goal: None },
    Contender { name: "on", program: PROFILED, what: "on", scraped: false, goal: Some(0.98) },
    Contender {
        name: "on, flight recorder",
        program: PROFILED,
        what: "recorded",
        scraped: false,
        goal: None,
    },
    Contender { name: "on, scraped", program: PROFILED, what: "on", scraped: true, goal: Some(0.98) },
    Contender { name: "on, heap sampled", program: PROFILED, what: "heap", scraped: false, goal: Some(0.97) },
    Contender {
        name: "on, heap sampled, recorder",
        program: PROFILED,
        what: "heap-recorded",
        scraped: false,
        goal: None,
    },
    Contender {
        name: "on, heap sampled, scraped",
        program: PROFILED,
        what: "heap",
        scraped: true,
        goal: Some(0.97),
    },
];

const PLAIN: &str = env!("CARGO_BIN_EXE_plain");
const PROFILED: &str = env!("CARGO_BIN_EXE_profiled");
const MIX: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/mix.lua");

#[derive(Clone, Copy)]
struct Rates {
    per_second: f64,
    per_own_second: f64,
}

/// A service that runs; it ends with the pipe to it.
struct Service {
    child: Child,
    address: String,
}

impl Service {
    fn start(contender: &Contender) -> Self {
        let mut child = Command::new("taskset")
            .args(["-c", "0", contender.program, contender.what])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("taskset to start a service");
        let mut address = String::new();
        let stdout = child.stdout.take().expect("its output");
        BufReader::new(stdout).read_line(&mut address).expect("its address");
        Self { child, address: address.trim().to_owned() }
    }

    /// Time on a processor so far, of all its threads that live, by the kernel's scheduler.
    fn processor_time(&self) -> Duration {
        let tasks =
            std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("the service's threads");
        let of_task = |task: std::io::Result<std::fs::DirEntry>| {
            let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        };
        Duration::from_nanos(tasks.filter_map(of_task).sum())
    }

    /// Requests a second, and a second of processor time.
    fn load(&self, seconds: u64) -> Rates {
        let before = self.processor_time();
        let wrk = Command::new("taskset")
            .args(["-c", "1", "wrk", "-t1", "-c16", &format!("-d{seconds}s"), "-s", MIX])
            .arg(format!("http://{}", self.address))
            .output()
            .expect("wrk (Debian's package of that name)");
        let text = String::from_utf8_lossy(&wrk.stdout);
        assert!(!text.contains("Non-2xx") && !text.contains("Socket errors"), "{text}");
        let own = self.processor_time().saturating_sub(before);
        let rate = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
        let per_second = rate.and_then(|rate| rate.trim().parse().ok()).unwrap_or_else(|| panic!("{text}"));
        let all = text.lines().find_map(|line| line.split_once(" requests in "));
        let all: f64 =
            all.and_then(|(count, _)| count.trim().parse().ok()).unwrap_or_else(|| panic!("{text}"));
        Rates { per_second, per_own_second: all / own.as_secs_f64() }
    }

    /// The status and length of an answer.
    fn get(&self, target: &str) -> (String, usize) {
        let mut stream = TcpStream::connect(&self.address).expect("the service");
        write!(stream, "GET {target} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address)
            .expect("to ask");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        (answer.split(' ').nth(1).unwrap_or_default().to_owned(), answer.len())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
        let folder = format!("profile-cost-bench-{}", self.child.id());
        let _ = std::fs::remove_dir_all(std::env::temp_dir().join(folder));
    }
}

/// Runs `f` while `service` is asked once a second.
fn scraped<R>(service: &Service, target: &str, f: impl FnOnce() -> R) -> R {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let next = Instant::now() + Duration::from_secs(1);
                assert_eq!(service.get(target).0, "200");
                while Instant::now() < next && !done.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
        });
        let result = f();
        done.store(true, Ordering::SeqCst);
        result
    })
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() {
    let (rounds, seconds) = (from_environment("SERVICE_ROUNDS", 15), from_environment("SERVICE_SECONDS", 2));
    let services: Vec<Service> = CONTENDERS.iter().map(Service::start).collect();
    let bytes = |target| services[0].get(target).1;
    let target = ["/debug/profile-cost/metrics", "/debug/profile-cost/stats"];
    let target =
        target.into_iter().find(|target| services[ON].get(target).0 == "200").expect("what to scrape");
    println!(
        "axum on one thread, JSON: 60 % a product (5 annotated calls), 30 % a search (34), 10 % an order (7), each in a call \
         of the layer; wrk, 16 connections"
    );
    println!(
        "{rounds} rounds of {seconds} s each, scraped: {target} once a second ({} bytes)",
        services[ON].get(target).1
    );
    for service in &services {
        service.load(1);
    }
    println!(
        "plain: {:.1} us of processor time a request; answers of {} to {} bytes",
        1e6 / services[0].load(2).per_own_second,
        bytes("/products/7"),
        bytes("/search?q=tea")
    );
    let mut rates = vec![Vec::new(); CONTENDERS.len()];
    for round in 0..rounds as usize {
        for step in 0..CONTENDERS.len() {
            let which = (round * 4 + step) % CONTENDERS.len();
            let service = &services[which];
            let rate = match CONTENDERS[which].scraped {
                true => scraped(service, target, || service.load(seconds)),
                false => service.load(seconds),
            };
            rates[which].push(rate);
        }
        eprintln!("round {} of {rounds}", round + 1);
    }
    println!(
        "{:26} {:>10} {:>8} {:>17} {:>8} {:>17}  goal",
        "", "requests/s", "of plain", "quartiles", "own time", "quartiles"
    );
    // Two equal programs must come out equal, or the run says nothing about a hundredth.
    let again: Vec<f64> =
        rates[1].iter().zip(&rates[0]).map(|(own, plain)| own.per_second / plain.per_second).collect();
    let is_quiet = (median(&again) - 1.0).abs() <= 0.01;
    if !is_quiet {
        println!("the machine is not quiet enough: `plain again` is more than 1 % off");
    }
    for (contender, own) in CONTENDERS.iter().zip(&rates) {
        let ratios = |rate: fn(&Rates) -> f64| {
            let mut ratios: Vec<f64> =
                own.iter().zip(&rates[0]).map(|(own, plain)| rate(own) / rate(plain)).collect();
            ratios.sort_by(f64::total_cmp);
            ratios
        };
        let shown = |ratios: &[f64]| {
            let quartile = |quarters: usize| ratios[(ratios.len() - 1) * quarters / 4];
            format!("{:>8.3} {:>8.3} {:>8.3}", median(ratios), quartile(1), quartile(3))
        };
        let (asked, in_own_time) = (ratios(|rates| rates.per_second), ratios(|rates| rates.per_own_second));
        let goal = contender.goal.map_or(String::new(), |goal| {
            let verdict = match median(&asked) {
                _ if !is_quiet => "not told",
                ratio if ratio >= goal => "reached",
                _ => "MISSED",
            };
            format!("{goal} {verdict}")
        });
        let per_second = median(&own.iter().map(|rates| rates.per_second).collect::<Vec<_>>());
        println!(
            "{:26} {per_second:>10.0} {} {}  {goal}",
            contender.name,
            shown(&asked),
            shown(&in_own_time)
        );
    }
    for (with, without) in RECORDED {
        let ratio = |rate: fn(&Rates) -> f64| {
            let pairs = rates[with].iter().zip(&rates[without]);
            median(&pairs.map(|(with, without)| rate(with) / rate(without)).collect::<Vec<_>>())
        };
        println!(
            "with the flight recorder, of `{}`: {:.3} requests a second, {:.3} of its own time; goal 0.98",
            CONTENDERS[without].name,
            ratio(|rates| rates.per_second),
            ratio(|rates| rates.per_own_second)
        );
    }
}
