#!/usr/bin/env bash
# Other people's crates with their own tests, plain and under `cargo profile-cost test`: fetches the published
# packages, runs what tests they hold, and prints a table. `crates.sh NAME..`, where a name may say a version and
# features: `tokio@1.48.0+full,test-util`. Default: the crates below, small ones first. Needs the network, so it is no part of the tests.
#
# Both builds begin with the dependencies built and nothing of the package (cargo keeps what is built with another
# wrapper apart, and so all of the package's own code is compiled in both). Packages' own lock files are put away: all
# share the newest versions, built once. Times are processor seconds of cargo and everything it starts, so that what else the machine does counts little; those of a
# run are without doctests, since these are compiled while they run, and the least of three where it is short.
#
# CRATES_DIR     where it all happens (default: a new folder under $TMPDIR); outputs and differences stay, builds do not
# CRATES_TOOL    folder of the tool (default: built from here, in release)
# CRATES_FLAGS   more flags of `cargo profile-cost test`, such as `--min-size 0`
# CRATES_TIMEOUT seconds for each command (default: 900)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=${CRATES_DIR:-$(mktemp -d)}
limit=${CRATES_TIMEOUT:-900}
read -ra flags <<<"${CRATES_FLAGS:-}"

crates=("$@")
[ $# -gt 0 ] || mapfile -t crates < <(grep -v '^#' "$here/crates.txt")

tool=${CRATES_TOOL:-}
if [ -z "$tool" ]; then
    (cd "$root" && cargo build --quiet --release -p cargo-profile-cost)
    tool=$(cd "$root" && cargo metadata --no-deps --format-version 1 |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/release
fi
PATH=$tool:$PATH
export CARGO_TARGET_DIR=$work/target CARGO_TERM_COLOR=never

# Runs cargo with a limit; writes its output to $1.log and what it took to $1.time.
timed() {
    local to=$1
    shift
    python3 "$here/crates.py" time "$to.time" timeout "$limit" "$@" >"$to.log" 2>&1 </dev/null
}

# The package's sources in $folder, a workspace of its own.
fetch() {
    local name=$1 version=$2
    mkdir -p "$out/fetch"
    printf '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n[lib]\npath = "lib.rs"\n[workspace]\n[dependencies]\n%s = { version = "%s", default-features = false }\n' \
        "$name" "$version" >"$out/fetch/Cargo.toml"
    : >"$out/fetch/lib.rs"
    (cd "$out/fetch" && cargo fetch --quiet >"$out/fetch.log" 2>&1) || return 1
    # (`cargo metadata` does not know packages without a library.)
    version=$(python3 "$here/crates.py" version "$name" "$out/fetch/Cargo.lock")
    cp -r "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/"$name-$version" "$folder"
    rm -rf "$out/fetch" "$folder"/Cargo.lock "$folder"/rust-toolchain*
    grep -q '^\[workspace\]' "$folder/Cargo.toml" || printf '\n[workspace]\n' >>"$folder/Cargo.toml"
}

# Builds, runs and runs the doctests by `cargo $@`, into $out/KIND-*.
measure() {
    local kind=$1
    shift
    timed "$out/$kind-build" cargo "$@" --no-run "${built[@]}" || true
    timed "$out/$kind-run" cargo "$@" --no-fail-fast "${targets[@]}" || true
    local again
    for again in 2 3; do
        [ "$(cut -d. -f1 "$out/$kind-run.time")" -lt 5 ] || break
        timed "$out/$kind-again" cargo "$@" --no-fail-fast "${targets[@]}" || true
        sort -g "$out/$kind-run.time" "$out/$kind-again.time" | sed -n 1p >"$out/least"
        mv "$out/least" "$out/$kind-run.time"
    done
    : >"$out/$kind-doc.log"
    [ -z "$has_library" ] || timed "$out/$kind-doc" cargo "$@" --no-fail-fast --doc || true
}

one() {
    local asked=$1 name version=* features=() targets built has_library
    name=${asked%%[@+]*}
    case $asked in *@*) version="=${asked#*@}" && version=${version%%+*} ;; esac
    case $asked in *+*) features=(--features "${asked#*+}") ;; esac
    out=$work/$name
    folder=$out/sources
    rm -rf "$out"
    mkdir -p "$out"
    fetch "$name" "$version" || {
        echo "| $name | cannot be fetched, see $out/fetch.log |"
        return
    }
    cd "$folder"
    # Which targets there are that build: packages as published lack files.
    timeout "$limit" cargo build --tests --keep-going --message-format=json "${features[@]}" \
        >"$out/first.json" 2>"$out/first.log" </dev/null || true
    mapfile -t targets < <(python3 "$here/crates.py" targets "$out")
    [ ${#targets[@]} -gt 0 ] || {
        echo "| $name | does not build plainly, see $out/first.log |"
        return
    }
    has_library=
    case " ${targets[*]} " in *" --lib "*) has_library=yes ;; esac
    # Where all builds, examples are built as well: tests run them.
    built=("${targets[@]}")
    ! timeout "$limit" cargo build --quiet --examples "${features[@]}" >/dev/null 2>&1 </dev/null || built=()
    # (`cargo clean -p` would take other versions of the package with it, which dependencies depend on.)
    find . -name '*.rs' -exec touch {} +
    rm -rf "$CARGO_TARGET_DIR/debug/incremental"
    measure plain test "${features[@]}"
    # No test shall find a plain program where it looks for a profiled one.
    rm -rf "$CARGO_TARGET_DIR/debug/examples"
    find "$CARGO_TARGET_DIR/debug" -maxdepth 1 -type f -delete
    measure profiled profile-cost test "${flags[@]}" "${features[@]}"
    python3 "$here/crates.py" row "$name" "$out" "$folder/Cargo.toml"
    rm -rf "$CARGO_TARGET_DIR/debug/incremental" "$CARGO_TARGET_DIR/profile-cost"
    cd "$work"
    [ -n "${CRATES_KEEP:-}" ] || rm -rf "$folder"
}

# The runtime is compiled once for a compiler: before anything is timed.
warm_up() {
    mkdir -p "$work/warm-up"
    printf '[package]\nname = "warm-up"\nversion = "0.0.0"\n[[bin]]\nname = "warm-up"\npath = "main.rs"\n[workspace]\n' >"$work/warm-up/Cargo.toml"
    echo 'fn main() {}' >"$work/warm-up/main.rs"
    (cd "$work/warm-up" && cargo profile-cost run) >"$work/warm-up/log" 2>&1 || { cat "$work/warm-up/log" >&2; exit 1; }
}

mkdir -p "$work"
warm_up
echo "results in $work" >&2
python3 "$here/crates.py" head
for asked in "${crates[@]}"; do one "$asked" || echo "| $asked | not tried, see $work |"; done
