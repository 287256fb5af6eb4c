//! All ways in which a process ends, each in a child: what its flight recorder's file says it had counted is what it says
//! itself, to the last call, and how it ended is told as far as it can be.
//!
//! Without the test harness: a child returns from `main`, and panics in it.
#![allow(missing_docs, reason = "a test")]

use std::fmt::Write as _;
use std::future::Future;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use profile_cost_runtime::private::{Site, enter, instrument};
use profile_cost_runtime::recorder::{self, Ending, PostMortem};
use profile_cost_runtime::{Counts, Profile};

const CHILD: &str = "PROFILE_COST_TEST_ENDING";

/// Each with how it is told, and whether a panic's message is there.
const ENDINGS: [(&str, Ending, bool); 13] = [
    ("return", Ending::Exited, false),
    ("panic", Ending::Exited, true),
    ("exit", Ending::Exited, false),
    ("_exit", Ending::Silent, false),
    ("abort", Ending::Signal(libc::SIGABRT), false),
    ("panic that aborts", Ending::Signal(libc::SIGABRT), true),
    ("double panic", Ending::Signal(libc::SIGABRT), true),
    ("SIGTERM", Ending::Signal(libc::SIGTERM), false),
    ("SIGKILL", Ending::Silent, false),
    ("SEGV", Ending::Signal(libc::SIGSEGV), false),
    // std says so, and aborts.
    ("stack overflow", Ending::Signal(libc::SIGABRT), false),
    ("allocation failure", Ending::Signal(libc::SIGABRT), false),
    ("exec", Ending::Silent, false),
];

/// Calls that the child has counted itself: begun and ended.
static INNER: AtomicU64 = AtomicU64::new(0);
static OUTER: AtomicU64 = AtomicU64::new(0);
static ELSEWHERE: AtomicU64 = AtomicU64::new(0);

fn inner() {
    static SITE: Site = Site::new("inner", file!(), line!(), true);
    let _call = enter(&SITE, || {});
    INNER.fetch_add(1, Ordering::Relaxed);
}

fn outer(times: u64) {
    static SITE: Site = Site::new("outer", file!(), line!(), true);
    let _call = enter(&SITE, || {});
    OUTER.fetch_add(1, Ordering::Relaxed);
    (0..times).for_each(|_| inner());
}

fn elsewhere() {
    static SITE: Site = Site::new("elsewhere", file!(), line!(), true);
    let _call = enter(&SITE, || {});
    ELSEWHERE.fetch_add(1, Ordering::Relaxed);
}

/// Pending once.
async fn waiting() {
    let mut is_first = true;
    std::future::poll_fn(
        move |_| if std::mem::take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) },
    )
    .await;
}

fn poll(future: std::pin::Pin<&mut impl Future<Output = ()>>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// What is in flight when the process ends.
struct InFlight;

impl Drop for InFlight {
    fn drop(&mut self) {
        // While a panic unwinds, in "double panic".
        if std::env::var(CHILD).is_ok_and(|ending| ending == "double panic") {
            panic!("the second");
        }
    }
}

fn child(ending: &str) {
    static WAITING: Site = Site::new("waiting", file!(), line!(), true);
    static LAST: Site = Site::new("last", file!(), line!(), true);
    (0..300).for_each(outer);
    let thread = std::thread::Builder::new().name("another".to_owned());
    thread.spawn(|| (0..777).for_each(|_| elsewhere())).expect("a thread").join().expect("it ends");
    let mut done = pin!(instrument(&WAITING, || {}, waiting()));
    assert!(!poll(done.as_mut()));
    assert!(poll(done.as_mut()));
    // Not dropped, whatever unwinds.
    let suspended = Box::leak(Box::new(Box::pin(instrument(&WAITING, || {}, waiting()))));
    assert!(!poll(suspended.as_mut()));
    let said = format!(
        "inner {} outer {} elsewhere {}\n",
        INNER.load(Ordering::Relaxed),
        OUTER.load(Ordering::Relaxed),
        ELSEWHERE.load(Ordering::Relaxed)
    );
    std::io::stdout().write_all(said.as_bytes()).expect("the parent reads");
    std::io::stdout().flush().expect("the parent reads");
    let _call = enter(&LAST, || {});
    end(ending);
    // One that returns ends its call; all the same for what the parent expects.
    std::mem::forget(_call);
}

fn end(ending: &str) {
    match ending {
        "return" => {}
        "panic" | "double panic" => {
            let _in_flight = InFlight;
            panic!("on purpose");
        }
        "exit" => std::process::exit(3),
        // SAFETY: ends the process.
        "_exit" => unsafe { libc::_exit(3) },
        "abort" => std::process::abort(),
        "panic that aborts" => cannot_unwind(),
        // SAFETY: signals to this process.
        "SIGTERM" => unsafe { _ = libc::kill(libc::getpid(), libc::SIGTERM) },
        // SAFETY: as above.
        "SIGKILL" => unsafe { _ = libc::kill(libc::getpid(), libc::SIGKILL) },
        // SAFETY: none: a fault is what is asked for.
        "SEGV" => unsafe { std::ptr::without_provenance_mut::<u8>(16).write_volatile(1) },
        "stack overflow" => _ = std::hint::black_box(deeper(1)),
        "allocation failure" => std::alloc::handle_alloc_error(std::alloc::Layout::new::<[u8; 1 << 20]>()),
        "exec" => {
            use std::os::unix::process::CommandExt;
            let error = Command::new("true").exec();
            panic!("{error}");
        }
        other => panic!("{other}: no such ending"),
    }
}

extern "C" fn cannot_unwind() {
    panic!("on purpose");
}

#[allow(unconditional_recursion, reason = "on purpose")]
fn deeper(n: u64) -> u64 {
    let frame = std::hint::black_box([n; 64]);
    deeper(frame[0] + 1) + frame[63]
}

fn counts(profile: &Profile, name: &str) -> Counts {
    let mut sum = Counts::default();
    let is = |path: &&profile_cost_runtime::Path| profile.function(path.function).label.name == name;
    profile.paths().iter().filter(is).for_each(|path| sum.add(&path.counts));
    sum
}

fn check(ending: &str, told: Ending, with_panic: bool, folder: &Path) -> String {
    let mut command = Command::new(std::env::current_exe().expect("the test's own path"));
    let output = command
        .env(CHILD, ending)
        .env("PROFILE_COST_RECORD", folder)
        .env_remove("PROFILE_COST")
        .stdin(Stdio::null())
        .output()
        .expect("the child runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<u64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let errors = String::from_utf8_lossy(&output.stderr);
    let [inner, outer, elsewhere] = numbers[..] else { panic!("{ending}: {said}{errors}") };
    let post_mortem = recorder::read(folder).unwrap_or_else(|error| panic!("{ending}: {error}"));
    let profile = &post_mortem.profile;
    let mut wrong = String::new();
    for (name, count) in [("inner", inner), ("outer", outer), ("elsewhere", elsewhere)] {
        let is = counts(profile, name);
        if (is.starts, is.returned, is.active()) != (count, count, 0) {
            let _ = writeln!(wrong, "{name}: {is:?}, and it said {count}");
        }
    }
    let waiting = counts(profile, "waiting");
    if (waiting.starts, waiting.returned, waiting.active(), waiting.polls) != (2, 1, 1, 3) {
        let _ = writeln!(wrong, "waiting: {waiting:?}");
    }
    let last = counts(profile, "last");
    // A panic that unwinds ends the call.
    let ended = if ending == "panic" { (1, 1) } else { (1, 0) };
    if (last.starts, last.panicked) != ended {
        let _ = writeln!(wrong, "last: {last:?}");
    }
    check_stacks(&post_mortem, ending, &mut wrong);
    if post_mortem.ending != told {
        let _ = writeln!(wrong, "told as {:?}", post_mortem.ending);
    }
    let has_panic =
        post_mortem.messages.iter().any(|message| message.is_panic && message.text.contains("on purpose"));
    if has_panic != with_panic {
        let _ = writeln!(wrong, "messages {:?}", post_mortem.messages);
    }
    if !post_mortem.notes.is_empty() {
        let _ = writeln!(wrong, "notes {:?}", post_mortem.notes);
    }
    if !wrong.is_empty() {
        let _ = writeln!(wrong, "{errors}");
    }
    wrong
}

fn check_stacks(post_mortem: &PostMortem, ending: &str, wrong: &mut String) {
    let innermost = |calls: &[profile_cost_runtime::OpenCall]| {
        calls.last().map(|call| call.label.name.clone()).unwrap_or_default()
    };
    let running: Vec<String> = post_mortem.running.iter().map(|thread| innermost(&thread.calls)).collect();
    // At exit the thread's own end is seen as well.
    let is_exit = matches!(ending, "return" | "panic" | "exit");
    let must: &[&str] = if is_exit { &[] } else { &["last"] };
    if running != must {
        let _ = writeln!(wrong, "running {running:?}");
    }
    let suspended: Vec<_> =
        post_mortem.suspended.iter().map(|path| (innermost(&path.calls), path.count)).collect();
    if suspended != [("waiting".to_owned(), 1)] {
        let _ = writeln!(wrong, "suspended {suspended:?}");
    }
}

fn main() {
    if let Ok(ending) = std::env::var(CHILD) {
        return child(&ending);
    }
    let mut failed = false;
    for (ending, told, with_panic) in ENDINGS {
        let folder: PathBuf = std::env::temp_dir().join(format!(
            "profile-cost-{}-{}",
            std::process::id(),
            ending.replace(' ', "-")
        ));
        let wrong = check(ending, told, with_panic, &folder);
        let _ = std::fs::remove_dir_all(&folder);
        let verdict = if wrong.is_empty() { "ok" } else { "FAILED" };
        let _ = writeln!(std::io::stdout(), "test {ending} ... {verdict}\n{wrong}");
        failed |= !wrong.is_empty();
    }
    std::process::exit(i32::from(failed));
}
