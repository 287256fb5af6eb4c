//! A profile's counts by thread, for the formats that show threads: every count once, whatever is in no thread's
//! part in a part of its own.

use crate::profile::{Counts, HeapCounts, PathId, Profile};

/// What one thread counted, or what no thread did.
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// `None`: time suspended, what cannot be told apart by thread, and everything when the profile is not
    /// split.
    pub(super) thread: Option<&'a str>,
    /// In ascending order of paths; those without a count are left out.
    pub(super) counts: Vec<(PathId, Counts)>,
}

/// The parts: their counts add up to the profile's. The one without a thread comes last and is left out when
/// there is nothing in it. Two threads of one name stay two parts.
pub(super) fn parts(profile: &Profile) -> Vec<Part<'_>> {
    let mut rest: Vec<Counts> = profile.paths().iter().map(|path| path.counts).collect();
    let mut parts = Vec::with_capacity(profile.by_thread().len() + 1);
    for thread in profile.by_thread() {
        let counts = (thread.counts.iter())
            .map(|&(path, counts)| {
                let left = &mut rest[path.0 as usize];
                // A live snapshot reads the threads after the sums: what came in between is left out.
                let part = least(&counts, left);
                subtract(left, &part);
                (path, part)
            })
            .filter(|(_, counts)| *counts != Counts::default())
            .collect();
        parts.push(Part { thread: Some(&thread.name), counts });
    }
    let rest: Vec<_> =
        (0..).map(PathId).zip(rest).filter(|(_, counts)| *counts != Counts::default()).collect();
    if !rest.is_empty() {
        parts.push(Part { thread: None, counts: rest });
    }
    parts
}

fn least(a: &Counts, b: &Counts) -> Counts {
    Counts {
        starts: a.starts.min(b.starts),
        folded: a.folded.min(b.folded),
        returned: a.returned.min(b.returned),
        panicked: a.panicked.min(b.panicked),
        cancelled: a.cancelled.min(b.cancelled),
        self_busy: a.self_busy.min(b.self_busy),
        self_await: a.self_await.min(b.self_await),
        polls: a.polls.min(b.polls),
        longest_poll: a.longest_poll,
        untimed: a.untimed.min(b.untimed),
        heap: HeapCounts {
            allocations: a.heap.allocations.min(b.heap.allocations),
            allocated_bytes: a.heap.allocated_bytes.min(b.heap.allocated_bytes),
            frees: a.heap.frees.min(b.heap.frees),
            freed_bytes: a.heap.freed_bytes.min(b.heap.freed_bytes),
            samples: a.heap.samples.min(b.heap.samples),
        },
    }
}

/// Takes off what is no larger. The longest poll is no sum: it leaves with the first part taken off.
fn subtract(from: &mut Counts, part: &Counts) {
    from.starts -= part.starts;
    from.folded -= part.folded;
    from.returned -= part.returned;
    from.panicked -= part.panicked;
    from.cancelled -= part.cancelled;
    from.self_busy -= part.self_busy;
    from.untimed -= part.untimed;
    from.self_await -= part.self_await;
    from.polls -= part.polls;
    from.longest_poll = 0;
    from.heap.allocations -= part.heap.allocations;
    from.heap.allocated_bytes -= part.heap.allocated_bytes;
    from.heap.frees -= part.heap.frees;
    from.heap.freed_bytes -= part.heap.freed_bytes;
    from.heap.samples -= part.heap.samples;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Label;

    #[test]
    fn parts_add_up_to_the_profile_and_never_to_more() {
        let mut profile = Profile::new();
        let f = profile.add_function(Label::new("a.rs", 1, "f"));
        let busy = |self_busy| Counts { starts: 1, self_busy, ..Counts::default() };
        let path = profile.add_path(
            None,
            f,
            &Counts { starts: 3, self_busy: 100, self_await: 7, ..Counts::default() },
        );
        profile.add_thread("a", vec![(path, busy(40))]);
        profile.add_thread("a", vec![(path, busy(70))]);
        let parts: Vec<_> = (parts(&profile).iter())
            .map(|part| {
                (
                    part.thread,
                    part.counts.iter().map(|(_, c)| (c.starts, c.self_busy, c.self_await)).collect(),
                )
            })
            .collect::<Vec<(Option<&str>, Vec<_>)>>();
        assert_eq!(
            parts,
            [(Some("a"), vec![(1, 40, 0)]), (Some("a"), vec![(1, 60, 0)]), (None, vec![(1, 0, 7)])]
        );
    }
}
