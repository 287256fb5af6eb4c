//! From the type name of a namer to what stands in a report: `Orders::load`, `<Orders as Store>::load`.
//!
//! A namer is an item (or a closure) inside the function, so its type's name is the function's full path:
//! `shop::<impl shop::Store for shop::Orders>::load::method`. The text is the compiler's and not
//! specified: whatever it is, the answer is some name that ends in the function's own.

/// The function's name with the type or trait it belongs to, all without their modules.
pub(crate) fn shorten(type_name: &str, fn_name: &str) -> String {
    named(type_name, fn_name, &simple)
}

/// The same with modules, for two functions that `shorten` cannot tell apart.
pub(crate) fn qualify(type_name: &str, fn_name: &str) -> String {
    let mut segments = segments(type_name);
    drop_namer(&mut segments);
    if !segments.last().is_some_and(|last| is_function(last, fn_name)) {
        return fn_name.to_owned();
    }
    segments.pop();
    segments.push(fn_name);
    segments.join("::")
}

/// What the macros call the namer of a function that says `self` or `Self`.
const METHOD: &str = "method";

fn named(type_name: &str, fn_name: &str, show: &dyn Fn(&str) -> String) -> String {
    let mut segments = segments(type_name);
    let is_method = drop_namer(&mut segments) == Some(METHOD);
    if !segments.pop().is_some_and(|last| is_function(last, fn_name)) {
        return fn_name.to_owned();
    }
    // The first segment is the crate, unless it is `<Type as Trait>`.
    let Some(mut owner) = segments.pop() else { return fn_name.to_owned() };
    let mut arguments = "";
    if owner.starts_with('<') && !owner.starts_with("<impl ") && !segments.is_empty() {
        // `Type::<Arguments>`
        (arguments, owner) = (owner, segments.pop().unwrap_or_default());
    }
    if let Some(inner) = owner.strip_prefix("<impl ").and_then(|o| o.strip_suffix('>')) {
        return match split_outside(inner, " for ") {
            Some((of_trait, ty)) => format!("<{} as {}>::{fn_name}", show(ty), show(of_trait)),
            None => format!("{}::{fn_name}", show(inner)),
        };
    }
    if owner.starts_with('<') {
        return format!("{}::{fn_name}", show(owner));
    }
    let is_type = !segments.is_empty() && (is_method || looks_like_type(owner));
    if is_type { format!("{}::{fn_name}", show(&format!("{owner}{arguments}"))) } else { fn_name.to_owned() }
}

/// Takes off the namer, the closures and async blocks it stands in and a `::<..>` of the function; returns the namer's name.
fn drop_namer<'a>(segments: &mut Vec<&'a str>) -> Option<&'a str> {
    let namer = segments.pop();
    while segments.last().is_some_and(|s| s.starts_with("{{") || s.starts_with('<')) {
        segments.pop();
    }
    namer
}

fn is_function(segment: &str, fn_name: &str) -> bool {
    let bare = segment.split('<').next().unwrap_or(segment);
    bare.trim_start_matches("r#") == fn_name.trim_start_matches("r#")
}

/// An `impl` block's function that says neither `self` nor `Self` cannot be told from one in a module
/// but by the compiler's own convention, that modules and functions are lower case and types are not.
fn looks_like_type(segment: &str) -> bool {
    let first = segment.trim_start_matches("r#").trim_start_matches('_').chars().next();
    first.is_some_and(|c| c.is_alphabetic() && !c.is_lowercase())
}

/// Splits a path at the `::` that are not inside brackets of any kind.
fn segments(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = path;
    while let Some((head, tail)) = split_outside(rest, "::") {
        parts.push(head);
        rest = tail;
    }
    parts.push(rest);
    parts
}

/// Splits at the first `separator` that no bracket encloses.
fn split_outside<'a>(text: &'a str, separator: &str) -> Option<(&'a str, &'a str)> {
    let mut depth = 0_usize;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if depth == 0 && text[at..].starts_with(separator) {
            return Some((&text[..at], &text[at + separator.len()..]));
        }
        match c {
            '<' | '(' | '[' | '{' => depth += 1,
            '>' if before == '-' => {}
            '>' | ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        before = c;
    }
    None
}

/// A type with every path in it cut down to its last name, and without erased lifetimes.
fn simple(ty: &str) -> String {
    let ty = ty.replace("'_, ", "").replace("<'_>", "").replace("'_ ", "");
    let mut shown = String::with_capacity(ty.len());
    let mut word = 0; // where in `shown` the current path began
    let mut rest = ty.as_str();
    while let Some(c) = rest.chars().next() {
        if let Some(tail) = rest.strip_prefix("::") {
            // `Type::<..>` keeps the type, `<T as Trait>::Name` keeps all of it.
            if !tail.starts_with('<') && !shown.ends_with('>') {
                shown.truncate(word);
            } else if !tail.starts_with('<') {
                shown.push_str("::");
                word = shown.len();
            } else if tail.starts_with("<impl ") {
                shown.truncate(word);
            }
            rest = tail;
            continue;
        }
        shown.push(c);
        if !(c.is_alphanumeric() || c == '_' || c == '#' || c == '{' || c == '}') {
            word = shown.len();
        }
        rest = &rest[c.len_utf8()..];
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{qualify, shorten};

    fn type_name<T>(_: T) -> &'static str {
        std::any::type_name::<T>()
    }

    /// The labels of what really stands in code, by the same means as the macros.
    macro_rules! label {
        ($name:literal) => {{
            fn function() {}
            shorten(type_name(function), $name)
        }};
        ($name:literal, method) => {{
            fn method() {}
            shorten(type_name(method), $name)
        }};
    }

    trait Store<X = u8> {
        fn load(&self) -> String {
            label!("load", method)
        }
        fn save(&self) -> String;
    }

    struct Orders;
    struct Grid<T, const N: usize>([T; N]);

    impl Orders {
        fn make() -> String {
            label!("make")
        }
        fn count(&self) -> String {
            label!("count", method)
        }
    }

    macro_rules! saves {
        ($([$($generics:tt)*] $of:ty, $ty:ty;)*) => {
            $(impl<$($generics)*> $of for $ty {
                fn save(&self) -> String {
                    label!("save", method)
                }
            })*
        };
    }

    saves! {
        [] Store, Orders;
        [] Store, &str;
        [] Store, [u8];
        [] Store, (Orders, i8);
        [] Store, Vec<Orders>;
        [] Store, Vec<super::tests::deep::Users>;
        [T] Store<T>, Box<T>;
        [T, const N: usize] Store<T>, [T; N];
        [T] Store, *const T;
        [T] Store<T>, fn(&T) -> u8;
        [] Store, dyn std::fmt::Debug + Send;
        [] Store<Vec<std::sync::Arc<str>>>, std::borrow::Cow<'_, str>;
    }

    mod deep {
        use super::{shorten, type_name};

        pub struct Users;

        pub fn free() -> String {
            label!("free")
        }

        impl super::Orders {
            pub fn elsewhere(&self) -> String {
                label!("elsewhere", method)
            }
        }

        impl<T, const N: usize> super::Grid<T, N> {
            pub fn cell(&self) -> String {
                label!("cell", method)
            }
        }

        impl super::Store for super::Grid<u8, 3> {
            fn save(&self) -> String {
                label!("save", method)
            }
        }

        impl super::Store<i128> for Option<super::Orders> {
            fn save(&self) -> String {
                label!("save", method)
            }
        }
    }

    impl dyn Store {
        fn erased(&self) -> String {
            label!("erased", method)
        }
    }

    fn generic<T>(_: T) -> String {
        label!("generic")
    }

    fn r#match() -> String {
        label!("match")
    }

    #[test]
    fn functions_have_their_own_name() {
        assert_eq!(deep::free(), "free");
        assert_eq!(generic(1_u8), "generic");
        assert_eq!(generic("text"), "generic");
        assert_eq!(r#match(), "match");
    }

    #[test]
    fn methods_carry_their_type() {
        assert_eq!(Orders::make(), "Orders::make");
        assert_eq!(Orders.count(), "Orders::count");
        assert_eq!(Orders.elsewhere(), "Orders::elsewhere");
        assert_eq!(Grid([1_u8]).cell(), "Grid<_, N>::cell");
        assert_eq!(Grid(["a", "b"]).cell(), "Grid<_, N>::cell");
        assert_eq!(<dyn Store>::erased(&Orders), "<dyn Store>::erased");
    }

    #[test]
    fn trait_methods_carry_type_and_trait() {
        assert_eq!(Orders.save(), "<Orders as Store>::save");
        assert_eq!(Store::<u8>::load(&Orders), "Store::load");
        assert_eq!(Store::<u8>::load(&"text"), "Store::load");
        assert_eq!("text".save(), "<&str as Store>::save");
        assert_eq!([1_u8][..].save(), "<[u8] as Store>::save");
        assert_eq!((Orders, 1).save(), "<(Orders, i8) as Store>::save");
        assert_eq!([1_u8, 2].save(), "<[_; N] as Store<_>>::save");
        assert_eq!((&Orders as *const Orders).save(), "<*const _ as Store>::save");
        let function: fn(&u8) -> u8 = |_| 1;
        assert_eq!(function.save(), "<fn(&_) -> u8 as Store<_>>::save");
        assert_eq!((&1_u8 as &(dyn std::fmt::Debug + Send)).save(), "<dyn Debug + Send as Store>::save");
        assert_eq!(std::borrow::Cow::Borrowed("").save(), "<Cow<str> as Store<Vec<Arc<str>>>>::save");
        assert_eq!(Grid([1_u8, 2, 3]).save(), "<Grid<u8, 3> as Store>::save");
        assert_eq!(Some(Orders).save(), "<Option<Orders> as Store<i128>>::save");
    }

    #[test]
    fn generic_types_merge_their_instances_and_keep_other_types_apart() {
        assert_eq!(Box::new(1_u8).save(), "<Box<_> as Store<_>>::save");
        assert_eq!(Box::new("text").save(), "<Box<_> as Store<_>>::save");
        assert_eq!(vec![Orders].save(), "<Vec<Orders> as Store>::save");
        assert_eq!(vec![deep::Users].save(), "<Vec<Users> as Store>::save");
    }

    #[test]
    fn what_stands_inside_functions() {
        fn nested() -> String {
            label!("nested")
        }
        struct Local;
        impl Local {
            fn act(&self) -> String {
                label!("act", method)
            }
        }
        impl Store for Local {
            fn save(&self) -> String {
                label!("save", method)
            }
        }
        assert_eq!(nested(), "nested");
        assert_eq!(Local.act(), "Local::act");
        assert_eq!(Store::<u8>::save(&Local), "<Local as Store>::save");
        let in_closure = || {
            fn inner() -> String {
                label!("inner")
            }
            inner()
        };
        assert_eq!(in_closure(), "inner");
    }

    #[test]
    fn names_of_closures_and_async_blocks() {
        for (type_name, fn_name, label) in [
            ("shop::load::{{closure}}", "load", "load"),
            ("shop::load::{{closure}}::{{closure}}::function", "load", "load"),
            ("shop::Orders::load::{{closure}}::method", "load", "Orders::load"),
            ("<shop::Orders as shop::Store>::load::{{closure}}", "load", "<Orders as Store>::load"),
            ("shop::Orders<i32>::load<u8>::{{closure}}", "load", "Orders<i32>::load"),
            ("shop::Orders::<i32>::load::<u8>::{{closure}}", "load", "Orders<i32>::load"),
            ("shop::_::<impl shop::Store for shop::Orders>::load::method", "load", "<Orders as Store>::load"),
            ("shop::timespec::now::method", "now", "timespec::now"),
            ("shop::timespec::now::function", "now", "now"),
            ("<shop::index as web::Factory>::register::index::{{closure}}::function", "index", "index"),
            ("<<T as a::B>::C as a::D>::f::method", "f", "<<T as B>::C as D>::f"),
        ] {
            assert_eq!(shorten(type_name, fn_name), label, "{type_name}");
        }
    }

    #[test]
    fn any_text_gives_a_name() {
        for odd in
            ["", "::", "<", ">", "<impl ", "<impl >::f::x", "f", "a->b", "{{", "é::f::é", "<<<::>>>::f::m"]
        {
            assert!(shorten(odd, "f").ends_with('f'), "{odd}");
            assert!(qualify(odd, "f").ends_with('f'), "{odd}");
        }
    }

    #[test]
    fn modules_tell_apart_what_short_names_do_not() {
        assert_eq!(qualify("shop::a::Orders::load::method", "load"), "shop::a::Orders::load");
        assert_eq!(
            qualify("<shop::b::Orders as shop::Store>::load::{{closure}}::method", "load"),
            "<shop::b::Orders as shop::Store>::load"
        );
    }
}
