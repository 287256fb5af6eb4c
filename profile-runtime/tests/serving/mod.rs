//! A service that is asked over a socket: this test program once more, as `PROFILE_COST_HTTP` has it listen.
#![allow(dead_code, reason = "each test uses its part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// Set in services, to what they do beside answering.
pub const SERVICE: &str = "PROFILE_COST_TEST_SERVICE";
/// The token of those that have one.
pub const TOKEN: &str = "0123456789abcdef";
/// What no answer takes.
pub const LONG: Duration = Duration::from_secs(60);

/// What the service is to do; `None` in the test itself.
pub fn role() -> Option<String> {
    std::env::var(SERVICE).ok()
}

/// Runs until the test is gone.
pub fn run_until_told() {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// The service that the test `name` is where [`role`] is set.
pub fn service(name: &str, role: &str) -> Command {
    // With room for more connections than it takes.
    let mut command = Command::new(std::env::current_exe().expect("the test's own path"));
    command.args([name, "--exact", "--nocapture", "--include-ignored", "--test-threads=1"]);
    let inherited = std::env::vars_os().map(|(name, _)| name);
    inherited.filter(|name| name.to_string_lossy().starts_with("PROFILE_COST")).for_each(|name| {
        command.env_remove(name);
    });
    command.env(SERVICE, role).env("PROFILE_COST_HTTP", "127.0.0.1:0");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

pub struct Service {
    child: Child,
    stdin: Option<ChildStdin>,
    pub address: SocketAddr,
}

impl Service {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the service starts");
        let stdin = child.stdin.take();
        let mut lines = BufReader::new(child.stderr.take().expect("piped"));
        let mut line = String::new();
        lines.read_line(&mut line).expect("it says something");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        let address = address.and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("it does not say where it listens: {line}"));
        // What else it says is the reader's.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::stderr()));
        Self { child, stdin, address }
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("it runs")
    }

    fn status(&self, key: &str) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("the kernel says it");
        line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().expect("a number")
    }

    pub fn threads(&self) -> u64 {
        self.status("Threads")
    }

    /// The most that was resident, KiB.
    pub fn peak(&self) -> u64 {
        self.status("VmHWM")
    }

    /// Hundredths of a second of processor time.
    pub fn cpu(&self) -> u64 {
        let stat = self.proc("stat");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
        fields[11].parse::<u64>().expect("user") + fields[12].parse::<u64>().expect("system")
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("our child").is_none()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stdin.take();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(LONG)).expect("a socket");
    stream.set_write_timeout(Some(LONG)).expect("a socket");
    stream
}

/// Sends bytes, and answers with all that comes until the connection ends.
pub fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = connect(address);
    // What is refused early is not read to its end.
    let _ = stream.write_all(bytes);
    rest(stream)
}

/// All that comes until the connection ends.
pub fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(error) => panic!("{error}"),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of the last of the answers in it but those of `100 Continue`; 0 when there is none.
pub fn status(answer: &str) -> u16 {
    statuses(answer).last().copied().unwrap_or(0)
}

pub fn statuses(answer: &str) -> Vec<u16> {
    let after = answer.split("HTTP/1.1 ").skip(1);
    after.filter_map(|rest| rest.get(..3)?.parse().ok()).collect()
}

/// One request, and the connection's end.
pub fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> String {
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
    exchange(address, request.as_bytes())
}

/// Waits for what is to become true soon.
pub fn await_that(what: &str, mut is_true: impl FnMut() -> bool) {
    let until = Instant::now() + LONG;
    while !is_true() {
        assert!(Instant::now() < until, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
