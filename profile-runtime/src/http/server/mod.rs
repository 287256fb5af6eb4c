//! The endpoints behind a small server of their own: for `PROFILE_COST_HTTP`, and for services without a router.
//!
//! Blocking sockets, one thread that accepts and a few that answer, started when there is something to do. All of it is
//! bounded: threads, connections that wait, bytes of a request, the time each part of it may take, requests a second, and
//! how many answers are made at a time, so that whoever asks too much is made to wait, and not the service. The threads
//! are left out of what is recorded.
//!
//! Data flows one way: `accept` -> `workers` -> `connection`, which reads by `input`, `head` and `body` and writes by
//! `output`, all of them through a `channel`.

mod accept;
mod body;
mod channel;
mod connection;
mod head;
mod input;
mod listen;
mod output;
mod pace;
mod workers;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use super::endpoints::Endpoints;
use super::options::Options;
use crate::environment::Environment;
use crate::stderr::say;
pub(crate) use listen::{Listen, VARIABLE};
use workers::Workers;

/// A server that answers, until it is dropped or stopped.
#[derive(Debug)]
#[must_use = "the server stops when this is dropped; `std::mem::forget` keeps it for as long as the process"]
pub struct Server {
    address: SocketAddr,
    workers: Arc<Workers>,
    accepting: Option<JoinHandle<()>>,
    process: u32,
}

/// Answers requests to `address` on threads of its own: `http://ADDRESS/debug/pprof/` and `/debug/profile-cost/`.
///
/// Nothing is recorded by that alone: a request to `control/time/start` begins it, or the page's button.
///
/// A child that the process forks does not answer; it may call this itself, on another address. A service that goes into
/// the background by forking calls it after that.
///
/// ```no_run
/// use profile_cost_runtime::http::{Options, serve};
///
/// let server = serve("127.0.0.1:6600".parse().unwrap(), Options::default())?;
/// assert_eq!(server.local_addr().port(), 6600);
/// // the service; it stops listening when `server` drops
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// Those of the socket, such as [`io::ErrorKind::AddrInUse`]; of the thread that accepts; and
/// [`io::ErrorKind::InvalidInput`] for an address that others than this machine reach while [`Options::token`] is not set,
/// or for a token that no header can carry.
pub fn serve(address: SocketAddr, options: Options) -> io::Result<Server> {
    listen::check(address, &options).map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
    // What the server takes is not the program's.
    let _quiet = crate::heap::local::Quiet::enter();
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    let workers = Arc::new(Workers::new(Endpoints::new(options)));
    let accepting = accept::start(listener, workers.clone())?;
    Ok(Server { address, workers, accepting: Some(accepting), process: std::process::id() })
}

impl Server {
    /// Where it listens: with the port that the system chose, where 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops: nothing listens any more, captures under way are given up, and connections are closed. Waits for answers
    /// that are being made, though not longer than about two seconds.
    pub fn stop(self) {}
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(accepting) = self.accepting.take() else { return };
        if self.process != std::process::id() {
            // The threads are the parent's, and so are the locks they may have held.
            std::mem::forget((accepting, self.workers.clone()));
            return;
        }
        accept::stop(accepting, self.address, &self.workers);
        self.workers.end();
    }
}

/// Serves what `PROFILE_COST_HTTP` asks for, for as long as the process lives.
pub(crate) fn begin(environment: &Environment) {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let Some(Listen { address, options }) = environment.http.clone() else { return };
    if environment.off {
        return say(&format!("{VARIABLE}={address}: nothing listens, since PROFILE_COST=off"));
    }
    match serve(address, options) {
        Ok(server) => {
            say(&format!("http://{}/debug/profile-cost/ is there to be asked", server.local_addr()));
            // Set once: the environment is looked at once.
            let _ = SERVER.set(server);
        }
        Err(error) => say(&format!("{VARIABLE}={address}: nothing listens: {error}")),
    }
}

/// What a connection that sends `bytes`, in pieces of at most `piece`, is answered before it closes: without a socket,
/// a thread or a wait. For the tests.
#[cfg(feature = "testing")]
#[must_use]
pub fn exchange(endpoints: &Endpoints, bytes: &[u8], piece: usize) -> Vec<u8> {
    let mut tape = channel::Tape::new(bytes, piece);
    connection::serve(&mut tape, &connection::Service::unpaced(endpoints.clone()));
    tape.output
}
