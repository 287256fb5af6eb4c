//! Sizes of types whose layout is known from their name alone: what the rules say has to fit the block.

use super::generics;
use super::owner::{Owner, Table};

/// Size and alignment, bytes.
type Layout = (u64, u64);

/// False when a block of that alignment and size (bytes) cannot be the owner's. Then the names were those of another
/// function with the same code, that the compiler or linker kept in place of both.
pub(super) fn agrees(owner: &Owner, align: u32, size: u64) -> bool {
    let align = u64::from(align);
    match owner {
        Owner::Box(content) | Owner::Literal(content) => {
            of(content).is_none_or(|layout| layout == (size, align))
        }
        Owner::Elements(element)
        | Owner::Vec(element)
        | Owner::BoxedSlice(element)
        | Owner::Sequence("VecDeque" | "BinaryHeap", element) => of(element)
            .is_none_or(|layout| layout.1 == align && layout.0 > 0 && size.is_multiple_of(layout.0)),
        Owner::Counted(_, content) => {
            // Two counters first.
            let whole = of(content)
                .map(|(size, align)| (round_up(round_up(16, align) + size, align.max(8)), align.max(8)));
            whole.is_none_or(|layout| layout == (size, align))
        }
        Owner::Plain("String" | "Box<str>" | "CString" | "OsString" | "PathBuf") => align == 1,
        Owner::Table(Table { entry, .. }) => of(entry).is_none_or(|layout| is_table(layout, size)),
        _ => true,
    }
}

/// Buckets, then a control byte for each and a group of 16 more.
fn is_table((bucket, _): Layout, size: u64) -> bool {
    (0..40).map(|power| 1u64 << power).any(|buckets| {
        let control = buckets + 16;
        bucket.checked_mul(buckets).is_some_and(|bytes| round_up(bytes, 16) + control == size)
    })
}

fn round_up(size: u64, align: u64) -> u64 {
    size.div_ceil(align) * align
}

/// Size and alignment of a type of 64-bit programs; `None` when the name alone does not tell.
fn of(name: &str) -> Option<Layout> {
    let same = |size| Some((size, size));
    match name {
        "()" => return Some((0, 1)),
        "u8" | "i8" | "bool" => return same(1),
        "u16" | "i16" => return same(2),
        "u32" | "i32" | "f32" | "char" => return same(4),
        "u64" | "i64" | "f64" | "usize" | "isize" => return same(8),
        "u128" | "i128" => return same(16),
        _ => {}
    }
    if let Some((element, length)) = generics::array(name) {
        let (size, align) = of(element)?;
        return Some((size.checked_mul(length.parse().ok()?)?, align));
    }
    if let Some(members) = generics::tuple(name) {
        // Ordered by alignment, members leave no gaps.
        let layouts = members.into_iter().map(of).collect::<Option<Vec<_>>>()?;
        let align = layouts.iter().map(|layout| layout.1).max()?;
        return Some((round_up(layouts.iter().map(|layout| layout.0).sum(), align), align));
    }
    if let Some(target) = ["&mut ", "&", "*const ", "*mut "].iter().find_map(|sign| name.strip_prefix(sign)) {
        return pointer_to(target);
    }
    if !["alloc::", "core::", "std::"].iter().any(|root| name.starts_with(root)) && name.contains("::") {
        return None;
    }
    match (generics::head(name), generics::arguments(name).as_slice()) {
        ("Vec", [_]) => Some((24, 8)),
        ("String", []) if name.starts_with("alloc::") => Some((24, 8)),
        ("MaybeUninit", [content]) => of(content),
        _ => None,
    }
}

fn pointer_to(target: &str) -> Option<Layout> {
    let is_slice = generics::slice(target).is_some();
    match target {
        "str" => Some((16, 8)),
        _ if is_slice || target.contains("dyn ") => Some((16, 8)),
        // Of other types it is not known whether they have a size.
        _ => of(target).map(|_| (8, 8)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_known_by_name_are_the_compilers() {
        #[track_caller]
        fn check<T>(name: &str) {
            assert_eq!(of(name), Some((size_of::<T>() as u64, align_of::<T>() as u64)), "{name}");
        }
        check::<u16>("u16");
        check::<(u8, u32, u8)>("(u8, u32, u8)");
        check::<[(u16, u64); 3]>("[(u16, u64); 3]");
        check::<&str>("&str");
        check::<&mut [u8]>("&mut [u8]");
        check::<Vec<u8>>("Vec<u8, Global>");
        check::<String>("alloc::string::String");
        check::<(char, &u32)>("(char, &u32)");
        assert_eq!(of("app::Vec<u8>"), None);
    }

    #[test]
    fn blocks_of_another_size_are_refused() {
        let bytes = Owner::Vec("u8".to_owned());
        assert!(agrees(&bytes, 1, 7) && !agrees(&bytes, 8, 8));
        let numbers = Owner::Vec("u64".to_owned());
        assert!(agrees(&numbers, 8, 24) && !agrees(&numbers, 8, 20));
        let shared = Owner::Counted("Arc", "u8".to_owned());
        assert!(agrees(&shared, 8, 24) && !agrees(&shared, 8, 32));
        let table = Owner::Table(Table { entry: "(u64, u64)".to_owned(), is_bare: false });
        assert!(agrees(&table, 16, 16 * 4 + 4 + 16) && !agrees(&table, 16, 24 * 4 + 4 + 16));
    }
}
