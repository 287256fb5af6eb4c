//! The small server: curl's opinion of it, how it begins and ends, and that it leaves no trace in what is recorded.
#![cfg(target_os = "linux")]

mod readers;
mod serving;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use profile_cost_runtime::heap::{self, Tracker};
use profile_cost_runtime::http::{Options, Server, serve};
use serving::{Service, TOKEN, ask, await_that, connect, rest, role, service, status};

#[global_allocator]
static ALLOCATOR: Tracker = Tracker::system();

const STATS: &str = "/debug/profile-cost/stats";

fn here() -> SocketAddr {
    "127.0.0.1:0".parse().expect("an address")
}

/// Not a test: what the tests ask, or look at the end of.
#[test]
#[ignore = "the service that the others start"]
fn serve_as_told() {
    match role().as_deref() {
        Some("serve") => serving::run_until_told(),
        // What it says is the test's to judge.
        Some("say") => {
            let _ = profile_cost_runtime::is_enabled();
            let said = format!("recording {}\n", profile_cost_runtime::is_enabled());
            std::io::stderr().write_all(said.as_bytes()).expect("stderr");
        }
        Some("fork at once") => {
            for _ in 0..20 {
                let server = serve(here(), Options::default()).expect("a port");
                // SAFETY: the child does only what a signal handler may.
                let child = unsafe { libc::fork() };
                if child == 0 {
                    // SAFETY: reads a descriptor's option; ends the process.
                    unsafe { libc::_exit(i32::from((0..100).any(listens))) };
                }
                let mut status = -1;
                // SAFETY: of a child of this process, into a variable of ours.
                unsafe { libc::waitpid(child, &raw mut status, 0) };
                assert_eq!(status, 0, "the child has the socket");
                server.stop();
            }
        }
        Some("fork") => {
            // SAFETY: the child only sleeps and ends.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // Until it is killed; not for ever, if the test died before.
                std::thread::sleep(Duration::from_secs(600));
                // SAFETY: ends the process.
                unsafe { libc::_exit(0) };
            }
            serving::run_until_told();
        }
        _ => {}
    }
}

/// True for a socket that accepts connections.
fn listens(descriptor: i32) -> bool {
    let (mut is, mut length) = (0, size_of::<libc::c_int>() as libc::socklen_t);
    // SAFETY: an int of ours, with its size.
    let failed = unsafe {
        let is = (&raw mut is).cast();
        libc::getsockopt(descriptor, libc::SOL_SOCKET, libc::SO_ACCEPTCONN, is, &raw mut length)
    };
    failed == 0 && is == 1
}

/// What a program says that ends by itself.
fn said(variables: &[(&str, &str)]) -> String {
    let mut command = service("serve_as_told", "say");
    command.env_remove("PROFILE_COST_HTTP").envs(variables.iter().copied());
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_environment_is_answered_in_words() {
    let taken = TcpListener::bind(here()).expect("a port");
    let busy = taken.local_addr().expect("an address").to_string();
    for (variables, expected) in [
        (&[][..], ""),
        (&[("PROFILE_COST_HTTP", "127.0.0.1:0")], "is there to be asked"),
        (&[("PROFILE_COST_HTTP", busy.as_str())], "nothing listens: Address already in use"),
        (&[("PROFILE_COST_HTTP", "0.0.0.0:0")], "set a token"),
        (&[("PROFILE_COST_HTTP", "example.org:80")], "use an address and a port"),
        (
            &[("PROFILE_COST_HTTP", "127.0.0.1:0"), ("PROFILE_COST", "off")],
            "nothing listens, since PROFILE_COST=off",
        ),
        (&[("PROFILE_COST_HTTP", "127.0.0.1:0"), ("PROFILE_COST_HTTP_TOKEN", "short")], "use a token of 16"),
        // The child that names snapshots is none of the program, and starts no server.
        (&[("PROFILE_COST_HTTP", "127.0.0.1:0"), ("PROFILE_COST_HEAP_CHILD", "1")], "NOTHING"),
        (&[("PROFILE_COST_HTTP", "off")], ""),
    ] {
        let said = said(variables);
        let ours: Vec<&str> = said.lines().filter(|line| line.starts_with("profile-cost: ")).collect();
        match expected {
            "" => assert_eq!(ours, Vec::<&str>::new(), "{variables:?}"),
            "NOTHING" => assert_eq!(said, "", "{variables:?}"),
            _ => {
                assert_eq!(ours.len(), 1, "{variables:?}: {said}");
                assert!(ours[0].contains(expected), "{variables:?}: {said}");
            }
        }
        // The service runs on, and the variable alone records nothing.
        assert!(said.contains("recording false\n") || expected == "NOTHING", "{variables:?}: {said}");
    }
}

#[test]
fn nor_does_one_that_is_forked_before_the_server_s_thread_runs() {
    let output = service("serve_as_told", "fork at once").stdin(Stdio::null()).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_child_does_not_hold_the_socket() {
    let service = Service::start(service("serve_as_told", "fork"));
    let address = service.address;
    assert_eq!(status(&ask(address, "GET", STATS, "")), 200);
    // Forked by the thread of the test.
    let child = || {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", service.id())).expect("it runs");
        let children =
            tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
        children.into_iter().find_map(|children| children.split_whitespace().next()?.parse::<i32>().ok())
    };
    await_that("a child", || child().is_some());
    let child = child().expect("it has one");
    drop(service);
    // The child lives, and who connects is told that nobody listens: not at once, for it may still be at the
    // beginning of its life. A socket that it keeps takes the first connections, and lets the others wait.
    let refused = || {
        let error = TcpStream::connect_timeout(&address, Duration::from_secs(1)).err();
        error.is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
    };
    let until = Instant::now() + Duration::from_secs(20);
    let closed = loop {
        if refused() || Instant::now() > until {
            break refused();
        }
    };
    // SAFETY: no memory is touched; the child lives until then, so that the number is its own.
    let lived = unsafe { libc::kill(child, libc::SIGKILL) } == 0;
    assert!(lived, "the child ended before");
    assert!(closed, "the port is open");
}

#[test]
fn stopped_while_it_waits_and_works() {
    heap::start(5).expect("it can be recorded here");
    let server = serve(here(), Options::default()).expect("a port");
    let address = server.local_addr();
    let mut waiting = connect(address);
    waiting
        .write_all(b"GET /debug/pprof/heap?seconds=50 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .expect("it fits");
    let idle = connect(address);
    let mut slow = connect(address);
    slow.write_all(b"GET /").expect("it fits");
    assert_eq!(status(&ask(address, "GET", STATS, "")), 200);
    let begun = Instant::now();
    server.stop();
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(rest(waiting), "");
    assert_eq!(rest(idle), "");
    // It may have been told that it is late.
    rest(slow);
    // At once, but for children of other tests that are at the very beginning of their life. Nobody connects:
    // that would wake a server that still waits.
    let closed = || TcpListener::bind(address).is_ok();
    await_that("a closed port", closed);
    // Again, on the same port.
    let again = serve(address, Options::default()).expect("it is free");
    assert_eq!(status(&ask(address, "GET", STATS, "")), 200);
    drop(again);
    await_that("a closed port", closed);
    heap::stop();
}

#[test]
fn others_than_this_machine_need_a_token() {
    let everywhere: SocketAddr = "0.0.0.0:0".parse().expect("an address");
    let kind = |options| serve(everywhere, options).map(drop).map_err(|error| error.kind());
    let mut options = Options::default();
    assert_eq!(kind(options.clone()), Err(std::io::ErrorKind::InvalidInput));
    options.token = Some(String::new());
    assert_eq!(kind(options.clone()), Err(std::io::ErrorKind::InvalidInput));
    options.token = Some(TOKEN.to_owned());
    let server = serve(everywhere, options).expect("with a token");
    let address = SocketAddr::from(([127, 0, 0, 1], server.local_addr().port()));
    assert_eq!(status(&ask(address, "GET", STATS, "")), 401);
    assert_eq!(status(&ask(address, "GET", STATS, &format!("Authorization: Bearer {TOKEN}\r\n"))), 200);
    // Woken though it listens on no address of its own.
    let begun = Instant::now();
    server.stop();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

/// Asks without allocating: what is recorded is what the server takes.
fn ask_quietly(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = b"GET /debug/profile-cost/stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).expect("it fits");
    let (mut buffer, mut count) = ([0; 4096], 0);
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        count += read;
    }
    assert!(count > 100);
}

/// Not a test of its own: others beside it would be in its recording.
#[test]
#[ignore = "started by no_trace_of_the_server"]
fn leave_no_trace() {
    for mode in ["exact:20", "counters"] {
        heap::set_mode(mode.parse().expect("a mode")).expect("it can be recorded here");
        profile_cost_runtime::enable();
        ask_nobody();
        let (mut before, _) = heap::get_traced_memory();
        let server: Server = serve(here(), Options::default()).expect("a port");
        if mode == "counters" {
            // Counts whatever the program's threads allocate, be it for a server.
            (before, _) = heap::get_traced_memory();
        }
        for _ in 0..50 {
            ask_quietly(server.local_addr());
        }
        let (after, peak) = heap::get_traced_memory();
        // The answers alone were more. Counters cannot tell whose the block is that a thread frees before it says who it is.
        let allowed = if mode == "counters" { 1024 } else { 0 };
        let more = after as i64 - before as i64;
        assert!(more.abs() <= allowed, "{mode}: {more} bytes, peak {peak}");
        drop(server);
        let snapshot = heap::take_snapshot();
        assert_eq!(snapshot.mode.to_string(), mode);
        heap::stop();
    }
    let threads = profile_cost_runtime::snapshot_with_threads();
    let names = format!("{threads:?}");
    assert!(!names.contains("profile-http"), "{names}");
}

/// What the first of all requests allocates of the test itself.
fn ask_nobody() {
    let listener = TcpListener::bind(here()).expect("a port");
    drop(TcpStream::connect(listener.local_addr().expect("an address")));
}

#[test]
fn no_trace_of_the_server() {
    let mut command = service("leave_no_trace", "trace");
    command.env_remove("PROFILE_COST_HTTP").stdout(Stdio::piped());
    let output = command.output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// curl's answer; `None` where it is not installed.
fn curl(arguments: &[&str]) -> Option<Output> {
    let output =
        Command::new("curl").args(["--silent", "--show-error", "--max-time", "30"]).args(arguments).output();
    match output {
        Ok(output) => Some(output),
        Err(_) => {
            readers::skipped("curl");
            None
        }
    }
}

#[test]
fn as_curl_sees_it() {
    let server = serve(here(), Options::default()).expect("a port");
    let base = format!("http://{}", server.local_addr());
    let (stats, start) = (base.clone() + STATS, format!("{base}/debug/profile-cost/control/time/start"));
    let both = |output: Output| {
        assert!(output.status.success(), "{output:?}");
        (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let Some(output) = curl(&["-v", &stats, &stats]) else { return };
    let (answer, talk) = both(output);
    assert!(talk.to_lowercase().contains("re-using existing connection"), "{talk}");
    assert_eq!(talk.matches("< HTTP/1.1 200 OK").count(), 2, "{talk}");
    assert!(!answer.is_empty());

    let ask = |arguments: &[&str]| both(curl(arguments).expect("it was there"));
    let (head, talk) = ask(&["-v", "--head", &stats, "--next", "-v", "--silent", &stats]);
    assert!(head.contains("content-length: ") && talk.to_lowercase().contains("re-using"), "{head}{talk}");
    let (_, talk) = ask(&["-v", "-0", &stats]);
    assert!(
        talk.contains("GET /debug/profile-cost/stats HTTP/1.0") && talk.contains("< connection: close"),
        "{talk}"
    );
    let (_, talk) = ask(&["-v", "-0", "-H", "Connection: keep-alive", &stats, &stats]);
    assert!(talk.contains("< connection: keep-alive"), "{talk}");

    // Uploads: in chunks, after 100, and both at once on one connection with what comes next.
    let folder = std::env::temp_dir();
    let file = folder.join(format!("profile-cost-upload-{}", std::process::id()));
    std::fs::write(&file, vec![b'x'; 60_000]).expect("a file");
    let upload = format!("@{}", file.display());
    for headers in [
        &["-H", "Transfer-Encoding: chunked"][..],
        &["-H", "Expect: 100-continue"],
        &["-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue"],
        &[],
    ] {
        let post = [&["-v", "--data-binary", &upload], headers, &[start.as_str(), start.as_str()]].concat();
        let (answer, talk) = ask(&post);
        assert!(answer.contains("recording"), "{answer}");
        assert_eq!(talk.matches("< HTTP/1.1 200 OK").count(), 2, "{talk}");
        let waits = headers.iter().any(|header| header.starts_with("Expect"));
        assert_eq!(talk.matches("< HTTP/1.1 100 Continue").count(), if waits { 2 } else { 0 }, "{talk}");
    }
    // What is too large is refused before it is sent, and while it is.
    std::fs::write(&file, vec![b'x'; 3_000_000]).expect("a file");
    for headers in
        [&["-H", "Expect: 100-continue"][..], &["-H", "Expect:"], &["-H", "Transfer-Encoding: chunked"]]
    {
        let post = [&["-w", "%{http_code}", "--data-binary", &upload], headers, &[start.as_str()]].concat();
        let output = curl(&post).expect("it was there");
        assert!(String::from_utf8_lossy(&output.stdout).ends_with("413"), "{headers:?}: {output:?}");
    }
    std::fs::remove_file(&file).expect("it was there");
    profile_cost_runtime::disable();

    let options = {
        let mut options = Options::default();
        options.token = Some(TOKEN.to_owned());
        options
    };
    let guarded = serve(here(), options).expect("a port");
    let (address, code) = (guarded.local_addr(), ["-o", "/dev/null", "-w", "%{http_code}"]);
    let guarded_stats = format!("http://{address}{STATS}");
    for (arguments, expected) in [
        (&[guarded_stats.as_str()][..], "401"),
        (&["--oauth2-bearer", TOKEN, &guarded_stats], "200"),
        (&["--user", &format!("any:{TOKEN}"), &guarded_stats], "200"),
        (&["--user", &format!("{TOKEN}:any"), &guarded_stats], "401"),
        (&[&format!("http://:{TOKEN}@{address}{STATS}")], "200"),
    ] {
        let (answer, _) = ask(&[&code[..], arguments].concat());
        assert_eq!(answer, expected, "{arguments:?}");
    }
}
