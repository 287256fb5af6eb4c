//! Names that are known already, so that a process that is asked again and again starts a child for new addresses only.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use super::remote::LIMIT;
use crate::heap::frame::{Frame, Module, Source};
use crate::heap::snapshot::Snapshot;

/// Most that the names may take, bytes. Past it they are forgotten.
const CAP: usize = 16 << 20;
/// After a child has failed, for how long none is started: it would fail again.
const PAUSE: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug)]
pub(crate) struct NameCache {
    /// Those of which addresses are known.
    modules: Vec<Module>,
    names: HashMap<Place, Vec<Source>>,
    /// What they take, about.
    bytes: usize,
    /// When and why no names were got.
    failed: Option<(Instant, String)>,
    /// What tests ask of the child.
    behaviour: &'static str,
    limit: Duration,
}

/// Index of the module, `None` within none; address in it.
type Place = (Option<usize>, u64);

impl Default for NameCache {
    fn default() -> Self {
        Self {
            modules: Vec::new(),
            names: HashMap::new(),
            bytes: 0,
            failed: None,
            behaviour: "1",
            limit: LIMIT / 2,
        }
    }
}

impl NameCache {
    /// With a child that misbehaves.
    #[cfg(feature = "testing")]
    pub(crate) fn with_child(behaviour: &'static str, limit: Duration) -> Self {
        Self { behaviour, limit, ..Self::default() }
    }

    /// Names a snapshot of this process as [`Snapshot::name`] does, within half a minute.
    ///
    /// # Errors
    /// One line that says why there are no names. The snapshot is as it was then.
    pub(crate) fn name(&mut self, snapshot: &mut Snapshot) -> Result<(), String> {
        let places = self.places(snapshot);
        let is_known = |at: &usize| self.names.contains_key(&places[*at]);
        let mut missing: Vec<usize> = (0..places.len()).filter(|at| !is_known(at)).collect();
        if !missing.is_empty() {
            if self.bytes > CAP {
                (self.names, self.bytes) = (HashMap::new(), 0);
                missing = (0..places.len()).collect();
            }
            self.learn(snapshot, &places, &missing)?;
        }
        for (frame, place) in snapshot.frames.iter_mut().zip(&places) {
            frame.sources = self.names.get(place).cloned().unwrap_or_default();
        }
        snapshot.settle();
        if snapshot.named { Ok(()) } else { Err(self.no_names()) }
    }

    /// Of each frame.
    fn places(&mut self, snapshot: &Snapshot) -> Vec<Place> {
        let indices: Vec<usize> = (snapshot.modules.iter())
            .map(|module| {
                self.modules.iter().position(|known| known == module).unwrap_or_else(|| {
                    self.modules.push(module.clone());
                    self.modules.len() - 1
                })
            })
            .collect();
        let module = |frame: &Frame| frame.module.and_then(|module| indices.get(module as usize).copied());
        snapshot.frames.iter().map(|frame| (module(frame), frame.address)).collect()
    }

    /// Has a child name the frames at those indices.
    fn learn(&mut self, snapshot: &Snapshot, places: &[Place], missing: &[usize]) -> Result<(), String> {
        if let Some((when, problem)) = &self.failed
            && when.elapsed() < PAUSE
        {
            return Err(problem.clone());
        }
        let mut asked = Snapshot {
            mode: snapshot.mode,
            frame_limit: snapshot.frame_limit,
            modules: snapshot.modules.clone(),
            frames: missing.iter().filter_map(|&at| snapshot.frames.get(at).cloned()).collect(),
            ..Snapshot::new()
        };
        match self.ask(&mut asked, snapshot.process.is_near_limit()) {
            Ok(()) => self.failed = None,
            // Of the new addresses none is the program's: the library that they are in has no names.
            Err(error)
                if error.kind() == io::ErrorKind::NotFound
                    && self.names.values().any(|it| !it.is_empty()) =>
            {
                asked.frames.iter_mut().for_each(|frame| frame.sources.clear());
            }
            Err(error) => {
                self.failed = Some((Instant::now(), error.to_string()));
                return Err(error.to_string());
            }
        }
        for (frame, &at) in asked.frames.into_iter().zip(missing) {
            self.bytes += size_of::<(Place, Vec<Source>)>() + frame.sources.iter().map(size).sum::<usize>();
            self.names.insert(places[at], frame.sources);
        }
        Ok(())
    }

    fn ask(&self, asked: &mut Snapshot, is_near_limit: bool) -> io::Result<()> {
        match asked.name_by_child(self.behaviour, self.limit) {
            // As at exit: in a library that another program has loaded there is no child to start.
            Err(error) if error.kind() == io::ErrorKind::Unsupported && !is_near_limit => asked.name_here(),
            named => named,
        }
    }

    fn no_names(&self) -> String {
        let kept = self.failed.as_ref().map(|(_, problem)| problem.clone());
        kept.unwrap_or_else(|| "the program has no names: build it with debug information".to_owned())
    }
}

fn size(source: &Source) -> usize {
    size_of::<Source>() + source.function.len() + source.symbol.len() + source.file.len()
}

#[cfg(all(test, feature = "testing", target_os = "linux"))]
mod tests {
    use super::*;
    use crate::heap::frame::FrameId;
    use crate::heap::{Trace, modules};

    /// With a frame in each of some functions of this program.
    fn snapshot(functions: &[*const ()]) -> Snapshot {
        let program = &modules::loaded()[0];
        let build_id = program.build_id.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut snapshot = Snapshot::new();
        snapshot.modules.push(Module { path: program.path.clone(), build_id });
        for function in functions {
            let address = (function.addr() - program.bias) as u64;
            snapshot.frames.push(Frame { module: Some(0), address, sources: Vec::new() });
        }
        snapshot
    }

    fn names(snapshot: &Snapshot) -> Vec<&str> {
        let sources = snapshot.frames.iter().map(|frame| frame.sources.last().map(|it| it.function.as_str()));
        sources.map(Option::unwrap_or_default).collect()
    }

    #[inline(never)]
    fn one_function() -> usize {
        std::hint::black_box(1)
    }

    #[inline(never)]
    fn other_function() -> usize {
        std::hint::black_box(2)
    }

    #[test]
    fn a_child_is_asked_for_new_addresses_only() {
        let one = one_function as *const ();
        let other = other_function as *const ();
        let mut cache = NameCache::default();
        let mut first = snapshot(&[one]);
        cache.name(&mut first).expect("named");
        assert!(first.named && names(&first)[0].ends_with("one_function"), "{first:?}");
        // From here on a child would fail.
        (cache.behaviour, cache.limit) = ("die", Duration::from_secs(20));
        let mut again = snapshot(&[one]);
        cache.name(&mut again).expect("known");
        assert_eq!(again.frames, first.frames);
        let mut more = snapshot(&[other, one]);
        let problem = cache.name(&mut more).expect_err("the child dies");
        assert!(!more.named && more.frames.iter().all(|frame| frame.sources.is_empty()), "{more:?}");
        // Now one would work, but none is started so soon.
        cache.behaviour = "1";
        assert_eq!(cache.name(&mut more), Err(problem));
        cache.failed = None;
        cache.name(&mut more).expect("named");
        assert!(names(&more)[0].ends_with("other_function") && names(&more)[1].ends_with("one_function"));
        // Past the cap all is forgotten but what is asked for.
        cache.bytes = CAP + 1;
        let third = names as fn(&Snapshot) -> Vec<&str> as *const ();
        cache.name(&mut snapshot(&[third])).expect("named");
        assert_eq!(cache.names.len(), 1);
        assert!(cache.bytes < CAP && one_function() < other_function());
    }

    #[test]
    fn types_are_told_from_names_that_were_known() {
        let mut cache = NameCache::default();
        let mut empty = Snapshot::new();
        empty.traces.push(Trace {
            frames: vec![FrameId(7)],
            path: None,
            size_class: crate::heap::SizeClass(3),
            first_size: 8,
            align: 8,
            type_id: Some(3),
            counts: crate::heap::TraceCounts::default(),
        });
        assert_eq!(cache.name(&mut empty), Ok(()));
        assert_eq!(empty.traces[0].type_id, None);
    }
}
