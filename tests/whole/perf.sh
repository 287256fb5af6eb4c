#!/usr/bin/env bash
# Holds whole-program profiles of published programs to what `perf record` says of the same work, and takes the times of
# both builds: a table on stdout. `perf.sh NAME..`, default: all. Needs the network, perf, addr2line and hyperfine's
# patience, so it is no part of the tests.
#
# PERF_DIR   where programs are built (default: a new folder under $TMPDIR; it stays)
# PERF_INPUT a folder of sources to work on (default: what cargo has downloaded)
# PERF_FLAGS flags of `cargo profile-cost run`, such as --deps (default: the packages that are of one repository with the program, and what does its work)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=${PERF_DIR:-$(mktemp -d)}
sources=${CARGO_HOME:-$HOME/.cargo}/registry/src
input=${PERF_INPUT:-$(ls -d "$sources"/*/ | head -1)}

# Name, version, binary, and its work: one thread each, so that time on a processor and time on the clock are one.
programs() {
    cat <<'END'
ripgrep 15.2.0 rg -j1 --no-ignore -c \w+_[a-z]+\( $input
jaq 3.1.2 jaq -c [.[]|select(.line%2==0)|{name,total:(.self+.calls),up:(.name|ascii_upcase)}]|sort_by(.total)|length $json
tokei 15.0.0 tokei $input
fd-find 10.5.0 fd -j1 -u [a-z]+_[a-z]+\.rs$ $input
oxipng 10.2.1 oxipng -o2 -t1 --stdout $png
xsv 0.13.0 xsv stats $csv
END
}
siblings() {
    case $1 in
    ripgrep) echo grep grep-cli grep-matcher grep-printer grep-regex grep-searcher globset ignore ;;
    # Walks for it.
    fd-find) echo ignore ;;
    jaq) echo jaq-all jaq-core jaq-fmts jaq-json jaq-std ;;
    xsv) echo csv csv-core csv-index ;;
    esac
}
names=("$@")
[ $# -gt 0 ] || mapfile -t names < <(programs | cut -d' ' -f1)

tool=${PERF_TOOL:-}
if [ -z "$tool" ]; then
    (cd "$root" && cargo build --quiet --release -p cargo-profile-cost)
    tool=${CARGO_TARGET_DIR:-$root/target}/release/cargo-profile-cost
fi
unset CARGO_TARGET_DIR
mkdir -p "$work"
json=$work/input.json png=$work/input.png csv=$work/input.csv
python3 - "$json" "$png" "$csv" <<'END'
import csv, json, struct, sys, zlib
rows = [{"name": f"orders::load_{i * 7919 % 100003}", "line": i % 977, "self": i * 31 % 1009 / 7, "calls": i % 401} for i in range(400_000)]
json.dump(rows, open(sys.argv[1], "w"))
# A picture with edges, slopes and some noise.
side = 900
line = lambda y: bytes(v for x in range(side) for v in (x * y // side & 255, (x ^ y) & 255, 200 if x % 90 < y % 60 else (x * 7 + y * 13) % 97))
chunk = lambda name, held: struct.pack(">I", len(held)) + name + held + struct.pack(">I", zlib.crc32(name + held))
with open(sys.argv[2], "wb") as png:
    png.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)))
    png.write(chunk(b"IDAT", zlib.compress(b"".join(b"\0" + line(y) for y in range(side)), 1)) + chunk(b"IEND", b""))
with open(sys.argv[3], "w", newline="") as table:
    writer = csv.writer(table)
    writer.writerow(["name", "line", "self", "calls", "note"])
    writer.writerows([row["name"], row["line"], row["self"], row["calls"], f"note, {row['calls'] % 7}"] for row in rows)
END

# The program's sources, as published, in a workspace of their own.
fetch() {
    local name=$1 version=$2
    [ -d "$work/$name" ] && return
    mkdir -p "$work/fetch"
    printf '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n[lib]\npath = "lib.rs"\n[workspace]\n[dependencies]\n%s = "=%s"\n' \
        "$name" "$version" >"$work/fetch/Cargo.toml"
    : >"$work/fetch/lib.rs"
    cargo fetch --quiet --manifest-path "$work/fetch/Cargo.toml" >"$work/fetch.log" 2>&1 || { cat "$work/fetch.log"; exit 1; }
    cp -r "$sources"/*/"$name-$version" "$work/$name"
}

# Processor seconds of the plain program and of the profiled one: the least of some runs, in turn, so that what else the
# machine does meets both. The profile is written to $3.
both() {
    python3 - "$@" <<'END'
import os, resource, subprocess, sys
plain, profiled, profile, *arguments = sys.argv[1:]
def seconds(program, **environment):
    def used():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime
    before = used()
    subprocess.run([program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | environment)
    return used() - before
runs = [(seconds(plain), seconds(profiled, PROFILE_COST_WHOLE=profile)) for _ in range(7)]
print(*map(min, zip(*runs)))
END
}

export CARGO_PROFILE_RELEASE_STRIP=none CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_DEBUG=1 RAYON_NUM_THREADS=1
echo "| program | functions measured | time plain | profiled | ratio | hottest ten: rank correlation | share of perf's samples in them |"
echo "|---|---|---|---|---|---|---|"
for name in "${names[@]}"; do
    read -r _ version binary line < <(programs | grep "^$name ")
    fetch "$name" "$version"
    cd "$work/$name"
    read -r -a arguments < <(json=$json png=$png csv=$csv input=$input envsubst <<<"$line")
    cargo build --quiet --release --bin "$binary" --target-dir "$work/$name-plain"
    # The first run has the files read. Several, so that the tenth function too has more than a few samples. Stacks by
    # unwind tables: what libraries are built without frame pointers would hide who called them.
    "$work/$name-plain/release/$binary" "${arguments[@]}" >/dev/null 2>&1 || true
    # shellcheck disable=SC2016
    perf record --quiet -F 999 -e cpu-clock --call-graph dwarf,8192 -o "$work/$name.perf" \
        sh -c 'for _ in 1 2 3 4 5; do "$@"; done' sh "$work/$name-plain/release/$binary" "${arguments[@]}" >/dev/null 2>&1 || true
    flags=${PERF_FLAGS-$(siblings "$name" | sed 's/[^ ]\+/--crate &/g')}
    # shellcheck disable=SC2086
    "$tool" run --release --quiet $flags --bin "$binary" -- "${arguments[@]}" >/dev/null 2>"$work/$name.report" || true
    profiled=$(ls -t target/profile-cost/*/build/release/"$binary" target/profile-cost/build/release/"$binary" 2>/dev/null | head -1 || true)
    read -r plain with < <(both "$work/$name-plain/release/$binary" "$profiled" "$work/$name-%p.json" "${arguments[@]}")
    "$tool" report target/profile-cost/latest.json -s time -n 0 --json >"$work/$name.json"
    python3 "$here/perf.py" "$name" "$work/$name-plain/release/$binary" "$work/$name.perf" "$work/$name.json" \
        "$(ls -td target/profile-cost/plan-*/ | head -1)index.json" "$plain" "$with"
done
