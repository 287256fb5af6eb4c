#!/usr/bin/env python3
"""Plants bugs in the recording engine, one at a time in a scratch copy, and shows that a test notices each.

    tests/mutants.py [NAME ..]      all of them, or those whose name contains a NAME

A bug is a replacement of one piece of source, which must stand there exactly once: whoever changes the code
changes the bug with it. Exit status 1 when a bug goes unnoticed. Takes some minutes: each bug is a build.
"""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCRATCH = ROOT / "target" / "mutants"
ASYNC_ORACLE = ["-p", "profile-cost-runtime", "--lib", "async_oracle"]
ORACLE = ["-p", "profile-cost", "--test", "oracle"]

FUTURE, GUARD, CONTEXT, COUNTERS = "future.rs", "guard.rs", "context.rs", "counters.rs"

# (name, file, what stands there, what shall stand there, the test that must fail)
BUGS = [
    ("no restore on Pending", FUTURE,
     "self.block.switch(self.back, now);",
     "self.block.switch(if self.outcome == Outcome::Pending { counters } else { self.back }, now);", ASYNC_ORACLE),
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
    ("suspended from the poll's beginning", FUTURE, "asyncs.suspend(now);", "asyncs.suspend(entered);", ASYNC_ORACLE),
    ("suspended until the call itself is polled", FUTURE,
     "segment.start.get().saturating_sub(from)", "now.saturating_sub(from)", ASYNC_ORACLE),
    ("rest of the task's turn counted twice", FUTURE,
     "if same_task && next_turn { self.left.max(segment.left.get()) } else { self.left }",
     "if same_task && next_turn { self.left } else { self.left }", ASYNC_ORACLE),
    ("only first polls counted", FUTURE,
     "if self.outcome != Outcome::Dropped {",
     "if self.outcome != Outcome::Dropped && self.call.start == entered {", ASYNC_ORACLE),
    ("busy charged to the caller", FUTURE, "block.switch(counters, now);", "block.switch(back, now);", ASYNC_ORACLE),
    ("start counted at each poll", FUTURE,
     "        block.switch(counters, now);",
     "        if resumed.is_some() { block.counters_of(self.path).start(); }\n        block.switch(counters, now);", ASYNC_ORACLE),
    ("counters of the old thread", FUTURE,
     "                if !ptr::eq(thread::block(), self.home.block) {\n                    self.move_home()?;\n                }\n                Some",
     "                Some", ASYNC_ORACLE),
    ("longest poll is the last", COUNTERS,
     "} else if ticks > self.longest_poll.load(Ordering::Relaxed) {", "} else {", ASYNC_ORACLE),
    ("elapsed from the last poll", FUTURE,
     "now.saturating_sub(self.call.start)", "now.saturating_sub(entered)", ASYNC_ORACLE),
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
    ("folded calls counted as primitive", "block.rs",
     "            counters.fold();\n            return Some(counters);", "            return Some(counters);", ORACLE),
]


def main():
    wanted = [bug for bug in BUGS if not sys.argv[1:] or any(name in bug[0] for name in sys.argv[1:])]
    if SCRATCH.exists():
        shutil.rmtree(SCRATCH)
    ignore = shutil.ignore_patterns("target", ".git", "profile-cost-out")
    shutil.copytree(ROOT, SCRATCH, ignore=ignore)
    environment = dict(os.environ, ASYNC_ORACLE_SEEDS="300", CARGO_TARGET_DIR=str(ROOT / "target" / "mutants-build"))

    def test(arguments):
        command = ["cargo", "test", "--quiet", *arguments]
        return subprocess.run(command, cwd=SCRATCH, env=environment, capture_output=True, text=True)

    for arguments in (ASYNC_ORACLE, ORACLE):
        if any(bug[4] is arguments for bug in wanted) and (ran := test(arguments)).returncode != 0:
            sys.exit("the test fails without any bug:\n" + ran.stdout + ran.stderr)
    noticed = 0
    for name, file, there, planted, arguments in wanted:
        path = SCRATCH / "profile-runtime" / "src" / file
        source = path.read_text()
        if source.count(there) != 1:
            sys.exit(f"{name}: stands {source.count(there)} times in {file}: {there}")
        path.write_text(source.replace(there, planted))
        ran = test(arguments)
        path.write_text(source)
        if "could not compile" in ran.stderr:
            sys.exit(f"{name}: does not compile\n{ran.stderr}")
        noticed += ran.returncode != 0
        print(f"{'noticed' if ran.returncode else 'NOT NOTICED':12} {name}", flush=True)
    print(f"{noticed} passed, {len(wanted) - noticed} failed")
    return noticed != len(wanted)


if __name__ == "__main__":
    sys.exit(main())
