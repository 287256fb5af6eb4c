//! The report and the pictures: what one does with a profile.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use profile_cost::{FlamegraphOptions, Metric, Profile, SortKey, Stats};

/// Prints what took the time, and who called it.
pub fn print(profile: &Profile, out: &mut impl Write) -> Result<()> {
    let mut stats = Stats::new(profile);
    stats.strip_dirs().sort_stats([SortKey::Cumulative]);
    stats.print_stats(&mut *out, 20)?;
    stats.print_callers(&mut *out, 20)?;
    Ok(())
}

/// Writes a flamegraph of busy time, one of task time (awaits included), folded stacks, a page for the browser,
/// and the profile itself for `cargo profile-cost`.
pub fn write_pictures(profile: &Profile, folder: &Path, fixed: bool) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let name = if fixed { "backend-fixed" } else { "backend" };
    let create = |ending: &str| -> Result<_> {
        let path = folder.join(format!("{name}{ending}"));
        println!("Wrote {}", path.display());
        Ok(BufWriter::new(File::create(path)?))
    };
    for (ending, metric) in [(".svg", Metric::Busy), ("-task.svg", Metric::Task)] {
        let title = format!("The shop's {}", metric.name());
        profile
            .write_flamegraph(create(ending)?, &FlamegraphOptions { title, metric, ..Default::default() })?;
    }
    let mut out = create(".folded")?;
    profile.write_folded(&mut out, Metric::Busy)?;
    out.flush()?;
    for ending in [".html", ".json"] {
        let path = folder.join(format!("{name}{ending}"));
        profile.save(&path)?;
        println!("Wrote {}", path.display());
    }
    Ok(())
}

/// Says what the report shows.
pub fn conclude(fixed: bool) {
    if fixed {
        println!(
            "\nCatalogue::open is gone from the report: the catalogue was read once, before the service began."
        );
        println!("What is left is the work itself: the database, and the large file behind /sales.");
    } else {
        println!(
            "\nMost of the time is below `search`: it calls Catalogue::open once per request, as the callers report"
        );
        println!(
            "says, and so parses the file and converts each name to pinyin anew. `--fixed` keeps the catalogue."
        );
    }
}
