//! `metrics`: held to what was called, to promtool, and to a Prometheus that scrapes it.
#![cfg(feature = "http")]

mod asking;
mod judges;
mod service;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use asking::{alone, endpoints, get, header, text};
use judges::{available, run, scratch};
use profile_cost_runtime::http::{Endpoints, Options};
use profile_cost_runtime::testing::HOSTILE_NAMES;
use profile_cost_runtime::{disable, enable, reset, snapshot};
use serde_json::Value;
use service::{call, call_async, serve, site};

/// Every series with its value.
fn scrape(endpoints: &Endpoints) -> BTreeMap<String, f64> {
    let response = get(endpoints, "/debug/profile-cost/metrics");
    assert_eq!(header(&response, "content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let lines = text(&response).lines().filter(|line| !line.starts_with('#'));
    let mut all = BTreeMap::new();
    for line in lines {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let is_new = all.insert(series.to_owned(), value.parse().expect("a number")).is_none();
        assert!(is_new, "{series} twice");
    }
    all
}

fn of(family: &str, function: &str) -> String {
    format!("{family}{{function=\"{function}\",file=\"src/metrics.rs\"}}")
}

#[test]
fn counters_are_what_was_called_and_only_rise() {
    let _alone = alone();
    let (serve, wait) = (site("m_serve", "src/metrics.rs"), site("m_wait", "src/metrics.rs"));
    let endpoints = endpoints();
    enable();
    let mut last: BTreeMap<String, f64> = BTreeMap::new();
    for round in 1..=20u64 {
        (0..7).for_each(|_| call(serve, || ()));
        call_async(wait);
        if round % 4 == 0 {
            // Counters are not the reports'.
            reset();
        }
        let now = scrape(&endpoints);
        assert_eq!(now[&of("profile_cost_calls_total", "m_serve")], 7.0 * round as f64);
        assert_eq!(now[&of("profile_cost_elapsed_seconds_count", "m_serve")], 7.0 * round as f64);
        assert_eq!(now[&of("profile_cost_calls_total", "m_wait")], round as f64);
        assert_eq!(now[&of("profile_cost_polls_total", "m_wait")], 2.0 * round as f64);
        assert_eq!(now["profile_cost_recording{kind=\"time\"}"], 1.0);
        assert_eq!(now["profile_cost_recording{kind=\"heap\"}"], 0.0);
        for (series, value) in &last {
            let is_counter =
                series.contains("_total") || series.contains("_bucket") || series.contains("_sum{");
            assert!(!is_counter || now[series] >= *value, "{series}: {value}, then {}", now[series]);
        }
        last = now;
    }
    disable();
    assert!(snapshot().paths().iter().all(|path| path.counts.starts == 0));
    let now = scrape(&endpoints);
    assert_eq!(now["profile_cost_recording{kind=\"time\"}"], 0.0);
    assert!(now[&of("profile_cost_await_seconds_total", "m_wait")] > 0.0);
    assert!(now["profile_cost_resident_bytes"] > 1e5);
    // Buckets add up.
    let bucket = |le: &str| {
        now[&format!(
            "profile_cost_elapsed_seconds_bucket{{function=\"m_serve\",file=\"src/metrics.rs\",le=\"{le}\"}}"
        )]
    };
    assert!(bucket("0.0001") <= bucket("10.0"));
    assert_eq!(bucket("+Inf"), 140.0);
    assert!(bucket("10.0") == 140.0);
}

#[test]
fn what_is_under_way_and_how_calls_end() {
    let _alone = alone();
    enable();
    let endpoints = endpoints();
    let [slow, broken] = ["m_slow", "m_broken"].map(|name| site(name, "src/metrics.rs"));
    let during = call(slow, || scrape(&endpoints));
    assert_eq!(during[&of("profile_cost_in_flight", "m_slow")], 1.0);
    let thrown = std::panic::catch_unwind(|| call(broken, || std::panic::resume_unwind(Box::new(()))));
    assert!(thrown.is_err());
    disable();
    let now = scrape(&endpoints);
    assert_eq!(now[&of("profile_cost_in_flight", "m_slow")], 0.0);
    assert_eq!(now[&of("profile_cost_panicked_total", "m_broken")], 1.0);
}

#[test]
fn series_are_bounded_and_stay() {
    let _alone = alone();
    enable();
    let many: Vec<_> = (0..50).map(|n| site(&format!("m_many{n}"), "src/metrics.rs")).collect();
    many.iter().for_each(|site| call(site, || ()));
    let mut options = Options::default();
    options.metrics_functions = 20;
    let endpoints = Endpoints::new(options);
    let calls = |now: &BTreeMap<String, f64>| -> BTreeMap<String, f64> {
        let of = now.iter().filter(|(series, _)| series.starts_with("profile_cost_calls_total"));
        of.map(|(series, value)| (series.clone(), *value)).collect()
    };
    let first = calls(&scrape(&endpoints));
    assert_eq!(first.len(), 21);
    let others = "profile_cost_calls_total{function=\"[other]\",file=\"\"}";
    for site in &many {
        (0..3).for_each(|_| call(site, || ()));
    }
    disable();
    let second = calls(&scrape(&endpoints));
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    assert!(second[others] >= first[others]);
    // Nothing is lost.
    assert_eq!(second.values().sum::<f64>() - first.values().sum::<f64>(), 150.0);
}

fn hostile() {
    for name in HOSTILE_NAMES {
        call(site(name, "a\"b\\c\n.rs"), || call(site("load", name), || ()));
    }
}

#[test]
fn promtool_finds_nothing_wrong() {
    if !available("promtool (Debian's prometheus)", Command::new("promtool").arg("--version")) {
        return;
    }
    let _alone = alone();
    enable();
    hostile();
    call_async(site("m_wait", "src/metrics.rs"));
    disable();
    for room in [0, 3, 200] {
        let mut options = Options::default();
        options.metrics_functions = room;
        let response = get(&Endpoints::new(options), "/debug/profile-cost/metrics");
        let mut promtool = Command::new("promtool");
        promtool
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut promtool = promtool.spawn().expect("promtool starts");
        promtool.stdin.take().expect("a pipe").write_all(&response.body).expect("promtool reads");
        let output = promtool.wait_with_output().expect("promtool ends");
        let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.trim().is_empty(), "{room}: {said}");
    }
}

/// Ended with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The answer to a query; nothing while it does not listen.
fn query(port: u16, query: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let request = format!("GET /api/v1/query?query={query} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let value: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
    (value["status"] == "success").then(|| value["data"]["result"].clone())
}

#[test]
fn prometheus_scrapes_and_answers() {
    if !available("prometheus (Debian's prometheus)", Command::new("prometheus").arg("--version")) {
        return;
    }
    let _alone = alone();
    enable();
    let served = site("m_scraped \"quoted\\", "src/metrics.rs");
    (0..1234).for_each(|_| call(served, || ()));
    hostile();
    disable();
    let address = serve(endpoints());
    // NOTE: somebody else might take the port before Prometheus does; then it says so and the test fails.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = scratch("prometheus");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let config = folder.join("prometheus.yml");
    let scrape = format!(
        "scrape_configs:\n- job_name: service\n  scrape_interval: 1s\n  metrics_path: /debug/profile-cost/metrics\n  \
         static_configs:\n  - targets: ['{address}']\n"
    );
    fs::write(&config, scrape).unwrap();
    run(Command::new("promtool").args(["check", "config"]).arg(&config));
    let mut command = Command::new("prometheus");
    command
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.join("log")).unwrap());
    let _server = Server(command.spawn().expect("prometheus starts"));
    let start = Instant::now();
    let found = loop {
        // profile_cost_calls_total{function=~"m_scraped.*"}
        let asked = "profile_cost_calls_total%7Bfunction%3D~%22m_scraped.*%22%7D";
        if let Some(found) = query(port, asked).filter(|found| found.get(0).is_some()) {
            break found;
        }
        let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(start.elapsed() < Duration::from_secs(60), "no answer: {}", log());
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(found[0]["value"][1], "1234");
    assert_eq!(found[0]["metric"]["function"], "m_scraped \"quoted\\");
    assert_eq!(query(port, "up").unwrap()[0]["value"][1], "1");
    // histogram_quantile(1, profile_cost_elapsed_seconds_bucket{function=~"m_scraped.*"})
    let quantile = query(
        port,
        "histogram_quantile(1%2Cprofile_cost_elapsed_seconds_bucket%7Bfunction%3D~%22m_scraped.*%22%7D)",
    );
    let quantile: f64 = quantile.unwrap()[0]["value"][1].as_str().unwrap().parse().unwrap();
    assert!(quantile > 0.0 && quantile <= 10.0, "{quantile}");
}
