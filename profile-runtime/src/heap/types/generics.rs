//! Names with generic arguments, as debug information has them: `push<app::Order, alloc::alloc::Global>`.

/// The part before the generic arguments, without its path: `push`.
pub(super) fn head(name: &str) -> &str {
    let path = &name[..start_of_arguments(name)];
    path.rsplit("::").next().unwrap_or(path)
}

/// The generic arguments of a function or type.
pub(super) fn all_arguments(name: &str) -> Vec<&str> {
    let start = start_of_arguments(name);
    let inner = name[start..].strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    inner.map(list).unwrap_or_default()
}

/// Those that are not the global allocator, nor a reference to it.
pub(super) fn without_allocators(arguments: Vec<&str>) -> Vec<&str> {
    arguments
        .into_iter()
        .filter(|argument| last_segment(argument).trim_start_matches('&') != "Global")
        .collect()
}

/// The generic arguments of a function or type, allocators left out.
pub(super) fn arguments(name: &str) -> Vec<&str> {
    without_allocators(all_arguments(name))
}

/// Element type of `[T]`.
pub(super) fn slice(name: &str) -> Option<&str> {
    let inner = name.strip_prefix('[')?.strip_suffix(']')?;
    array(name).is_none().then_some(inner)
}

/// The members of a tuple; `None` of anything else.
pub(super) fn tuple(name: &str) -> Option<Vec<&str>> {
    let inner = name.strip_prefix('(')?.strip_suffix(')')?;
    // `(dyn Any + Send)` is no tuple.
    (!inner.starts_with("dyn ")).then(|| list(inner))
}

/// Element type and length of `[T; N]`.
pub(super) fn array(name: &str) -> Option<(&str, &str)> {
    let inner = name.strip_prefix('[')?.strip_suffix(']')?;
    let (element, length) = inner.rsplit_once("; ")?;
    // `[[u8; 4]]` is a slice of arrays.
    length.bytes().all(|it| it.is_ascii_digit()).then_some((element, length))
}

/// A type that is called so, whatever its path, and its arguments.
pub(super) fn instance_of<'a>(name: &'a str, type_name: &str) -> Option<Vec<&'a str>> {
    (head(name) == type_name && !name.starts_with(['(', '[', '&', '*'])).then(|| arguments(name))
}

/// Where the arguments begin: the first `<` outside of braces; the end when there are none.
fn start_of_arguments(name: &str) -> usize {
    let mut braces = 0usize;
    for (at, character) in name.char_indices() {
        match character {
            '{' => braces += 1,
            '}' => braces = braces.saturating_sub(1),
            '<' if braces == 0 => return at,
            _ => {}
        }
    }
    name.len()
}

/// Splits at the commas that are within no bracket. The `>` of `->` closes nothing.
fn list(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start, mut before) = (0usize, 0, ' ');
    for (at, character) in text.char_indices() {
        match character {
            '<' | '(' | '[' | '{' => depth += 1,
            '>' if before == '-' => {}
            '>' | ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
        before = character;
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

fn last_segment(path: &str) -> &str {
    let path = &path[..start_of_arguments(path)];
    path.rsplit("::").next().unwrap_or(path)
}

/// A type for people: no paths of the standard library, no allocators, no default hashers.
pub(super) fn short(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    write_short(&mut out, name.trim(), 32);
    out
}

fn write_short(out: &mut String, name: &str, depth: u32) {
    if depth == 0 {
        out.push_str(name);
        return;
    }
    for prefix in ["&mut ", "&", "*const ", "*mut ", "dyn "] {
        if let Some(rest) = name.strip_prefix(prefix) {
            out.push_str(prefix);
            return write_short(out, rest, depth - 1);
        }
    }
    if let Some((element, length)) = array(name) {
        out.push('[');
        write_short(out, element, depth - 1);
        out.push_str("; ");
        out.push_str(length);
        out.push(']');
    } else if let Some(inner) = slice(name) {
        out.push('[');
        write_short(out, inner, depth - 1);
        out.push(']');
    } else if let Some(members) = tuple(name) {
        out.push('(');
        write_list(out, &members, depth);
        out.push_str(if members.len() == 1 { ",)" } else { ")" });
    } else if name.starts_with('(') || name.contains("fn(") {
        out.push_str(name);
    } else {
        write_path(out, name, depth);
    }
}

fn write_list(out: &mut String, names: &[&str], depth: u32) {
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        // Associated types: `Output=u64`.
        match name.split_once('=') {
            Some((associated, value)) if associated.chars().all(|it| it.is_alphanumeric() || it == '_') => {
                out.push_str(associated);
                out.push('=');
                write_short(out, value, depth - 1);
            }
            _ => write_short(out, name, depth - 1),
        }
    }
}

fn write_path(out: &mut String, name: &str, depth: u32) {
    let path = &name[..start_of_arguments(name)];
    let last = last_segment(name);
    let module_length = path.len() - last.len();
    let of_std = ["alloc::", "core::", "std::", "hashbrown::"].iter().any(|root| path.starts_with(root));
    match last {
        // Too many types are called so.
        "Error" | "Kind" if of_std => {
            let module = path[..module_length].trim_end_matches("::").rsplit("::").find(|it| *it != "error");
            out.push_str(module.unwrap_or("std"));
            out.push_str("::");
            out.push_str(last);
        }
        _ if of_std => out.push_str(last),
        _ => out.push_str(path),
    }
    let mut arguments = arguments(name);
    match last {
        "HashMap" | "IndexMap" | "DashMap" => arguments.truncate(2),
        "HashSet" | "IndexSet" | "DashSet" => arguments.truncate(1),
        _ => {}
    }
    if !arguments.is_empty() {
        out.push('<');
        write_list(out, &arguments, depth);
        out.push('>');
    }
}
