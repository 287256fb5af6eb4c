//! One call, recorded for itself: `runcall`, and functions annotated with `report`.

use std::cell::Cell;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::capture::{self, Capture};
use crate::context::Stay;
use crate::control::Request;
use crate::future::{Instrumented, instrument};
use crate::guard::{Guard, enter, locate};
use crate::profile::Profile;
use crate::report::Report;
use crate::site::Site;
use crate::thread;

/// Calls `f` and returns its result with the profile of this call alone: what it called on this thread,
/// and what ran elsewhere under a [`crate::Context`] made inside. As `cProfile.Profile.runcall`; the
/// profiler need not be enabled. The call is then part of the common profile too.
///
/// When too many calls (256) are being recorded for themselves at the same time, the profile is empty and
/// its [`crate::Notes::unisolated_reports`] is 1.
///
/// # Panics
/// Only when `f` does; what it recorded is kept in the common profile.
pub fn runcall<R>(f: impl FnOnce() -> R) -> (R, Profile) {
    let mut recording = Recording::begin(true);
    let result = {
        let _stay = recording.stay();
        f()
    };
    (result, recording.finish().unwrap_or_else(unisolated))
}

/// As [`runcall`], for a future: recorded from its first poll to its completion.
pub async fn runcall_async<F: Future>(future: F) -> (F::Output, Profile) {
    let mut recording = Recording::begin(true);
    let result = Staying { future, recording: &mut recording }.await;
    (result, recording.finish().unwrap_or_else(unisolated))
}

fn unisolated() -> Profile {
    let mut profile = Profile::new();
    profile.notes.unisolated_reports = 1;
    profile
}

/// A call that is recorded for itself, from `begin` to `finish` or drop.
#[derive(Debug)]
struct Recording {
    capture: Option<Capture>,
    /// Keeps the profiler on meanwhile. Dropped last.
    request: Option<Request>,
}

impl Recording {
    fn begin(force: bool) -> Self {
        let request = Request::new(force);
        let capture = request.as_ref().and_then(|_| thread::attach()).and_then(capture::begin);
        Self { capture, request }
    }

    /// Moves this thread to the call's private tree.
    fn stay(&self) -> Option<Stay> {
        let block = thread::attach()?;
        Some(Stay::begin(block, block.counters_of(self.capture.as_ref()?.root())))
    }

    fn finish(&mut self) -> Option<Profile> {
        let profile = self.capture.take().and_then(Capture::finish);
        self.request = None;
        profile
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = self.finish();
    }
}

pin_project_lite::pin_project! {
    /// Polls the future inside the private tree.
    struct Staying<'a, F> {
        #[pin]
        future: F,
        recording: &'a mut Recording,
    }
}

impl<F: Future> Future for Staying<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _stay = this.recording.stay();
        this.future.poll(cx)
    }
}

/// A reported call under way on this thread; dropping it ends the call and prints its report.
#[derive(Debug)]
#[must_use = "the call ends when the guard drops"]
pub struct ReportGuard {
    guard: ManuallyDrop<Option<Guard>>,
    recording: Recording,
    report: &'static Report,
    /// Back to the path from which the call was made. Dropped after `guard`.
    stay: Option<Stay>,
}

/// As [`enter`], and the call is reported by itself when it ends.
pub fn enter_report<N: Fn()>(site: &'static Site, namer: N, report: &'static Report) -> ReportGuard {
    // Registered before the tree is asked for, so that an unwritable name cannot leave it half made.
    let recording = Recording::begin(false);
    let _ = recording.request.as_ref().and_then(|_| locate(site, std::any::type_name::<N>));
    let stay = recording.stay();
    ReportGuard { guard: ManuallyDrop::new(Some(enter(site, namer))), recording, report, stay }
}

impl Drop for ReportGuard {
    fn drop(&mut self) {
        if let Some(guard) = self.guard.take() {
            guard.end();
        }
        self.stay = None;
        finish_and_print(&mut self.recording, self.report);
    }
}

thread_local! {
    static PRINTING: Cell<bool> = const { Cell::new(false) };
}

/// NOTE: user code runs here (the logger, allocators): whatever it does, the call that is reported on
/// returns as it would have. A logger that is annotated itself is not reported on while it takes a report:
/// that would never end.
fn finish_and_print(recording: &mut Recording, report: &Report) {
    let Some(profile) = recording.finish() else { return };
    if PRINTING.replace(true) {
        return;
    }
    if let Err(thrown) = catch_unwind(AssertUnwindSafe(|| report.print(&profile))) {
        // Its destructor may panic too.
        std::mem::forget(thrown);
    }
    PRINTING.set(false);
}

pin_project_lite::pin_project! {
    /// A future whose polls are measured as one call, which is reported by itself when it ends.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Reported<F, R: Deref<Target = Report> = &'static Report> {
        // `None` once the call is over.
        #[pin]
        inner: Option<Instrumented<F>>,
        recording: Option<Recording>,
        report: R,
    }

    impl<F, R: Deref<Target = Report>> PinnedDrop for Reported<F, R> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.inner.set(None);
            if let Some(mut recording) = this.recording.take() {
                finish_and_print(&mut recording, this.report);
            }
        }
    }
}

/// As [`instrument`], and the call is reported by itself when it ends.
pub fn instrument_report<N: Fn(), F: Future, R: Deref<Target = Report>>(
    site: &'static Site,
    namer: N,
    report: R,
    future: F,
) -> Reported<F, R> {
    Reported { inner: Some(instrument(site, namer, future)), recording: None, report }
}

impl<F: Future, R: Deref<Target = Report>> Future for Reported<F, R> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let recording = this.recording.get_or_insert_with(|| Recording::begin(false));
        let result = {
            let _stay = recording.stay();
            this.inner.as_mut().as_pin_mut().expect("a future is not polled after completion").poll(cx)
        };
        if result.is_ready() {
            this.inner.set(None);
            finish_and_print(recording, this.report);
        }
        result
    }
}
