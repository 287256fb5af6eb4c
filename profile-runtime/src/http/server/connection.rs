//! One connection, from its first request to its last.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::body;
use super::channel::{Channel, Watched};
use super::head;
use super::input::{Input, SLICE, Stop};
use super::output::{self, Form};
use super::pace::{Pace, Turns};
use crate::http::endpoints::Endpoints;
use crate::http::request::Request;
use crate::http::response::{Refusal, Response};
use crate::http::work::{Reply, Work};

/// Requests a second, and how many may come at once.
const INTERVAL: Duration = Duration::from_millis(5);
const BURST: u32 = 200;
/// How long an answer may wait for others that are being made.
const TURN_TIME: Duration = Duration::from_secs(10);
/// After the last answer: what still comes is read, so that the answer is not lost with the connection.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 4 * 1024 * 1024;

/// What all connections of a server share.
#[derive(Debug)]
pub(super) struct Service {
    endpoints: Endpoints,
    stopping: AtomicBool,
    /// Connections wait for a thread, and there will not be another one.
    pressed: AtomicBool,
    pace: Pace,
    turns: Turns,
}

impl Service {
    pub(super) fn new(endpoints: Endpoints) -> Self {
        Self::at_pace(endpoints, INTERVAL)
    }

    /// For tests.
    #[cfg(feature = "testing")]
    pub(super) fn unpaced(endpoints: Endpoints) -> Self {
        Self::at_pace(endpoints, Duration::ZERO)
    }

    fn at_pace(endpoints: Endpoints, interval: Duration) -> Self {
        // Most of the processors stay the service's.
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            endpoints,
            stopping: AtomicBool::new(false),
            pressed: AtomicBool::new(false),
            pace: Pace::new(interval, BURST),
            turns: Turns::new((processors / 4).clamp(1, 4)),
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    pub(super) fn is_pressed(&self) -> bool {
        self.pressed.load(Ordering::Relaxed)
    }

    pub(super) fn set_pressed(&self, pressed: bool) {
        self.pressed.store(pressed, Ordering::Relaxed);
    }

    /// The answer; `None` when nobody is left to take it.
    fn answer(&self, channel: &mut impl Channel, request: &Request<'_>) -> Option<Response> {
        let wait = self.pace.take(Instant::now());
        if !wait.is_zero() {
            std::thread::sleep(wait);
        }
        match self.endpoints.answer(request) {
            Reply::Now(response) => Some(response),
            Reply::Later(work) => self.wait(channel, &work).then(|| match self.turns.take(TURN_TIME) {
                Some(_turn) => work.finish(),
                None => busy("other answers are being made"),
            }),
        }
    }

    /// Waits as long as the work asks. False when the client has left, or the server stops.
    fn wait(&self, channel: &mut impl Channel, work: &Work) -> bool {
        let until = Instant::now() + work.wait();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if self.is_stopping() {
                return false;
            }
            if left.is_zero() {
                return true;
            }
            match channel.watch(left.min(SLICE)) {
                Watched::Gone => return false,
                Watched::Waited => {}
                Watched::Sent => std::thread::sleep(left.min(SLICE)),
            }
        }
    }
}

/// 503: to be asked again.
pub(super) fn busy(why: &str) -> Response {
    Refusal::new(503, why).with("retry-after", "1".to_owned()).into()
}

/// Answers a connection's requests, one after another, as they come: those sent before the last was answered wait.
pub(super) fn serve(channel: &mut impl Channel, service: &Service) {
    let mut input = Input::default();
    loop {
        match serve_one(channel, service, &mut input) {
            Ok(true) => {}
            Ok(false) => return linger(channel, service),
            Err(Stop::Silent) => return,
            Err(Stop::Refused(refusal)) => {
                let form = Form { is_head: false, keep_alive: false };
                if output::write(channel, service, &refusal.into(), form).is_ok() {
                    linger(channel, service);
                }
                return;
            }
        }
    }
}

/// One request. True when the connection goes on.
fn serve_one(channel: &mut impl Channel, service: &Service, input: &mut Input) -> Result<bool, Stop> {
    let bytes = input.head(channel, service)?;
    let head = head::parse(&bytes)?;
    body::check(head.body)?;
    if head.expects_continue && input.is_empty() && head.body != head::Body::Length(0) {
        output::write_continue(channel, service)?;
    }
    body::discard(input, channel, head.body)?;
    let response = service.answer(channel, &head.request).ok_or(Stop::Silent)?;
    let keep_alive = head.keep_alive && !service.is_stopping() && !(service.is_pressed() && input.is_empty());
    let form = Form { is_head: head.request.method == "HEAD", keep_alive };
    output::write(channel, service, &response, form)?;
    Ok(keep_alive)
}

/// Closing a connection with bytes that nobody has read makes the other end forget the answer.
fn linger(channel: &mut impl Channel, service: &Service) {
    channel.end_output();
    let until = Instant::now() + LINGER;
    let (mut buffer, mut left) = ([0; 4096], LINGER_BYTES);
    while !service.is_stopping() && !service.is_pressed() {
        let wait = until.saturating_duration_since(Instant::now());
        if wait.is_zero() || left == 0 {
            return;
        }
        match channel.read(&mut buffer, wait.min(SLICE)) {
            Ok(Some(0)) | Err(_) => return,
            Ok(Some(count)) => left = left.saturating_sub(count),
            Ok(None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use super::*;
    use crate::http::options::Options;

    /// Somebody who says and takes nothing, and of whom is seen what is told.
    struct Quiet(Watched);

    impl Channel for Quiet {
        fn read(&mut self, _: &mut [u8], _: Duration) -> io::Result<Option<usize>> {
            Ok(None)
        }

        fn write(&mut self, _: &[u8], _: Duration) -> io::Result<Option<usize>> {
            Ok(None)
        }

        fn watch(&mut self, _: Duration) -> Watched {
            self.0
        }

        fn end_output(&mut self) {}
    }

    fn service() -> Service {
        Service::new(Endpoints::new(Options::default()))
    }

    fn work(wait: Duration, held: &Arc<()>) -> Work {
        let held = held.clone();
        let reply = Work::after(wait, move || {
            let _held = held;
            Ok(Response::new("text/plain", "x"))
        });
        match reply {
            Reply::Later(work) => work,
            Reply::Now(_) => unreachable!("it is to be done later"),
        }
    }

    #[test]
    fn work_is_waited_for_until_the_client_leaves_or_the_server_stops() {
        let (service, held, hour) = (service(), Arc::new(()), Duration::from_secs(3600));
        let begun = Instant::now();
        // What needs no wait is done for one that will say no more, too.
        assert!(service.wait(&mut Quiet(Watched::Gone), &work(Duration::ZERO, &held)));
        assert!(!service.wait(&mut Quiet(Watched::Gone), &work(hour, &held)));
        let wait = Duration::from_millis(30);
        for seen in [Watched::Waited, Watched::Sent] {
            let begun = Instant::now();
            assert!(service.wait(&mut Quiet(seen), &work(wait, &held)));
            assert!(begun.elapsed() >= wait);
        }
        service.stop();
        for seen in [Watched::Waited, Watched::Sent] {
            assert!(!service.wait(&mut Quiet(seen), &work(hour, &held)));
        }
        assert!(begun.elapsed() < Duration::from_secs(60));
        // What was given up holds nothing.
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[test]
    fn a_server_that_stops_waits_for_nobody() {
        let service = service();
        service.stop();
        let begun = Instant::now();
        serve(&mut Quiet(Watched::Waited), &service);
        linger(&mut Quiet(Watched::Waited), &service);
        let form = Form { is_head: false, keep_alive: true };
        let error = output::write(&mut Quiet(Watched::Waited), &service, &busy("x"), form)
            .expect_err("nothing is taken");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() < Duration::from_secs(3));
    }
}
