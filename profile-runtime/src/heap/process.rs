//! What the operating system says of the process's memory, beside what was tracked, and the gap between them in words.
//! What is read from the system is read from text, so that every kind of container can be tried anywhere.

use crate::units::{bytes, counted, percent};

/// Memory of the process at the moment of a snapshot, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessMemory {
    /// Tracked: allocated since recording began, and not freed.
    pub live_bytes: u64,
    /// Blocks of them.
    pub live_blocks: u64,
    /// The most that `live_bytes` was since recording began (or the last reset of the peak).
    pub peak_bytes: u64,
    /// The profiler's own tables, not part of `live_bytes`.
    pub profiler_bytes: u64,
    /// Resident set of the process; `None` where the system does not say.
    pub rss_bytes: Option<u64>,
    /// Memory limit of the process's cgroup, or of one around it where that is lower; `None` without one.
    pub cgroup_limit: Option<u64>,
    /// Memory charged to the cgroup that has this limit, page cache included.
    pub cgroup_used: Option<u64>,
}

/// Share of its limit from which a process is warned of, in percent.
const NEAR: u64 = 90;
/// A gap smaller than this is not worth a line, bytes.
const GAP: u64 = 1 << 20;
/// v1 says "no limit" with the largest number of whole pages, which depends on the size of a page.
#[cfg(any(target_os = "linux", test))]
const UNLIMITED: u64 = 1 << 62;

impl ProcessMemory {
    /// Fills in what the system says: resident set, limit and use of the cgroup. What cannot be read becomes `None`.
    /// Allocates some kilobytes for the time of the call.
    pub(crate) fn read_system(&mut self) {
        (self.rss_bytes, self.cgroup_limit, self.cgroup_used) = (None, None, None);
        #[cfg(target_os = "linux")]
        {
            let read = |path: &str| std::fs::read_to_string(path).ok();
            self.rss_bytes = read("/proc/self/status").and_then(|text| resident(&text));
            if let Some(found) = cgroup(&read) {
                (self.cgroup_limit, self.cgroup_used) = (found.limit, found.used);
            }
        }
    }

    /// The numbers for people, a line each, and what may be in the gap between what was tracked and what is resident.
    pub fn explain(&self) -> Vec<String> {
        let blocks = counted(self.live_blocks, "block");
        let mut lines = vec![
            format!(
                "tracked live    {} in {blocks}; at most {}",
                bytes(self.live_bytes),
                bytes(self.peak_bytes)
            ),
            format!("profiler's own  {}", bytes(self.profiler_bytes)),
        ];
        let Some(rss) = self.rss_bytes else {
            lines.push("resident (RSS)  not known on this system".to_owned());
            self.explain_limit(&mut lines);
            return lines;
        };
        lines.push(format!("resident (RSS)  {}", bytes(rss)));
        self.explain_limit(&mut lines);
        let ours = self.live_bytes.saturating_add(self.profiler_bytes);
        if rss >= ours.saturating_add(GAP) {
            lines.push(format!(
                "not tracked     {}: code and libraries, thread stacks, C libraries' mallocs,",
                bytes(rss - ours)
            ));
            lines.push(
                "                allocator slack (freed but kept), blocks older than the recording"
                    .to_owned(),
            );
        } else if ours >= rss.saturating_add(GAP) {
            lines.push(format!(
                "not resident    {}: allocated but never touched, or swapped out",
                bytes(ours - rss)
            ));
        }
        lines
    }

    /// So near to its cgroup's limit that nothing is to be allocated that need not be.
    pub(crate) fn is_near_limit(&self) -> bool {
        let (Some(limit), Some(used)) = (self.cgroup_limit, self.cgroup_used.or(self.rss_bytes)) else {
            return false;
        };
        u128::from(used) * 100 >= u128::from(limit) * u128::from(NEAR)
    }

    fn explain_limit(&self, lines: &mut Vec<String>) {
        let Some(limit) = self.cgroup_limit else {
            if let Some(used) = self.cgroup_used {
                lines.push(format!("cgroup          {} used, no limit", bytes(used)));
            }
            return;
        };
        let Some(used) = self.cgroup_used.or(self.rss_bytes) else {
            lines.push(format!("cgroup limit    {}", bytes(limit)));
            return;
        };
        let share = percent(used as f64, limit as f64);
        lines.push(format!("cgroup limit    {}, {} used ({share})", bytes(limit), bytes(used)));
        if self.is_near_limit() {
            let left = bytes(limit.saturating_sub(used));
            lines.push(format!(
                "WARNING: {left} below the limit at which the kernel kills a process of this cgroup;"
            ));
            lines.push("         page cache is part of what is used, and is given back first".to_owned());
        }
    }
}

/// `VmRSS` of `/proc/self/status`, which unlike `statm` does not depend on the size of a page.
#[cfg(any(target_os = "linux", test))]
fn resident(status: &str) -> Option<u64> {
    let rest = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// What a cgroup may use and does.
#[cfg(any(target_os = "linux", test))]
#[derive(Debug, Default, PartialEq, Eq)]
struct Cgroup {
    limit: Option<u64>,
    used: Option<u64>,
    /// The part of it that is files' content, and is given back before anything is killed.
    cache: Option<u64>,
    /// Of the last ten seconds the share in which some task waited for memory, in hundredths of a percent.
    pressure: Option<u32>,
}

#[cfg(any(all(any(feature = "symbols", feature = "recorder"), target_os = "linux"), test))]
impl Cgroup {
    /// What is used and is not given back before something is killed, bytes.
    fn kept(&self) -> Option<u64> {
        Some(self.used?.saturating_sub(self.cache.unwrap_or(0)))
    }

    /// What may be taken until something is killed, bytes; `None` without a limit.
    #[cfg_attr(not(any(feature = "symbols", test)), allow(dead_code, reason = "for naming"))]
    fn left(&self) -> Option<u64> {
        Some(self.limit?.saturating_sub(self.kept()?))
    }
}

/// What the system says of memory, for the flight recorder: bytes, and hundredths of a percent.
#[cfg(feature = "recorder")]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemMemory {
    pub(crate) rss: Option<u64>,
    pub(crate) limit: Option<u64>,
    /// Charged to the cgroup that has the limit, without files' content, which is given back first.
    pub(crate) kept: Option<u64>,
    pub(crate) pressure: Option<u32>,
}

#[cfg(feature = "recorder")]
impl SystemMemory {
    /// Reads it. Allocates some kilobytes for the time of the call.
    pub(crate) fn read() -> Self {
        #[cfg(target_os = "linux")]
        {
            let read = |path: &str| std::fs::read_to_string(path).ok();
            let cgroup = cgroup(&read).unwrap_or_default();
            Self {
                rss: read("/proc/self/status").and_then(|text| resident(&text)),
                limit: cgroup.limit,
                kept: cgroup.kept(),
                pressure: cgroup.pressure,
            }
        }
        #[cfg(not(target_os = "linux"))]
        Self::default()
    }
}

/// `some avg10=1.23 avg60=..`: in hundredths of a percent.
#[cfg(any(target_os = "linux", test))]
fn pressure(text: &str) -> Option<u32> {
    let rest = text.lines().find_map(|line| line.strip_prefix("some avg10="))?;
    let share: f64 = rest.split(' ').next()?.parse().ok()?;
    (0.0..=100.0).contains(&share).then(|| (share * 100.0).round() as u32)
}

/// What the process's cgroup, or one around it, has left before something is killed, bytes; `None` without a limit.
#[cfg(all(feature = "symbols", target_os = "linux"))]
pub(crate) fn left_in_cgroup() -> Option<u64> {
    cgroup(&|path: &str| std::fs::read_to_string(path).ok())?.left()
}

/// The two kinds of cgroup file systems, and what their files are called.
#[cfg(any(target_os = "linux", test))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// The lowest limit that holds for this process, with the use of the cgroup that has it; without any, the use of the
/// process's own. `read` gives the text of a file.
///
/// <https://docs.kernel.org/admin-guide/cgroup-v2.html>, <https://docs.kernel.org/admin-guide/cgroup-v1/memory.html>
#[cfg(any(target_os = "linux", test))]
fn cgroup(read: &dyn Fn(&str) -> Option<String>) -> Option<Cgroup> {
    let (version, own) = own_path(&read("/proc/self/cgroup")?)?;
    let (root, mount) = mounted(&read("/proc/self/mountinfo")?, version)?;
    // A container sees its own part mounted: what is above cannot be read. A path that is not below what is mounted
    // (or leads out of it) belongs to another namespace; then what is mounted is the best guess.
    let below = if root == "/" { Some(own.as_str()) } else { own.strip_prefix(root.as_str()) };
    let below = below.filter(|path| (path.is_empty() || path.starts_with('/')) && !path.contains("/.."));
    let mut folder = format!("{mount}{}", below.unwrap_or("").trim_end_matches('/'));
    let (limit_file, used_file) = match version {
        Version::One => ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        Version::Two => ("memory.max", "memory.current"),
    };
    let number = |folder: &str, file: &str| read(&format!("{folder}/{file}"))?.trim().parse::<u64>().ok();
    // `file`, or of version 1 `total_cache`, holds shared memory as well, which is not given back: the lists do not.
    let cache = |folder: &str| {
        let stat = read(&format!("{folder}/memory.stat"))?;
        let prefix = if version == Version::One { "total_" } else { "" };
        let lists = ["active_file ", "inactive_file "].map(|name| format!("{prefix}{name}"));
        let of_list =
            |list: &String| stat.lines().find_map(|line| line.strip_prefix(list.as_str())?.parse().ok());
        lists.iter().map(of_list).try_fold(0, |sum: u64, pages| sum.checked_add(pages?))
    };
    let here = |folder: &str, limit| Cgroup {
        limit,
        used: number(folder, used_file),
        cache: cache(folder),
        // Of version 2 alone.
        pressure: read(&format!("{folder}/memory.pressure")).and_then(|text| pressure(&text)),
    };
    let mut found = here(&folder, None);
    loop {
        // `max` is no number.
        let limit = number(&folder, limit_file).filter(|limit| *limit < UNLIMITED);
        if let Some(limit) = limit
            && found.limit.is_none_or(|lowest| limit < lowest)
        {
            found = here(&folder, Some(limit));
        }
        match folder.rfind('/') {
            Some(at) if folder.len() > mount.len() => folder.truncate(at),
            _ => return Some(found),
        }
    }
}

/// Which kind the memory controller is of, and the process's path in it: `5:cpu,memory:/a/b` or `0::/a/b`.
#[cfg(any(target_os = "linux", test))]
fn own_path(cgroups: &str) -> Option<(Version, String)> {
    let mut second = None;
    for line in cgroups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(id), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        if controllers.split(',').any(|controller| controller == "memory") {
            return Some((Version::One, path.to_owned()));
        }
        if id == "0" && controllers.is_empty() {
            second = Some((Version::Two, path.to_owned()));
        }
    }
    second
}

/// Which part of the cgroup tree is mounted, and where.
///
/// `36 35 98:0 /root /mount/point rw,noatime shared:1 - cgroup source rw,memory`, with any number of fields before
/// the dash (proc_pid_mountinfo(5)).
#[cfg(any(target_os = "linux", test))]
fn mounted(mounts: &str, version: Version) -> Option<(String, String)> {
    mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let is = match (version, kind.next()?) {
            (Version::Two, "cgroup2") => true,
            (Version::One, "cgroup") => kind.nth(1)?.split(',').any(|option| option == "memory"),
            _ => false,
        };
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        is.then(|| (unescaped(root), unescaped(point).trim_end_matches('/').to_owned()))
    })
}

/// Spaces and the like are written in octal: `\040`.
#[cfg(any(target_os = "linux", test))]
fn unescaped(field: &str) -> String {
    let mut text = field.to_owned();
    for (code, plain) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        text = text.replace(code, plain);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the process finds where there are those files.
    fn found(files: &[(&str, &str)]) -> Option<Cgroup> {
        cgroup(&|path| files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned()))
    }

    fn limit(limit: impl Into<Option<u64>>, used: impl Into<Option<u64>>) -> Option<Cgroup> {
        Some(Cgroup { limit: limit.into(), used: used.into(), ..Cgroup::default() })
    }

    const V2: (&str, &str) = (
        "/proc/self/mountinfo",
        "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n\
         29 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
    );

    #[test]
    fn a_service_of_systemd_under_v2() {
        let own = ("/proc/self/cgroup", "0::/system.slice/app.service\n");
        let current = ("/sys/fs/cgroup/system.slice/app.service/memory.current", "123456\n");
        let max = "/sys/fs/cgroup/system.slice/app.service/memory.max";
        assert_eq!(found(&[V2, own, current, (max, "536870912\n")]), limit(536_870_912, 123_456));
        assert_eq!(found(&[V2, own, current, (max, "max\n")]), limit(None, 123_456));
        assert_eq!(found(&[V2, own]), limit(None, None));
    }

    #[test]
    fn the_lowest_limit_on_the_way_up_holds() {
        let files = [
            V2,
            ("/proc/self/cgroup", "0::/kubepods.slice/pod7.slice/cri-1.scope\n"),
            ("/sys/fs/cgroup/kubepods.slice/memory.max", "9000\n"),
            ("/sys/fs/cgroup/kubepods.slice/memory.current", "800\n"),
            ("/sys/fs/cgroup/kubepods.slice/pod7.slice/memory.max", "500\n"),
            ("/sys/fs/cgroup/kubepods.slice/pod7.slice/memory.current", "300\n"),
            ("/sys/fs/cgroup/kubepods.slice/pod7.slice/cri-1.scope/memory.max", "max\n"),
            ("/sys/fs/cgroup/kubepods.slice/pod7.slice/cri-1.scope/memory.current", "100\n"),
        ];
        assert_eq!(found(&files), limit(500, 300));
    }

    #[test]
    fn a_pod_of_kubernetes_sees_its_own_part_as_the_root() {
        let files = [
            (
                "/proc/self/mountinfo",
                "912 911 0:26 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw\n",
            ),
            ("/proc/self/cgroup", "0::/\n"),
            ("/sys/fs/cgroup/memory.max", "268435456\n"),
            ("/sys/fs/cgroup/memory.current", "250000000\n"),
        ];
        assert_eq!(found(&files), limit(268_435_456, 250_000_000));
    }

    #[test]
    fn what_is_left_does_not_count_the_content_of_files() {
        let files = [
            V2,
            ("/proc/self/cgroup", "0::/\n"),
            ("/sys/fs/cgroup/memory.max", "1000\n"),
            ("/sys/fs/cgroup/memory.current", "900\n"),
            ("/sys/fs/cgroup/memory.stat", "anon 500\nfile 400\ninactive_file 300\nactive_file 50\n"),
        ];
        assert_eq!(found(&files).and_then(|it| it.left()), Some(450));
        assert_eq!(found(&files[..4]).and_then(|it| it.left()), Some(100));
        assert_eq!(found(&files[..2]).and_then(|it| it.left()), None);
        let above = Cgroup { limit: Some(10), used: Some(30), cache: Some(5), pressure: None };
        assert_eq!(above.left(), Some(0));
    }

    #[test]
    fn pressure_is_that_of_some_tasks_in_the_last_ten_seconds() {
        let text = "some avg10=1.53 avg60=9.00 avg300=0.00 total=5\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=1\n";
        assert_eq!(pressure(text), Some(153));
        let files = [V2, ("/proc/self/cgroup", "0::/\n"), ("/sys/fs/cgroup/memory.pressure", text)];
        assert_eq!(found(&files).and_then(|it| it.pressure), Some(153));
        for text in
            ["", "some avg10=", "some avg10=x ", "some avg10=-1 ", "some avg10=101 ", "some avg10=NaN "]
        {
            assert_eq!(pressure(text), None, "{text}");
        }
    }

    #[test]
    fn a_container_of_docker_under_v1() {
        let mounts = "700 690 0:31 /docker/3f1c /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n\
             701 690 0:32 /docker/3f1c /sys/fs/cgroup/memory ro,nosuid master:17 - cgroup cgroup rw,memory\n";
        let own =
            "12:pids:/docker/3f1c\n5:memory:/docker/3f1c\n1:name=systemd:/docker/3f1c\n0::/system.slice\n";
        let files = |limit| {
            [
                ("/proc/self/mountinfo", mounts),
                ("/proc/self/cgroup", own),
                ("/sys/fs/cgroup/memory/memory.limit_in_bytes", limit),
                ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "77\n"),
            ]
        };
        assert_eq!(found(&files("1000\n")), limit(1000, 77));
        // What v1 says for "no limit".
        assert_eq!(found(&files("9223372036854771712\n")), limit(None, 77));
    }

    #[test]
    fn a_pod_of_kubernetes_under_v1_is_below_what_is_mounted() {
        let files = [
            (
                "/proc/self/mountinfo",
                "40 30 0:32 /kubepods /mnt/my\\040groups rw - cgroup cgroup rw,memory\n",
            ),
            ("/proc/self/cgroup", "9:cpu,memory:/kubepods/burstable/pod1/c2\n"),
            ("/mnt/my groups/burstable/pod1/c2/memory.limit_in_bytes", "2000\n"),
            ("/mnt/my groups/burstable/pod1/c2/memory.usage_in_bytes", "20\n"),
            ("/mnt/my groups/memory.limit_in_bytes", "3000\n"),
        ];
        assert_eq!(found(&files), limit(2000, 20));
    }

    #[test]
    fn a_path_out_of_what_is_mounted_falls_back_to_what_is_mounted() {
        for own in ["0::/../../elsewhere\n", "0::/kubepodsother/x\n"] {
            let files = [
                ("/proc/self/mountinfo", "40 30 0:32 /kubepods /sys/fs/cgroup rw - cgroup2 cgroup rw\n"),
                ("/proc/self/cgroup", own),
                ("/sys/fs/cgroup/memory.max", "4000\n"),
            ];
            assert_eq!(found(&files), limit(4000, None), "{own}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_not_known() {
        assert_eq!(found(&[]), None);
        assert_eq!(found(&[V2, ("/proc/self/cgroup", "nonsense\n::\n")]), None);
        assert_eq!(found(&[("/proc/self/mountinfo", "- cgroup2\n"), ("/proc/self/cgroup", "0::/\n")]), None);
        let max = ("/sys/fs/cgroup/memory.max", "-1 of many\n");
        assert_eq!(found(&[V2, ("/proc/self/cgroup", "0::/\n"), max]), limit(None, None));
        assert_eq!(resident("VmHWM:\t    9 kB\nVmRSS:\t    5284 kB\nRssAnon:\t 1 kB\n"), Some(5284 * 1024));
        for status in
            ["", "VmRSS:", "VmRSS: 5", "VmRSS: x kB", "VmRSS: 18446744073709551615 kB", "Name: VmRSS"]
        {
            assert_eq!(resident(status), None, "{status}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_a_resident_set() {
        let mut memory = ProcessMemory { live_bytes: 7, ..ProcessMemory::default() };
        memory.read_system();
        assert!(memory.rss_bytes.is_some_and(|rss| (1 << 18..1 << 40).contains(&rss)), "{memory:?}");
        assert_eq!(memory.live_bytes, 7);
    }

    fn text(memory: &ProcessMemory) -> String {
        let lines = memory.explain();
        assert!(lines.iter().all(|line| line.len() <= 100), "{lines:#?}");
        lines.join("\n")
    }

    #[test]
    fn the_gap_is_told_in_words() {
        const MIB: u64 = 1 << 20;
        let memory = ProcessMemory {
            live_bytes: 200 * MIB,
            live_blocks: 1234,
            peak_bytes: 260 * MIB,
            profiler_bytes: 4 * MIB,
            rss_bytes: Some(300 * MIB),
            cgroup_limit: Some(512 * MIB),
            cgroup_used: Some(310 * MIB),
        };
        let larger = text(&memory);
        assert!(larger.contains("200 MiB in 1,234 blocks; at most 260 MiB"), "{larger}");
        assert!(larger.contains("not tracked     96 MiB: code and libraries"), "{larger}");
        assert!(larger.contains("512 MiB, 310 MiB used (60.5%)"), "{larger}");
        assert!(!larger.contains("WARNING") && !larger.contains("never touched"), "{larger}");

        let smaller = text(&ProcessMemory { rss_bytes: Some(150 * MIB), ..memory });
        assert!(smaller.contains("not resident    54 MiB: allocated but never touched"), "{smaller}");
        assert!(!smaller.contains("not tracked"), "{smaller}");

        // Within a mebibyte there is nothing to tell.
        let even = text(&ProcessMemory { rss_bytes: Some(204 * MIB + 5), ..memory });
        assert!(!even.contains("not tracked") && !even.contains("not resident"), "{even}");
    }

    #[test]
    fn who_is_near_the_limit_is_warned() {
        let at = |used| {
            let memory = ProcessMemory {
                cgroup_limit: Some(1000),
                cgroup_used: Some(used),
                ..ProcessMemory::default()
            };
            text(&memory).contains("WARNING")
        };
        assert_eq!([0, 899, 900, 1000, 1200, u64::MAX].map(at), [false, false, true, true, true, true]);
    }

    #[test]
    fn what_is_not_known_is_said_or_left_out() {
        let nothing = text(&ProcessMemory::default());
        assert!(nothing.contains("not known on this system") && !nothing.contains("cgroup"), "{nothing}");
        let limit = text(&ProcessMemory { cgroup_limit: Some(5 << 20), ..ProcessMemory::default() });
        assert!(limit.contains("cgroup limit    5.0 MiB"), "{limit}");
        let used = text(&ProcessMemory { cgroup_used: Some(5 << 20), ..ProcessMemory::default() });
        assert!(used.contains("5.0 MiB used, no limit"), "{used}");
    }
}
