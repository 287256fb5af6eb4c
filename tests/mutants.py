#!/usr/bin/env python3
"""Plants bugs in the recording engine, one at a time in a scratch copy, and shows that a test notices each.

    tests/mutants.py                those whose test is quick
    tests/mutants.py part K         of those, every fourth from the K-th on: K and K + 4 are the same
    tests/mutants.py all            all of them
    tests/mutants.py NAME ..        those whose name contains a NAME

A test that does not end within two minutes has noticed, too. A bug is a replacement of one piece of source, which must stand there exactly once: whoever changes the code
changes the bug with it. Exit status 1 when a bug goes unnoticed. Takes some minutes: each bug is a build.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCRATCH = ROOT / "target" / "mutants"
ASYNC_ORACLE = ["-p", "profile-cost-runtime", "--lib", "async_oracle"]
THREADS = ["-p", "profile-cost", "--test", "threads"]
ORACLE = ["-p", "profile-cost", "--test", "oracle"]
DISORDERLY = ["-p", "profile-cost-runtime", "--lib", "disorder"]



def fault(test):
    return ["-p", "profile-cost", "--test", "faults", "--", test]


def ending(test):
    return ["-p", "profile-cost", "--test", "faults_exit", "--", test]


def memory(test):
    return ["--release", "-p", "profile-cost", "--test", "memory", "--", test]


def render(test):
    return ["-p", "profile-cost-runtime", "--test", "render", "--", test]


def truth(test):
    return ["--release", "-p", "profile-cost-truth", "--test", "truth", "--", test]


def reports(test):
    return ["-p", "profile-cost-runtime", "--test", "reports", "--", test]


def child(test):
    return ["-p", "profile-cost-runtime", "--test", "heap_child", "--", test]


def offline(test):
    return ["-p", "profile-cost-runtime", "--test", "heap_offline", "--", test]


def asked(test):
    return ["-p", "profile-cost-runtime", "--test", test]


def requests(test):
    return ["--release", "-p", "profile-cost-http", "--test", test]


def heap(test):
    return ["--release", "-p", "profile-cost-runtime", "--test", "heap_exact", "--", test]


def program(test):
    """One of the heap's scenarios."""
    return ["--release", "-p", "profile-cost-heap", "--test", test]


def spliced(test):
    """The unit tests of `cargo profile-cost run`: what is spliced, and what is around it."""
    return ["-p", "cargo-profile-cost", "--bin", "cargo-profile-cost", "--", test]


TYPES = ["--release", "-p", "profile-cost-runtime", "--lib", "--", "heap::types", "heap::origin"]
LARGE = ["-p", "profile-cost-runtime", "--test", "heap_large"]
# From where paths of bugs begin.
WHOLE = "../../profile-cli/src/whole/"
NAMES = ["-p", "profile-cost-runtime", "--test", "heap_names"]
PROTOCOL = ["-p", "profile-cost-runtime", "--lib", "heap::naming"]
COLUMNS = ["--release", "-p", "profile-cost", "--test", "heap_columns"]
HEAP_EXIT = ["--release", "-p", "profile-cost", "--test", "heap_exit"]
TOTALS = ["-p", "profile-cost-runtime", "--test", "heap_totals"]
LIVE = ["-p", "profile-cost-runtime", "--lib", "--", "heap::live", "heap::bucket", "heap::frames"]
WALKER = ["--release", "-p", "profile-cost-walker", "--test", "stacks"]
FRAMES = ["--release", "-p", "profile-cost-runtime", "--lib", "walker::frame"]
WILD = ["--release", "-p", "profile-cost-walker", "--test", "wild"]
LIBRARIES = ["--release", "-p", "profile-cost-walker", "--test", "libraries"]
HTTP = ["-p", "profile-cost-runtime", "--lib", "--", "http::"]
DIFFERENCE = ["-p", "profile-cost-runtime", "--lib", "--", "text_diff"]
THROTTLE = ["--release", "-p", "profile-cost-runtime", "--features", "throttle", "--lib", "--", "throttle::"]
ESTIMATE = ["--release", "-p", "profile-cost-runtime", "--features", "throttle", "--lib", "--", "estimate::"]
REPORTS = ["-p", "profile-cost-runtime", "--test", "reports"]


def throttled(test):
    """A test of calls that are only counted, with the true clock."""
    return ["--release", "-p", "profile-cost-runtime", "--features", "throttle", "--test", "throttle", "--", test]


def server(test):
    return ["--release", "-p", "profile-cost-runtime", "--test", "http_server", "--", test]


def go(test):
    return ["--release", "-p", "profile-cost-runtime", "--test", "http_go", "--", test]


def flight(test):
    return ["-p", "profile-cost-runtime", "--test", "recorder", "--test", "recorder_files", "--", test]


def flight_heap(test):
    return ["-p", "profile-cost-runtime", "--test", "recorder_heap", "--", test]


def flight_unit(test):
    return ["-p", "profile-cost-runtime", "--lib", "--", test]


ENDINGS = ["-p", "profile-cost-runtime", "--test", "recorder_endings"]
PAGE = ["-p", "profile-cost-runtime", "--test", "live_page"]


def hostile(test):
    return ["--release", "-p", "profile-cost-runtime", "--test", "http_hostile", "--", test]


FUTURE, GUARD, CONTEXT, COUNTERS = "future.rs", "guard.rs", "context.rs", "counters.rs"
OWNER, CALL, CAPTURE, EXIT, SIGNAL = "block/owner.rs", "call.rs", "capture.rs", "exit.rs", "signal.rs"
DISORDER, STDERR = "disorder.rs", "stderr.rs"

# (name, file, what stands there, what shall stand there, the test that must fail)
BUGS = [
    ("recorder: a forked child counts for its parent", "recorder/arena.rs", "libc::MAP_PRIVATE | libc::MAP_FIXED", "libc::MAP_SHARED | libc::MAP_FIXED", flight("forked")),
    ("recorder: what was being written is damage", "recorder/parts.rs", "rest.iter().all(|byte| *byte == 0)", "rest.is_empty()", flight_unit("recorder::parts")),
    ("recorder: damage passes for what was being written", "recorder/parts.rs", "rest.iter().all(|byte| *byte == 0)", "true", flight_unit("recorder::parts")),
    ("recorder: a line that is being folded counts twice", "recorder/heap_parts.rs", ".checked_sub(1).filter(|_| !is_done)", ".checked_sub(1).filter(|_| true || is_done)", flight_unit("recorder::heap_parts")),
    ("recorder: the heap's counters are the process's own", "heap/mapped.rs", "    piece(Journal::heap_lines)", "    piece(|_| None)", flight_heap("a_leak_is")),
    ("recorder: a tally is used again as it was", "recorder/journal/heap_counters.rs", "        words.iter().for_each(|word| word.store(0, Ordering::Relaxed));\n", "", flight_heap("begins_anew")),
    ("recorder: the heap's pieces are never used again", "recorder/journal/heap_counters.rs", "        state.heap.free += 1;", "", flight_heap("begins_anew")),
    ("recorder: rates of samples are lost", "heap/sampler.rs", "                mapped::note_rate(slot as u8, rate);\n", "", flight_heap("sampled")),
    ("recorder: the peak of the recording before", "heap/mapped.rs", "journal.heap_begins(tallies::peak(), OUTSIDE", "journal.heap_begins((journal.heap_peak().load(Ordering::Relaxed) as i64, 0), OUTSIDE", flight_heap("begins_anew")),
    ("recorder: what is below zero is the machine's time", "recorder/assemble.rs", "all.min_by_key(|ticks| (*ticks as i64).unsigned_abs())", "all.filter(|ticks| (*ticks as i64) >= 0).min()", flight_unit("recorder::assemble")),
    ("recorder: anybody may read", "recorder/folder.rs", ".mode(0o600)", ".mode(0o644)", flight("private")),
    ("recorder: room is not reserved", "recorder/arena.rs", "libc::fallocate(file, 0, from", "libc::fallocate(file, libc::FALLOC_FL_KEEP_SIZE, from", flight("private")),
    ("recorder: files of the living are removed", "recorder/folder.rs", "is_ok_and(|file| !is_alive(&file))", "is_ok()", flight("private")),
    ("recorder: histograms begin outside of the file", "storage.rs", "return self.journal().is_some();", "return false;", flight("seldom")),
    ("recorder: what was counted before is copied once", "recorder/watch.rs", "        self.copies.refresh();\n        let tick", "        let tick", flight("counted_before")),
    ("recorder: a process that exits is silent", "recorder/ending.rs", "        journal.set(Live::Exited, 1);", "", ENDINGS),
    ("recorder: signals end where they are noted", "recorder/ending.rs", "            libc::raise(signal);", "", ENDINGS),
    ("recorder: the handler of before is forgotten", "recorder/ending.rs", "    before(signal, info, context);", "", ENDINGS),
    ("recorder: a panic says nothing", "recorder/ending.rs", "            note_panic(info);", "", ENDINGS),
    ("recorder: threads that ended count on", "storage.rs", "            journal.thread_ended(self.block);", "            let _ = journal;", ENDINGS),
    ("recorder: suspended futures are as many as began", "recorder/assemble.rs", "self.suspended = self.suspended.wrapping_add(awaited.suspended);", "self.suspended = self.suspended.wrapping_add(counted.starts);", ENDINGS),
    ("recorder: reset signals on top of another's", "recorder/ending.rs", " || crate::signal::is_ours(&before)", "", flight("sigterm")),
    ("recorder: time of calls that were only counted stays with their callers", "recorder/assemble.rs",
     "if sums.values().all(|sum| sum.counts.untimed == 0) {", "if !sums.is_empty() {",
     ["-p", "profile-cost-runtime", "--features", "throttle,recorder", "--test", "throttle_recorder"]),
    ("recorder: memory is near its limit when it is there", "recorder/last_words.rs", "const NEAR: u64 = 90;", "const NEAR: u64 = 100;",
     ["-p", "profile-cost-runtime", "--lib", "last_words"]),
    ("recorder: no snapshot of the heap is whole", "recorder/journal/heaps.rs", "check: checksum(dump),", "check: 0,",
     ["-p", "profile-cost-runtime", "--test", "recorder_heap", "--", "so_is_one"]),
    ("recorder: the page is silent on the ending", "recorder/text.rs", "        self.write_ending(&mut preface)?;\n", "",
     ["-p", "cargo-profile-cost", "--test", "postmortem"]),
    ("http: any name in brackets", "http/access.rs", "address.parse::<std::net::Ipv6Addr>().ok()?;", "", HTTP),
    ("http: what follows a host's colon is no port", "http/access.rs", "is_some_and(is_port)", "is_some()", HTTP),
    ("http: only the token's last byte counts", "http/access.rs", "difference |= byte ^", "difference = byte ^", HTTP),
    ("http: an empty token is a token", "http/access.rs", " || right.is_empty()", "", HTTP),
    ("http: a user is taken for the token", "http/access.rs", "pair[colon + 1..].to_vec()", "pair[..colon].to_vec()", HTTP),
    ("http: frames around the page", "http/access.rs", ' && request.sec_fetch_dest == Some("document")', "", HTTP),
    ("http: a page without an origin", "http/access.rs", "!asked.zip(request.host)", "asked.is_some() && !asked.zip(request.host)", HTTP),
    ("http: other ports of this host", "http/access.rs", '"same-origin" | "none"', '"same-origin" | "same-site" | "none"', HTTP),
    ("http: LF alone ends a line", "http/server/head.rs", "if (before == b'\\r') != (byte == b'\\n')", "if false && before != byte", HTTP),
    ("http: the first of two headers", "http/server/head.rs", '_ => Err(bad(&format!("the header {name} is there twice"))),',
     "(value, _) => Ok(value.and_then(|value| std::str::from_utf8(value).ok())),", HTTP),
    ("http: a target's host is not the header's", "http/server/head.rs", "!host.eq_ignore_ascii_case(authority)", "host.is_empty()", HTTP),
    ("http: a burst for ever", "http/server/pace.rs", "next.map_or(now, |next| next.max(now))", "next.unwrap_or(now).min(now)", HTTP),
    ("http: who left is waited for", "http/server/connection.rs", "Watched::Gone => return false", "Watched::Gone => return true", HTTP),
    ("http: all may listen without a token", "http/server/listen.rs", "!is_loopback(address.ip())", "address.port() == 9", HTTP),
    ("http: names make headers", "http/server/output.rs", "if c.is_control() { '_' }", "if c == '\\0' { '_' }", HTTP),
    ("http: slow readers have for ever", "http/server/output.rs", "(Instant::now() >= until || service", "(bytes.len() > 2 || service", HTTP),
    ("http: a minus before a chunk's size", "http/server/body.rs", "let is_number = (1..=16).contains(&digits.len())", "let is_number = true || (1..=16).contains(&digits.len())", HTTP),
    ("http: children keep the socket", "fork.rs", "libc::close(descriptor)", "libc::close(-1)", server("a_child_does_not_hold_the_socket")),
    ("http: the server's blocks are recorded", "heap/local.rs", "    QUIET.set(true);\n    let local", "    let local", server("no_trace_of_the_server")),
    ("http: 100 is not said", "http/server/connection.rs", "if head.expects_continue && input.is_empty()", "if false && input.is_empty()", server("as_curl_sees_it")),
    ("http: a capture is as long as it was at its beginning", "http/limits.rs", "lasts.saturating_sub(now.saturating_duration_since(start))", "lasts", HTTP),
    ("http: who waits as told comes too early", "http/limits.rs", "u64::from(duration.subsec_nanos() > 0)", "0", HTTP),
    ("http: a server that stops is not woken", "http/server/accept.rs", "let _ = TcpStream::connect_timeout(&reachable, END / 10);", "let _ = reachable;", server("stopped_while_it_waits_and_works")),
    ("difference: what has been freed has been allocated", "stats/text_diff.rs", 'format!("{mark}-{}", bytes(old - new))', 'format!("{mark}+{}", bytes(old - new))', DIFFERENCE),
    ("difference: estimates pass for exact", "stats/text_diff.rs", "before.samples > 0 || after.samples > 0", "before.samples > after.samples + 9", DIFFERENCE),
    ("difference: without any heap it has columns", "stats/text_diff.rs", "f.cumulative_heap != HeapCounts::default()", "f.calls > 0", DIFFERENCE),
    ("no restore on Pending", FUTURE,
     "self.block.switch(self.back, now);",
     "self.block.switch(if self.outcome == Outcome::Pending { Spot::of(counters) } else { self.back }, now);", ASYNC_ORACLE),
    ("parent looked up anew at each poll", FUTURE,
     "                Some(charged)\n            }\n            Stage::Unpolled",
     "                self.set_home(thread::block(), thread::block().resolve(self.site.id())?);\n"
     "                Some(charged)\n            }\n            Stage::Unpolled", ASYNC_ORACLE),
    ("inner future dropped outside of the call", FUTURE,
     "            match this.call.begin_drop() {",
     "            this.inner.set(None);\n            match this.call.begin_drop() {", ASYNC_ORACLE),
    ("cancellation not counted", FUTURE,
     "Ending::Cancelled => asyncs.finish_cancelled(),", "Ending::Cancelled => {}", ASYNC_ORACLE),
    ("panic counted as return", FUTURE,
     "Ending::Panicked => counters.finish_panicked(),", "Ending::Panicked => counters.finish_returned(),", ASYNC_ORACLE),
    ("await charged to the outermost", FUTURE,
     "let charged = segment.pended.replace(self.pended.wrapping_add(1)) == 0;",
     "let _ = segment.pended.replace(self.pended.wrapping_add(1)); let charged = segment.depth.get() == 0;", ASYNC_ORACLE),
    ("await charged to all", FUTURE,
     "let charged = segment.pended.replace(self.pended.wrapping_add(1)) == 0;",
     "let _ = segment.pended.replace(self.pended.wrapping_add(1)); let charged = true;", ASYNC_ORACLE),
    ("in flight: a call's beginning not noted", "guard.rs", "        counters.begin(start);\n", "", ASYNC_ORACLE),
    ("in flight: a future's beginning not noted", FUTURE, "unsafe { &*asyncs }.begin(now);", "let _ = unsafe { &*asyncs };", ASYNC_ORACLE),
    ("in flight: a future's end not noted", FUTURE, "        asyncs.end(self.call.start);\n", "", ASYNC_ORACLE),
    ("in flight: ages of all calls for that of one", "in_flight.rs", "as u64 / open));", "as u64));", ASYNC_ORACLE),
    ("in flight: those resumed still wait", "in_flight.rs", "open.suspended as i64 > 0", "open.open as i64 > 0", ASYNC_ORACLE),
    ("in flight: any call's age for the open one's", "in_flight.rs", ".filter(|counters| counters.is_active())", "", ASYNC_ORACLE),
    ("suspended from the poll's beginning", FUTURE, "asyncs.suspend(now);", "asyncs.suspend(entered);", ASYNC_ORACLE),
    ("suspended until the call itself is polled", FUTURE,
     "segment.start.get().saturating_sub(from)", "now.saturating_sub(from)", ASYNC_ORACLE),
    ("rest of the task's turn counted twice", FUTURE,
     "if same_task && next_turn { self.left.max(segment.left.get()) } else { self.left }",
     "if same_task && next_turn { self.left } else { self.left }", ASYNC_ORACLE),
    ("only first polls counted", FUTURE,
     "if self.outcome != Outcome::Dropped {",
     "if self.outcome != Outcome::Dropped && self.call.start == entered {", ASYNC_ORACLE),
    ("busy charged to the caller", FUTURE, "block.switch(Spot::of(counters), now);", "block.switch(back, now);", ASYNC_ORACLE),
    ("start counted at each poll", FUTURE,
     "        block.switch(Spot::of(counters), now);",
     "        if resumed.is_some() { block.counters_of(self.path).start(); }\n        block.switch(Spot::of(counters), now);", ASYNC_ORACLE),
    ("counters of the old thread", FUTURE,
     "                if !ptr::eq(thread::block(), self.home.block) {\n                    self.move_home()?;\n                }\n                Some",
     "                Some", ASYNC_ORACLE),
    ("longest poll is the last", COUNTERS,
     "} else if ticks > self.longest_poll.load(Ordering::Relaxed) {", "} else {", ASYNC_ORACLE),
    ("elapsed from the last poll", FUTURE,
     "self.block.elapsed(counters, now, self.call.start)", "self.block.elapsed(counters, now, entered)", ASYNC_ORACLE),
    ("finished again at the drop", FUTURE,
     "        let Stage::Suspended { charged } = self.stage else { return None };\n        if",
     "        if self.home.block.is_null() { return None; }\n"
     "        let charged = matches!(self.stage, Stage::Suspended { charged: true });\n        if", ASYNC_ORACLE),
    ("a dropped loser still waits", FUTURE, "self.pended_in == caller && pended > 0", "false && pended > 0", ASYNC_ORACLE),
    ("a waiting sibling is forgotten", FUTURE, "segment.pended.set(self.pended);", "segment.pended.set(0);", ASYNC_ORACLE),
    ("context not entered", CONTEXT,
     "if control::is_off() || self.path == ROOT {", "if control::is_off() || self.path != u32::MAX {", ASYNC_ORACLE),
    ("unwinding scope counts as returned", GUARD,
     "let panicked = std::thread::panicking() && !unwinding;", "let panicked = false && !unwinding;", ASYNC_ORACLE),
    ("folding loses inclusive time", "paths.rs",
     ".take_while(|&path| self.depth(path) >= lowest)", ".take_while(|_| lowest < u32::MAX)", ORACLE),
    ("folded calls counted as primitive", OWNER,
     "            counters.fold();\n            return Some(counters);", "            return Some(counters);", ORACLE),
    # Faults inside of the process.
    ("a panicking call is not left", GUARD,
     "        block.switch_from(block.spot_on(self.counters), back, now);\n",
     "        if !std::thread::panicking() { block.switch_from(block.spot_on(self.counters), back, now); }\n",
     fault("a_million_panics")),
    ("a destructor that returns counts as panicked", GUARD,
     "let panicked = std::thread::panicking() && !unwinding;", "let panicked = std::thread::panicking() || unwinding;", fault("a_destructor")),
    ("recursion does not fold", "paths.rs",
     "if self.depth(from) >= self.limits.depth", "if self.depth(from) >= u32::MAX", fault("a_million_calls_deep")),
    ("a step backwards is charged", "position.rs",
     "if forwards {", "if forwards || true {", fault("a_clock_that")),
    ("a thread keeps its block after its end", "thread.rs",
     "BLOCK.replace(&ENDED)", "BLOCK.get()", fault("thread_local_destructors")),
    ("reset forgets calls under way", "tally.rs",
     "starts: tally.ends()", "starts: tally.starts", fault("reset_under_open_calls")),
    ("a call does not end while off", GUARD,
     "if !self.counters.is_null() {", "if !self.counters.is_null() && !control::is_off() {", fault("switching_off")),
    ("a call out of order does not end", GUARD,
     "        Self::finish(counters, ending);\n        block.leave_in_disorder", "        block.leave_in_disorder", fault("calls_that_end_out_of_order")),
    ("the thread stays on a call that has ended", DISORDER,
     "Some(back) => to = back,", "Some(_) => break,", DISORDERLY),
    ("no stand-in: the ended call is not asked for", OWNER,
     "self.switch(Spot::of(stand_in), now);", "let _ = stand_in; self.switch(Spot::of(to), now);", fault("calls_that_end_out_of_order")),
    ("time of a stand-in is lost", "block/shared.rs",
     "self.stand_ins.push(self.len);\n        self.len += 1;", "self.stand_ins.push(self.len);", DISORDERLY),
    ("a stay on a stand-in is counted on its path's other counters too", "snapshot.rs",
     "stay.filter(|stay| ptr::eq(stay.counters, counters))",
     "stay.filter(|stay| unsafe { (*stay.counters).path.load(Ordering::Relaxed) } == counters.path.load(Ordering::Relaxed))", DISORDERLY),
    ("an ended call is remembered for ever", DISORDER,
     "        self.ended.retain(|ended| is_above(paths, ended.call, to));\n", "", DISORDERLY),
    ("a context goes back to a call that has ended", CONTEXT,
     "self.block.end_stay(self.back, clock::now());", "self.block.switch(self.back, clock::now());", DISORDERLY),
    ("the thread stays where no call is open", OWNER, "if open != path_of(to) {", "if false {", DISORDERLY),
    ("folded calls end as in order", OWNER, "self.disordered.get() && self.folds.get()", "false",
     ["--release", *DISORDERLY]),
    ("folded calls have ended with the first of them", DISORDER, "if to.is_active() {", "if false {", DISORDERLY),
    ("an end out of order is no panic", GUARD,
     "self.close_in_disorder(block, now, ending, counted);", "self.close_in_disorder(block, now, Ending::Returned, counted);", DISORDERLY),
    ("the next thread has the disorder of the last", OWNER, "if self.disordered.take()", "if false && self.disordered.take()", DISORDERLY),
    ("no room in the common tree is not noted", CAPTURE,
     "block.add_truncated(counts.starts);", "", fault("a_tree_of_its_own")),
    ("no room is noted once a path", CAPTURE,
     "block.add_truncated(counts.starts);", "block.add_truncated(1);", fault("a_tree_of_its_own")),
    ("a call without a tree is not noted", CAPTURE,
     "captures.refused += 1;", "", fault("per_call_reports_nested")),
    ("more trees than there may be", CAPTURE, "MOST: usize = 256", "MOST: usize = 512", fault("three_hundred")),
    ("per-call tree not folded", CAPTURE,
     "slot.fold(engine, block, &tallies, now);", "", fault("runcall_has_its_own")),
    # Both checks: each covers what the other is for in that test.
    ("a tree is used again while a task lives", CAPTURE,
     "if Arc::strong_count(&slot.alive) > 1 {\n                    continue;\n                }\n"
     "                let tallies = slot.tallies(engine, now);\n"
     "                if tallies.values().any(|tally| tally.active() > 0) {",
     "let tallies = slot.tallies(engine, now);\n                if false {", fault("a_task_that_outlives")),
    ("a runcall that panics keeps its tree", CALL,
     "        let _ = self.finish();", "", fault("a_panic_while")),
    ("reports on the logger that takes reports", CALL, "if PRINTING.replace(true) {", "if false {", fault("a_logger")),
    # The process ends.
    ("no report at exit", EXIT, "crate::signal::at_exit(write_once);", "", ending("process_exit_writes")),
    ("nonsense is met with silence", "environment.rs",
     "for complaint in &self.complaints {", "for complaint in self.complaints.iter().take(0) {", ending("a_bad_value")),
    ("SIGTERM does not end the process", SIGNAL,
     "libc::kill(libc::getpid(), awaited.signal);", "", ending("sigterm_writes")),
    ("the handler of before is not called", SIGNAL,
     "before(signal, info, context);", "let _ = (before, signal, info, context);",
     ending("a_handler_installed_before_runs")),
    ("the handler of before is not told who", SIGNAL,
     "before(signal, info, context);", "let _ = info; before(signal, std::ptr::null_mut(), context);",
     ending("a_handler_installed_before_is_told")),
    ("the handler of after does not decide", SIGNAL,
     "let still_ours = now.sa_sigaction == handler as Handler as usize;",
     "let still_ours = now.sa_sigaction != 0;", ending("a_handler_installed_after_that_chains")),
    ("no longer ignored", SIGNAL, "if before.sa_sigaction == libc::SIG_IGN {", "if false {", ending("a_signal_that")),
    ("flags of the handler of before are lost", SIGNAL,
     "let mut ours = before;", "let mut ours = before; ours.sa_flags = libc::SA_RESTART;", ending("a_handler_installed_before_keeps")),
    ("mask of the handler of before is lost", SIGNAL,
     "let mut ours = before;", "let mut ours = before; unsafe { libc::sigemptyset(&raw mut ours.sa_mask) };",
     ending("a_handler_installed_before_keeps")),
    ("handlers call each other for ever", SIGNAL,
     "if awaited.chaining.swap(this, Ordering::Relaxed) == this {", "if this == 0 {", ending("a_handler_installed_before_and")),
    ("exit in the middle of a report", EXIT,
     "wait_timeout_while(reported, WAIT,", "wait_timeout_while(reported, Duration::ZERO,", ending("exit_waits")),
    ("a report may keep the process", SIGNAL,
     "ended.recv_timeout(PATIENCE)", "(PATIENCE, ended.recv())", ending("a_report_that_nobody")),
    ("a forked child signals its parent", SIGNAL,
     "unsafe { libc::getpid() } == awaited.owner.load(Ordering::Relaxed)", "awaited.owner.load(Ordering::Relaxed) != 0", ending("a_forked_child")),
    ("a forked child reports", EXIT, "    if is_forked() {", "    if is_forked() && false {", ending("a_forked_child")),
    ("the thread takes the program's signals", SIGNAL,
     "libc::sigfillset(&raw mut all);", "libc::sigemptyset(&raw mut all);", ending("the_thread_takes")),
    ("a descriptor of the program is written to", SIGNAL,
     "        awaited.wake.store(-1, Ordering::SeqCst);\n        // Nor", "        // Nor", ending("a_program_that_closes")),
    ("files go where the program has gone", "environment.rs",
     "std::path::absolute(&file).unwrap_or_else(|_| PathBuf::from(&file))", "PathBuf::from(&file)",
     ending("files_are_written_where")),
    ("a report is cut where stderr does not wait", STDERR,
     "&& taken.elapsed() < patience", "&& false", ending("a_long_report_is_whole")),
    ("a piece of a report twice", STDERR, "text = &text[count..];", "text = &text[count.saturating_sub(1)..];",
     ending("a_long_report_is_whole")),
    ("no report at exit from another thread", EXIT,
     "once(|| write(control::environment(), report, naming));",
     "if std::thread::current().name() == Some(\"main\") { once(|| write(control::environment(), report, naming)); }",
     ending("process_exit_on_another")),
    ("the program's signals stay held back", SIGNAL,
     "libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut())",
     "{ let _ = before; 0 }", ending("a_handler_installed_after_runs")),
    # Renderers.
    ("folded lines not by bytes", "render/folded.rs",
     "tree.lines(Order::Bytes", "tree.lines(Order::Nested", render("folded_is_sorted")),
    ("narrow paths are lost", "render/tree.rs",
     "Some(p) => nodes[p].own.add(own),", "Some(_) => {}", render("a_wide_tree")),
    ("deep paths are lost", "render/tree.rs", "nodes[p].deeper.add(own)", "{}", render("a_million_levels")),
    ("a separator in a name", "render/names.rs", "printable(name).replace(';', \",\")", "printable(name)", render("hostile")),
    ("names alone in folded lines", "render/names.rs", "if sharers[name.as_str()] > 1 || placed", "if placed", render("folded_golden")),
    ("await in the colours of busy", "render/flamegraph.rs",
     "Metric::Await => BasicPalette::Io,", "Metric::Await => BasicPalette::Hot,", render("flamegraph_golden")),
    ("shares are not compared", "render/diff.rs",
     "old.iter_mut().for_each(|value| *value = (*value as f64 * scale).round() as u64);", "let _ = (scale, &mut old);",
     render("difference_golden")),
    ("a difference to nothing", "render/flamegraph.rs",
     'format!("{stack} {before} {value}")', 'format!("{stack} {} {value}", before / 2)', render("no_difference")),
    ("a picture without script", "render/flamegraph.rs",
     "options.deterministic = true;", "options.deterministic = true; options.no_javascript = true;", render("search_and_zoom")),
    ("nothing is drawn of nothing", "render/flamegraph.rs", "if tree.total == 0 {", "if false {", render("an_empty_profile")),
    ("sums of huge values overflow", "render/tree.rs",
     "wide[p] = wide[p].saturating_add(wide[i]);", "wide[p] = wide[p].wrapping_add(wide[i]);", render("huge_values")),
    ("numbers too large for a browser", "render/flamegraph.rs",
     "tree.total.div_ceil(MAX_TOTAL).max(1)", "tree.total.div_ceil(u64::MAX).max(1)", render("huge_values")),
    ("ticks are taken for nanoseconds", "render/nanoseconds.rs",
     "self.per_tick.map_or(ticks, |per_tick| (ticks as f64 * per_tick).round() as u64)", "ticks", render("ticks_become")),
    ("the order of a hash map", "render/tree.rs",
     "level.sort_by(|a, b| a.0.cmp(&b.0));",
     "use std::hash::BuildHasher; let hash = std::hash::RandomState::new(); level.sort_by_key(|a| hash.hash_one(&a.0));",
     render("the_same_profile")),
    ("a picture that knows of those before", "render/flamegraph.rs",
     "options.title = title;",
     "static BEFORE: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);\n"
     "options.title = format!(\"{title} {}\", BEFORE.fetch_add(1, std::sync::atomic::Ordering::Relaxed));",
     render("the_same_profile")),
    ("no line in a plain report", "stats/text_default.rs",
     'field("", "per call", 2, |_| true,', 'field("", "per call", 2, |_| false,', reports("a_plain")),
    ("inclusive time of recursion counted at each level", "stats/totals.rs",
     "if self.depth[row] == 0 {", "if true {", reports("a_hundred_thousand")),
    ("no column for panics", "stats/text_default.rs", "|r| r.panicked > 0,", "|_| false,", reports("a_service")),
    ("a thread's part from before the reset", "snapshot.rs",
     "            before.and_then(|before| before.get(&path)).copied().unwrap_or_default()\n",
     "            before.filter(|_| path == ROOT).and_then(|before| before.get(&path)).copied().unwrap_or_default()\n", THREADS),
    ("suspended time in a thread's part", "snapshot.rs",
     "                let counts = Counts { self_await: 0, ..counts };\n",
     "                let counts = Counts { ..counts };\n", THREADS),
    ("the profiler's own measuring is late", "snapshot.rs",
     "    let costs = crate::calibrate::costs();\n",
     "    let costs = { let _inside = thread::Inside::enter(); crate::calibrate::costs() };\n", THREADS),
    ("a remark without its end", "stats/text_default.rs", "not a regular expression, ignored: {pattern:?}", "not a regular expression, ignored", reports("nothing")),
    ("recorder: of a record's lines the last counts", "recorder/heap_parts.rs", "sums.entry(id).or_default().add(&reading);", "drop(sums.insert(id, reading));", flight_unit("recorder::heap_parts")),
    ("recorder: what has ended is told as the end", "recorder/heap_parts.rs", "if state(heap::RECORDING) != 1 || state", "if state", flight_unit("recorder::heap_parts")),
    ("recorder: what is not all in the file is told as all", "recorder/heap_parts.rs", " || state(heap::OUTSIDE) != 0 {", " {", flight_unit("recorder::heap_parts")),
    ("recorder: modules' paths end at a space", "recorder/heap_parts.rs", "line.splitn(5, ' ')", "line.split(' ')", flight_unit("recorder::heap_parts")),
    ("recorder: snapshots of the heap are never begun", "recorder/journal/heaps.rs", "        self.begin(at, &chunk);\n        let before", "        let before", flight_heap("one_that_was")),
    ("recorder: any list of modules is sound", "recorder/heap_parts.rs", "super::layout::checksum(text) == chunk.check", "text.len() < 1 << 30", flight_unit("recorder::heap_parts")),
    ("recorder: any record is sound", "recorder/heap_parts.rs", "if words.fold(0, heap_record::mix) != (head >> 32) as u32 {", "if words.fold(0, heap_record::mix) == 0 {", flight_unit("recorder::heap_parts")),
    ("recorder: what threads count on goes to the disk when memory is short", "recorder/arena.rs", "let _ = unsafe { libc::mlock(pages.cast(), length) };", "let _ = pages;", flight("stays_in_memory")),
]

# As above, but the test takes long.
SLOW = [
    ("throttle: a counted call takes the thread's time along", "block.rs", "        self.place.store(place.cast_mut(), Ordering::Release);", "        self.place.store(place.cast_mut(), Ordering::Release);\n        self.position.abandon(unsafe { &*place });", THROTTLE),
    ("throttle: a counted call stays where it was", "guard.rs", "        block.move_to(counters);\n", "", throttled("calls_is_timed")),
    ("throttle: a counted call that unwinds has returned", "guard.rs", "return self.close_counted(block, now, ending);", "return self.close_counted(block, now, Ending::Returned);", throttled("naive_model")),
    ("throttle: guards do not look where the thread is", "guard.rs", "if !ptr::eq(block.current(), counters) || block.is_charged(counters) {", "if block.is_charged(counters) {", throttled("do_not_nest")),
    ("throttle: who is charged has ended", "guard.rs", "if !ptr::eq(block.current(), counters) || block.is_charged(counters) {", "if !ptr::eq(block.current(), counters) {", THROTTLE),
    ("throttle: a counted call has an elapsed time", "guard.rs", "        if !counted {\n", "        if !counted || true {\n", throttled("do_not_nest")),
    ("throttle: a reset does not end it", "throttle.rs", "    epoch.wrapping_add(1).max(1)\n", "    epoch.min(0) + 1\n", throttled("a_reset_ends")),
    ("throttle: long calls are throttled", "throttle.rs", "self.is_dense && counters.throttle.is_short(limit)", "limit > 0", throttled("naive_model")),
    ("throttle: few calls are throttled", "throttle.rs", "        self.calls.get() > MANY\n", "        self.calls.get() > MANY / 2\n", THROTTLE),
    ("throttle: no call is a sample", "throttle.rs", "        self.draw();\n        true\n", "        self.draw();\n        false\n", throttled("naive_model")),
    ("throttle: samples are in step", "throttle.rs", "self.left.set(x % (2 * PERIOD - 1));", "self.left.set(PERIOD - 1);", THROTTLE),
    ("throttle: samples are told as only counted", "throttle.rs", "        self.counted.leave_out(1);\n", "", THROTTLE),
    ("throttle: what waited stands for others", "throttle.rs", "        if since > most {\n            self.sampled.leave_out(since);\n        }\n", "", THROTTLE),
    ("throttle: all timed calls are samples", "throttle.rs", "        self.sampled.begin(busy);\n", "", THROTTLE),
    ("throttle: long calls make calls long for ever", "throttle.rs", "            self.ticks.store(0, Ordering::Relaxed);\n", "", THROTTLE),
    ("estimate: what is given back is not taken away", "estimate.rs", "        counts[parent].self_busy -= part as u64;\n", "", ESTIMATE),
    ("estimate: callers give more than they have", "estimate.rs", "has[parent].min(wanted[parent])", "wanted[parent]", ESTIMATE),
    ("estimate: callees of those that are owed get nothing", "estimate.rs", "        has[path] = has[path].saturating_add(part as u64);\n", "", ESTIMATE),
    ("estimate: our own time is the calls'", "estimate.rs", "samples.ticks as f64 - calls as f64 * inside", "samples.ticks as f64 + 0.0 * inside", ESTIMATE),
    ("throttle: futures are throttled", "throttle.rs", "        if is_future {\n", "        if is_future && self.cost == u64::MAX {\n", throttled("always_timed")),
    ("throttle: reported calls are throttled", OWNER, "if histogram.function().0 == ROOT\n                && let", "if let", throttled("always_timed")),
    ("throttle: a thread is seen where it is charged", "block/readers.rs", "return Some((path_of(place), stay.ticks));", "return Some((path_of(stay.counters), stay.ticks + path_of(place) as u64 * 0));", throttled("is_seen_there")),
    ("throttle: ages of calls that no clock was read for", "in_flight.rs", "counters.counted_after() == 0)", "counters.counted_after() != 1)", throttled("is_seen_there")),
    ("throttle: counted before the reset is counted after it", "tally.rs", ".saturating_sub(before.tally.untimed)", "", throttled("a_reset_ends")),
    ("throttle: the mark is not told after adding up", "profile.rs", "        self.untimed = self.untimed.saturating_add(other.untimed);\n", "", REPORTS),
    ("throttle: counted calls are priced as timed ones", "stats/entry.rs", "ticks_per_untimed_call * counts.untimed as f64", "ticks_per_call * counts.untimed as f64", REPORTS),
    ("calls over http: a capture has all that was recorded", "http/capture.rs", "            profile = profile.since(&before);\n", "", asked("http_time")),
    ("calls over http: a capture leaves recording on", "http/capture.rs", "drop((recording, capturing));", "std::mem::forget(recording); drop(capturing);", asked("http_time")),
    ("calls over http: directories stay", "http/time.rs", "            stats.strip_dirs();\n", "", asked("http_time")),
    ("calls over http: no limit", "http/time.rs", "restrictions.push((limit as usize).into());", "", asked("http_time")),
    ("calls over http: pstats' style is ours", "http/time.rs", "        stats.style(style);\n", "", asked("http_time")),
    ("calls over http: a picture without a policy", "http/files.rs", 'Ok(picture.with("content-security-policy", policy))', "{ let _ = policy; Ok(picture) }", asked("http_time")),
    ("calls over http: a timed recording goes on", "http/recording.rs", "    if state.number == number {", "    if state.number != number {", asked("http_time")),
    ("calls over http: an empty report is silent", "http/time.rs", "if seconds.is_none() && style", "if false && style", asked("http_time")),
    ("calls over http: profile has what was suspended", "http/pprof.rs", "parameters, Content::Busy,", "parameters, Content::Times,", asked("http_pprof")),
    ("calls over http: a profile without its time", "http/pprof.rs", "PprofOptions { content, taken }", "PprofOptions { content, taken: taken * 0 }", asked("http_pprof")),
    ("calls over http: counters heed a reset", "http/metrics.rs", "crate::snapshot::snapshot_of_process()", "crate::snapshot()", asked("http_metrics")),
    ("calls over http: a quote ends a label", "http/metrics.rs", """'"' => f.write_str("\\\\\\"")?,""", """'"' => f.write_char('"')?,""", asked("http_metrics")),
    ("calls over http: buckets are not cumulative", "http/metrics.rs", "calls = calls.saturating_add(of_bucket);", "calls = of_bucket;", asked("http_metrics")),
    ("calls over http: series are given late", "http/series.rs", "let free = if self.others.is_some() { 0 }", "let free = if false { 0 }", ["-p", "profile-cost-runtime", "--lib", "series"]),
    ("since: calls under way are lost", "profile/since.rs", "later.starts.saturating_sub(ends(earlier))", "later.starts.saturating_sub(earlier.starts)", ["-p", "profile-cost-runtime", "--lib", "since"]),
    ("a path's heap without what it called", "render/call_tree.rs", "cumulative_heap: heap[i],", "cumulative_heap: paths[i].counts.heap,", ["-p", "profile-cost-runtime", "--lib", "call_tree"]),
    ("http: time for each read of a head", "http/server/input.rs", "limit.saturating_sub(begun.elapsed())", "limit", hostile("slow_writers")),
    ("http: chunks without end", "http/server/body.rs", "left.checked_sub(size)", "left.checked_sub(0)", hostile("too_large")),
    ("http: no pause without descriptors", "http/server/accept.rs", "std::thread::park_timeout(pause);", "", hostile("no_descriptor_left")),
    ("http: what a pool's thread allocates is the service's", "http/tower/pool.rs", "    crate::thread::leave_out(c\"profile-http\");\n", "", requests("left_out")),
    ("beginnings read before ends", "tally.rs", "Some(_) => (ends, counters.read_starts()),",
     "Some(_) => {\n let starts = counters.read_starts();\n (0..2_000).for_each(|i| _ = std::hint::black_box(i));\n (Ends::read(counters, asyncs), starts)\n }", ["--release", *fault("live_snapshots")]),
    ("ends read long before beginnings", "tally.rs", "None => Ends::read_with_starts(counters),", "None => (ends, counters.read_starts()),",
     ["-p", "profile-cost-runtime", "--lib", "tally"]),
    ("busy time is that of the last stay", COUNTERS,
     "add(&self.self_busy, ticks);", "self.self_busy.store(ticks, Ordering::Relaxed);", ["--release", *fault("live_snapshots")]),
    ("no end to waiting for a reader", STDERR, "&& taken.elapsed() < patience", "",
     ["-p", "profile-cost-runtime", "--lib", "nobody_reads_and"]),
    ("the instrument is part of what it measures", GUARD,
     "        let start = now();\n        counters.begin(start);",
     "        let start = now();\n        counters.begin(start);\n        (0..200).for_each(|i| _ = std::hint::black_box(i));",
     truth("the_share")),
    ("the instrument weighs nothing", "calibrate.rs", "notes.ticks_per_call = costs.per_call * scale;",
     "notes.ticks_per_call = 0.0 * costs.per_call * scale;", truth("the_share")),
    ("of futures that wait together one waits", FUTURE,
     "let charged = segment.pended.replace(self.pended.wrapping_add(1)) == 0;",
     "let charged = segment.pended.replace(self.pended.wrapping_add(1)) == 0 && self.pended == 0;", truth("ten_sleeps")),
    ("a future's time is that of its last poll", FUTURE,
     "self.block.elapsed(counters, now, self.call.start)", "self.block.elapsed(counters, now, entered)", truth("ten_sleeps")),
    ("an index that others wrote over is believed", OWNER,
     "            && let Some(chunk) = owner.asyncs.get(index / ASYNC_CHUNK)\n        {\n            return &chunk[index % ASYNC_CHUNK];",
     "        {\n            return &owner.asyncs[index / ASYNC_CHUNK][index % ASYNC_CHUNK];", flight("a_file_that_others")),
    ("a path that others wrote over is believed", "paths.rs",
     "chunk.map_or(&NOBODY, |chunk| &chunk[path as usize % CHUNK])",
     "&chunk.expect(\"it is there\")[path as usize % CHUNK]", flight("a_file_that_others")),
    ("truncated calls not counted", OWNER,
     "self.truncated.load(Ordering::Relaxed) + calls", "self.truncated.load(Ordering::Relaxed)", ["--release", *fault("ten_million")]),
    ("each drain leaks", OWNER,
     "        // SAFETY: as in `counters_of`; `grow` touches",
     "        std::hint::black_box(Box::leak(vec![0u8; 128].into_boxed_slice()));\n        // SAFETY: as in `counters_of`; `grow` touches", memory("twenty_million")),
    ("a table mostly empty", "child_table.rs", "used * 8 > size * 5", "used * 8 > size", memory("a_path_takes")),
    ("blocks are not handed on", "engine.rs", "self.lock().free.push(block);", "", memory("short_threads")),
    ("large chunks", "block/shared.rs", "const CHUNK: usize = 16;", "const CHUNK: usize = 1024;", memory("memory_follows_the_paths_that_were_used")),
    ("no sparse windows", "window.rs", "if seldom && counts", "if false && seldom && counts", memory("memory_follows")),
    ("room for more buckets than most see", "histogram.rs", "const FEW: usize = 4;", "const FEW: usize = 16;",
     memory("memory_follows_the_paths_that_were_used_where")),
    ("live: a full line is the last", "heap/live.rs", "            if !bucket.was_passed() {", "            if true || !bucket.was_passed() {", LIVE),
    ("live: who has gone on is never counted off", "heap/live.rs", "            self.bucket(passed).unpass();\n", "", LIVE),
    ("live: a line's last block is lost when the table grows", "heap/live.rs", "for slot in 0..bucket.len() {", "for slot in 0..bucket.len().min(8) {", LIVE),
    ("live: a block that is freed takes the last one along", "heap/bucket.rs", "        self.tags[slot] = self.tags[last];\n", "", LIVE),
    ("live: keys are their lower halves", "heap/bucket.rs", "if u64::from(self.rest(slot) >> ID_BITS) == key >> 32 {", "if self.rest(slot) >> ID_BITS < 16 {", LIVE),
    ("live: addresses share places", "heap/live.rs", "units.wrapping_mul(0x9e3_779b_97f5)", "units.wrapping_mul(0x9e3_779b_97f4)", LIVE),
    ("records: upper halves are those of the first frame", "heap/frames.rs", "upper(one) == upper(next)", "upper(one) == upper(next) || true", LIVE),
    ("heap: samples of before are whole blocks", "heap/recording.rs", "self.keeps_every_block() && !self.has_others()", "self.keeps_every_block()", program("modes")),
    ("heap: realloc forgets the old block", "heap/hooks.rs", "        rate = settle(known, from, old.size());", "        rate = None;", program("random_operations")),
    ("heap: lines are folded without their frees", "heap/tally.rs", "        self.frees.store(reading.frees, Relaxed);", "", program("sixteen")),
    ("heap: the peak is what is live now", "heap/tally.rs", "        if epoch != now {\n            (self.peak", "        if true {\n            (self.peak", heap("what_was_live")),
    ("heap: the highest of a thread is not handed over", "heap/tallies.rs", "let risen = before + self.high.load(Relaxed);", "let risen = before;", program("random_operations")),
    ("heap: threads' ends are not counted", "heap/local.rs", "            self.lines().fold();", "            self.lines().clear();", program("sixteen")),
    ("heap: late frees are lost", "heap/hooks.rs", "        count_late(id, address, layout.size(), true);\n    }\n}", "        let _ = (id, layout);\n    }\n}", program("thread_ends")),
    ("heap: a sample stands for itself only", "heap/sampler.rs", "bytes: (size as f64 / p).round() as u64,", "bytes: size as u64,", heap("a_sample")),
    ("heap: stop keeps the blocks", "heap/recording.rs", "    live::clear();\n", "", heap("what_recording")),
    ("heap: no handlers at fork", "heap/recording.rs", "    fork::install();\n", "", program("forks")),
    ("heap: past the cap all goes on", "heap/recording.rs", "    if now.kind() == Kind::Exact {", "    if false && now.kind() == Kind::Exact {", heap("past_the_cap")),
    ("heap: every freed block is temporary", "heap/local.rs", "self.take_recent(at, address) || self.was_recent(at, address)", "self.take_recent(at, address) || self.was_recent(at, address) || true", heap("blocks_freed")),
    ("heap: the profiler's own blocks are the caller's", "heap/hooks.rs", "    if thread::is_inside() {", "    if false && thread::is_inside() {", COLUMNS),
    ("a former call's block is the next one's", "heap/captured/blocks.rs",
     "            && call.generation.load(Ordering::Relaxed) == self.generation\n"
     "            && (cell.known.load(Ordering::Acquire) >> 32) as u32 == self.generation;", ";", COLUMNS),
    ("a report's counts go on from the last call", "heap/captured/mod.rs",
     "            counter.store(0, Ordering::Relaxed);\n        }\n        self.slot",
     "            let _ = counter;\n        }\n        self.slot", COLUMNS),
    ("realloc frees nothing of a report's", "heap/hooks.rs",
     "        let owners = free_captured(id, address, size);\n",
     "        let owners = Owners::default();\n        let _ = size;\n", COLUMNS),
    ("blocks are of the innermost report only", "heap/captured/mod.rs",
     "            depth += 1;\n", "            return;\n", COLUMNS),
    ("frees are of the innermost report only", "heap/captured/blocks.rs",
     "    for depth in 0..=DEEPEST.load(Ordering::SeqCst) {\n        let owner", "    for depth in 0..1 {\n        let owner", COLUMNS),
    ("a private path in the heap's records", "heap/hooks.rs",
     "if captured::are_in_use() { captured::home(path) } else { path }", "path", COLUMNS),
    ("an inner call that is over hides the outer one", "heap/captured/blocks.rs",
     "let Some(owner) = owner else { continue };", "let Some(owner) = owner else { break };", COLUMNS),
    ("displaced owners are lost", "heap/captured/blocks.rs",
     "            if moves {", "            if moves && home == gap {", COLUMNS),
    ("recursion holds its blocks twice", "stats/totals.rs",
     "            totals.cumulative_heap.add(heap);\n        }\n        self.depth",
     "        }\n        totals.cumulative_heap.add(heap);\n        self.depth", TOTALS),
    ("functions that only hold blocks in python's text", "stats/mod.rs",
     "            Style::Pstats => self.called_only(),", "            Style::Pstats => None,", TOTALS),
    ("live sorts by all bytes", "stats/sort.rs",
     "Self::LiveBytes => own.live_bytes(),", "Self::LiveBytes => own.allocated_bytes,", TOTALS),
    ("heap: reset forgets live blocks", "snapshot.rs", "allocations: now.allocations - before.frees.min(now.allocations),", "allocations: now.allocations - before.allocations.min(now.allocations),", COLUMNS),
    ("heap: older blocks that are moved are not counted", "heap/hooks.rs", "        _ if plan.keeps_every_block() => add(&local.older_frees, 1),\n", "", program("midlife")),
    ("heap: blocks that were not sampled are older ones", "heap/hooks.rs", "    if plan.keeps_every_block() {\n        add(&local.older_frees, 1);", "    if plan.keeps_blocks() {\n        add(&local.older_frees, 1);", program("intervals")),
    ("heap: a frame of ours is kept", "heap/hooks.rs", "const OWN_FRAMES: usize = 3;", "const OWN_FRAMES: usize = 2;", program("frames")),
    ("heap: a frame more than was asked for", "heap/hooks.rs", "let asked = plan.frames() + OWN_FRAMES;", "let asked = (plan.frames() + OWN_FRAMES + 1).min(MOST_FRAMES);", program("frames")),
    ("heap: copies of a sample stand for themselves", "heap/hooks.rs", "(bytes as f64 * blocks).round() as u64", "(bytes as f64 * blocks.min(1.0)) as u64", program("copies")),
    ("heap: alignments are not told apart", "heap/hooks.rs", "align_log2: layout.align().trailing_zeros() as u8,", "align_log2: 3,", program("aligned")),
    ("heap: counters know nothing of late frees", "heap/hooks.rs", "else { return tallies::count_unplaced(layout.size(), true) };", "else { return };", program("counters")),
    ("heap: zeroed by hand", "heap/tracker.rs", "        let block = unsafe { self.inner.alloc_zeroed(layout) };", "        let block = unsafe { self.inner.alloc(layout) };\n        if !block.is_null() {\n            unsafe { block.write_bytes(0, layout.size()) };\n        }", program("zeroed")),
    ("heap: blocks aligned to 8 are not kept", "heap/live.rs", '"x86_64") { 3 } else', '"x86_64") { 4 } else', program("inner")),
    ("heap: a rate is another's", "heap/sampler.rs", "    (1..=u8::MAX).min_by(|a, b| far(a).total_cmp(&far(b))).unwrap_or(1)", "    let _ = far;\n    RATE[255].store(rate, Relaxed);\n    255", program("rates")),
    ("heap: a block that stayed is another recording's", "heap/recording.rs", "        self.keeps_blocks() && self.generation() == generation", "        self.keeps_blocks() && generation > 0", program("meddling")),
    ("heap: a moved block settles in another recording", "heap/hooks.rs", "Some((id, generation)) if generation == plan.generation() => {", "Some((id, generation)) if generation > 0 => {", program("meddling")),
    ("heap: handlers of others wait for a fork", "heap/recording.rs", "local::current().and_then(local::Local::enter));", "None::<local::Busy<'static>>);", program("forks")),
    ("heap: who is gone after a fork stays busy", "heap/local.rs", "        local.busy.store(false, Ordering::Relaxed);\n        local.taken", "        local.taken", program("forks")),
    ("heap: an interval supposes that none was missed", "heap/interval.rs", "gamma_quantile(Z, sum + rate, variance + rate * rate)", "gamma_quantile(Z, sum, variance)", program("intervals")),
    ("heap: the variance is that of blocks, not of samples", "heap/sampler.rs", "x * x * (1.0 - p) / (p * p) * VARIANCE_UNIT", "x * x * (1.0 - p) / p * VARIANCE_UNIT", program("intervals")),
    ("heap: the line is that behind the call", "heap/making.rs", "let inside = address.wrapping_sub(1);", "let inside = address;", program("python")),
    ("heap: no memory is no stacks", "heap/recording.rs", "let full = memory::cap_reached() > 0;", "let full = false;", program("variables")),
    ("heap: the limit is not read", "heap/at_exit.rs", "        recording::set_memory_limit(bytes);", "        let _ = bytes;", program("variables")),
    ("heap: the blocks of a panic's thread are lost", "heap/tally.rs", "        self.freed_bytes.store(reading.freed_bytes, Relaxed);", "        self.freed_bytes.store(reading.freed_bytes & !1, Relaxed);", program("panics")),
    ("heap: frees elsewhere are not counted", "heap/hooks.rs", "            local.lines().of(id).free(1, size as u64, local.is_recent(address));", "            if local.is_recent(address) {\n                local.lines().of(id).free(1, size as u64, true);\n            }", program("elsewhere")),
    ("heap: stop keeps what was sampled and counted", "heap/recording.rs", "    local::each().for_each(local::Local::clear);\n", "", program("again")),
    ("heap: in place is not moved", "heap/hooks.rs", "    } else if plan.keeps_every_block() || known.0.is_some() {", "    } else if from != to && (plan.keeps_every_block() || known.0.is_some()) {", program("reallocs")),
    ("heap: zeroed blocks go unseen", "heap/tracker.rs", "            return self.allocate_zeroed_recorded(layout);", "            return unsafe { self.inner.alloc_zeroed(layout) };", program("zeroed")),
    ("heap: the resident set is in thousands", "heap/process.rs", "parse::<u64>().ok()?.checked_mul(1024)", "parse::<u64>().ok()?.checked_mul(1200)", program("c_library")),
    ("nursery: another thread's blocks are not found", "heap/live.rs", "        None => nursery::find(address).map(Young::remove),", "        None => None,", program("elsewhere")),
    ("nursery: a region is everybody's", "heap/nursery.rs", "there if !there.is_null() => false,", "there if !there.is_null() => true,", program("sixteen")),
    ("nursery: stop keeps the blocks", "heap/local.rs", "        self.nursery.clear();\n", "", program("again")),
    ("nursery: a thread's end takes its blocks along", "heap/local.rs", "self.nursery.leave();", "self.nursery.clear();", program("elsewhere")),
    ("nursery: who has to move on is forgotten", "heap/nursery.rs", "if !self.move_on(slot) {\n            return false;", "if false {\n            return false;", program("random_operations")),
    ("nursery: an open report hears of no free", "heap/quick.rs", "if captured::are_open() {", "if false && captured::are_open() {", COLUMNS),
    ("nursery: nothing is set aside at a peak", "heap/tally.rs", "self.is_of(id) && self.epoch.load(Relaxed) == EPOCH.load(Relaxed)", "self.is_of(id)", heap("what_was_live")),
    ("heap: the thread's highest does not rise", "heap/tallies.rs", "let high = self.high.load(Relaxed) - room;", "let high = self.high.load(Relaxed);", program("random_operations")),
    ("walker: what follows the call is looked up", "heap/walker/table.rs", "self.find(back.wrapping_sub(1))", "self.find(back)", WALKER),
    ("walker: rbp is a word off", "heap/walker/frame.rs", "rbp = unsafe { read(rsp - below) };", "rbp = unsafe { read(rsp - below - WORD) };", WALKER),
    ("walker: a function's end is not one", "heap/walker/table.rs", "            add(end, rule::NONE);", "            let _ = end;", WALKER),
    ("walker: long rules are none", "heap/walker/table.rs", "shorten(long, &mut self.long_rules)", "long.short().unwrap_or(rule::NONE)", WALKER),
    ("walker: the cache answers for other addresses", "heap/walker/table.rs", "        if cached >> rule::BITS == (back >> CACHE_BITS) as u64 {", "        if cached >> rule::BITS != 0 {", WALKER),
    ("walker: known by the return address alone", "heap/walker/frame.rs", "self.rsp == other.rsp && self.back == other.back && (", "self.back == other.back && (", WALKER),
    ("walker: no frame needs its rbp", "heap/walker/frame.rs", "(self.rbp == other.rbp || !self.needs_rbp)", "(self.rbp == other.rbp || true)", FRAMES),
    ("walker: rbp is needed by the next step alone", "heap/walker/frame.rs", "frame.needs_rbp |= is_kept && outer.needs_rbp;", "let _ = is_kept;", FRAMES),
    ("walker: as many frames are the same frames", "heap/walker/memo.rs", "&& (0..found).all(|inner| *out.add(inner) == (*frames.add(inner)).back);", ";", heap("stacks_that_take_turns")),
    ("walker: a longer stack is the same", "heap/walker/memo.rs", "if is_same && found == known {", "if is_same {", WALKER),
    ("heap: a thread takes another's stacks for its own", "heap/local.rs", "            local.forget_known();\n", "", heap("a_thread_does_not")),
    ("heap: a stack that nobody counted is none", "heap/hooks.rs", "    if stack != walker::UNCOUNTED {", "    {\n        let stack = if stack == walker::UNCOUNTED { NO_STACK } else { stack };", heap("paths_do_not")),
    ("heap: another stack has the same number", "heap/walker/memo.rs", "self.number.set(self.number.get() + 1);", "self.number.set(1);", heap("stacks_that_take_turns")),
    ("walker: what leads outwards is not looked at", "heap/walker/memo.rs", "while from > inside + 1 && (*frames.add(from - 1)).is_unchanged() {", "while from > inside + 1 {", WALKER),
    ("walker: the frames kept are one off", "heap/walker/memo.rs", "let from = self.first.get() + known;", "let from = self.first.get() + known - (known > 1) as usize;", WALKER),
    ("walker: reads past the stack's end", "heap/walker/frame.rs", "if rsp > end || rsp == 0 {", "if rsp == 0 {", WILD),
    ("walker: rbp is taken at its word", "heap/walker/frame.rs", " && self.rbp.wrapping_sub(self.rsp) <= end - self.rsp", "", WILD),
    ("walker: registers saved outside of the frame are read", "heap/walker/frame.rs", "(is_outwards && is_in_frame)", "is_outwards", WILD),
    ("walker: another stack is taken for the thread's", "heap/walker/stack.rs", "    if (low..high).contains(&rsp) { high } else { end_elsewhere(rsp) }", "    if high > 1 { high } else { end_elsewhere(rsp) }", WILD),
    ("walker: prepared once for ever", "heap/walker/table.rs", "known.generation == generation", "known.generation != (0, 0)", LIBRARIES),
    ("types: the name of a merged function is believed", "heap/types/search.rs", "before == family && name", "false && before == family && name", TYPES),
    ("types: what an element clones is its container's", "heap/types/search.rs", 'name != "clone" &&', "", TYPES),
    ("types: the block's layout is not looked at", "heap/types/mod.rs", "layout::agrees(&owner, align, size).then(", "(layout::agrees(&owner, align, size) || true).then(", TYPES),
    ("types: merged calls are called as what they call", "heap/types/search.rs", "None | Some(Owner::Elements(_)) if is_merged", "None if is_merged", TYPES),
    ("types: a stack that is cut off is believed", "heap/types/search.rs", "        Found::Nothing\n    }", "        self.owner.map_or(Found::Nothing, Found::Owner)\n    }", TYPES),
    ("types: an Arc is a box", "heap/types/containers.rs", '["ArcInner", "RcInner", "RcBox"]', '["RcInner", "RcBox"]', TYPES),
    ("types: sets are maps", "heap/types/owner.rs", 'Some([key, "()"])', 'Some([key, "none"])', TYPES),
    ("types: a dependency is machinery", "heap/origin.rs", "Place::Crate(..) => false", "Place::Crate(..) => true", TYPES),
    ("heap at exit: nobody asks before main", "heap/before_main.rs", "if is_set(VARIABLE) ||", "if", HEAP_EXIT),
    ("heap at exit: files where the program has gone to", "environment.rs", "std::path::absolute(&file).unwrap_or_else(|_| PathBuf::from(&file))", "PathBuf::from(&file)", HEAP_EXIT),
    ("heap at exit: the report is in the report", "heap/at_exit.rs", "let _quiet = local::Quiet::enter();", "", HEAP_EXIT),
    ("heap at exit: forked children report", "exit.rs", "    if is_forked() {", "    if false && is_forked() {", HEAP_EXIT),
    ("heap at exit: nobody says why there are no names", "heap/at_exit.rs", "if let Some(problem) = problem {", "if let Some(problem) = problem.filter(|_| false) {", HEAP_EXIT),
    ("heap at exit: paths without calls", "control.rs", "begin(environment) && !environment.off", "begin(environment) && false", HEAP_EXIT),
    ("heap at exit: nobody says that it was stopped", "heap/at_exit.rs", "if BEGUN.load(Ordering::Relaxed) {", "if false {", HEAP_EXIT),
    ("naming: what the program does before main comes first", "heap/naming/child.rs", '".init_array.00101"', '".init_array"', child("the_child_compares")),
    ("naming: the child goes on to main", "heap/naming/child.rs", "libc::_exit(0) }", "libc::getpid() };", child("a_child_that_nobody")),
    ("naming: files stay open", "heap/naming/child.rs", "3 as libc::c_uint", "900 as libc::c_uint", child("the_first_to_go")),
    ("naming: the child is not the first to go", "heap/naming/child.rs", '"1000"', '"0"', child("the_first_to_go")),
    ("naming: the child is asked to report", "heap/naming/parent.rs", "command.env_remove(name);", "let _ = name;", child("the_first_to_go")),
    ("naming: the child is left behind", "heap/naming/parent.rs", "let _ = self.0.kill();", "", child("misbehaves")),
    ("naming: nobody collects the child", "heap/naming/parent.rs", "    worker.end(result.is_ok());", "    std::mem::forget(worker);", child("the_child_names")),
    ("naming: reading takes any time", "heap/naming/parent.rs", "self.stream.set_read_timeout(Some(self.left()?))?;", "self.left()?;", child("misbehaves")),
    ("naming: writing takes any time", "heap/naming/parent.rs", "self.stream.set_write_timeout(Some(self.left()?))?;", "self.left()?;", child("misbehaves")),
    ("naming: half an answer is one", "heap/naming/protocol.rs", "0 => Err(io::ErrorKind::UnexpectedEof.into()),", "0 => Ok(0),", PROTOCOL),
    ("naming: an answer has any length", "heap/naming/protocol.rs", "u64::from(length) > self.allowed", "u64::from(length) > LONGEST", PROTOCOL),
    ("naming: types are left out", "heap/naming/snapshot.rs", "        self.classify();\n", "", child("the_child_names")),
    ("naming: this process names", "heap/naming/remote.rs", "        if named.frames.len() != self.frames.len()", "        self.name_here()?;\n        let ballast = vec![1u8; 17 << 20];\n        assert!(ballast.iter().all(|byte| *byte == 1));\n        if named.frames.len() != self.frames.len()", LARGE),
    ("naming: any build will do", "heap/naming/snapshot.rs", "    if id != module.build_id {", "    if id.len() != module.build_id.len() {", offline("another_build")),
    ("naming: a given file of any build will do", "heap/naming/snapshot.rs", "module.build_id == id)", "module.build_id.len() == id.len())", offline("another_build")),
    ("naming: libraries' names are names enough", "heap/naming/snapshot.rs", "frame.module == Some(main) && !frame.sources.is_empty()", "!frame.sources.is_empty()", offline("stripped")),
    ("naming: the file at the path is this program's", "heap/naming/snapshot.rs", "for path in [Path::new(THIS_PROGRAM), Path::new(&module.path)]", "for path in [Path::new(&module.path)]", offline("replaced")),
    ("naming: lines of the call are the callee's", "heap/naming/symbols.rs", "at = (scope.call_file, scope.call_line);", "", NAMES),
    ("naming: line tables alone give no paths", "heap/naming/symbols.rs", "Some(source) => source.symbol = name,", "Some(_) => {}", NAMES),
    ("naming: any symbol is a function's", "heap/naming/symbol_table.rs", "    own == before_generics(function) ||", "    own.len() < 99 || own == before_generics(function) ||", PROTOCOL),
    ("heap: the content of files is not given back", "heap/process.rs", "self.cache.unwrap_or(0)", "self.cache.map_or(0, |_| 0)", ["-p", "profile-cost-runtime", "--lib", "heap::process"]),
    ("http: clients make as many names as they like", "http/tower/names.rs", "if self.len >= most {", "if self.len > most + 1_000_000 {", requests("names")),
    ("http: requests that match no route are named by their path", "http/tower/layer.rs", "matched(request.extensions())),", "matched(request.extensions()).or(Some(request.uri().path()))),", requests("names")),
    ("http: fast requests are reported as well", "http/tower/layer.rs", ".over_ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);", ".over_ns = u64::try_from(duration.as_nanos() * 0).unwrap_or(u64::MAX);", requests("slow")),
    ("http: a request that has ended stays under way", "http/requests.rs", "slots.slots[index as usize] = None;", "let _ = index;", requests("requests")),
    ("http: what is given up is waited for all the same", "http/tower/pool.rs", "if let Stage::Waiting(..) = was {", "if let (Stage::Waiting(..), false) = (was, true) {", ["-p", "profile-cost-runtime", "--lib", "http::tower"]),
    ("http: the authority is not asked for the host", "http/tower/service.rs", "if name == HOST.as_str()", "if name == HOST.as_str() && name.is_empty()", requests("mounted")),
    ("http: a thousandth of the requests is not counted", "http/tower/layer.rs", "let Some(name) = name else {", "static ALL: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);\n        let Some(name) = name.filter(|_| ALL.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 1000 != 0) else {", requests("soak")),
    ("http: a while has what was before", "http/heap/pprof.rs", "new.since(old)", "new", go("while")),
    ("http: Go is told another default", "http/heap/pprof.rs", '"allocs", "alloc_space"', '"allocs", "inuse_space"', go("token")),
    ("page: the smallest first", "render/html/table.js", "(sort.down ? values[b] - values[a] : values[a] - values[b])", "(values[a] - values[b])", PAGE),
    ("page: names are sorted as they came", "render/html/table.js", "(model.rank[a] - model.rank[b])", "(a - b)", PAGE),
    ("page: a filter knows its own case only", "http/page/heap.js", "(row.name ?? row.key).toLowerCase().includes(lower)", "(row.name ?? row.key).includes(lower)", PAGE),
    ("page: newer functions lose the focus", "render/html/table.js", "if (rows.has(again)) rows.get(again).focus({ preventScroll: true });", "", PAGE),
    ("page: newer rows of the heap are closed", "http/page/list.js", "      rows = newRows;\n", "      rows = newRows;\n      open.clear();\n", PAGE),
    ("page: newer figures undo the search", "render/html/view.js", "  table.show(state.model);\n", "  table.show(state.model);\n  $(\"query\").value = \"\";\n", PAGE),
    ("page: newer figures choose the metric", "render/html/view.js", "if (!metrics.some(metric => metric.id === state.metric)) state.metric =", "state.metric =", PAGE),
    ("page: a metric is chosen and another shown", "render/html/view.js", "const metric = metrics.find(m => m.id === state.metric);\n  $", "const metric = metrics[0];\n  $", PAGE),
    ("page: Stop forgets", "http/page/recordings.js", 'run("stop", {}))', 'run("reset", {}))', PAGE),
    ("page: Reset asks nothing", "http/page/recordings.js", 'if (made.classList.contains("sure"))', "if (timer === 0)", PAGE),
    ("page: a recording has no end", "http/page/recordings.js", "sent: () => ({ duration: time.value }),", "sent: () => ({}),", PAGE),
    ("page: names are markup", "render/html/units.js", "element.textContent = text", "element.innerHTML = text", PAGE),
    ("page: what has grown has shrunk", "http/page/heap.js", "growth: row.bytes - old.bytes,", "growth: old.bytes - row.bytes,", PAGE),
    ("page: what has shrunk has grown", "http/page/heap.js", "n < 0 ? `\\u2212${text(-n)}`", "n < 0 ? `+${text(-n)}`", PAGE),
    ("page: what has gone has come", "http/page/heap.js", "growth: -old.bytes,", "growth: old.bytes,", PAGE),
    ("page: estimates pass for exact", "http/page/heap.js", "(row.isEstimate ? `~${text}` : text)", "text", PAGE),
    ("page: the outermost call's age for the innermost's", "http/page/inflight.js", "age: thread.stack.at(-1)?.age ?? null", "age: thread.stack[0]?.age ?? null", PAGE),
    ("page: one waits where many do", "http/page/answers.js", "count: numberOr(group.count, 1)", "count: 1", PAGE),
    ("page: others are asked", "http/page/page.js", '$("host").textContent = location.host;', '$("host").textContent = location.host;\nnew Image().src = "https://example.invalid/";', PAGE),
    ("page: others may be asked", "http/page.rs", "connect-src 'self'", "connect-src *", PAGE),
    ("page: the token is in the address", "http/page/ask.js", "  const headers = token.value", '  if (token.value) url.searchParams.set("token", token.value);\n  const headers = token.value', PAGE),
    ("page: the token outlives the tab", "http/page/ask.js", "if (value) sessionStorage.setItem(this.name, value);", "if (value) localStorage.setItem(this.name, value), sessionStorage.setItem(this.name, value);", PAGE),
    ("page: old figures pass for new", "http/page/status.js", 'toggle("is-stale", troubles.size > 0)', 'toggle("is-stale", false)', PAGE),
    ("page: asked though it is to be by hand", "http/page/refresh.js", "chosen > 0 ? Math.max(chosen, 4 * took) : 0", "Math.max(chosen, 4 * took, 500)", PAGE),
    ("whole: the call stands before inner attributes", WHOLE + "splice/calls.rs", "let first = body.stmts.first().map_or(braces.close(), |statement| statement.span());\n    first.byte_range().start", "braces.open().byte_range().end", spliced("inner_attributes")),
    ("whole: futures borrow what they should take", WHOLE + "splice/calls.rs", "{open}async move {{", "{open}async {{", spliced("async_fn")),
    ("whole: names of methods are those of functions", WHOLE + "splice/calls.rs", 'if self.is_method { "method" }', 'if self.is_method && false { "method" }', spliced("says_self")),
    ("whole: a site for each future", WHOLE + "splice/calls.rs", "        1 => site.make(),", "        _ if true => site.make(),", spliced("async_blocks")),
    ("whole: a lower recursion limit stays", WHOLE + "splice/calls.rs", "limit < RECURSION_LIMIT", "limit > RECURSION_LIMIT", spliced("recursion_limit")),
    ("whole: const fn gets a call", WHOLE + "splice.rs", "if sig.constness.is_some() {", "if false && sig.constness.is_some() {", spliced("no_clock")),
    ("whole: allocators get calls", WHOLE + "splice.rs", 'name == "GlobalAlloc"', 'name == "Global"', spliced("no_clock")),
    ("whole: what is annotated is counted twice", WHOLE + "splice.rs", "Some(Marked::Measured) => return Some(Why::Annotated),", "Some(Marked::Measured) => {}", spliced("counted_twice")),
    ("whole: what awaits may be small", WHOLE + "splice.rs", "is_small && !is_entry && !futures::awaits(sig, block)", "is_small && !is_entry", spliced("never_small")),
    ("whole: edition 2015 has leading colons", WHOLE + "splice.rs", "if self.options.edition_2015 {", "if false && self.options.edition_2015 {", spliced("edition_2015")),
    ("whole: attributes are not the function's", WHOLE + "splice.rs", "let first = first_token(attrs, vis, sig).start().line;", "let first = line.min(first_token(attrs, vis, sig).start().line + 99);", spliced("those_of_the_item")),
    ("whole: a type holds for all that follows", WHOLE + "splice.rs", "        (self.owner, self.marked, self.in_allocator) = around;\n", "        self.marked = around.1; self.in_allocator = around.2;\n", spliced("those_of_reports")),
    ("whole: loops are small", WHOLE + "splice/sizes.rs", "is_short && !has_loop(body)", "is_short && (!has_loop(body) || true)", spliced("unless_they_loop")),
    ("whole: a size is that of all braces", WHOLE + "splice/sizes.rs", "            total += inside;\n", "", spliced("small_functions")),
    ("whole: join! does not wait", WHOLE + "splice/futures.rs", '["join", "try_join", "select", "select_biased"]', '["a", "b", "c", "d"]', spliced("never_small")),
    ("whole: a closure's return is the function's", WHOLE + "splice/futures.rs", "            Expr::Closure(_) | Expr::Async(_) => {}\n            Expr::Return", "            Expr::Async(_) => {}\n            Expr::Return", spliced("async_blocks")),
    ("whole: offsets forget the first line", WHOLE + "splice/edits.rs", "            done = range.end + base;", "            done = range.end;", spliced("files_beginning")),
    ("whole: a condition's not is lost", WHOLE + "condition.rs", "!part.holds(settings)", "part.holds(settings)", spliced("condition")),
    ("whole: cfg of what is not cfg", WHOLE + "condition.rs", 'if name != "cfg" ||', 'if', spliced("condition")),
    ("whole: features are all settings", WHOLE + "unit.rs", """strip_prefix("feature=\\"")?""", """strip_prefix("")?""", spliced("features")),
    ("whole: a flag's first value", WHOLE + "unit.rs", "let pairs = self.arguments.iter().enumerate().rev();", "let pairs = self.arguments.iter().enumerate();", spliced("unit::")),
    ("whole: functions called by what is counted and timed", WHOLE + "advice.rs", "if row.untimed > 0 && name", "if name", spliced("advice")),
    ("whole: advice for nothing", WHOLE + "advice.rs", "cost < MUCH * all", "cost < 0.0 * all", spliced("advice")),
    ("whole: plans in use are removed", WHOLE + "home.rs", "if used.try_lock().is_ok()\n            && let", "if let", spliced("home")),
    ("whole: the newest plans are removed", WHOLE + "home.rs", "others.sort_by_key(|path| std::cmp::Reverse(last_use(path)));", "others.sort_by_key(|path| last_use(path));", spliced("home")),
]


def main():
    wanted = BUGS if not sys.argv[1:] or sys.argv[1] == "part" else BUGS + SLOW
    if sys.argv[1:2] == ["part"]:
        wanted = wanted[int(sys.argv[2]) % 4 :: 4]
    elif sys.argv[1:] not in ([], ["all"]):
        wanted = [bug for bug in wanted if any(name in bug[0] for name in sys.argv[1:])]
    # Of all bugs, also of those that are not planted now: a place that has moved is known at once.
    for name, file, there, *_ in BUGS + SLOW:
        count = (ROOT / "profile-runtime" / "src" / file).read_text().count(there)
        if count != 1:
            sys.exit(f"{name}: stands {count} times in {file}: {there}")
    if SCRATCH.exists():
        shutil.rmtree(SCRATCH)
    ignore = shutil.ignore_patterns("target", ".git", "profile-cost-out")
    # With new dates: what the last run built may hold a bug, and must not pass for up to date.
    shutil.copytree(ROOT, SCRATCH, symlinks=True, ignore=ignore, copy_function=shutil.copy)
    build = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target" / "mutants-build"))
    environment = dict(os.environ, ASYNC_ORACLE_SEEDS="300", PROFILE_COST_TEST_LIMIT="90", CARGO_TARGET_DIR=build)

    def test(arguments, limit):
        """The output, and whether the test failed or took longer than `limit` seconds."""
        command = ["cargo", "test", "--quiet", *arguments]
        process = subprocess.Popen(command, cwd=SCRATCH, env=environment, text=True, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        try:
            output, _ = process.communicate(timeout=limit)
            return output, process.returncode != 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.communicate()[0], True

    # One run of each test program, of all the tests that are needed of it.
    programs = {}
    for *_, arguments in wanted:
        at = arguments.index("--") if "--" in arguments else len(arguments)
        programs.setdefault(tuple(arguments[:at]), set()).update(arguments[at + 1:])
    for program, names in programs.items():
        output, failed = test([*program, "--", *sorted(names)], 1200)
        if failed:
            sys.exit("a test fails without any bug:\n" + output)
    noticed = 0
    for name, file, there, planted, arguments in wanted:
        path = SCRATCH / "profile-runtime" / "src" / file
        source = path.read_text()
        path.write_text(source.replace(there, planted))
        # A test of threads that race may need more than one try to meet the bug.
        for tries in range(1, 4):
            output, failed = test(arguments, 120)
            if failed:
                break
        path.write_text(source)
        if "could not compile" in output:
            print(f"does not compile: {name}\n{output}", flush=True)
            continue
        noticed += failed
        print(f"{'noticed' if failed else 'NOT NOTICED':12} {name}{f' (try {tries})' * (tries > 1)}", flush=True)
    print(f"{noticed} passed, {len(wanted) - noticed} failed")
    return noticed != len(wanted)


if __name__ == "__main__":
    sys.exit(main())
