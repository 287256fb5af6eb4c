#!/usr/bin/env bash
# How much of the heap of other people's programs gets a type: fetches them, puts the allocator in, runs them, and prints
# what was live at the peak. `programs.sh NAME..`, default: all of them. Needs the network, so it is no part of the tests.
#
# PROGRAMS_DIR   where they are built (default: a new folder under $TMPDIR, some GB; it stays)
# PROGRAMS_BUILD lines (default: what the README recommends), full (debug = 2) or fat (LTO)
# PROGRAMS_HEAP  mode of recording (default: exact:25)
# PROGRAMS_SHOW  N: also the stacks of the N largest types, and of as much that has none
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=${PROGRAMS_DIR:-$(mktemp -d)}
build=${PROGRAMS_BUILD:-lines}
heap=${PROGRAMS_HEAP:-exact:25}
export PROFILE_COST_HEAP_MEMORY=2GiB

# Programs from the registry: name, version, main file, name of the binary.
applications() {
    cat <<'END'
ripgrep 15.2.0 crates/core/main.rs rg
mini-redis 0.4.1 src/bin/server.rs mini-redis-server
jaq 3.1.2 src/main.rs jaq
mdbook 0.5.4 src/main.rs mdbook
typst-cli 0.15.1 src/main.rs typst
END
}
# Programs of our own around popular libraries: what they need stands in lines that begin with `//@`.
own() { (cd "$here/programs" && ls) | sed 's/\.rs$//'; }

names=("$@")
[ $# -gt 0 ] || mapfile -t names < <(applications | cut -d' ' -f1; own)

sources=${CARGO_HOME:-$HOME/.cargo}/registry/src
table=${CARGO_TARGET_DIR:-$root/target}/release/examples/programs
[ -x "$table" ] && [ "$table" -nt "$here/programs.rs" ] ||
    (cd "$root" && cargo build --quiet --release -p profile-cost-types --example programs)
export CARGO_TARGET_DIR=$work/target-$build CARGO_PROFILE_RELEASE_STRIP=none CARGO_PROFILE_RELEASE_LTO=off
export CARGO_PROFILE_RELEASE_DEBUG=line-tables-only
case $build in
lines) ;;
full) export CARGO_PROFILE_RELEASE_DEBUG=2 ;;
fat) export CARGO_PROFILE_RELEASE_LTO=fat ;;
*)
    echo "PROGRAMS_BUILD is lines, full or fat" >&2
    exit 2
    ;;
esac

# A package that depends on all of the applications makes cargo fetch their sources.
mkdir -p "$work/fetch" "$work/src"
{
    printf '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n[lib]\npath = "lib.rs"\n[workspace]\n[dependencies]\n'
    for name in "${names[@]}"; do applications | sed -n "s/^\($name\) \([^ ]*\) .*/\1 = \"=\2\"/p"; done
} >"$work/fetch/Cargo.toml"
: >"$work/fetch/lib.rs"
# (It warns of packages that are no library.)
cargo fetch --quiet --manifest-path "$work/fetch/Cargo.toml" >"$work/fetch.log" 2>&1 || { cat "$work/fetch.log"; exit 1; }

# Makes the package in $work/src/NAME, with the allocator in.
prepare() {
    local name=$1 version main folder=$work/src/$1
    if read -r _ version main _ < <(applications | grep "^$name "); then
        [ ! -d "$folder" ] || return 0
        cp -r "$sources"/*/"$name-$version" "$folder"
        rm -f "$folder/Cargo.lock"
        printf '\n[dependencies.profile-cost]\npath = "%s"\n' "$root" >>"$folder/Cargo.toml"
        python3 "$here/programs.py" install "$folder/$main"
        return
    fi
    mkdir -p "$folder/src"
    {
        printf '[package]\nname = "%s"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\nprofile-cost = { path = "%s" }\n' \
            "$name" "$root"
        sed -n 's,^//@ ,,p' "$here/programs/$name.rs"
    } >"$folder/Cargo.toml"
    cp "$here/programs/$name.rs" "$folder/new.rs"
    python3 "$here/programs.py" install "$folder/new.rs"
    # What is the same is not built again.
    cmp -s "$folder/new.rs" "$folder/src/main.rs" || mv "$folder/new.rs" "$folder/src/main.rs"
}

for name in "${names[@]}"; do prepare "$name"; done
printf '[workspace]\nresolver = "2"\nmembers = ["*"]\n' >"$work/src/Cargo.toml"
cargo build --quiet --release --keep-going --manifest-path "$work/src/Cargo.toml" "${names[@]/#/-p}" >"$work/build.log" 2>&1 ||
    echo "some do not build, see $work/build.log"
for name in "${names[@]}"; do
    binary=$(applications | sed -n "s/^$name .* //p")
    program=$CARGO_TARGET_DIR/release/${binary:-$name}
    [ -x "$program" ] || continue
    dump=$work/$name-$build.heap
    rm -f "$dump"
    python3 "$here/programs.py" run "$name" "$program" "$sources" "$work" "$heap" "$dump"
    [ -f "$dump" ] && "$table" "$name" "$dump" "$program" "${PROGRAMS_SHOW:-0}"
done
