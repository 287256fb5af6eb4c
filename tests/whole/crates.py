"""What crates.sh reads from cargo's output: tests and their outcomes, coverage, times; and its table."""

import json
import re
import resource
import subprocess
import sys
from collections import Counter
from pathlib import Path

COLUMNS = ["crate", "version", "kind", "tests", "same results", "functions measured", "not measured", "left out by errors",
           "build, s", "run, s"]


def timed(to, command):
    """Runs it, and writes the processor seconds that it and its children took."""
    code = subprocess.call(command)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    Path(to).write_text(f"{used.ru_utime + used.ru_stime:.3f}\n")
    return code


def version(name, lock):
    print(re.search(rf'^name = "{re.escape(name)}"\nversion = "(.*)"', Path(lock).read_text(), re.M)[1])


def targets(out):
    """The flags that select the test targets that were built."""
    built = set()
    for line in (out / "first.json").read_text().splitlines():
        message = json.loads(line)
        target = message.get("target")
        if message["reason"] != "compiler-artifact" or not message["profile"]["test"]:
            continue
        if "/sources#" not in message["package_id"] and not message["manifest_path"].startswith(str(out)):
            continue
        kind = target["kind"][0]
        kind = kind if kind in ("bin", "test", "example", "bench") else "lib"
        if kind == "lib":
            built.add("--lib")
        elif kind in ("bin", "test"):
            built.add(f"--{kind}={target['name']}")
    for flag in sorted(built):
        print(flag)


def outcomes(text):
    """(target, test) -> outcome; a target's own outcome and counts are under the empty name and `result`."""
    found, target = Counter(), ""
    for line in text.splitlines():
        if running := re.match(r"\s+(Running|Doc-tests) (.*?)(?: \(.*/([^/]+)-[0-9a-f]+\))?$", line):
            target = f"{running[2]} {running[3] or ''}".strip()
            found[target, "", "started"] += 1
        elif test := re.search(r"^test (.+?) \.\.\. (ok|FAILED|ignored)\b", line):
            # Doctests in what a build script made: where it is differs with the wrapper.
            name = re.sub(r"(/build/[^/]+-)[0-9a-f]{16}/", r"\1*/", test[1])
            found[target, name, test[2]] += 1
        elif result := re.match(r"test result: \w+\. (.*?); finished", line):
            found[target, "", result[1]] += 1
        elif failed := re.match(r"\s+`(-.*)`$", line):
            found["", failed[1], "failed"] += 1
    return found


def read(out, name):
    path = out / name
    return path.read_text(errors="replace") if path.exists() else ""


def seconds(out, name):
    return float(read(out, f"{name}.time") or "nan")


def row(name, out, manifest_path):
    manifest_text = Path(manifest_path).read_text()
    value = lambda key: (re.search(rf'^{key}\s*=\s*\[?\s*"([^"]*)"', manifest_text, re.M) or [None, "-"])[1]
    plain = outcomes(read(out, "plain-run.log") + read(out, "plain-doc.log"))
    profiled_text = read(out, "profiled-run.log") + read(out, "profiled-doc.log")
    profiled = outcomes(profiled_text)
    tests = Counter()
    for (_, test, outcome), count in plain.items():
        if test and outcome != "failed":
            tests[outcome] += count
    difference = [f"- {' / '.join(key)}" for key in (plain - profiled)]
    difference += [f"+ {' / '.join(key)}" for key in (profiled - plain)]
    (out / "difference.txt").write_text("".join(f"{line}\n" for line in difference))
    same = "same" if not difference else f"DIFFERENT ({len(difference)})"
    if not sum(tests.values()) and not plain:
        same = "no tests run"
    coverage = re.findall(r"^functions in the sources: (\d+) measured, (\d+) not(?: \((.*)\);)?", profiled_text, re.M)
    # Of the run with most crates in it.
    measured, unmeasured, reasons = max(coverage, key=lambda c: int(c[0]), default=("0", "0", ""))
    reasons = reasons.split(", ") if reasons else []
    errors = [r for r in reasons if r.endswith(" left out")]
    errors += sorted(set(re.findall(r"^note: (\S+) is not measured: .*", profiled_text, re.M)))
    if re.search(r"^\s+Compiling ", read(out, "profiled-run.log"), re.M):
        errors.append("COMPILED TWICE")

    def ratio(what):
        before, after = (seconds(out, f"{kind}-{what}") for kind in ("plain", "profiled"))
        return f"{before:.2f} -> {after:.2f} ({after / max(before, 0.001):.2f})"

    cells = [name, value("version"), value("categories"),
             ", ".join(f"{count} {outcome}" for outcome, count in sorted(tests.items(), key=lambda t: t[0] != "ok")),
             same, f"{measured} of {int(measured) + int(unmeasured)}",
             ", ".join(r for r in reasons if not r.endswith(" left out")), ", ".join(errors) or "none",
             ratio("build"), ratio("run")]
    print(f"| {' | '.join(cells)} |", flush=True)


def main():
    command, *rest = sys.argv[1:]
    match command:
        case "time":
            sys.exit(timed(rest[0], rest[1:]))
        case "version":
            version(*rest)
        case "targets":
            targets(Path(rest[0]))
        case "head":
            print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}", flush=True)
        case "row":
            row(rest[0], Path(rest[1]), rest[2])


main()
