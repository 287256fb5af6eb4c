//! Files damaged at random until so many bytes have been read: what the tests of readers share.

use std::time::Instant;

use profile_cost_runtime::testing::Random;

/// Mutates one of `files`, with pieces of another, until `FUZZ_BYTES` bytes were made, or `bytes` where that is not set.
/// `judge` reads a file, and looks closely at one that is told to be used: answers whether it was read, and with the
/// memory it took for each byte.
///
/// # Panics
/// Where nearly all files or nearly none are read.
pub fn run(
    files: &[Vec<u8>],
    bytes: usize,
    mutate: impl Fn(&[u8], &[u8], &mut Random) -> Vec<u8>,
    judge: impl Fn(&[u8], bool) -> (bool, f64),
) {
    let wanted = std::env::var("FUZZ_BYTES").ok().and_then(|bytes| bytes.parse().ok()).unwrap_or(bytes);
    let mut random = Random::of_seed(1);
    let begun = Instant::now();
    println!("# {} files of {:?} bytes", files.len(), files.iter().map(Vec::len).collect::<Vec<_>>());
    let (mut bytes, mut accepted, mut refused, mut worst) = (0usize, 0, 0, 0.0f64);
    while bytes < wanted {
        let file = &files[random.index(files.len())];
        let other = &files[random.index(files.len())];
        let mutated = mutate(file, other, &mut random);
        bytes += mutated.len();
        let (ok, ratio) = judge(&mutated, (accepted + refused) % 8 == 0);
        *if ok { &mut accepted } else { &mut refused } += 1;
        worst = worst.max(ratio);
    }
    println!(
        "# {bytes} bytes in {} files, {accepted} of them read, in {:?}; at most {worst:.1} times the file in memory",
        accepted + refused,
        begun.elapsed()
    );
    assert!(
        accepted > 10 && refused > 10,
        "{accepted} read, {refused} refused: damage is to be neither rare nor all"
    );
}
