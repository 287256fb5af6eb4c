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

# Programs from the registry: name, version, main file, name of the binary, arguments of cargo.
applications() {
    cat <<'END'
ripgrep 15.2.0 crates/core/main.rs rg
mini-redis 0.4.1 src/bin/server.rs mini-redis-server --bin mini-redis-server
jaq 3.1.2 src/main.rs jaq
mdbook 0.5.4 src/main.rs mdbook --no-default-features --features search
boa_cli 0.21.1 src/main.rs boa
typst-cli 0.15.1 src/main.rs typst
END
}
# Programs of our own around popular libraries: what they need stands in lines that begin with `//@`.
own() { (cd "$here/programs" && ls) | sed 's/\.rs$//'; }

names=("$@")
[ $# -gt 0 ] || mapfile -t names < <(applications | cut -d' ' -f1; own)

sources=${CARGO_HOME:-$HOME/.cargo}/registry/src
(cd "$root" && cargo build --quiet --release -p profile-cost-types --example programs)
table=${CARGO_TARGET_DIR:-$root/target}/release/examples/programs
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

# Fetches a package and prints the folder of its source.
fetch() {
    mkdir -p "$work/fetch/$1"
    printf '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n[lib]\npath = "lib.rs"\n[workspace]\n[dependencies]\n%s = "=%s"\n' \
        "$1" "$2" >"$work/fetch/$1/Cargo.toml"
    : >"$work/fetch/$1/lib.rs"
    cargo fetch --quiet --manifest-path "$work/fetch/$1/Cargo.toml" 2>/dev/null
    echo "$sources"/*/"$1-$2"
}

# Makes the package in $work/src/NAME; sets main, binary and flags.
prepare() {
    local name=$1 version folder=$work/src/$1
    if read -r _ version main binary flags < <(applications | grep "^$name "); then
        if [ ! -d "$folder" ]; then
            mkdir -p "$work/src"
            cp -r "$(fetch "$name" "$version")" "$folder"
            rm -f "$folder/Cargo.lock"
            printf '\n[workspace]\n\n[dependencies.profile-cost]\npath = "%s"\n' "$root" >>"$folder/Cargo.toml"
            python3 "$here/programs.py" install "$folder/$main"
        fi
        return
    fi
    main=src/main.rs binary=$name flags=
    mkdir -p "$folder/src"
    {
        printf '[package]\nname = "%s"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n[dependencies]\nprofile-cost = { path = "%s" }\n' \
            "$name" "$root"
        sed -n 's,^//@ ,,p' "$here/programs/$name.rs"
    } >"$folder/Cargo.toml"
    cp "$here/programs/$name.rs" "$folder/new.rs"
    python3 "$here/programs.py" install "$folder/new.rs"
    # What is the same is not built again.
    cmp -s "$folder/new.rs" "$folder/$main" || mv "$folder/new.rs" "$folder/$main"
}

for name in "${names[@]}"; do
    prepare "$name"
    # shellcheck disable=SC2086 # flags are words
    if ! cargo build --quiet --release --manifest-path "$work/src/$name/Cargo.toml" $flags >"$work/$name.build" 2>&1; then
        echo "$name: does not build, see $work/$name.build"
        continue
    fi
    program=$CARGO_TARGET_DIR/release/$binary
    dump=$work/$name-$build.heap
    rm -f "$dump"
    python3 "$here/programs.py" run "$name" "$program" "$sources" "$work" "$heap" "$dump"
    [ -f "$dump" ] && "$table" "$name" "$dump" "$program" "${PROGRAMS_SHOW:-0}"
done
