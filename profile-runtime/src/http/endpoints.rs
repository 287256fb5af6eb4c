//! The endpoints of a service, and what they remember from one request to the next.

use std::sync::{Arc, Mutex};

use super::access;
use super::heap::HeapState;
use super::limits::Limits;
use super::options::Options;
use super::parameters::Parameters;
use super::request::Request;
use super::response::Refusal;
use super::route;
use super::series::Series;
use super::work::Reply;

/// Answers what is asked of a service. Clones are the same endpoints.
#[derive(Clone, Debug)]
pub struct Endpoints {
    state: Arc<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) options: Options,
    pub(super) limits: Limits,
    pub(super) heap: HeapState,
    pub(super) series: Mutex<Series>,
}

impl Endpoints {
    /// Endpoints with these options. Nothing listens yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let state = State {
            options,
            limits: Limits::default(),
            heap: HeapState::default(),
            series: Mutex::default(),
        };
        Self { state: Arc::new(state) }
    }

    /// What becomes of a request. Quick; whatever takes long is in [`Reply::Later`].
    pub fn answer(&self, request: &Request<'_>) -> Reply {
        self.find(request).unwrap_or_else(|refusal| Reply::Now(refusal.into()))
    }

    fn find(&self, request: &Request<'_>) -> Result<Reply, Refusal> {
        access::check(request, &self.state.options)?;
        let route = route::find(request.method, request.path)?;
        let parameters = Parameters::parse(request.query, route.parameters)?;
        (route.answer)(self, &parameters)
    }

    /// The answer, waited for on this thread: for the tests.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    #[must_use]
    pub fn answer_here(&self, request: &Request<'_>) -> super::response::Response {
        match self.answer(request) {
            Reply::Now(response) => response,
            Reply::Later(work) => {
                std::thread::sleep(work.wait());
                work.finish()
            }
        }
    }

    /// With a child for names that behaves as a test asks, and how long it may take.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    #[must_use]
    pub fn with_naming_child(self, behaviour: &'static str, limit: std::time::Duration) -> Self {
        self.state.heap.set_names(crate::heap::NameCache::with_child(behaviour, limit));
        self
    }

    pub(super) fn state(&self) -> &Arc<State> {
        &self.state
    }

    pub(super) fn options(&self) -> &Options {
        &self.state.options
    }
}
