//! Asking the running service: what each request is answered with, and nothing of how requests come in.
//!
//! [`Endpoints::answer`] takes a [`Request`] and gives a [`Reply`]: a [`Response`] at once, or [`Work`] to be done elsewhere
//! than where requests are served, perhaps after a wait. It reads no socket, starts no thread and sleeps nowhere; `tower`
//! and `server` do that, each in its own way.
//!
//! Nothing is served unless the service mounts it or `PROFILE_COST_HTTP` asks for it.
//!
//! Data flows one way: `request` -> `access` (who may ask) -> `route` (what is asked for) -> an endpoint -> `response`.

mod access;
mod control;
mod endpoints;
mod limits;
mod options;
mod page;
mod parameters;
mod pprof;
mod request;
mod response;
mod route;
mod time;
mod work;

pub use endpoints::Endpoints;
pub use options::Options;
pub use request::Request;
pub use response::Response;
pub use work::{Reply, Work};
