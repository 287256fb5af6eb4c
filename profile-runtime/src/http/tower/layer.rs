//! A layer that makes every request a call, named by its method and route, and reports the slow ones.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::request::Parts;
use ::http::{Method, Request};
use tower_layer::Layer;
use tower_service::Service;

use super::names::{self, Name};
use crate::call::{Reported, instrument_report};
use crate::future::{Instrumented, instrument};
use crate::http::requests::UnderWay;
use crate::report::Report;
use crate::stats::SortKey;

/// Makes every request a call, such as `GET /products/{id}`: what the request runs is counted below it.
///
/// With the feature `axum` the route is the one that axum matched, so that one line is enough:
///
/// ```text
/// Router::new()
///     .route("/products/{id}", get(product))
///     .layer(ProfileLayer::new())                                         // after the routes
///     .nest_service("/debug", Endpoints::new(Options::default()))         // after the layer: not profiled itself
/// ```
///
/// Other frameworks say by [`ProfileLayer::named_by`] what the route is. Requests without one are `GET [unmatched]`. A
/// process has at most 256 names ([`ProfileLayer::most_names`]), and requests beyond are `GET [other]`; methods that
/// HTTP does not know are `[method]`. Paths as clients send them are never names.
///
/// The call begins with the first poll of the response's future and ends when the response is there (its head, and its
/// body as far as it is made by then), or the future is dropped: then it is counted as cancelled. Not covered is what
/// the inner service does before it returns its future (axum's and hyper's do nothing there), and a streamed body's
/// frames, which are made later: give them a [`crate::Context`] taken in the handler.
///
/// While recording is off, requests are only noted as under way ([`crate::http::requests_in_flight`]).
#[derive(Clone)]
pub struct ProfileLayer {
    settings: Arc<Settings>,
    report: Option<Arc<Report>>,
}

type Route = dyn for<'a> Fn(&'a Parts) -> Option<&'a str> + Send + Sync;

#[derive(Clone)]
struct Settings {
    route: Option<Arc<Route>>,
    most_names: usize,
    place: &'static Location<'static>,
}

impl Default for ProfileLayer {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl ProfileLayer {
    /// Reports show the place of this call as where requests are.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        let settings = Settings { route: None, most_names: 256, place: Location::caller() };
        Self { settings: Arc::new(settings), report: None }
    }

    /// How to tell a request's route. It must be one of few: never what the client sent, unless that is known to be a
    /// name of the service's (as in gRPC, for requests that are served).
    ///
    /// ```
    /// # use profile_cost_runtime::http::ProfileLayer;
    /// # struct Matched(String);
    /// ProfileLayer::new().named_by(|request| Some(&request.extensions.get::<Matched>()?.0));
    /// ```
    #[must_use]
    pub fn named_by(mut self, route: impl Fn(&Parts) -> Option<&str> + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.settings).route = Some(Arc::new(route));
        self
    }

    /// How many names the process may have when this layer makes a new one; 256 unless said otherwise.
    #[must_use]
    pub fn most_names(mut self, names: usize) -> Self {
        Arc::make_mut(&mut self.settings).most_names = names;
        self
    }

    /// Requests that take longer print their own callers report to the log, as functions with the attribute's
    /// `report_over` do: of that request alone. Requests are then recorded also while nothing else is, unless recording
    /// was forbidden ([`crate::disable`]).
    #[must_use]
    pub fn report_over(mut self, duration: Duration) -> Self {
        self.report_mut().over_ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self
    }

    /// Rows of the report; 20 unless said otherwise. Nothing without [`ProfileLayer::report_over`].
    #[must_use]
    pub fn top(mut self, rows: u32) -> Self {
        self.report_mut().top = rows.max(1);
        self
    }

    /// The report's order; cumulative time unless said otherwise. Nothing without [`ProfileLayer::report_over`].
    #[must_use]
    pub fn sort(mut self, key: SortKey) -> Self {
        self.report_mut().sort = key.word();
        self
    }

    /// The target of the report's log record; `profile_cost` unless said otherwise. Nothing without
    /// [`ProfileLayer::report_over`].
    #[must_use]
    pub fn log_target(mut self, target: &'static str) -> Self {
        self.report_mut().log_target = target;
        self
    }

    fn report_mut(&mut self) -> &mut Report {
        let none = || Report { over_ns: u64::MAX, top: 20, sort: "cumulative", log_target: "profile_cost" };
        Arc::make_mut(self.report.get_or_insert_with(|| Arc::new(none())))
    }
}

impl fmt::Debug for ProfileLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProfileLayer").field("report", &self.report).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for ProfileLayer {
    type Service = Profiled<S>;

    fn layer(&self, inner: S) -> Profiled<S> {
        Profiled { inner, shared: Arc::new(Shared { layer: self.clone(), first: OnceLock::new() }) }
    }
}

/// A service whose requests are calls; see [`ProfileLayer`].
#[derive(Clone, Debug)]
pub struct Profiled<S> {
    inner: S,
    // PERF: all in one, since routers clone services for each request.
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    layer: ProfileLayer,
    /// The name of the first request. PERF: axum gives each route a service of its own, whose requests have one name.
    first: OnceLock<&'static Name>,
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for Profiled<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = ProfiledFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (name, request) = self.shared.name(request);
        let future = self.inner.call(request);
        // `None` only inside an annotated allocator's call, where nothing is recorded.
        let Some(name) = name else {
            return ProfiledFuture { call: Call::Unnamed { future }, under_way: None };
        };
        let namer = || {};
        let call = match self.shared.layer.report.as_ref().filter(|report| report.over_ns != u64::MAX) {
            Some(report) => {
                Call::Reported { future: instrument_report(&name.site, namer, report.clone(), future) }
            }
            None => Call::Counted { future: instrument(&name.site, namer, future) },
        };
        ProfiledFuture { call, under_way: Some(UnderWay::begin(name.method, name.route)) }
    }
}

impl Shared {
    fn name<B>(&self, request: Request<B>) -> (Option<&'static Name>, Request<B>) {
        let settings = &*self.layer.settings;
        let find = |method: &Method, route: Option<&str>| {
            if let Some(first) = self.first.get()
                && first.is_of(method, route)
            {
                return Some(*first);
            }
            let name = names::find(method, route, settings.most_names, settings.place)?;
            let _ = self.first.set(name);
            Some(name)
        };
        match &settings.route {
            Some(route) => {
                let (parts, body) = request.into_parts();
                let name = find(&parts.method, route(&parts));
                (name, Request::from_parts(parts, body))
            }
            None => (find(request.method(), matched(request.extensions())), request),
        }
    }
}

#[cfg(feature = "axum")]
fn matched(extensions: &::http::Extensions) -> Option<&str> {
    Some(extensions.get::<axum::extract::MatchedPath>()?.as_str())
}

#[cfg(not(feature = "axum"))]
fn matched(_extensions: &::http::Extensions) -> Option<&str> {
    None
}

pin_project_lite::pin_project! {
    /// The response of a [`Profiled`] service.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ProfiledFuture<F> {
        #[pin]
        call: Call<F>,
        // Dropped last: the request is under way as long as anything of it is.
        under_way: Option<UnderWay>,
    }
}

pin_project_lite::pin_project! {
    #[derive(Debug)]
    #[project = Projected]
    enum Call<F> {
        Counted { #[pin] future: Instrumented<F> },
        Reported { #[pin] future: Reported<F, Arc<Report>> },
        Unnamed { #[pin] future: F },
    }
}

impl<F: Future> Future for ProfiledFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let result = match this.call.project() {
            Projected::Counted { future } => future.poll(cx),
            Projected::Reported { future } => future.poll(cx),
            Projected::Unnamed { future } => future.poll(cx),
        };
        if result.is_ready() {
            *this.under_way = None;
        }
        result
    }
}
