//! The server of `PROFILE_COST_HTTP` against clients that mean harm, or mean well and do it wrong: answered as documented,
//! within bounds of memory, threads and time, and there for the next one.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, reason = "figures for whoever asks with --nocapture")]

mod serving;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use profile_cost_runtime::heap::Tracker;
use serving::{Service, TOKEN, ask, await_that, connect, exchange, rest, role, service, status, statuses};

#[global_allocator]
static ALLOCATOR: Tracker = Tracker::system();

/// Threads that answer and the one that accepts: as `server/workers.rs` says.
const MOST_THREADS: u64 = 16 + 1;
const STATS: &str = "/debug/profile-cost/stats";
const SNAPSHOTS: &str = "/debug/profile-cost/snapshots";

/// Not a test: what the tests ask.
#[test]
#[ignore = "the service that the others start"]
fn serve_until_told() {
    if role().is_some() {
        serving::run_until_told();
    }
}

fn start(variables: &[(&str, &str)]) -> Service {
    let mut command = service("serve_until_told", "serve");
    command.envs(variables.iter().copied());
    Service::start(command)
}

fn assert_alive(service: &mut Service) {
    assert!(service.is_alive());
    let answer = ask(service.address, "GET", STATS, "");
    assert_eq!(status(&answer), 200, "{answer}");
}

#[test]
fn who_may_not_ask_is_told_so() {
    let mut open = start(&[]);
    for (method, path, headers, expected) in [
        ("GET", STATS, "", 200),
        ("GET", "/debug/pprof/cmdline", "", 403),
        ("GET", STATS, "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: image\r\n", 403),
        ("GET", STATS, "Origin: http://evil.example\r\n", 403),
        ("POST", "/debug/profile-cost/control/time/start", "Origin: http://evil.example\r\n", 403),
        ("POST", "/debug/profile-cost/control/time/start", "Origin: null\r\n", 403),
        ("POST", "/debug/profile-cost/control/time/start", "Sec-Fetch-Site: same-site\r\n", 403),
        ("GET", "/debug/profile-cost/control/time/start", "", 405),
        ("DELETE", STATS, "", 405),
        ("BREW", STATS, "", 405),
        ("GET", "/", "", 404),
        ("GET", "/debug/pprof/../profile-cost/stats", "", 404),
        ("GET", "/debug/../../etc/passwd", "", 404),
        ("GET", "/debug/profile-cost/%73tats", "", 404),
        ("GET", "/debug/profile-cost/stats%00", "", 404),
        ("GET", "/debug/profile-cost/stats%2f..", "", 404),
        ("GET", "//debug/profile-cost/stats", "", 404),
        ("GET", "/debug/profile-cost/stats\0", "", 400),
        ("GET", "/debug/profile-cost/st\u{e4}ts", "", 400),
        ("GET", "/debug/profile-cost/stats?limit=-1", "", 400),
        ("GET", "/debug/profile-cost/stats?limit=99999999999999999999", "", 400),
        ("GET", "/debug/profile-cost/stats?nothing=1", "", 400),
        ("GET", "/debug/profile-cost/stats?limit=%", "", 400),
        ("GET", "/debug/profile-cost/stats?limit=%ff", "", 400),
    ] {
        let answer = ask(open.address, method, path, headers);
        assert_eq!(status(&answer), expected, "{method} {path} {headers}: {answer}");
        assert!(answer.contains("x-content-type-options: nosniff\r\n"), "{answer}");
    }
    for (host, expected) in [
        ("127.0.0.1", 200),
        ("[::1]:1", 200),
        ("evil.example", 403),
        ("localhost@evil.example", 403),
        ("", 403),
    ] {
        let request = format!("GET {STATS} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(status(&exchange(open.address, request.as_bytes())), expected, "{host}");
    }
    assert_alive(&mut open);

    let guarded = start(&[("PROFILE_COST_HTTP_TOKEN", TOKEN)]);
    for (headers, expected) in [
        (String::new(), 401),
        (format!("Authorization: Bearer {TOKEN}\r\n"), 200),
        (format!("Authorization: Bearer {TOKEN}0\r\n"), 401),
        (format!("Authorization: Bearer {TOKEN}\r\nAuthorization: Bearer {TOKEN}\r\n"), 400),
    ] {
        let answer = ask(guarded.address, "GET", STATS, &headers);
        assert_eq!(status(&answer), expected, "{headers}: {answer}");
        assert_eq!(expected == 401, answer.contains("www-authenticate: "), "{answer}");
    }
}

#[test]
fn a_thousand_snapshots_at_once() {
    let mut service = start(&[("PROFILE_COST_HEAP", "exact:10")]);
    assert_alive(&mut service);
    let (before, begun) = (service.peak(), Instant::now());
    let request = format!("POST {SNAPSHOTS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let streams: Vec<TcpStream> = (0..1000)
        .map(|_| {
            let mut stream = connect(service.address);
            stream.write_all(request.as_bytes()).expect("it fits");
            stream
        })
        .collect();
    let threads = service.threads();
    let answers: Vec<String> = streams.into_iter().map(rest).collect();
    let count = |wanted: u16| answers.iter().filter(|answer| status(answer) == wanted).count();
    let (good, refused, turned_away, lost) = (count(200), count(429), count(503), count(0));
    println!(
        "1,000 snapshots at once: {good} taken, {refused} answered 429, {turned_away} 503, {lost} lost, in {:.1} s; {threads} \
         threads, {} KiB more at the most",
        begun.elapsed().as_secs_f64(),
        service.peak() - before
    );
    assert_eq!(good + refused + turned_away + lost, 1000);
    assert!(good >= 1 && refused >= 20, "{good} {refused}");
    // One a second, and a moment more.
    assert!(good as u64 <= begun.elapsed().as_secs() + 2, "{good}");
    // A connection that is turned away while its request is on its way may be reset.
    assert!(lost <= 50, "{lost}");
    for answer in answers.iter().filter(|answer| matches!(status(answer), 429 | 503)) {
        assert!(answer.contains("\r\nretry-after: "), "{answer}");
    }
    // The test's own two: main and that of the test.
    assert!(threads <= MOST_THREADS + 2, "{threads}");
    assert!(service.peak() - before < 64 * 1024, "{} KiB", service.peak() - before);
    assert_alive(&mut service);
}

#[test]
fn more_connections_than_are_taken() {
    let mut service = start(&[]);
    assert_alive(&mut service);
    // They say nothing.
    let idle: Vec<TcpStream> = (0..300).map(|_| connect(service.address)).collect();
    await_that("threads", || service.threads() > 10);
    assert!(service.threads() <= MOST_THREADS + 2, "{}", service.threads());
    let begun = Instant::now();
    // Somebody who asks gets through: those who say nothing make room after a second.
    await_that("an answer", || status(&ask(service.address, "GET", STATS, "")) == 200);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let answers: Vec<String> = idle.into_iter().map(rest).collect();
    let turned_away = answers.iter().filter(|answer| status(answer) == 503).count();
    assert!(turned_away >= 50, "{turned_away}");
    assert_alive(&mut service);
}

#[test]
fn no_descriptor_left() {
    let mut limited = std::process::Command::new("sh");
    let command = service("serve_until_told", "serve");
    limited
        .args(["-c", "ulimit -n 24; exec \"$0\" \"$@\""])
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited.stdin(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut service = Service::start(limited);
    assert_alive(&mut service);
    // It cannot accept the last of them, and tries again and again.
    let mut all: Vec<TcpStream> = (0..60).map(|_| connect(service.address)).collect();
    let (begun, cpu) = (Instant::now(), service.cpu());
    while begun.elapsed() < Duration::from_secs(2) {
        for stream in &mut all {
            let _ = stream.write_all(b"G");
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let used = service.cpu() - cpu;
    assert!(used < 50, "{used} hundredths of a second in two seconds");
    drop(all);
    await_that("an answer", || status(&ask(service.address, "GET", STATS, "")) == 200);
}

#[test]
fn slow_writers() {
    let mut service = start(&[]);
    assert_alive(&mut service);
    // One alone has five seconds for its head, however often it sends a byte.
    let begun = Instant::now();
    let mut slow = connect(service.address);
    let trickle = format!("GET {STATS} HTTP/1.1\r\nHost: localhost\r\nX: {}", "x".repeat(1000));
    for byte in trickle.as_bytes() {
        if slow.write_all(&[*byte]).is_err() || begun.elapsed() > Duration::from_secs(20) {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(4) && took < Duration::from_secs(15), "{took:?}");
    assert_eq!(status(&rest(slow)), 408);
    // So has a body.
    for body in [
        "Content-Length: 10\r\n\r\n12",
        "Transfer-Encoding: chunked\r\n\r\n5\r\n12",
        "Transfer-Encoding: chunked\r\n\r\n5",
    ] {
        let mut slow = connect(service.address);
        slow.write_all(format!("POST {STATS} HTTP/1.1\r\nHost: localhost\r\n{body}").as_bytes())
            .expect("it fits");
        let begun = Instant::now();
        assert_eq!(status(&rest(slow)), 408, "{body}");
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    }
    // Of many each has less, so that those who ask are answered.
    let mut many: Vec<TcpStream> = (0..60).map(|_| connect(service.address)).collect();
    for slow in &mut many {
        slow.write_all(b"GET ").expect("it fits");
    }
    let begun = Instant::now();
    assert_eq!(status(&ask(service.address, "GET", STATS, "")), 200);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    drop(many);
    assert_alive(&mut service);
}

#[test]
fn too_large() {
    let mut service = start(&[]);
    assert_alive(&mut service);
    let before = service.peak();
    let lead = format!("POST {STATS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    let megabyte = "x".repeat(1 << 20);
    for (what, request, expected) in [
        ("headers", format!("{lead}X: {megabyte}\r\n\r\n"), 431),
        ("headers", format!("{lead}{}\r\n", "X: y\r\n".repeat(200_000)), 431),
        ("headers", format!("{lead}{}\r\n", "X: y\r\n".repeat(70)), 431),
        ("request line", format!("GET /{megabyte} HTTP/1.1\r\n\r\n"), 414),
        ("method", megabyte.clone(), 414),
        ("no HTTP", "\u{16}\u{3}\u{1}".to_owned() + &megabyte, 400),
        ("announced", format!("{lead}Content-Length: 1000000000\r\n\r\n"), 413),
        (
            "announced and awaited",
            format!("{lead}Content-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n"),
            413,
        ),
        ("announced", format!("{lead}Content-Length: 99999999999999999999999\r\n\r\n"), 413),
        ("chunk", format!("{lead}Transfer-Encoding: chunked\r\n\r\n3fffffff\r\n{megabyte}"), 413),
        ("chunk", format!("{lead}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{megabyte}"), 413),
        ("chunks", format!("{lead}Transfer-Encoding: chunked\r\n\r\n{}", "1\r\nx\r\n".repeat(100_000)), 413),
        ("chunk line", format!("{lead}Transfer-Encoding: chunked\r\n\r\n1;{megabyte}"), 400),
        (
            "trailers",
            format!("{lead}Transfer-Encoding: chunked\r\n\r\n0\r\n{}", "X: y\r\n".repeat(100_000)),
            431,
        ),
        // And what is just small enough: it says no to the method.
        ("body", format!("{lead}Content-Length: 65536\r\n\r\n{}", &megabyte[..65536]), 405),
        (
            "body",
            format!("{lead}Transfer-Encoding: chunked\r\n\r\n8000\r\n{}\r\n0\r\n\r\n", &megabyte[..0x8000]),
            405,
        ),
    ] {
        let begun = Instant::now();
        let answer = exchange(service.address, request.as_bytes());
        assert_eq!(status(&answer), expected, "{what} of {} bytes: {answer}", request.len());
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}: {:?}", begun.elapsed());
    }
    // A gigabyte is not read either.
    let mut stream = connect(service.address);
    stream.write_all(format!("{lead}Content-Length: 1000000000\r\n\r\n").as_bytes()).expect("it fits");
    let sent = (0..1000).take_while(|_| stream.write_all(megabyte.as_bytes()).is_ok()).count();
    assert!(sent < 200, "{sent} MiB were taken");
    assert!(service.peak() - before < 16 * 1024, "{} KiB", service.peak() - before);
    assert_alive(&mut service);
}

#[test]
fn halves_and_pipelines() {
    let mut service = start(&[("PROFILE_COST_HEAP", "exact:10")]);
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    // One that will send no more is answered.
    let mut stream = connect(service.address);
    stream.write_all(get(STATS).as_bytes()).expect("it fits");
    stream.shutdown(Shutdown::Write).expect("open");
    assert_eq!(status(&rest(stream)), 200);
    // One that stops in the middle is not, nor one that says nothing.
    for part in
        ["", "G", "GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n1234"]
    {
        let mut stream = connect(service.address);
        stream.write_all(part.as_bytes()).expect("it fits");
        stream.shutdown(Shutdown::Write).expect("open");
        assert_eq!(rest(stream), "", "{part:?}");
    }
    // What is sent before it is asked for is answered in order.
    let three = [get("/"), get(STATS), get("/debug/pprof/cmdline")].concat();
    let mut stream = connect(service.address);
    stream.write_all(three.as_bytes()).expect("it fits");
    stream.shutdown(Shutdown::Write).expect("open");
    assert_eq!(statuses(&rest(stream)), [404, 200, 403]);
    // A body is no request.
    let inner = get(STATS);
    let smuggled =
        format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{inner}", inner.len());
    let mut stream = connect(service.address);
    stream.write_all([smuggled, get("/debug/pprof/cmdline")].concat().as_bytes()).expect("it fits");
    stream.shutdown(Shutdown::Write).expect("open");
    assert_eq!(statuses(&rest(stream)), [404, 403]);
    // After what makes no sense nothing is read.
    let garbage = [get(STATS), "\0\u{1}garbage\r\n\r\n".to_owned(), get(STATS)].concat();
    let answer = exchange(service.address, garbage.as_bytes());
    assert_eq!(statuses(&answer), [200, 400]);
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert_alive(&mut service);
}

#[test]
fn who_leaves_a_timed_capture_gives_it_up() {
    let mut service = start(&[("PROFILE_COST_HEAP", "exact:10")]);
    let timed = |seconds: u32| format!("/debug/pprof/heap?seconds={seconds}");
    // One that is not answered at once is under way; a second must have passed since the last.
    let waiting = || loop {
        let mut stream = connect(service.address);
        let request = format!("GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", timed(50));
        stream.write_all(request.as_bytes()).expect("it fits");
        stream.set_read_timeout(Some(Duration::from_secs(2))).expect("a socket");
        match stream.peek(&mut [0]) {
            Ok(_) => assert_eq!(status(&rest(stream)), 429),
            Err(_) => break stream,
        }
    };
    let begun = Instant::now();
    for leave in [(|stream: TcpStream| drop(stream)) as fn(TcpStream), |stream| {
        stream.shutdown(Shutdown::Write).expect("open");
        stream.set_read_timeout(Some(serving::LONG)).expect("a socket");
        assert_eq!(rest(stream), "");
    }] {
        let stream = waiting();
        let answer = ask(service.address, "GET", &timed(1), "");
        assert_eq!(status(&answer), 429, "{answer}");
        assert!(answer.contains("\r\nretry-after: "), "{answer}");
        leave(stream);
        await_that("the capture was given up", || status(&ask(service.address, "GET", &timed(1), "")) == 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    // One that stays gets it.
    await_that("a capture", || status(&ask(service.address, "GET", &timed(1), "")) == 200);
    assert_alive(&mut service);
}

#[test]
fn bytes_that_are_no_requests() {
    let mut service = start(&[]);
    let mut random = profile_cost_runtime::testing::Random::of_seed(1);
    for _ in 0..150 {
        let bytes: Vec<u8> = (0..random.index(300)).map(|_| random.any() as u8).collect();
        let mut stream = connect(service.address);
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(matches!(status(&answer), 0 | 400), "{bytes:?}: {answer}");
    }
    assert_alive(&mut service);
}
