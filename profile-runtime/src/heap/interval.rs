//! How far off an estimate may be: confidence intervals of sums of weighted samples.

/// 97.5 % of a normal distribution lie below it.
const Z: f64 = 1.959_963_984_540_054;

/// The 95 % interval of bytes that were estimated with that variance (bytes squared) from a sample; `rate` is what one
/// more sample would have stood for, bytes, and 0 when there was no sampling.
///
/// A few samples are no normal distribution, and have a variance that is itself uncertain: this is the interval of Fay
/// and Feuer for weighted sums of Poisson counts (Statistics in Medicine 16, 1997), which for equal weights is the exact
/// one of Garwood. Its upper end supposes that one more sample was just missed. It errs on the wide side.
pub(super) fn of(bytes: u64, variance: f64, rate: f64) -> (u64, u64) {
    if rate <= 0.0 && variance <= 0.0 {
        return (bytes, bytes);
    }
    let (sum, rate) = (bytes as f64, rate.max(0.0));
    let variance = if variance.is_finite() { variance.max(0.0) } else { f64::MAX };
    let low = gamma_quantile(-Z, sum, variance);
    let high = gamma_quantile(Z, sum + rate, variance + rate * rate);
    // A cast stays within the numbers there are.
    ((low.floor() as u64).min(bytes), (high.ceil() as u64).max(bytes))
}

/// The quantile of the gamma distribution of that mean and variance at which a normal one has `z`, as Wilson and
/// Hilferty approximated it (1931).
fn gamma_quantile(z: f64, mean: f64, variance: f64) -> f64 {
    if mean <= 0.0 {
        return 0.0;
    }
    if variance <= 0.0 {
        return mean;
    }
    let ninth = variance / (mean * mean) / 9.0;
    mean * (1.0 - ninth + z * ninth.sqrt()).max(0.0).powi(3)
}

/// The rate that samples were taken by, at least, from the variance that they have.
pub(super) fn rate_of(samples: u64, variance: f64) -> f64 {
    if samples == 0 { 0.0 } else { (variance.max(0.0) / samples as f64).sqrt() }
}

/// The interval of a difference of two estimates, each with its own (Zou and Donner, Statistics in Medicine 27, 2008).
/// Blocks that are in both make it narrower in truth.
pub(super) fn of_difference(new: (u64, (u64, u64)), old: (u64, (u64, u64))) -> (i64, i64) {
    let difference = new.0 as f64 - old.0 as f64;
    let off = |one: u64, other: u64| one.abs_diff(other) as f64;
    let below = off(new.0, new.1.0).hypot(off(old.0, old.1.1));
    let above = off(new.0, new.1.1).hypot(off(old.0, old.1.0));
    ((difference - below).floor() as i64, (difference + above).ceil() as i64)
}

/// The variance of that many bytes in that many blocks, estimated from their mean size.
pub(super) fn variance_of(bytes: u64, blocks: u64, rate: f64) -> f64 {
    if blocks == 0 || rate <= 0.0 {
        return 0.0;
    }
    let size = (bytes as f64 / blocks as f64).max(1.0);
    // (1 - p) / p for p = 1 - exp(-size / rate).
    blocks as f64 * size * size / (size / rate).exp_m1()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// xorshift64*.
    struct Random(u64);

    impl Random {
        fn uniform(&mut self) -> f64 {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
        }
    }

    const RATE: f64 = 524_288.0;

    /// What a sample of those blocks says: the sum, its variance, how many samples.
    fn sample(sizes: &[(u64, u32)], random: &mut Random) -> (u64, f64, u64) {
        let (mut bytes, mut variance, mut samples) = (0.0, 0.0, 0);
        for &(size, blocks) in sizes {
            let size = size as f64;
            let chance = -(-size / RATE).exp_m1();
            let hits = (0..blocks).filter(|_| random.uniform() < chance).count();
            bytes += hits as f64 * size / chance;
            variance += hits as f64 * size * size * (1.0 - chance) / (chance * chance);
            samples += hits as u64;
        }
        (bytes.round() as u64, variance, samples)
    }

    #[test]
    fn the_truth_is_within_in_nine_runs_of_ten() {
        let mut random = Random(0x1234_5678_9abc_def1);
        let shapes: [(&str, Vec<(u64, u32)>); 11] = [
            ("small, one sample", vec![(512, 1_024)]),
            ("small, three samples", vec![(1_024, 1_536)]),
            ("small, ten samples", vec![(4_096, 1_280)]),
            ("small, a hundred samples", vec![(16_384, 3_200)]),
            ("one of the rate", vec![(524_288, 1)]),
            ("few of twice the rate", vec![(1_048_576, 4)]),
            ("few of half the rate", vec![(262_144, 5)]),
            ("few large", vec![(8_388_608, 3)]),
            ("a large one and small ones", vec![(8_388_608, 1), (1_024, 1_024)]),
            ("all sizes", vec![(64, 3_000), (4_096, 600), (262_144, 6), (2_097_152, 2)]),
            ("all sizes, more", vec![(1_024, 4_000), (65_536, 100), (524_288, 20), (4_194_304, 3)]),
        ];
        for (shape, sizes) in shapes {
            let truth: u64 = sizes.iter().map(|&(size, blocks)| size * u64::from(blocks)).sum();
            let within = (0..200)
                .filter(|_| {
                    let (bytes, variance, _) = sample(&sizes, &mut random);
                    let (low, high) = of(bytes, variance, RATE);
                    (low..=high).contains(&truth)
                })
                .count();
            assert!(within >= 180, "{shape}: {within} of 200");
        }
    }

    #[test]
    fn many_samples_make_it_narrow() {
        let mut random = Random(0x0dd5_eed5);
        for (samples, widest) in [(100, 0.55), (1_600, 0.13)] {
            let (bytes, variance, _) = sample(&[(32_768, samples * 16)], &mut random);
            let (low, high) = of(bytes, variance, RATE);
            let width = (high - low) as f64 / bytes as f64;
            assert!(width < widest, "{samples} samples: {low} to {high} of {bytes}, {width}");
        }
        let (low, high) = of(100 << 30, 0.0, RATE);
        assert!(high - low < 4 << 20, "blocks far larger than the rate are all sampled: {low} to {high}");
    }

    #[test]
    fn equal_weights_have_the_exact_interval() {
        // Garwood (1936), as in tables: samples, low, high.
        for (samples, low, high) in
            [(0u64, 0.0, 3.689), (1, 0.0253, 5.572), (4, 1.090, 10.24), (10, 4.795, 18.39)]
        {
            let have = of(samples * 1_000_000, samples as f64 * 1e12, 1e6);
            let have = (have.0 as f64 / 1e6, have.1 as f64 / 1e6);
            assert!((have.0 - low).abs() < 0.02 && (have.1 - high).abs() < 0.05, "{samples}: {have:?}");
        }
    }

    #[test]
    fn nothing_sampled_is_exact_and_nonsense_does_no_harm() {
        assert_eq!(of(12_345, 0.0, 0.0), (12_345, 12_345));
        for bytes in [0, 1, u64::MAX] {
            for variance in [0.0, 1.0, f64::MAX, f64::INFINITY, f64::NAN, -1.0] {
                for rate in [0.0, 1.0, 1e12] {
                    let (low, high) = of(bytes, variance, rate);
                    assert!(low <= bytes && bytes <= high, "{bytes} {variance} {rate}: {low} to {high}");
                }
            }
        }
    }

    #[test]
    fn what_is_estimated_from_the_mean_size_is_near_what_samples_say() {
        let mut random = Random(77);
        let (bytes, variance, _) = sample(&[(100_000, 20_000)], &mut random);
        let estimate = variance_of(bytes, 20_000, RATE);
        assert!((estimate / variance - 1.0).abs() < 0.1, "{estimate} {variance}");
        assert_eq!(variance_of(0, 0, RATE), 0.0);
    }

    #[test]
    fn a_difference_is_as_uncertain_as_both() {
        assert_eq!(of_difference((10, (10, 10)), (30, (30, 30))), (-20, -20));
        assert_eq!(of_difference((100, (97, 103)), (50, (46, 54))), (45, 55));
        let far = of_difference((u64::MAX, (0, u64::MAX)), (0, (0, u64::MAX)));
        assert!(far.0 < 0 && far.1 > 0);
    }
}
