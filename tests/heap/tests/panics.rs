//! Panics: what unwinding frees is freed, what a payload holds is live, and those of destructors do no harm.

use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};

use profile_cost_heap::{Judged, judged};
use profile_cost_runtime::heap::Mode;

#[global_allocator]
static ALLOCATOR: Judged = Judged::system();

/// Allocates while it is unwound.
struct Unwound(Vec<u8>);

impl Drop for Unwound {
    fn drop(&mut self) {
        self.0.reserve_exact(4_000);
        let _ = catch_unwind(|| {
            let _block = black_box(vec![1u8; 77]);
            panic_any("inside of a destructor");
        });
    }
}

#[inline(never)]
fn deep(levels: usize, payload: Vec<u8>) {
    let _block = black_box(Unwound(vec![1; 10 + levels]));
    match levels {
        0 => panic_any(payload),
        _ => deep(levels - 1, payload),
    }
}

fn main() {
    // Without a text on stderr for each, and without the frames that it would be made of.
    std::panic::set_hook(Box::new(|info| drop(black_box(format!("{info}")))));
    judged::start(Mode::Exact { frames: 25 });
    let mut payloads = Vec::new();
    for levels in 0..200 {
        let payload = catch_unwind(|| deep(levels % 40, vec![1; 333])).expect_err("it panics");
        if levels % 2 == 0 {
            payloads.push(payload);
        } else {
            let again = catch_unwind(AssertUnwindSafe(|| resume_unwind(payload))).expect_err("it goes on");
            assert!(again.is::<Vec<u8>>());
        }
    }
    let _ = judged::check_with_peak();
    let joined = std::thread::spawn(|| deep(30, vec![1; 444])).join();
    assert!(joined.is_err());
    let _ = judged::check();
    drop((payloads, joined));
    let _ = judged::check();
    judged::stop();
}
