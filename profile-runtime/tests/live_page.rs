//! The live page as a browser shows it, over a service that works: `tests/readers/live_page.mjs` uses the page, this file is
//! the service. Requests come in by the simplest of servers, so that nothing but the page and its answers is tested.

mod readers;

use std::future::{Future, pending};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::pin::pin;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;
use std::{fs, hint};

use profile_cost_runtime::heap::Tracker;
use profile_cost_runtime::http::{Endpoints, Options, Request, Response};
use profile_cost_runtime::private::{Guard, Site, instrument};
use profile_cost_runtime::testing::HOSTILE_NAMES;
use serde_json::json;

#[global_allocator]
static ALLOCATOR: Tracker = Tracker::system();

const TOKEN: &str = "s3cret of this test";
/// Calls of `known`.
const KNOWN: u32 = 37;
/// Blocks that `order` may leave behind, so that a test that hangs does not fill the memory.
const MOST_ORDERS: usize = 100_000;

/// What the attribute makes of a function.
macro_rules! site {
    ($name:expr) => {{
        static SITE: Site = Site::new($name, file!(), line!(), true);
        &SITE
    }};
}

macro_rules! measured {
    ($name:expr) => {
        let mut guard = Guard::new();
        guard.enter(site!($name), || {});
    };
}

#[inline(never)]
fn known() {
    measured!("known");
    hint::black_box(0);
}

#[inline(never)]
fn query(orders: &mut Vec<Box<[u8]>>) {
    measured!("query");
    if orders.len() < MOST_ORDERS {
        orders.push(vec![7; 1000].into_boxed_slice());
    }
    thread::sleep(Duration::from_millis(1));
}

#[inline(never)]
fn order(orders: &mut Vec<Box<[u8]>>) {
    measured!("order");
    query(orders);
}

#[inline(never)]
fn hold(until: &Receiver<()>) {
    measured!("hold");
    // Until the test is over.
    let _over = until.recv();
}

/// Works until the process ends: one function called again and again, one that does not return, one that waits.
fn work() {
    profile_cost_runtime::enable();
    (0..KNOWN).for_each(|_| known());
    let spawn = |name: &str, body: Box<dyn FnOnce() + Send>| {
        thread::Builder::new().name(name.to_owned()).spawn(body).expect("a thread")
    };
    spawn(
        "worker",
        Box::new(|| {
            let mut orders = Vec::new();
            loop {
                measured!("serve");
                order(&mut orders);
            }
        }),
    );
    let (ready, is_ready) = channel();
    spawn(
        "holder",
        Box::new(move || {
            let (sender, until) = channel();
            ready.send(()).expect("the test waits");
            measured!("listen");
            hold(&until);
            drop(sender);
        }),
    );
    is_ready.recv().expect("the holder is there");
    spawn(
        "waiter",
        Box::new(move || {
            let inner = instrument(site!("wait"), || {}, pending::<()>());
            let mut future = pin!(instrument(site!("request"), || {}, inner));
            let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert_eq!(polled, Poll::Pending);
            loop {
                thread::park();
            }
        }),
    );
}

/// Serves until the process ends: a connection for each request, a thread for each connection.
fn serve(options: Options) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let endpoints = Endpoints::new(options);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let endpoints = endpoints.clone();
            thread::spawn(move || {
                // The browser may have gone.
                let _result = answer(&endpoints, stream);
            });
        }
    });
    address
}

fn answer(endpoints: &Endpoints, mut stream: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).take(64 << 10).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut headers = Vec::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    // As behind a proxy that passes on what is below a prefix.
    let target = target.strip_prefix("/pods/a").unwrap_or(target);
    let header =
        |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let Response { status, headers, body, .. } = endpoints.answer_here(&Request::new(method, target, header));
    write!(stream, "HTTP/1.1 {status} .\r\nconnection: close\r\ncontent-length: {}\r\n", body.len())?;
    for (name, value) in &headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    stream.write_all(b"\r\n")?;
    stream.write_all(&body)
}

#[test]
fn the_page_over_a_service_that_works() {
    let Some(modules) = readers::browser() else { return };
    work();
    let open = serve(Options::default());
    let mut options = Options::default();
    options.token = Some(TOKEN.to_owned());
    let guarded = serve(options);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("live-page");
    fs::create_dir_all(&folder).expect("a folder for the pictures");
    let at = |path: &str| format!("http://{open}{path}");
    let configuration = json!({
        "url": at("/debug/profile-cost/"),
        "below": [at("/debug/profile-cost"), at("/pods/a/debug/profile-cost/"), at("/pods/a/debug/profile-cost")],
        "guarded": format!("http://{guarded}/debug/profile-cost/"),
        "token": TOKEN,
        "names": HOSTILE_NAMES.iter().filter(|name| !name.trim().is_empty()).collect::<Vec<_>>(),
        "known": { "known": KNOWN },
        "busy": "query",
        "shots": folder,
    });
    let file = folder.join("configuration.json");
    fs::write(&file, configuration.to_string()).expect("the configuration");
    let script = readers::script("live_page.mjs");
    let out = Command::new("node").arg(script).arg(&file).env("PROFILE_COST_NODE_MODULES", modules).output();
    let out = out.expect("node runs");
    let (said, complaints) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{said}{complaints}");
    assert!(said.contains("looks: "), "not all was compared:\n{said}");
}

/// The page holds nothing of the service and is where the token is typed in; all else wants it.
#[test]
fn only_the_page_needs_no_token() {
    let mut options = Options::default();
    options.token = Some(TOKEN.to_owned());
    let endpoints = Endpoints::new(options);
    let status = |method, target| endpoints.answer_here(&Request::new(method, target, |_| None)).status;
    for target in ["/debug/profile-cost/", "/debug/profile-cost", "/profile-cost/", "/profile-cost"] {
        assert_eq!((status("GET", target), status("HEAD", target)), (200, 200), "{target}");
        assert_eq!(status("POST", target), 401, "{target}");
    }
    for target in [
        "/debug/profile-cost/page.json",
        "/debug/profile-cost//",
        "/debug/debug/profile-cost/",
        "/debug/profile-cost/stats",
        "/debug/profile-cost/%70age.json",
        "/debug",
        "/",
    ] {
        assert_eq!(status("GET", target), 401, "{target}");
    }
    // The host is asked for all the same.
    let endpoints = Endpoints::new(Options::default());
    let request =
        Request::new("GET", "/debug/profile-cost/", |name| (name == "host").then_some("evil.example"));
    assert_eq!(endpoints.answer_here(&request).status, 403);
}
