//! `report_over`: the log shows the slow requests, each by itself, and no others. A process of its own: the logger is its.

use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use profile_cost::http::ProfileLayer;
use profile_cost::{SortKey, profile_cost};
use profile_cost_http::{Client, counts, serve};

struct Log(Mutex<Vec<String>>);

static LOG: Log = Log(Mutex::new(Vec::new()));

impl log::Log for Log {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target() == "slow-requests"
    }
    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.lock().unwrap().push(record.args().to_string());
        }
    }
    fn flush(&self) {}
}

#[profile_cost]
async fn query(wait: u64) {
    tokio::time::sleep(Duration::from_millis(wait)).await;
    step();
}

#[profile_cost]
#[inline(never)]
fn step() {
    std::hint::black_box(0);
}

#[profile_cost]
async fn cheap() {
    step();
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_requests_are_reported_and_no_others() {
    log::set_logger(&LOG).unwrap();
    log::set_max_level(log::LevelFilter::Info);
    let layer = ProfileLayer::new()
        .report_over(Duration::from_millis(400))
        .top(10)
        .sort(SortKey::Calls)
        .log_target("slow-requests");
    let router = Router::new()
        .route("/wait/{ms}", get(|Path(ms): Path<u64>| query(ms)))
        .route("/cheap", get(cheap))
        .layer(layer);
    // Not enabled: the layer's requests are recorded all the same.
    let at = serve(router).await;
    let mut asked = Vec::new();
    for number in 0..20 {
        asked.push(tokio::spawn(async move {
            let client = Client::new(number % 2 == 0);
            for _ in 0..20 {
                client.get(at, "/cheap").await;
            }
            if number < 5 {
                client.get(at, "/wait/500").await;
            } else {
                client.get(at, "/wait/1").await;
            }
        }));
    }
    for one in asked {
        one.await.unwrap();
    }
    let reports = LOG.0.lock().unwrap().clone();
    assert_eq!(reports.len(), 5, "{reports:#?}");
    for report in &reports {
        // Three functions, a call each: what ran beside is not in it.
        assert!(report.starts_with("profile: 3 calls, 3 functions, "), "{report}");
        assert!(
            report.contains("functions, by number of calls") || report.contains("functions, by call count"),
            "{report}"
        );
        assert!(report.contains("GET /wait/{ms}"), "{report}");
        assert!(report.contains("<- query  slow.rs"), "{report}");
        assert!(!report.contains("cheap"), "{report}");
    }
    let profile = profile_cost::snapshot();
    assert_eq!(counts(&profile, "GET /cheap").returned, 400);
    assert_eq!(counts(&profile, "GET /wait/{ms}").returned, 20);
    assert!(!profile_cost::is_enabled());
}
