//! A service under random requests, scraped each second, its recordings switched on and off: memory stays flat, and
//! the counters agree with what was served, to the last request.
//!
//! `PROFILE_COST_SOAK=600` runs it for ten minutes; without it some seconds.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, Request};
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use profile_cost::heap;
use profile_cost::http::{Endpoints, Options, ProfileLayer, requests_in_flight};
use profile_cost::profile_cost;
use profile_cost_http::{Client, counts, serve, until};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

#[global_allocator]
static ALLOCATOR: heap::Tracker = heap::Tracker::system();

const NAMES: [&str; 5] =
    ["GET /products/{id}", "POST /orders/{id}", "GET /slow/{ms}", "GET /panics", "GET [unmatched]"];
const CLIENTS: u64 = 8;
/// From one switching of the recordings to the next.
const PHASE: Duration = Duration::from_millis(500);

/// What a middleware around the layer saw, while calls were being recorded: it knows nothing of profiles.
#[derive(Default)]
struct Served {
    begun: AtomicU64,
    returned: AtomicU64,
    panicked: AtomicU64,
    cancelled: AtomicU64,
}

/// By name, as in `NAMES`.
static SERVED: [Served; NAMES.len()] = [const {
    Served {
        begun: AtomicU64::new(0),
        returned: AtomicU64::new(0),
        panicked: AtomicU64::new(0),
        cancelled: AtomicU64::new(0),
    }
}; NAMES.len()];
static RECORDING: AtomicBool = AtomicBool::new(false);
static ALL: AtomicU64 = AtomicU64::new(0);

async fn judge(request: Request, next: Next) -> Response {
    struct Under(Option<&'static Served>);
    impl Drop for Under {
        fn drop(&mut self) {
            let Some(served) = self.0 else { return };
            let how = if std::thread::panicking() { &served.panicked } else { &served.cancelled };
            how.fetch_add(1, Ordering::SeqCst);
        }
    }
    let number = match request.uri().path().split('/').nth(1) {
        Some("products") => 0,
        Some("orders") => 1,
        Some("slow") => 2,
        Some("panics") => 3,
        _ => 4,
    };
    ALL.fetch_add(1, Ordering::SeqCst);
    if !RECORDING.load(Ordering::SeqCst) {
        return next.run(request).await;
    }
    let served = &SERVED[number];
    served.begun.fetch_add(1, Ordering::SeqCst);
    let mut under = Under(Some(served));
    let response = next.run(request).await;
    under.0 = None;
    served.returned.fetch_add(1, Ordering::SeqCst);
    response
}

#[profile_cost]
async fn product(Path(id): Path<u64>) -> String {
    let names = names_of(id);
    if id % 5 == 0 {
        tokio::task::yield_now().await;
    }
    names.join(",")
}

#[profile_cost]
#[inline(never)]
fn names_of(id: u64) -> Vec<String> {
    (0..id % 40).map(|number| format!("product {id} in size {number}")).collect()
}

/// Keeps some memory for a while, as caches do: never more than so much.
#[profile_cost]
async fn order(Path(id): Path<u64>) -> String {
    static KEPT: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
    let mut kept = KEPT.lock().unwrap();
    kept.push(vec![id as u8; 1000 + id as usize]);
    if kept.len() > 500 {
        kept.clear();
    }
    kept.len().to_string()
}

async fn slow(Path(ms): Path<u64>) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

async fn panics() {
    std::panic::resume_unwind(Box::new(()));
}

/// A service whose end is known: when the tasks of all connections and streams are over, so that no request can be late.
struct Service {
    at: SocketAddr,
    stop: oneshot::Sender<()>,
    tasks: Tasks,
}

/// Spawns tasks that hold a clone of this.
#[derive(Clone)]
struct Tasks(Arc<()>);

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, future: F) {
        let held = self.clone();
        tokio::spawn(async move {
            let _held = held;
            future.await
        });
    }
}

impl Service {
    async fn start(router: Router) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let (stop, mut stopped) = oneshot::channel::<()>();
        let tasks = Tasks(Arc::new(()));
        let executor = tasks.clone();
        tasks.execute(async move {
            while let Some(Ok((stream, _))) = tokio::select! {
                accepted = listener.accept() => Some(accepted),
                _ = &mut stopped => None,
            } {
                let service = TowerToHyperService::new(router.clone());
                let builder = Builder::new(executor.clone());
                executor.execute(async move {
                    drop(builder.serve_connection(TokioIo::new(stream), service).await);
                });
            }
        });
        Self { at, stop, tasks }
    }

    async fn end(self) {
        drop(self.stop);
        until("all tasks are over", async || Arc::strong_count(&self.tasks.0) == 1).await;
    }
}

/// Numbers that are the same on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Random requests, some of which are left before they are answered.
async fn drive(at: SocketAddr, random: &mut Random, until: Instant) {
    let client = Client::new(random.below(2) == 0);
    while Instant::now() < until {
        let (method, target) = match random.below(40) {
            0..20 => (Method::GET, format!("/products/{}", random.below(1000))),
            20..30 => (Method::POST, format!("/orders/{}", random.below(1000))),
            30..36 => (Method::GET, format!("/slow/{}", random.below(10))),
            36 => (Method::GET, "/panics".to_owned()),
            _ => (Method::GET, format!("/secret-{}", random.below(u64::MAX))),
        };
        let asked = client.ask(method, at, &target);
        let patience = if random.below(10) == 0 { random.below(5) } else { 10_000 };
        drop(tokio::time::timeout(Duration::from_millis(patience), asked).await);
    }
}

/// Reads what a scraper and somebody at the page would, each second.
async fn scrape(at: SocketAddr, stop: Arc<AtomicBool>) -> u64 {
    let client = Client::new(false);
    let mut answered = 0;
    while !stop.load(Ordering::SeqCst) {
        for target in ["metrics", "stats?limit=20", "callers", "inflight", "memory", "tracemalloc"] {
            let asked = client.ask(Method::GET, at, &format!("/debug/profile-cost/{target}")).await;
            answered += u64::from(asked.is_some_and(|(status, _)| status == 200));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    answered
}

/// Bytes of memory that the process has, by what the system says.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

fn reconcile() -> u64 {
    let profile = profile_cost::snapshot();
    let mut all = 0;
    for (name, served) in NAMES.iter().zip(&SERVED) {
        let counted = counts(&profile, name);
        let of = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        assert_eq!(
            (counted.starts, counted.returned, counted.panicked, counted.cancelled),
            (of(&served.begun), of(&served.returned), of(&served.panicked), of(&served.cancelled)),
            "{name}: begun, returned, panicked, cancelled"
        );
        all += counted.starts;
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_flat_and_no_request_is_lost() {
    let seconds = std::env::var("PROFILE_COST_SOAK").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let (begin, length) = (Instant::now(), Duration::from_secs(seconds));
    let router = Router::new()
        .route("/products/{id}", get(product))
        .route("/orders/{id}", post(order))
        .route("/slow/{ms}", get(slow))
        .route("/panics", get(panics))
        .layer(ProfileLayer::new())
        .nest_service("/debug", Endpoints::new(Options::default()));
    let scraped = serve(router.clone()).await;
    let judged = router.layer(from_fn(judge));
    let stop = Arc::new(AtomicBool::new(false));
    let scraping = tokio::spawn(scrape(scraped, stop.clone()));

    let mut random = Random(5);
    let mut resident_after = Vec::new();
    let mut phase = 0;
    while begin.elapsed() < length {
        // Calls are switched between the phases, when nothing is under way: so it is known which are counted.
        let on = phase % 3 != 2;
        if on {
            profile_cost::enable()
        } else {
            profile_cost::disable()
        }
        RECORDING.store(on, Ordering::SeqCst);
        let service = Service::start(judged.clone()).await;
        let (at, end) = (service.at, Instant::now() + PHASE);
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let mut random = Random(random.below(u64::MAX));
                tokio::spawn(async move { drive(at, &mut random, end).await })
            })
            .collect();
        // The heap's recording is switched while requests run.
        let mode = ["exact:10", "sample:64KiB", "paths", "counters"][phase % 4];
        heap::set_mode(mode.parse().unwrap()).unwrap();
        tokio::time::sleep(PHASE / 2).await;
        heap::stop();
        for client in clients {
            client.await.unwrap();
        }
        service.end().await;
        assert_eq!(requests_in_flight(), Default::default());
        reconcile();
        resident_after.push((begin.elapsed(), resident()));
        phase += 1;
    }
    stop.store(true, Ordering::SeqCst);
    let answered = scraping.await.unwrap();
    profile_cost::disable();
    let counted = reconcile();
    let served = ALL.load(Ordering::SeqCst);
    assert!(counted > 0 && answered > 0);

    // After a third all that is kept has been made: from then on the most is what it was.
    let highest = |from: f64, to: f64| {
        let within = resident_after
            .iter()
            .filter(|(at, _)| (from..to).contains(&(at.as_secs_f64() / length.as_secs_f64())));
        within.map(|(_, bytes)| *bytes).max().unwrap_or(0)
    };
    let (before, after) = (highest(0.33, 0.67), highest(0.67, 2.0));
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let figures = format!(
        "{seconds} s: {served} requests, {counted} of them while recording, all accounted for; {answered} scrapes; {phase} phases; \
         resident {:.1} MiB at most in the second third, {:.1} MiB in the last",
        mib(before),
        mib(after)
    );
    assert!(mib(after) < 1.05 * mib(before) + 4.0, "{figures}");
    std::fs::write(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("soak.txt"), &figures).unwrap();
    log_figures(&figures);
}

#[allow(clippy::print_stdout, reason = "what a soak is run for")]
fn log_figures(figures: &str) {
    println!("{figures}");
}
