//! Asking the running service: what each request is answered with, and nothing of how requests come in.
//!
//! [`Endpoints::answer`] takes a [`Request`] and gives a [`Reply`]: a [`Response`] at once, or [`Work`] to be done elsewhere
//! than where requests are served, perhaps after a wait. It reads no socket and sleeps nowhere; `tower` and `server` do
//! that, each in its own way. The one thread it may start ends a recording that was given a duration.
//!
//! Nothing is served unless the service mounts it or `PROFILE_COST_HTTP` asks for it.
//!
//! Data flows one way: `request` -> `access` (who may ask) -> `route` (what is asked for) -> an endpoint -> `response`.

mod access;
mod capture;
mod control;
mod endpoints;
mod files;
mod form;
mod heap;
mod in_flight;
mod index;
mod json;
mod limits;
mod metrics;
mod options;
mod page;
mod parameters;
mod pprof;
mod recording;
mod request;
mod requests;
mod response;
mod route;
mod rows;
mod series;
#[cfg(feature = "server")]
pub(crate) mod server;
mod time;
mod timer;
#[cfg(feature = "tower")]
mod tower;
mod work;

pub use endpoints::Endpoints;
pub use options::Options;
pub use request::Request;
pub use requests::{RequestInFlight, RequestsInFlight, requests_in_flight};
pub use response::Response;
#[cfg(feature = "server")]
pub use server::{Server, serve};
#[cfg(feature = "tower")]
pub use tower::{Answer, Body, ProfileLayer, Profiled, ProfiledFuture};
pub use work::{Reply, Work};
