#!/usr/bin/env bash
# What a profiled debug build costs beside a plain one, dependencies included, each from nothing: the torture workspace and
# published packages. `build-cost.sh [NAME..]`, a table on stdout. Needs the network, so it is no part of the tests.
#
# COST_DIR    where it happens (default: a new folder under $TMPDIR)
# COST_TOOL   the tool's folder (default: built from here, in release)
# COST_ROUNDS rounds; the least of each kind counts (default: 3)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=${COST_DIR:-$(mktemp -d)}
sources=${CARGO_HOME:-$HOME/.cargo}/registry/src
tool=${COST_TOOL:-}
if [ -z "$tool" ]; then
    (cd "$root" && cargo build --quiet --release -p cargo-profile-cost)
    tool=${CARGO_TARGET_DIR:-$root/target}/release
fi
PATH=$tool:$PATH
unset CARGO_TARGET_DIR
names=("$@")
[ $# -gt 0 ] || names=(torture ripgrep hexyl tokei fd-find serde_json)

mkdir -p "$work/fetch"
fetch() {
    [ ! -d "$work/$1" ] || return 0
    if [ "$1" = torture ]; then
        cp -r "$here/torture" "$work/torture"
        return
    fi
    printf '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n[lib]\npath = "lib.rs"\n[workspace]\n[dependencies]\n%s = "*"\n' "$1" \
        >"$work/fetch/Cargo.toml"
    : >"$work/fetch/lib.rs"
    rm -f "$work/fetch/Cargo.lock"
    (cd "$work/fetch" && cargo fetch --quiet) >"$work/fetch.log" 2>&1
    local version
    version=$(grep -A1 "^name = \"$1\"" "$work/fetch/Cargo.lock" | sed -n 's/^version = "\(.*\)"/\1/p')
    cp -r "$sources"/*/"$1-$version" "$work/$1"
    grep -q '^\[workspace\]' "$work/$1/Cargo.toml" || printf '\n[workspace]\n' >>"$work/$1/Cargo.toml"
    (cd "$work/$1" && cargo fetch --quiet)
}

# Seconds on the clock and of processors of one build from nothing.
cost() {
    rm -rf target
    python3 - "$@" <<'END'
import resource, subprocess, sys, time
start = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
took = time.perf_counter() - start
if done.returncode != 0:
    sys.exit(done.stderr.decode(errors="replace"))
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{took:.2f} {used.ru_utime + used.ru_stime:.2f}")
END
}

echo "| workspace | plain: clock, processor | profiled: clock, processor | ratio: clock, processor |"
echo "|---|---|---|---|"
for name in "${names[@]}"; do
    fetch "$name"
    cd "$work/$name"
    : >"$work/times"
    # The runtime is compiled once for a compiler: not counted.
    cargo profile-cost test --no-run --quiet >"$work/$name.log" 2>&1 || { cat "$work/$name.log" >&2; continue; }
    for _ in $(seq "${COST_ROUNDS:-3}"); do
        echo "plain $(cost cargo test --no-run --quiet)" >>"$work/times"
        echo "profiled $(cost cargo profile-cost test --no-run --quiet)" >>"$work/times"
    done
    python3 - "$name" "$work/times" <<'END'
import sys
least = {}
for line in open(sys.argv[2]):
    kind, *times = line.split()
    times = [float(time) for time in times]
    least[kind] = [min(pair) for pair in zip(least.get(kind, times), times)]
(a, b), (c, d) = least["plain"], least["profiled"]
print(f"| {sys.argv[1]} | {a:.2f} s, {b:.2f} s | {c:.2f} s, {d:.2f} s | {c / a:.2f}, {d / b:.2f} |")
END
    rm -rf target
done
