//! `annotate FILE..`: puts the attribute before every `fn` with a body that is not `const`, in place.

use proc_macro2::{LineColumn, Span};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

const ATTRIBUTE: &str = "#[::profile_cost::profile_cost] ";

/// Where functions begin, after their attributes.
#[derive(Default)]
struct Functions {
    starts: Vec<LineColumn>,
    constant: usize,
}

impl Functions {
    fn add(&mut self, sig: &syn::Signature, first: Option<Span>) {
        if sig.constness.is_some() {
            self.constant += 1;
        } else {
            self.starts.push(first.unwrap_or_else(|| sig.span()).start());
        }
    }
}

fn written(vis: &syn::Visibility) -> Option<Span> {
    (!matches!(vis, syn::Visibility::Inherited)).then(|| vis.span())
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig, written(&item.vis));
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig, written(&item.vis).or(item.defaultness.map(|word| word.span())));
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if item.default.is_some() {
            self.add(&item.sig, None);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut annotated, mut constant, mut unread) = (0, 0, 0);
    for path in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&path)?;
        let Ok(file) = syn::parse_file(&text) else {
            unread += 1;
            continue;
        };
        let mut functions = Functions::default();
        functions.visit_file(&file);
        // From the end, so that earlier positions stay where they are.
        functions.starts.sort_by(|a, b| b.cmp(a));
        let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        for start in &functions.starts {
            let line = &mut lines[start.line - 1];
            let at = line.char_indices().nth(start.column).map_or(line.len(), |(at, _)| at);
            line.insert_str(at, ATTRIBUTE);
        }
        std::fs::write(&path, lines.join("\n"))?;
        annotated += functions.starts.len();
        constant += functions.constant;
    }
    println!("{annotated} functions annotated, {constant} const, {unread} files not read");
    Ok(())
}
