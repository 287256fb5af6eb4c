//! The heap report: what two snapshots of a service say whose memory climbs.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use profile_cost::heap::{
    Growth, KeyType, Mode, ReportOptions, Snapshot, StackOptions, StatisticDiff, source_line,
};
use profile_cost::{FlamegraphOptions, Profile};

const ROWS: usize = 5;

/// Two looks at the service, with lines and types.
#[derive(Debug)]
pub struct Looks {
    first: Snapshot,
    now: Snapshot,
}

impl Looks {
    /// Gives names to addresses, in a child of this process: none of the memory that takes is the service's.
    pub fn name(mut first: Snapshot, mut now: Snapshot) -> Self {
        if now.traces.iter().any(|trace| !trace.frames.is_empty())
            && let Err(error) = first.name().and_then(|()| now.name())
        {
            println!("Addresses instead of lines and types: {error}");
        }
        Self { first, now }
    }

    /// Prints what grew since the first look, and then what holds the memory.
    pub fn print(&self, out: &mut impl Write) -> Result<()> {
        let Self { first, now } = self;
        let options = ReportOptions { top: ROWS, source_line: Some(source_line), ..Default::default() };
        writeln!(out, "\n== What grew between the looks")?;
        now.write_growth(first, &mut *out, &options)?;
        if now.named {
            writeln!(
                out,
                "\nTypes with more blocks than ever before, as objgraph has them: now, and how many more"
            )?;
            let mut growth = Growth::new();
            let _seen = growth.update(first, 0);
            Growth::show(&growth.update(now, ROWS), out)?;
        }
        writeln!(out, "\n== What holds the memory at the second look")?;
        now.write_report(&mut *out, &options)?;
        Ok(())
    }

    /// Writes pictures, files for other tools, and the time profile with what each function allocated.
    pub fn write(&self, profile: &Profile, folder: &Path) -> Result<()> {
        let Self { first, now } = self;
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        println!();
        let wrote = |name: &str, what: &str| {
            println!("Wrote {:<36} {what}", folder.join(name).display().to_string());
        };
        for (name, what) in [
            ("oom.svg", "flamegraph of live bytes"),
            ("oom.heap", "the snapshot itself, for `cargo profile-cost heap`"),
            ("oom.pb.gz", "for `go tool pprof`"),
        ] {
            now.save(folder.join(name))?;
            wrote(name, what);
        }
        let look = FlamegraphOptions { title: "The shop's heap: what grew".to_owned(), ..Default::default() };
        profile_cost::write_file(&folder.join("oom-growth.svg"), |out| {
            now.write_diff_flamegraph(first, out, StackOptions::default(), &look)
        })?;
        wrote("oom-growth.svg", "what grew between the looks is red");
        for (name, what) in [
            ("oom.html", "calls, times and what each function allocated"),
            ("oom.json", "the same, for `cargo profile-cost`"),
        ] {
            profile.save(folder.join(name))?;
            wrote(name, what);
        }
        Ok(())
    }

    /// Says in words which line, type and call path is the culprit.
    ///
    /// # Errors
    /// When that is not what it is known to be.
    pub fn conclude(&self) -> Result<()> {
        let (path, share) = self.most(KeyType::CallPath)?;
        let path_is_right = path.key.to_string().ends_with("PageCache::page -> Page::render");
        if self.now.mode == Mode::Paths {
            println!("\nThe culprit: {share:.0} % of the growth was allocated by\n    {}", path.key);
            ensure!(path_is_right, "that is not the call path with the fault");
            return Ok(());
        }
        let ((line, of_line), (owner, of_type)) = (self.most(KeyType::Lineno)?, self.most(KeyType::Type)?);
        let text = [
            String::new(),
            "The culprit: what grew most, and the share of all growth that it has".to_owned(),
            format!("    line       {}  ({of_line:.0} %)", line.key),
            format!("    type       {}  ({of_type:.0} %)", owner.key),
            format!("    call path  {}  ({share:.0} %)", path.key),
            "The page is kept by the cache, whose key has the visitor's session in it: none is asked for again, none".to_owned(),
            "is dropped. The other suspects are innocent: `read_whole` and `parse` allocate more and keep nothing, as".to_owned(),
            "`allocated` and `live` say; the dictionary is large but does not grow.".to_owned(),
        ];
        println!("{}", text.join("\n"));
        ensure!(
            self.now.named,
            "without names the line and the type are not told; `cargo profile-cost heap oom.heap --binary BINARY` gives \
             them, from the program as it was built, before it was stripped"
        );
        let is_right = line.key.to_string().contains("pages.rs:")
            && owner.key.to_string() == "Vec<oom::pages::Offer>"
            && path_is_right;
        ensure!(is_right, "that is not the fault of this service");
        Ok(())
    }

    /// What grew most, and its share of all that grew, percent.
    fn most(&self, by: KeyType) -> Result<(StatisticDiff, f64)> {
        let rows = self.now.compare_to(&self.first, by, false);
        let grown: i64 = rows.iter().map(|row| row.size_diff.max(0)).sum();
        let most = rows.into_iter().max_by_key(|row| row.size_diff).filter(|row| row.size_diff > 0);
        let Some(most) = most else { bail!("nothing grew between the looks") };
        let share = most.size_diff as f64 * 100.0 / grown as f64;
        Ok((most, share))
    }
}
