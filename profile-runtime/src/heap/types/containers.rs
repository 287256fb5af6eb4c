//! Rules for the containers of the standard library.

use super::generics;
use super::owner::Owner;
use super::search::{Family, Flow, Function, Search};
use super::tables;

/// Next to do, for a function of `alloc`.
pub(super) fn of_alloc(search: &mut Search<'_>, path: &str, function: &Function<'_>) -> (Family, Flow) {
    let folder = path.split_once('/').map_or(path, |(folder, _)| folder);
    match folder {
        "raw_vec" | "raw_vec.rs" => (Family::Elements, raw_vec(search, function)),
        "vec" | "vec.rs" => (Family::Elements, vec(search, path, function)),
        "slice.rs" => (Family::Elements, slice(search, function)),
        "string.rs" | "str.rs" | "fmt.rs" => (Family::Other, text(search, function)),
        "boxed" | "boxed.rs" => (Family::Other, boxed(search, function)),
        "sync.rs" => (Family::Other, counted(search, "Arc", function)),
        "rc.rs" => (Family::Other, counted(search, "Rc", function)),
        "ffi" if path == "ffi/c_str.rs" => (Family::Other, c_string(search)),
        "collections" => collection(search, path, function),
        _ => (Family::Other, Flow::Outward),
    }
}

/// Next to do, for a function of `std`.
pub(super) fn of_std(search: &mut Search<'_>, path: &str, function: &Function<'_>) -> (Family, Flow) {
    if path.starts_with("collections/hash/") && !function.name.starts_with('{') {
        return tables::step(search, path, function);
    }
    let is_buffer = matches!(&search.owner, Some(Owner::Elements(_) | Owner::Vec(_))) && search.is_bytes();
    let is_os_string = matches!(&search.owner, Some(Owner::Plain("OsString")));
    match path {
        // A cursor over a vector writes bytes.
        "io/cursor.rs" if search.owner.is_none() && search.comes_from(Family::Elements) => {
            search.owner = Some(Owner::Vec("u8".to_owned()));
        }
        "path.rs" if is_buffer || is_os_string => search.owner = Some(Owner::Plain("PathBuf")),
        "ffi/os_str.rs" if is_buffer => search.owner = Some(Owner::Plain("OsString")),
        "io/mod.rs"
            if is_buffer && matches!(function.name, "append_to_string" | "default_read_to_string") =>
        {
            search.owner = Some(Owner::Plain("String"));
        }
        _ if path.starts_with("sys/os_str/") && is_buffer => search.owner = Some(Owner::Plain("OsString")),
        _ if path.starts_with("sync/mpmc/") => {
            if let Some(message) = search.owner.as_ref().and_then(message_of) {
                search.owner = Some(Owner::Sequence("std::sync::mpsc", message));
            }
        }
        _ => {}
    }
    (Family::Other, Flow::Outward)
}

/// What a channel carries, from the type of one of its blocks. std's channels are crossbeam's.
pub(super) fn message_of(owner: &Owner) -> Option<String> {
    let mut name = match owner {
        Owner::Box(content) => content.as_str(),
        _ => owner.element()?,
    };
    let mut is_part = false;
    while let ("Counter" | "Channel" | "Block" | "Slot", [inner, ..]) =
        (generics::head(name), generics::arguments(name).as_slice())
    {
        (name, is_part) = (inner, true);
    }
    is_part.then(|| name.to_owned())
}

impl Search<'_> {
    pub(super) fn is_bytes(&self) -> bool {
        self.owner.as_ref().is_some_and(Owner::is_bytes)
    }

    /// A function of `Vec` or within: what it says of the elements.
    pub(super) fn elements(
        &mut self,
        element: &str,
        function: &Function<'_>,
        owner: fn(String) -> Owner,
    ) -> Flow {
        match &self.owner {
            None => self.owner = Some(owner(element.to_owned())),
            Some(Owner::Elements(known) | Owner::Vec(known)) => {
                if known != element && !self.is_overruled_by(Family::Elements, function) {
                    return Flow::Stop;
                }
                self.owner = Some(owner(element.to_owned()));
            }
            Some(Owner::BoxedSlice(known)) if known == element => {}
            Some(_) => return Flow::Stop,
        }
        Flow::Outward
    }

    /// A function of a container that has a vector inside.
    fn sequence(&mut self, name: &'static str, function: &Function<'_>) -> Flow {
        let Some(element) = function.arguments.first() else {
            return if self.owner.is_none() { Flow::Outward } else { Flow::Stop };
        };
        let known = match &self.owner {
            // Of the vector nothing but its helpers was on the stack.
            None if self.comes_from(Family::Elements) => None,
            None => return Flow::Outward,
            Some(Owner::Elements(known) | Owner::Vec(known)) => Some(known),
            Some(Owner::Sequence(owner, known)) if *owner == name => Some(known),
            Some(_) => return Flow::Stop,
        };
        if known.is_some_and(|known| known != element) && !self.is_overruled_by(Family::Elements, function) {
            return Flow::Stop;
        }
        self.owner = Some(Owner::Sequence(name, (*element).to_owned()));
        Flow::Outward
    }
}

fn raw_vec(search: &mut Search<'_>, function: &Function<'_>) -> Flow {
    // `RawVecInner` has an allocator alone for an argument, and does not know its elements.
    let knows = function.count >= 2 || function.name == "with_capacity";
    match function.arguments.first() {
        Some(element) if knows => search.elements(element, function, Owner::Elements),
        _ => Flow::Outward,
    }
}

fn vec(search: &mut Search<'_>, path: &str, function: &Function<'_>) -> Flow {
    // The iterator comes first in their arguments.
    if function.name == "from_iter_in_place" || matches!(path, "vec/splice.rs" | "vec/drain.rs") {
        return Flow::Outward;
    }
    let Some(element) = function.arguments.first() else { return Flow::Outward };
    if let Some(Owner::Box(content) | Owner::Literal(content)) = &search.owner {
        // `Vec::from([..])`.
        let is_array = generics::array(content).is_some_and(|(of, _)| of == *element);
        if function.name == "from" && is_array {
            search.owner = Some(Owner::Vec((*element).to_owned()));
            return Flow::Outward;
        }
        return Flow::Stop;
    }
    let flow = search.elements(element, function, Owner::Vec);
    if flow == Flow::Outward && function.name == "into_boxed_slice" {
        search.owner = Some(Owner::BoxedSlice((*element).to_owned()));
    }
    flow
}

fn slice(search: &mut Search<'_>, function: &Function<'_>) -> Flow {
    match (function.name, function.arguments.first()) {
        ("to_vec" | "to_vec_in" | "to_owned" | "into_vec" | "repeat", Some(element)) => {
            search.elements(element, function, Owner::Vec)
        }
        // What is joined has vectors of its own.
        _ if search.owner.is_some() => match (&search.owner, function.arguments.first()) {
            (Some(owner), Some(element)) if owner.element() == Some(element) => Flow::Outward,
            _ => Flow::Stop,
        },
        _ => Flow::Outward,
    }
}

fn text(search: &mut Search<'_>, function: &Function<'_>) -> Flow {
    let is_boxed = function.name == "into_boxed_str" || matches!(search.owner, Some(Owner::BoxedSlice(_)));
    match &search.owner {
        Some(Owner::Plain("String" | "Box<str>")) if !is_boxed => {}
        Some(owner) if !owner.is_bytes() => return Flow::Stop,
        _ => search.owner = Some(Owner::Plain(if is_boxed { "Box<str>" } else { "String" })),
    }
    Flow::Outward
}

fn c_string(search: &mut Search<'_>) -> Flow {
    if search.is_bytes() {
        search.owner = Some(Owner::Plain("CString"));
    }
    Flow::Stop
}

fn boxed(search: &mut Search<'_>, function: &Function<'_>) -> Flow {
    const RUN: [&str; 9] =
        ["call", "call_mut", "call_once", "poll", "resume", "next", "next_back", "fmt", "drop"];
    if RUN.contains(&function.name) {
        // What runs in the box asked for the memory.
        return Flow::Stop;
    }
    let content = function.arguments.first().copied();
    match (search.owner.take(), content) {
        (None, None) => {}
        (None, Some(content)) => search.owner = Some(new_box(function.name, content)),
        (Some(Owner::Elements(known) | Owner::Vec(known)), Some(element)) if known == element => {
            search.owner = Some(Owner::BoxedSlice(known));
        }
        // `Box<str>` is made of `Box<[u8]>`.
        (Some(Owner::BoxedSlice(known)), None) if known == "u8" => {
            search.owner = Some(Owner::Plain("Box<str>"))
        }
        (Some(Owner::BoxedSlice(known)), _) => search.owner = Some(Owner::BoxedSlice(known)),
        (Some(Owner::Plain("Box<str>")), _) => search.owner = Some(Owner::Plain("Box<str>")),
        (Some(Owner::Literal(known)), _) => search.owner = Some(Owner::Box(known)),
        (Some(Owner::Box(known)), element) => {
            let flow = if element.is_none_or(|it| it == known) { Flow::Outward } else { Flow::Stop };
            search.owner = Some(Owner::Box(known));
            return flow;
        }
        (owner, _) => {
            search.owner = owner;
            return Flow::Stop;
        }
    }
    Flow::Outward
}

fn new_box(function: &str, content: &str) -> Owner {
    if content == "str" {
        return Owner::Plain("Box<str>");
    }
    if function.contains("slice") {
        return Owner::BoxedSlice(content.to_owned());
    }
    if let Some(element) = generics::slice(content) {
        return Owner::BoxedSlice(element.to_owned());
    }
    if function == "new_uninit" && generics::array(content).is_some() {
        return Owner::Literal(content.to_owned());
    }
    Owner::Box(content.to_owned())
}

fn counted(search: &mut Search<'_>, pointer: &'static str, function: &Function<'_>) -> Flow {
    let content = function.arguments.first().copied();
    match (&search.owner, content) {
        (None, None) => {}
        (None, Some(content)) => {
            let is_slice = function.name.contains("slice") && generics::slice(content).is_none();
            let content = if is_slice { format!("[{content}]") } else { content.to_owned() };
            search.owner = Some(Owner::Counted(pointer, content));
        }
        (Some(Owner::Box(inner)), _) => {
            let inner =
                ["ArcInner", "RcInner", "RcBox"].iter().find_map(|it| generics::instance_of(inner, it));
            // What `Box::new` says may be of another function with the same code; its caller knows.
            let called = content
                .filter(|_| matches!(function.name, "new" | "new_in" | "new_cyclic_in" | "new_uninit"));
            match inner.as_deref() {
                Some([inner]) => {
                    search.owner = Some(Owner::Counted(pointer, called.unwrap_or(inner).to_owned()));
                }
                _ => return Flow::Stop,
            }
        }
        // `Arc<str>` is made of `Arc<[u8]>`.
        (Some(Owner::Counted(known, content)), None) if *known == pointer && content == "[u8]" => {
            search.owner = Some(Owner::Counted(pointer, "str".to_owned()));
        }
        (Some(Owner::Counted(known, _)), _) if *known == pointer => {}
        _ => return Flow::Stop,
    }
    Flow::Outward
}

fn collection(search: &mut Search<'_>, path: &str, function: &Function<'_>) -> (Family, Flow) {
    let path = path.strip_prefix("collections/").unwrap_or(path);
    let folder = path.split(['/', '.']).next().unwrap_or(path);
    match folder {
        "vec_deque" => (Family::Elements, search.sequence("VecDeque", function)),
        "binary_heap" => (Family::Elements, search.sequence("BinaryHeap", function)),
        "btree" => (Family::Tree, tree(search, function)),
        "linked_list" => (Family::Other, linked_list(search)),
        _ => (Family::Other, Flow::Outward),
    }
}

fn linked_list(search: &mut Search<'_>) -> Flow {
    match &search.owner {
        None | Some(Owner::Sequence("LinkedList", _)) => Flow::Outward,
        Some(Owner::Box(node)) => match generics::instance_of(node, "Node").as_deref() {
            Some([element]) => {
                search.owner = Some(Owner::Sequence("LinkedList", (*element).to_owned()));
                Flow::Outward
            }
            _ => Flow::Stop,
        },
        Some(_) => Flow::Stop,
    }
}

fn tree(search: &mut Search<'_>, function: &Function<'_>) -> Flow {
    match &search.owner {
        None => Flow::Outward,
        Some(Owner::Box(node)) => {
            let node = generics::instance_of(node, "LeafNode")
                .or_else(|| generics::instance_of(node, "InternalNode"));
            // What `Box::new` says may be of another function with the same code; its caller knows.
            let called = match (function.name, function.arguments.as_slice()) {
                ("new" | "new_leaf" | "new_internal", [key, value, ..]) => Some(vec![*key, *value]),
                _ => None,
            };
            match called.or(node).as_deref() {
                Some([key, value]) => {
                    search.owner = Some(tree_of(key, value));
                    Flow::Outward
                }
                _ => Flow::Stop,
            }
        }
        // Helpers have other arguments than keys and values, and callers of the whole map agree or know better.
        Some(owner @ (Owner::Map("BTreeMap", ..) | Owner::Sequence("BTreeSet", _))) => {
            let [key, value, ..] = function.arguments[..] else { return Flow::Outward };
            let known = tree_of(key, value);
            let of_map = matches!(function.name, "insert" | "insert_entry" | "insert_recursing" | "split");
            if of_map && *owner != known && search.is_overruled_by(Family::Tree, function) {
                search.owner = Some(known);
            }
            if function.name == "clone" { Flow::Stop } else { Flow::Outward }
        }
        Some(_) => Flow::Stop,
    }
}

fn tree_of(key: &str, value: &str) -> Owner {
    if generics::head(value) == "SetValZST" {
        return Owner::Sequence("BTreeSet", key.to_owned());
    }
    Owner::Map("BTreeMap", key.to_owned(), value.to_owned())
}
