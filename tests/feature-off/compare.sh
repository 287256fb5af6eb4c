#!/bin/sh
# With the feature `enabled` off, is the machine code the same with the attribute and without it?
set -eu
cd "$(dirname "$0")"
build() {
    rm -rf "target/$1"
    # Crate hashes stand in symbol names and are no code: the same metadata gives the same names.
    RUSTFLAGS= cargo rustc --quiet --release --lib --target-dir "target/$1" $2 -- \
        --emit asm="target/$1.s" -C codegen-units=1 -C debuginfo=0 -C metadata=same
    sed -E 's/17h[0-9a-f]{16}E/HASH/g; s/Cs[0-9A-Za-z]+_/CRATE_/g; /^\t\.(file|ident)/d; s/\.Lanon\.[0-9a-f]+/.Lanon/g' \
        "target/$1.s" > "target/$1.asm"
}
mkdir -p target
build plain ""
build annotated "--features annotated"
grep -q '^sum:' target/plain.asm || { echo "no code was compared" >&2; exit 1; }
cmp target/plain.asm target/annotated.asm
echo "feature off: $(wc -l < target/plain.asm) lines of assembly, the same with the attribute and without"
