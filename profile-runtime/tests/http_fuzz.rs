//! Requests of random bytes: 4xx as documented, no panic, no more memory than bounded, nothing recorded that was not asked
//! for. `FUZZ_REQUESTS=10000000` asks that many times.
#![allow(clippy::print_stdout, reason = "figures for whoever asks with --nocapture")]

use std::time::Instant;

use profile_cost_runtime::http::{Endpoints, Options, Reply, Request};
use profile_cost_runtime::testing::{CountingAllocator, Random, http_exchange};

#[global_allocator]
static MEMORY: CountingAllocator = CountingAllocator::new();

/// Memory that an answer may take in bytes of its request, and on top of that.
const PROPORTION: usize = 32;
const ANY_REQUEST: usize = 64 * 1024;
/// The live page, which is copied for each answer.
const PAGE: usize = 128 * 1024;
/// Of a regular expression, which is compiled before the answer is: 1 MiB, and what grows it.
const PATTERN: usize = 3 << 20;

/// Statuses that say that the request was no good, or that there is too much of it.
const REFUSALS: &[u16] = &[400, 401, 403, 404, 405, 408, 409, 413, 414, 417, 429, 431, 501, 503, 505];

const METHODS: &[&str] = &["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "get", "", "G\0T", "\u{7f}"];
const PATHS: &[&str] = &[
    "/",
    "/debug",
    "/debug/",
    "/debug/pprof/",
    "/debug/pprof/cmdline",
    "/debug/pprof/profile",
    "/debug/pprof/wall",
    "/debug/pprof/heap",
    "/debug/pprof/allocs",
    "/debug/profile-cost/",
    "/debug/profile-cost/stats",
    "/debug/profile-cost/callers",
    "/debug/profile-cost/callees",
    "/debug/profile-cost/tree",
    "/debug/profile-cost/inflight",
    "/debug/profile-cost/flamegraph.svg",
    "/debug/profile-cost/folded",
    "/debug/profile-cost/pstats",
    "/debug/profile-cost/json",
    "/debug/profile-cost/tracemalloc",
    "/debug/profile-cost/memory",
    "/debug/profile-cost/snapshots",
    "/debug/profile-cost/snapshots/compare",
    "/debug/profile-cost/snapshots/get",
    "/debug/profile-cost/metrics",
    "/debug/profile-cost/control",
    "/debug/profile-cost/control/heap/reset",
    "/profile-cost/stats",
    "/pprof/heap",
    "/debug/debug/pprof/heap",
    "/debug/../debug/pprof/heap",
    "/debug/pprof/heap\0",
];
const NAMES: &[&str] = &[
    "limit",
    "sort",
    "seconds",
    "restrict",
    "key_type",
    "cumulative",
    "format",
    "id",
    "old",
    "new",
    "debug",
    "gc",
    "mode",
    "frames",
    "rate",
    "duration",
    "function",
    "depth",
    "metric",
    "li%6dit",
    "",
    "x",
];
const VALUES: &[&str] = &[
    "1",
    "0",
    "-1",
    "10",
    "1e3",
    "99999999999999999999",
    "",
    "lineno",
    "type",
    "traceback",
    "text",
    "json",
    "now",
    "cumulative",
    "cumulative,name",
    "exact",
    "sample",
    "%",
    "%4",
    "%zz",
    "%00",
    "%ff",
    "%e4%b8%ad",
    "+",
    "\u{4e2d}",
    "(((((",
    "a{9999}",
    "(a*)*b",
    "[",
    "'\"<script>",
    "%0d%0aset-cookie:x",
    "..%2f..",
    "true",
];
const HEADERS: &[&str] = &[
    "localhost",
    "127.0.0.1:80",
    "[::1]",
    "[",
    "]",
    "evil.example",
    "null",
    "http://localhost",
    "://",
    "same-origin",
    "cross-site",
    "none",
    "document",
    "Bearer",
    "Bearer t",
    "Bearer token",
    "Basic OnRva2Vu",
    "Basic =",
    "\u{e9}",
    "",
];

/// Bytes of any kind, as far as a string can hold them.
fn text(random: &mut Random) -> String {
    let bytes: Vec<u8> = (0..random.index(40)).map(|_| random.any() as u8).collect();
    match random.index(2) {
        0 => String::from_utf8_lossy(&bytes).into_owned(),
        _ => bytes.iter().map(|byte| char::from(byte & 0x7f)).collect(),
    }
}

fn one(random: &mut Random, from: &[&str]) -> String {
    if random.index(4) == 0 { text(random) } else { random.pick(from).to_owned() }
}

fn query(random: &mut Random) -> String {
    let mut query = String::new();
    let most = if random.index(50) == 0 { 200 } else { 4 };
    for _ in 0..random.index(most) {
        query += &one(random, NAMES);
        query += random.pick(&["=", "=", "=", "", "=="]);
        query += &one(random, VALUES);
        query += random.pick(&["&", "&", "&&", ";"]);
    }
    query
}

fn wanted(default: usize) -> usize {
    std::env::var("FUZZ_REQUESTS").ok().and_then(|count| count.parse().ok()).unwrap_or(default)
}

// One test: another beside it would be in its memory.
#[test]
fn requests_of_random_bytes_are_refused_within_bounds() {
    let mut options = Options::default();
    let open = Endpoints::new(options.clone());
    options.token = Some("token".to_owned());
    let guarded = Endpoints::new(options);
    // The page is put together once, for the process.
    let host = Some("localhost");
    open.answer(&Request { method: "GET", path: "/profile-cost/", host, ..Request::default() });
    let mut random =
        Random::of_seed(std::env::var("FUZZ_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1));
    answers(&[&open, &guarded], &mut random);
    connections(&[&open, &guarded], &mut random);
    assert!(!profile_cost_runtime::is_enabled(), "nobody has asked to record calls");
}

fn answers(endpoints: &[&Endpoints], random: &mut Random) {
    let (wanted, begun, before) = (wanted(300_000), Instant::now(), MEMORY.live());
    let (mut counts, mut later, mut worst) = (std::collections::BTreeMap::new(), 0, 0);
    for _ in 0..wanted {
        let (method, path, query) = (one(random, METHODS), one(random, PATHS), query(random));
        let sent: Vec<String> = (0..5).map(|_| one(random, HEADERS)).collect();
        // Mostly such that more than the host is looked at.
        let usual = random.index(4) > 0;
        let header = |at: usize| Some(sent[at].as_str()).filter(|value| !value.is_empty());
        let mut request = Request {
            method: if usual { "GET" } else { &method },
            path: &path,
            query: &query,
            host: if usual { Some("localhost") } else { header(0) },
            authorization: if usual { Some("Bearer token") } else { header(1) },
            ..Request::default()
        };
        if !usual {
            (request.origin, request.sec_fetch_site, request.sec_fetch_dest) =
                (header(2), header(3), header(4));
        }
        let size = method.len() + path.len() + query.len() + sent.iter().map(String::len).sum::<usize>();
        let (reply, peak) = MEMORY.peak_of(|| endpoints[random.index(endpoints.len())].answer(&request));
        let page = if path.ends_with("/profile-cost/") { PAGE } else { 0 };
        let pattern = if query.contains("restrict") { PATTERN } else { 0 };
        let allowed = ANY_REQUEST + PROPORTION * size + page + pattern;
        assert!(peak <= allowed, "{peak} bytes for {request:?}");
        worst = worst.max(peak);
        match reply {
            // Given up, as by a client that leaves.
            Reply::Later(_) => later += 1,
            Reply::Now(response) => {
                let is_known = response.status == 200 || REFUSALS.contains(&response.status);
                assert!(is_known, "{request:?}: {}", response.status);
                let clean = |value: &str| !value.contains(|c: char| c.is_control());
                assert!(response.headers.iter().all(|(_, value)| clean(value)), "{request:?}: {response:?}");
                *counts.entry(response.status).or_insert(0usize) += 1;
            }
        }
    }
    println!(
        "{wanted} requests in {:.1} s: {counts:?}, {later} to be done later; at most {worst} bytes, {} left",
        begun.elapsed().as_secs_f64(),
        MEMORY.live() as i64 - before as i64
    );
    assert!(counts.len() >= 4 && later > 0, "the requests are all alike: {counts:?}");
    let left = MEMORY.live().saturating_sub(before);
    assert!(left < 64 * 1024, "{left} bytes are left");
}

/// What connections begin with, to be damaged.
const REQUESTS: &[&str] = &[
    "GET /debug/profile-cost/control HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /debug/pprof/cmdline HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer token\r\nConnection: close\r\n\r\n",
    "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n12345",
    "POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n5;x=y\r\n12345\r\n0\r\nT: v\r\n\r\n",
    "GET http://localhost/a?b=c HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: none\r\n\r\n",
];
const PIECES: &[&str] = &[
    "\r\n",
    "\n",
    "\r",
    "\0",
    " ",
    ":",
    "HTTP/1.1",
    "HTTP/9.9",
    "Content-Length: 5\r\n",
    "Content-Length: 99999999999\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: x\r\n",
    "Host: a\r\n",
    "Connection: close\r\n",
    "ffffffff\r\n",
    "0\r\n\r\n",
    "GET ",
    "\u{e9}",
    "Expect: 100-continue\r\n",
    "#",
    "?",
    "%00",
    "http://",
];

fn connection(random: &mut Random) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..random.index(4)).flat_map(|_| random.pick(REQUESTS).bytes()).collect();
    for _ in 0..random.index(4) {
        let at = random.index(bytes.len() + 1);
        let end = (at + random.index(30)).min(bytes.len());
        match random.index(6) {
            0 if at < bytes.len() => bytes[at] = random.any() as u8,
            1 => drop(bytes.drain(at..end)),
            2 => bytes.truncate(at),
            3 => {
                let again = bytes[at..end].repeat(random.index(3000));
                bytes.splice(at..at, again);
            }
            _ => drop(bytes.splice(at..end, random.pick(PIECES).bytes())),
        }
    }
    bytes
}

/// Whole connections, through all of the server but its sockets and threads.
fn connections(endpoints: &[&Endpoints], random: &mut Random) {
    let (wanted, begun) = (wanted(300_000) / 10, Instant::now());
    let mut counts = std::collections::BTreeMap::new();
    let mut worst = 0;
    for _ in 0..wanted {
        let (bytes, piece) = (connection(random), 1 + random.index(2000));
        let one = endpoints[random.index(endpoints.len())];
        let (answer, peak) = MEMORY.peak_of(|| http_exchange(one, &bytes, piece));
        worst = worst.max(peak);
        // What is kept of the input, and all answers.
        let allowed = 256 * 1024 + 2 * answer.len();
        assert!(peak <= allowed, "{peak} bytes for {}: {:?}", bytes.len(), String::from_utf8_lossy(&bytes));
        let text = String::from_utf8_lossy(&answer);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 "), "{text}");
        for status in text.split("HTTP/1.1 ").skip(1).filter_map(|rest| rest.get(..3)?.parse::<u16>().ok()) {
            let is_known = matches!(status, 100 | 200) || REFUSALS.contains(&status);
            assert!(is_known, "{status}: {:?}", String::from_utf8_lossy(&bytes));
            *counts.entry(status).or_insert(0usize) += 1;
        }
    }
    println!(
        "{wanted} connections in {:.1} s: {counts:?}; at most {worst} bytes",
        begun.elapsed().as_secs_f64()
    );
    for expected in [100, 200, 400, 404, 413, 414, 417, 431, 505] {
        assert!(counts.contains_key(&expected) || wanted < 10_000, "no {expected}: {counts:?}");
    }
}
