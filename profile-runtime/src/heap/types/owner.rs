//! What is known of the owner of a block while the stack is followed outward.

use std::fmt;

use super::generics;

/// The owner of a block, as far as it is known. Names are as in the debug information.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Contiguous elements, of a container that is not known yet: mostly a `Vec`.
    Elements(String),
    /// `Vec<T>`, unless a container that has a `Vec` inside follows.
    Vec(String),
    /// An array in a box, as `vec![a, b, c]` asks for; the name is that of the array.
    Literal(String),
    /// `Box<[T]>`.
    BoxedSlice(String),
    /// `Box<T>`.
    Box(String),
    /// Buckets of a hash table.
    Table(Table),
    /// `Arc<T>` or `Rc<T>`.
    Counted(&'static str, String),
    /// Any container of elements: its name, and that of the element.
    Sequence(&'static str, String),
    /// A container of pairs: its name, keys and values.
    Map(&'static str, String, String),
    /// Something without arguments: `String`.
    Plain(&'static str),
}

/// Buckets of a hash table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// What is in a bucket.
    pub(super) entry: String,
    /// Kept by a `HashTable`, whose entries may be pairs without being a map's.
    pub(super) is_bare: bool,
}

impl Owner {
    /// Element type of a block of contiguous elements.
    pub(super) fn element(&self) -> Option<&str> {
        match self {
            Owner::Elements(element)
            | Owner::Vec(element)
            | Owner::BoxedSlice(element)
            | Owner::Sequence(_, element) => Some(element),
            _ => None,
        }
    }

    /// Puts the right name in place of a wrong one, wherever that stands as a whole.
    pub(super) fn rename(&mut self, wrong: &str, right: &str) {
        let rename = |name: &mut String| {
            let is_part = |it: Option<char>| it.is_some_and(|it| it.is_alphanumeric() || "_:".contains(it));
            let whole = name.match_indices(wrong).find(|&(at, _)| {
                !is_part(name[..at].chars().next_back()) && !is_part(name[at + wrong.len()..].chars().next())
            });
            if let Some((at, _)) = whole {
                name.replace_range(at..at + wrong.len(), right);
            }
        };
        match self {
            Owner::Elements(name)
            | Owner::Vec(name)
            | Owner::Literal(name)
            | Owner::BoxedSlice(name)
            | Owner::Box(name)
            | Owner::Counted(_, name)
            | Owner::Sequence(_, name)
            | Owner::Table(Table { entry: name, .. }) => rename(name),
            Owner::Map(_, key, value) => [key, value].into_iter().for_each(rename),
            Owner::Plain(_) => {}
        }
    }

    /// True when the block may hold text: its elements are bytes.
    pub(super) fn is_bytes(&self) -> bool {
        let is_vector = matches!(self, Owner::Elements(_) | Owner::Vec(_) | Owner::BoxedSlice(_));
        is_vector && self.element() == Some("u8")
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Elements(element) | Owner::Vec(element) => write!(f, "Vec<{}>", initialized(element)),
            Owner::Literal(array) => {
                let element = generics::array(array).map_or(array.as_str(), |(element, _)| element);
                write!(f, "Vec<{}>", initialized(element))
            }
            Owner::BoxedSlice(element) => write!(f, "Box<[{}]>", initialized(element)),
            Owner::Box(content) => write!(f, "Box<{}>", initialized(content)),
            Owner::Table(table) => table.fmt(f),
            Owner::Counted(pointer, content) => write!(f, "{pointer}<{}>", initialized(content)),
            Owner::Sequence(name, element) => write!(f, "{name}<{}>", generics::short(element)),
            Owner::Map(name, key, value) => {
                write!(f, "{name}<{}, {}>", generics::short(key), generics::short(value))
            }
            Owner::Plain(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pair = generics::tuple(&self.entry).filter(|_| !self.is_bare);
        match pair.as_deref() {
            Some([key, "()"]) => write!(f, "HashSet<{}>", generics::short(key)),
            Some([key, value]) => match generics::instance_of(value, "SharedValue").as_deref() {
                Some([value]) => write!(f, "DashMap<{}, {}>", generics::short(key), generics::short(value)),
                _ => write!(f, "HashMap<{}, {}>", generics::short(key), generics::short(value)),
            },
            _ => write!(f, "HashTable<{}>", generics::short(&self.entry)),
        }
    }
}

/// What a block is for does not depend on whether it is filled yet.
fn initialized(name: &str) -> String {
    let is_slice = generics::slice(name).is_some();
    let content = generics::slice(name).unwrap_or(name);
    let content = match generics::instance_of(content, "MaybeUninit").as_deref() {
        Some([content]) => generics::short(content),
        _ => generics::short(content),
    };
    if is_slice { format!("[{content}]") } else { content }
}
