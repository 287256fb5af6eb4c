//! Stands for `profile-cost` in the tests of the macros: the same names in `private`, which write down
//! what the emitted code calls, in order, on the thread that calls it.

use std::cell::RefCell;
use std::mem::take;

pub use profile_cost_macros::profile_cost;

thread_local! {
    static EVENTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Adds a line to this thread's record.
pub fn note(event: impl Into<String>) {
    EVENTS.with_borrow_mut(|events| events.push(event.into()));
}

/// Takes what this thread has recorded: `enter NAME`, `leave NAME`, and of futures `poll`, `pending`, `ready`, `drop`.
#[must_use]
pub fn events() -> Vec<String> {
    EVENTS.with_borrow_mut(take)
}

/// Runs `f` and returns what it recorded, joined by `, `.
pub fn record<R>(f: impl FnOnce() -> R) -> String {
    let _ = events();
    drop(f());
    events().join(", ")
}

/// The names that the macros emit.
pub mod private {
    use std::fmt::Debug;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    pub use profile_cost_runtime::private::returns;

    use super::note;

    /// As the runtime's.
    #[derive(Debug)]
    pub struct Site {
        name: &'static str,
        /// Where the `fn` stands.
        pub place: (&'static str, u32),
        exact: bool,
    }

    impl Site {
        /// As the runtime's.
        #[must_use]
        pub const fn new(name: &'static str, file: &'static str, line: u32, exact: bool) -> Self {
            Self { name, place: (file, line), exact }
        }

        fn label<N>(&self) -> String {
            if self.exact {
                return self.name.to_owned();
            }
            profile_cost_runtime::private::label_of(std::any::type_name::<N>(), self.name)
        }
    }

    /// As the runtime's.
    #[derive(Clone, Copy, Debug)]
    pub struct Report {
        /// As the runtime's.
        pub over_ns: u64,
        /// As the runtime's.
        pub top: u32,
        /// As the runtime's.
        pub sort: &'static str,
        /// As the runtime's.
        pub log_target: &'static str,
    }

    /// As the runtime's.
    #[derive(Debug)]
    #[must_use]
    pub struct Guard(String);

    impl Drop for Guard {
        fn drop(&mut self) {
            note(format!("leave {}", self.0));
        }
    }

    impl Guard {
        /// As the runtime's.
        #[allow(clippy::new_without_default, reason = "as the runtime's")]
        pub const fn new() -> Self {
            Self(String::new())
        }

        /// As the runtime's.
        pub fn enter<N: Fn()>(&mut self, site: &'static Site, _namer: N) {
            let name = site.label::<N>();
            super::PLACES.with_borrow_mut(|places| places.push((name.clone(), site.place.0, site.place.1)));
            note(format!("enter {name}"));
            self.0 = name;
        }
    }

    /// As the runtime's.
    pub fn enter_report<N: Fn()>(site: &'static Site, namer: N, report: &'static Report) -> Guard {
        note(format!("{report:?}"));
        let mut guard = Guard::new();
        guard.enter(site, namer);
        guard
    }

    struct Instrumented<F> {
        future: Pin<Box<F>>,
        name: String,
        done: bool,
    }

    impl<F: Future> Future for Instrumented<F> {
        type Output = F::Output;
        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
            note(format!("poll {}", self.name));
            let poll = self.future.as_mut().poll(context);
            self.done = poll.is_ready();
            note(format!("{} {}", if self.done { "ready" } else { "pending" }, self.name));
            poll
        }
    }

    impl<F> Drop for Instrumented<F> {
        fn drop(&mut self) {
            if !self.done {
                note(format!("drop {}", self.name));
            }
        }
    }

    /// As the runtime's.
    pub fn instrument<N: Fn(), F: Future>(
        site: &'static Site,
        _namer: N,
        future: F,
    ) -> impl Future<Output = F::Output> {
        Instrumented { future: Box::pin(future), name: site.label::<N>(), done: false }
    }

    /// As the runtime's.
    pub fn instrument_report<N: Fn(), F: Future>(
        site: &'static Site,
        namer: N,
        report: &'static Report,
        future: F,
    ) -> impl Future<Output = F::Output> {
        note(format!("{report:?}"));
        instrument(site, namer, future)
    }
}

thread_local! {
    static PLACES: RefCell<Vec<(String, &'static str, u32)>> = const { RefCell::new(Vec::new()) };
}

/// Takes (label, file, line) of every sync call on this thread.
#[must_use]
pub fn places() -> Vec<(String, &'static str, u32)> {
    PLACES.with_borrow_mut(take)
}
