//! The native JSON form: what is read back is what was written, and what is damaged is refused.

use profile_cost_runtime::testing::{assert_same, generated_profile};
use profile_cost_runtime::{Profile, Recording};

fn json(profile: &Profile) -> Vec<u8> {
    let mut bytes = Vec::new();
    profile.write_json(&mut bytes).expect("memory takes all");
    bytes
}

#[test]
fn generated_profiles_come_back_as_they_were() {
    for seed in 0..400 {
        let mut profile = generated_profile(seed);
        if seed % 3 == 0 {
            profile.seconds_per_tick = 1.0 / (seed as f64 + 0.5);
        }
        let written = json(&profile);
        let read = Profile::read_json(&written).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_same(&profile, &read);
        assert!(json(&read) == written, "seed {seed}: the second writing differs");
        assert!(matches!(Recording::read(&written), Ok(Recording::Profile(_))));
    }
}
