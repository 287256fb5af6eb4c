//! The future of an answer: there already, or made by the pool.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::body::Body;
use super::pool::{self, Ticket};
use super::service::convert;
use crate::http::{Reply, Response};

/// The answer to a request. Dropping it gives up what is not made yet.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Answer {
    state: State,
    head: bool,
}

#[derive(Debug)]
enum State {
    There(Option<Response>),
    Waited(Ticket),
}

impl Answer {
    pub(super) fn new(reply: Reply, head: bool) -> Self {
        let state = match reply {
            Reply::Now(response) => State::There(Some(response)),
            Reply::Later(work) => match pool::submit(work) {
                Ok(ticket) => State::Waited(ticket),
                Err(refusal) => State::There(Some(refusal.into())),
            },
        };
        Self { state, head }
    }
}

impl Future for Answer {
    type Output = Result<::http::Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let head = self.head;
        let response = match &mut self.state {
            State::There(response) => response.take(),
            State::Waited(ticket) => ticket.poll(cx),
        };
        response.map_or(Poll::Pending, |response| Poll::Ready(Ok(convert(response, head))))
    }
}
