//! The service with every function annotated, the layer, the endpoints and the tracking allocator. Its argument says
//! what is recorded: `off`, `on`, or `heap`, which is `on` with the heap sampled; `recorded` and `heap-recorded` are these with the
//! flight recorder.

use profile_cost::heap;
use profile_cost::http::{Endpoints, Options, ProfileLayer};
use profile_cost::recorder;

macro_rules! annotated {
    ($($item:item)*) => { $(#[profile_cost::profile_cost] $item)* };
}

#[allow(missing_docs, reason = "a program")]
mod shop;

#[global_allocator]
static ALLOCATOR: heap::Tracker = heap::Tracker::system();

fn main() {
    let what = std::env::args().nth(1).unwrap_or_default();
    if what.ends_with("recorded") {
        // Whoever started this removes it.
        let folder = std::env::temp_dir().join(format!("profile-cost-bench-{}", std::process::id()));
        recorder::start(&folder, &recorder::Options::default()).expect("a folder");
    }
    if what != "off" {
        profile_cost::enable();
    }
    if what.starts_with("heap") {
        heap::set_mode("sample:512KiB".parse().expect("a mode")).expect("the allocator is installed");
    }
    let router = shop::router().layer(ProfileLayer::new());
    shop::serve(router.nest_service("/debug", Endpoints::new(Options::default())));
}
