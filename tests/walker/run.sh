#!/usr/bin/env bash
# The walker's stacks in programs built in other ways (optimised, fat LTO, for size), under valgrind, and the portable walker.
set -euo pipefail
cd "$(dirname "$0")/../.."

step() { printf '\n== %s\n' "$*"; "$@"; }
stacks() { step cargo test -q -p profile-cost-walker --test stacks "$@"; }

for profile in release walker-lto walker-z; do
    stacks --profile "$profile"
done

if command -v valgrind >/dev/null; then
    export WALKER_STACKS=2000
    # Leaks are the tables, which are kept for ever.
    CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="valgrind -q --error-exitcode=9 --leak-check=no" \
        stacks --profile release
    unset WALKER_STACKS
elif [ "${PROFILE_COST_REQUIRE_READERS:-}" = 1 ]; then
    echo "valgrind is needed here: apt-get install valgrind" >&2
    exit 1
else
    echo "skipped: no valgrind"
fi

# It is the judge itself, but for where it begins and ends. Another target directory: the flag makes everything anew.
WALKER_STACKS=5000 RUSTFLAGS="--cfg profile_cost_portable" CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/portable" \
    step cargo test -q --release -p profile-cost-walker --test stacks
