//! Follows a stack outward from the allocator, until code that is not part of any container.

use super::super::frame::Source;
use super::generics;
use super::owner::Owner;
use super::place::Place;
use super::{containers, crates, tables};

/// A function on the stack.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'a> {
    pub(super) source: &'a Source,
    /// True of the innermost function of a frame; the others had it inlined.
    pub(super) is_new_frame: bool,
}

/// Whether to look further out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Outward,
    Stop,
}

/// Code that works on one and the same owner, so that its callers among itself know it too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Family {
    #[default]
    Other,
    /// `Vec` and what is made of it.
    Elements,
    /// Nodes of a `BTreeMap`.
    Tree,
    /// Hash tables.
    Table,
}

/// What came of following a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Owner(Owner),
    /// A vector or something like it, of which the compiler left no name.
    Merged,
    Nothing,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Search<'a> {
    pub(super) owner: Option<Owner>,
    /// Family of the last function, and its name without arguments.
    before: (Family, &'a str),
}

/// A function, its name taken apart.
#[derive(Clone, Debug)]
pub(super) struct Function<'a> {
    /// Without path and arguments.
    pub(super) name: &'a str,
    /// Generic arguments without allocators.
    pub(super) arguments: Vec<&'a str>,
    /// How many there are with allocators.
    pub(super) count: usize,
    /// Not inlined in the function before.
    is_new_frame: bool,
}

impl<'a> Search<'a> {
    /// The owner; nothing also when the stack was cut off before its owner was sure.
    pub(super) fn follow(mut self, steps: &[Step<'a>]) -> Found {
        for (at, step) in steps.iter().enumerate() {
            // The last function says whether it is one of a vector, too.
            let within = self.before.0;
            if self.step(step) == Flow::Stop {
                self.correct(step, &steps[at + 1..]);
                return self.found(step, within);
            }
        }
        Found::Nothing
    }

    /// A closure has the arguments of the function that it is in. Where the compiler kept one closure for several of the
    /// same code, its names are those of another; the function around it, which calls it, has the right ones.
    fn correct(&mut self, closure: &Step<'_>, outward: &[Step<'_>]) {
        let name = closure.source.function.as_str();
        if !name.starts_with("{closure") {
            return;
        }
        let is_theirs =
            |step: &&Step<'_>| matches!(Place::of(step.source), Place::Crate(..) | Place::Program);
        let Some(around) = outward.iter().find(is_theirs) else { return };
        if around.source.file != closure.source.file || around.source.function.starts_with('{') {
            return;
        }
        let (own, right) = (generics::arguments(name), generics::arguments(&around.source.function));
        if own.len() == right.len()
            && let Some(owner) = &mut self.owner
        {
            let differ = own.into_iter().zip(right).filter(|(own, right)| own != right);
            differ.for_each(|(own, right)| owner.rename(own, right));
        }
    }

    fn found(self, last: &Step<'_>, within: Family) -> Found {
        // Calls from several places of a function that were merged into one have no line, and what was inlined around
        // each of them is lost. What they call is out of line, so its arguments may be those of a merged function.
        let is_merged = last.is_new_frame && last.source.line == 0 && !last.source.file.is_empty();
        match self.owner {
            None | Some(Owner::Elements(_)) if is_merged => Found::Merged,
            // Helpers that do not know their elements are called by those that do, whose inlined names are lost.
            None if within == Family::Elements => Found::Merged,
            None => Found::Nothing,
            Some(owner) => Found::Owner(owner),
        }
    }

    fn step(&mut self, step: &Step<'a>) -> Flow {
        if step.source.file.is_empty()
            && let Some(flow) = self.by_symbol(step)
        {
            return flow;
        }
        let name = step.source.function.as_str();
        let all = generics::all_arguments(name);
        let function = Function {
            name: generics::head(name),
            count: all.len(),
            arguments: generics::without_allocators(all),
            is_new_frame: step.is_new_frame,
        };
        let (family, flow) = match Place::of(step.source) {
            Place::Allocator => return Flow::Outward,
            Place::Core(_) => (Family::Other, Flow::Outward),
            // A closure's own arguments are those of what it is in, and of more.
            Place::Alloc(_) | Place::Hashbrown(_) if function.name.starts_with('{') => return Flow::Outward,
            Place::Alloc(path) => containers::of_alloc(self, path, &function),
            Place::Std(path) => containers::of_std(self, path, &function),
            Place::Hashbrown(path) => tables::step(self, path, &function),
            Place::Crate(name, path) => (Family::Other, crates::step(self, name, path, &function)),
            Place::BuiltIn(_) | Place::Program => (Family::Other, Flow::Stop),
        };
        self.before = (family, function.name);
        flow
    }

    /// A function without debug information, but with a name that has its type's arguments:
    /// `<alloc::raw_vec::RawVec<app::Order>>::grow_one`. `None` of any other.
    fn by_symbol(&mut self, step: &Step<'a>) -> Option<Flow> {
        let (owner, name) = step.source.function.strip_prefix('<')?.rsplit_once(">::")?;
        if owner.contains(" as ") || !owner.starts_with("alloc::") {
            return None;
        }
        let mut arguments = generics::arguments(owner);
        arguments.truncate(1);
        let element = *arguments.first()?;
        let function = Function { name, count: 2, arguments, is_new_frame: step.is_new_frame };
        let flow = match generics::head(owner) {
            "RawVec" => self.elements(element, &function, Owner::Elements),
            "Vec" => self.elements(element, &function, Owner::Vec),
            _ => return None,
        };
        self.before = (Family::Elements, name);
        Some(flow)
    }

    /// True when this function knows the owner better than the one that it called.
    ///
    /// Functions with the same code are merged by the compiler and keep the name of one of them: `grow_one<A>` may
    /// really be `grow_one<B>`. Its caller knows, provided that it works on the same owner. That is so of callers of
    /// mere helpers, and of those of any other function except `clone`: containers call it of their elements, and those
    /// may be containers.
    pub(super) fn is_overruled_by(&self, family: Family, function: &Function<'_>) -> bool {
        const HELPERS: [&str; 11] = [
            "grow",
            "grow_one",
            "reserve",
            "reserve_exact",
            "reserve_rehash",
            "shrink_to_fit",
            "try_reserve",
            "try_reserve_exact",
            "with_capacity",
            "with_capacity_in",
            "with_capacity_zeroed_in",
        ];
        let (before, name) = self.before;
        before == family && name != "clone" && (function.is_new_frame || HELPERS.contains(&name))
    }

    /// True when the function before was one of that family.
    pub(super) fn comes_from(&self, family: Family) -> bool {
        self.before.0 == family
    }
}
