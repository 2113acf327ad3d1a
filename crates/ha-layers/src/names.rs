//! Which module a path leads to.

use crate::source::{Module, ROOT, Source};

/// Imports that lead to imports end somewhere, or a compiler would not take them.
const MOST_HOPS: usize = 32;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A module itself.
    Module(String),
    /// Something that this module defines.
    ItemOf(String),
}

/// Where a path that stands in `from` leads; `None` out of the crate, or to a name that is no module's.
pub(crate) fn resolve(source: &Source, from: &str, path: &[String]) -> Option<Target> {
    within(source, from, path, MOST_HOPS)
}

fn within(source: &Source, from: &str, path: &[String], hops: usize) -> Option<Target> {
    let hops = hops.checked_sub(1)?;
    let (first, rest) = path.split_first()?;
    let mut at = match first.as_str() {
        "crate" => ROOT.to_owned(),
        "self" => from.to_owned(),
        "super" => parent(from)?.to_owned(),
        name => match lookup(source, from, name, rest.is_empty(), hops)? {
            Target::Module(module) => module,
            item => return Some(item),
        },
    };
    for (index, name) in rest.iter().enumerate() {
        if name == "super" {
            at = parent(&at)?.to_owned();
            continue;
        }
        match lookup(source, &at, name, index + 1 == rest.len(), hops) {
            Some(Target::Module(module)) => at = module,
            Some(item) => return Some(item),
            // A macro made it, or an import brought it in from another crate: what follows is nobody's here.
            None if leads_out(source, &at, name) => return None,
            None => return Some(Target::ItemOf(at)),
        }
    }
    Some(Target::Module(at))
}

fn lookup(source: &Source, module: &str, name: &str, is_last: bool, hops: usize) -> Option<Target> {
    let hops = hops.checked_sub(1)?;
    let scope = source.get(module)?;
    let child = || scope.children.contains(name).then(|| Target::Module(format!("{module}::{name}")));
    let item = || scope.items.contains(name).then(|| Target::ItemOf(module.to_owned()));
    // A module and a function may bear one name: only the former has something in it.
    if !is_last && let Some(found) = child() {
        return Some(found);
    }
    item()
        .or_else(|| alias(source, module, scope, name, hops))
        .or_else(child)
        .or_else(|| scope.globs.iter().find_map(|glob| in_glob(source, module, glob, name, is_last, hops)))
}

fn alias(source: &Source, module: &str, scope: &Module, name: &str, hops: usize) -> Option<Target> {
    let path = scope.aliases.get(name)?;
    // `use names::names` stands beside `mod names`: what is imported is not the import itself.
    if path.first().is_some_and(|first| first == name) && scope.children.contains(name) {
        let inner = format!("{module}::{name}");
        return match path.split_first()?.1 {
            [] => Some(Target::Module(inner)),
            rest => within(source, &inner, &[&["self".to_owned()], rest].concat(), hops),
        };
    }
    let itself = path.len() == 1 && path.first().is_some_and(|first| first == name);
    if itself { None } else { within(source, module, path, hops) }
}

fn in_glob(source: &Source, module: &str, glob: &[String], name: &str, is_last: bool, hops: usize) -> Option<Target> {
    match within(source, module, glob, hops)? {
        Target::Module(opened) if opened != module => lookup(source, &opened, name, is_last, hops),
        _ => None,
    }
}

fn leads_out(source: &Source, module: &str, name: &str) -> bool {
    source.get(module).is_some_and(|scope| scope.aliases.contains_key(name))
}

fn parent(module: &str) -> Option<&str> {
    module.rsplit_once("::").map(|(parent, _)| parent)
}
