#!/usr/bin/env bash
# Annotates every function of well-known crates, in scratch copies, and runs their own tests plain and
# profiled. `run.sh NAME..`, default: the crates below. Needs the crates' sources: a registry, or a cache of one.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=${REAL_CODE_DIR:-$root/target/real-code}
crates=("$@")
[ $# -gt 0 ] || crates=(semver bytes itertools serde_json async-channel indexmap url smallvec)
mkdir -p "$work/fetch"
export CARGO_TARGET_DIR=$work/target

# A package that depends on all of them makes cargo fetch their sources.
{
    printf '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n[lib]\npath = "lib.rs"\n[workspace]\n[dependencies]\n'
    for name in "${crates[@]}"; do printf '%s = "*"\n' "$name"; done
} >"$work/fetch/Cargo.toml"
: >"$work/fetch/lib.rs"
cargo fetch --quiet --manifest-path "$work/fetch/Cargo.toml"
cargo build --quiet --release --manifest-path "$here/Cargo.toml"

sums() { awk '/^test result/ {passed += $4; failed += $6} END {printf "%d passed, %d failed", passed, failed}' "$1"; }

for name in "${crates[@]}"; do
    manifest=$(cargo metadata --format-version 1 --manifest-path "$work/fetch/Cargo.toml" |
        python3 -c 'import json, sys
name = sys.argv[1]
packages = json.load(sys.stdin)["packages"]
print(next(p["manifest_path"] for p in packages if p["name"] == name))' "$name")
    rm -rf "${work:?}/$name"
    cp -r "$(dirname "$manifest")" "$work/$name"
    cd "$work/$name"
    rm -f Cargo.lock
    printf '\n[workspace]\n' >>Cargo.toml
    cargo test --lib --tests --no-fail-fast >"$work/$name.plain" 2>&1 || true
    find src -name '*.rs' -print0 | xargs -0 "$CARGO_TARGET_DIR/release/profile-cost-annotate" >"$work/$name.annotated"
    printf '\n[dependencies.profile-cost]\npath = "%s"\n' "$root" >>Cargo.toml
    PROFILE_COST_OUT="$work/$name.folded" cargo test --lib --tests --no-fail-fast >"$work/$name.profiled" 2>&1 || true
    printf '%-16s %s; plain %s; profiled %s\n' "$name" "$(cat "$work/$name.annotated")" \
        "$(sums "$work/$name.plain")" "$(sums "$work/$name.profiled")"
done
