//! What the profiler allocates to answer is not shown as the service's own.

use std::hint::black_box;
use std::time::Duration;

use axum::Router;
use profile_cost::heap::{self, Mode, Tracker};
use profile_cost::http::{Endpoints, Options};
use profile_cost_http::{Client, serve};

#[global_allocator]
static ALLOCATOR: Tracker = Tracker::system();

#[inline(never)]
fn the_services_own() -> Vec<u8> {
    black_box(vec![7; 100_000])
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_not_among_what_they_show() {
    let mut options = Options::default();
    options.snapshot_interval = Duration::ZERO;
    let at = serve(Router::new().nest_service("/debug", Endpoints::new(options))).await;
    heap::set_mode(Mode::Exact { frames: 25 }).expect("it can be recorded here");
    let kept = the_services_own();
    let client = Client::new(false);
    let mut last = String::new();
    // Names that were learnt for one answer would be in the next.
    for _ in 0..3 {
        let target = "/debug/profile-cost/tracemalloc?key_type=traceback&limit=1000&format=json";
        let (status, body) = client.get(at, target).await;
        assert_eq!(status, 200, "{body}");
        last = body;
    }
    drop(kept);
    heap::stop();
    assert!(last.contains("left_out.rs"), "{last}");
    // Put together, since this line is shown among the frames. What is allocated on the service's own threads, to say what
    // there is to do, is a few bytes.
    for ours in
        [["heap", "naming"], ["heap", "statistics.rs"], ["http", "json.rs"]].map(|path| path.join("/"))
    {
        let row = last.lines().find(|line| line.contains(&ours)).unwrap_or_default();
        assert!(row.is_empty(), "{ours}: {row}");
    }
}
