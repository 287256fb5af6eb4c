//! The thread that accepts connections, and turns away those that are too many.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::connection::busy;
use super::output::{self, Form};
use super::workers::{NAME, Workers};

/// It does little.
const STACK: usize = 128 * 1024;
/// Pause when nothing can be accepted, as when the process has no descriptor left: the first, and the longest.
const PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long a connection that is turned away takes: the next one waits, so that no flood of them takes a processor.
const REFUSAL: Duration = Duration::from_millis(5);
/// How long a server that stops waits for this thread.
const END: Duration = Duration::from_secs(1);

/// The socket, which children that are forked from now on do not keep: also those that are before the thread has begun.
struct Listening {
    // Dropped first.
    #[cfg(unix)]
    _closed: crate::fork::ClosedInChildren,
    socket: TcpListener,
}

/// Starts the thread.
pub(super) fn start(socket: TcpListener, workers: Arc<Workers>) -> io::Result<JoinHandle<()>> {
    let listening = Listening {
        #[cfg(unix)]
        _closed: crate::fork::ClosedInChildren::new(std::os::fd::AsRawFd::as_raw_fd(&socket)),
        socket,
    };
    let spawn = || {
        let thread = std::thread::Builder::new().stack_size(STACK);
        thread.spawn(move || run(&listening, &workers))
    };
    #[cfg(unix)]
    // Nor do the threads that this one starts get signals that are the program's.
    return crate::signal::without_signals(spawn);
    #[cfg(not(unix))]
    spawn()
}

fn run(listening: &Listening, workers: &Arc<Workers>) {
    crate::thread::leave_out(NAME);
    let mut pause = PAUSE;
    while !workers.service.is_stopping() {
        match listening.socket.accept() {
            Ok((stream, _)) => {
                pause = PAUSE;
                if workers.service.is_stopping() {
                    return;
                }
                if let Err(stream) = workers.serve(stream) {
                    turn_away(&stream);
                }
            }
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {}
                _ => {
                    // A thread that is told to stop is woken.
                    std::thread::park_timeout(pause);
                    pause = (2 * pause).min(LONGEST_PAUSE);
                }
            },
        }
    }
}

/// 503. Reads what has come, which would otherwise take the answer with it when the connection closes.
fn turn_away(mut stream: &TcpStream) {
    let begun = Instant::now();
    let answer = busy("too many connections");
    let mut text = output::head(&answer, Form { is_head: false, keep_alive: false });
    text.extend_from_slice(&answer.body);
    // What fails here fails for somebody who is gone.
    let _ = stream.set_read_timeout(Some(REFUSAL)).and_then(|()| stream.read(&mut [0; 4096]));
    let _ = stream.set_nonblocking(true).and_then(|()| stream.write_all(&text));
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read(&mut [0; 4096]);
    std::thread::sleep(REFUSAL.saturating_sub(begun.elapsed()));
}

/// Has the thread end; it closes the socket. Where it cannot be told, it ends with the next connection.
pub(super) fn stop(thread: JoinHandle<()>, address: SocketAddr, workers: &Workers) {
    workers.service.stop();
    thread.thread().unpark();
    let until = Instant::now() + END;
    let mut reachable = address;
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => reachable.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => reachable.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    while !thread.is_finished() && Instant::now() < until {
        // A connection wakes it.
        let _ = TcpStream::connect_timeout(&reachable, END / 10);
        std::thread::sleep(Duration::from_millis(1));
    }
    if thread.is_finished() {
        // It does not panic; and if it did, all is said on stderr.
        let _ = thread.join();
    }
}
