//! Reads a crate's modules from its files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprLit, ImplItem, Item, Lit, Meta, MetaNameValue, UseTree};

/// What a crate's root module is called, as in a path of Rust.
pub(crate) const ROOT: &str = "crate";

/// The modules of one crate, by their path from `crate`.
pub type Source = BTreeMap<String, Module>;

/// What one module defines and names, without the modules in it.
#[derive(Debug, Default)]
pub struct Module {
    pub(crate) children: BTreeSet<String>,
    pub(crate) items: BTreeSet<String>,
    /// What an import calls by another path.
    pub(crate) aliases: BTreeMap<String, Vec<String>>,
    /// Modules, or enumerations, of which all is imported.
    pub(crate) globs: Vec<Vec<String>>,
    /// Paths of two segments or more, and imports.
    pub(crate) paths: Vec<Vec<String>>,
}

/// Why a crate could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No such file, or it cannot be read.
    #[error("failed to read {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not Rust.
    #[error("failed to parse {}, line {}: {source}", path.display(), source.span().start().line)]
    Syntax {
        /// Which.
        path: PathBuf,
        /// What and where.
        source: syn::Error,
    },
}

/// Reads the crate whose root is this file, and all of its modules that are not for tests only.
///
/// # Errors
/// A file of it is missing or is not Rust.
pub fn read(root: &Path) -> Result<Source, ReadError> {
    let mut source = Source::new();
    let folder = root.parent().unwrap_or(Path::new("")).to_path_buf();
    read_file(root, &folder, ROOT, &mut source)?;
    Ok(source)
}

/// `folder` is where the files of its child modules lie.
fn read_file(file: &Path, folder: &Path, path: &str, source: &mut Source) -> Result<(), ReadError> {
    let text = std::fs::read_to_string(file).map_err(|source| ReadError::File { path: file.to_path_buf(), source })?;
    let parsed = syn::parse_file(&text).map_err(|source| ReadError::Syntax { path: file.to_path_buf(), source })?;
    if is_for_tests(&parsed.attrs) {
        return Ok(());
    }
    let beside = file.parent().unwrap_or(Path::new(""));
    read_items(&parsed.items, beside, folder, path, source)
}

/// `beside` is where the file itself lies.
fn read_items(items: &[Item], beside: &Path, folder: &Path, path: &str, source: &mut Source) -> Result<(), ReadError> {
    let mut reading = Reading { module: Module::default() };
    for item in items {
        reading.visit_item(item);
    }
    source.insert(path.to_owned(), reading.module);
    for item in items {
        let Item::Mod(module) = item else { continue };
        if is_for_tests(&module.attrs) {
            continue;
        }
        let name = module.ident.to_string();
        let (inner, below) = (format!("{path}::{name}"), folder.join(&name));
        if let Some((_, items)) = &module.content {
            read_items(items, &below, &below, &inner, source)?;
            continue;
        }
        if let Some(named) = path_of(&module.attrs) {
            let file = beside.join(named);
            let below = file.parent().unwrap_or(beside).to_path_buf();
            read_file(&file, &below, &inner, source)?;
            continue;
        }
        let file = folder.join(format!("{name}.rs"));
        let file = if file.exists() { file } else { below.join("mod.rs") };
        read_file(&file, &below, &inner, source)?;
    }
    Ok(())
}

/// The file that `#[path = "…"]` names.
fn path_of(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(MetaNameValue { path, value: Expr::Lit(ExprLit { lit: Lit::Str(file), .. }), .. })
            if path.is_ident("path") =>
        {
            Some(file.value())
        }
        _ => None,
    })
}

/// Compiled for the crate's own tests and for nothing else.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string().replace(' ', "");
            condition == "test" || condition.starts_with("all(test,")
        }
        _ => false,
    })
}

struct Reading {
    module: Module,
}

impl Reading {
    fn import(&mut self, tree: &UseTree, before: &[String]) {
        let joined = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        let (name, path) = match tree {
            UseTree::Path(path) => return self.import(&path.tree, &joined(&path.ident)),
            UseTree::Group(group) => return group.items.iter().for_each(|it| self.import(it, before)),
            UseTree::Glob(_) => return self.module.globs.push(before.to_vec()),
            UseTree::Name(name) if name.ident == "self" => (before.last().cloned(), before.to_vec()),
            UseTree::Name(name) => (Some(name.ident.to_string()), joined(&name.ident)),
            UseTree::Rename(rename) if rename.ident == "self" => (Some(rename.rename.to_string()), before.to_vec()),
            UseTree::Rename(rename) => (Some(rename.rename.to_string()), joined(&rename.ident)),
        };
        self.module.paths.push(path.clone());
        if let Some(name) = name {
            self.module.aliases.insert(name, path);
        }
    }

    /// Paths in what only a macro understands.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(it)) if it.as_char() == ':');
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(first) => {
                    let mut path = vec![first.to_string()];
                    while colon(at)
                        && colon(at + 1)
                        && let Some(TokenTree::Ident(next)) = tokens.get(at + 2)
                    {
                        path.push(next.to_string());
                        at += 3;
                    }
                    self.path(path);
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    /// One segment alone is defined here or imported.
    fn path(&mut self, path: Vec<String>) {
        if path.len() > 1 {
            self.module.paths.push(path);
        }
    }
}

impl<'ast> Visit<'ast> for Reading {
    fn visit_item(&mut self, item: &'ast Item) {
        let (attributes, name) = match item {
            Item::Const(it) => (&it.attrs, Some(&it.ident)),
            Item::Enum(it) => (&it.attrs, Some(&it.ident)),
            Item::Fn(it) => (&it.attrs, Some(&it.sig.ident)),
            Item::Macro(it) => (&it.attrs, it.ident.as_ref()),
            Item::Mod(it) => {
                if !is_for_tests(&it.attrs) {
                    self.module.children.insert(it.ident.to_string());
                }
                return;
            }
            Item::Static(it) => (&it.attrs, Some(&it.ident)),
            Item::Struct(it) => (&it.attrs, Some(&it.ident)),
            Item::Trait(it) => (&it.attrs, Some(&it.ident)),
            Item::Type(it) => (&it.attrs, Some(&it.ident)),
            Item::Union(it) => (&it.attrs, Some(&it.ident)),
            Item::Impl(it) => (&it.attrs, None),
            Item::Use(it) => (&it.attrs, None),
            _ => return visit::visit_item(self, item),
        };
        if is_for_tests(attributes) {
            return;
        }
        self.module.items.extend(name.map(ToString::to_string));
        visit::visit_item(self, item);
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes: &[Attribute] = match item {
            ImplItem::Const(it) => &it.attrs,
            ImplItem::Fn(it) => &it.attrs,
            ImplItem::Type(it) => &it.attrs,
            _ => &[],
        };
        if !is_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.path(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.tokens(call.tokens.clone());
    }
}
