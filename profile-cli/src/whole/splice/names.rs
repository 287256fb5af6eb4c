//! What functions are called, as far as their file tells: as in reports, without generic arguments.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::visit::{self, Visit};
use syn::{Ident, ItemImpl, Path, Signature, Type};

/// `Orders`, or `<Orders as Store>`.
pub(super) fn owner(i: &ItemImpl) -> String {
    let ty = type_name(&i.self_ty);
    match trait_of(i) {
        Some(of_trait) => format!("<{ty} as {of_trait}>"),
        None if ty.chars().all(|c| c.is_alphanumeric() || c == '_') => ty,
        None => format!("<{ty}>"),
    }
}

/// The last name of the trait's path.
pub(super) fn trait_of(i: &ItemImpl) -> Option<String> {
    i.trait_.as_ref().map(|(_, path, _)| last_name(path))
}

fn last_name(path: &Path) -> String {
    path.segments.last().map(|segment| segment.ident.unraw().to_string()).unwrap_or_default()
}

fn type_name(ty: &Type) -> String {
    match ty {
        Type::Path(path) => last_name(&path.path),
        Type::Reference(reference) => {
            let mutable = if reference.mutability.is_some() { "mut " } else { "" };
            format!("&{mutable}{}", type_name(&reference.elem))
        }
        Type::Ptr(pointer) => {
            let kind = if pointer.mutability.is_some() { "mut" } else { "const" };
            format!("*{kind} {}", type_name(&pointer.elem))
        }
        Type::Slice(slice) => format!("[{}]", type_name(&slice.elem)),
        Type::Array(array) => format!("[{}; N]", type_name(&array.elem)),
        Type::Tuple(tuple) => {
            let names: Vec<_> = tuple.elems.iter().map(type_name).collect();
            format!("({})", names.join(", "))
        }
        Type::TraitObject(object) => {
            let traits = object.bounds.iter().filter_map(|bound| match bound {
                syn::TypeParamBound::Trait(bound) => Some(last_name(&bound.path)),
                _ => None,
            });
            format!("dyn {}", traits.collect::<Vec<_>>().join(" + "))
        }
        Type::Paren(inner) => type_name(&inner.elem),
        Type::Group(inner) => type_name(&inner.elem),
        _ => "_".to_owned(),
    }
}

/// As the attribute decides it: a function that says `self` or `Self` stands in an `impl` or a trait; of others
/// it is not known.
pub(super) fn mentions_self(sig: &Signature) -> bool {
    struct Mentions(bool);
    impl<'a> Visit<'a> for Mentions {
        fn visit_receiver(&mut self, _: &'a syn::Receiver) {
            self.0 = true;
        }

        fn visit_ident(&mut self, ident: &'a Ident) {
            self.0 |= ident == "Self" || ident == "self";
        }

        fn visit_macro(&mut self, m: &'a syn::Macro) {
            self.0 |= any_self(m.tokens.clone());
            visit::visit_macro(self, m);
        }

        fn visit_token_stream(&mut self, tokens: &'a TokenStream) {
            self.0 |= any_self(tokens.clone());
        }
    }
    fn any_self(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == "Self" || ident == "self",
            TokenTree::Group(group) => any_self(group.stream()),
            _ => false,
        })
    }
    let mut mentions = Mentions(false);
    mentions.visit_signature(sig);
    mentions.0
}
