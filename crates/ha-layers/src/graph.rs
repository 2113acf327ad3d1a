//! Who needs whom.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::{Target, resolve};
use crate::source::Source;

/// For each module the modules that it needs, and by which paths.
pub type Graph = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// The arrows between the modules of a crate. Bringing a module's name in is none; what is then taken from it is.
#[must_use]
pub fn graph_of(source: &Source) -> Graph {
    let mut graph = Graph::new();
    for (module, content) in source {
        let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut add = |to: String, path: &[String]| {
            if to != *module {
                arrows.entry(to).or_default().insert(path.join("::"));
            }
        };
        for path in &content.paths {
            if let Some(Target::ItemOf(to)) = resolve(source, module, path) {
                add(to, path);
            }
        }
        for glob in &content.globs {
            if let Some(Target::Module(to) | Target::ItemOf(to)) = resolve(source, module, glob) {
                add(to, &[glob.as_slice(), &["*".to_owned()]].concat());
            }
        }
        graph.insert(module.clone(), arrows);
    }
    graph
}

/// The same among the folders and files that lie side by side in the root: what lies deeper counts as its folder.
#[must_use]
pub fn of_rooms(graph: &Graph) -> Graph {
    let room = |module: &str| module.splitn(3, "::").take(2).collect::<Vec<_>>().join("::");
    let mut rooms = Graph::new();
    for (from, arrows) in graph {
        let all = rooms.entry(room(from)).or_default();
        for (to, paths) in arrows.iter().filter(|(to, _)| room(to) != room(from)) {
            all.entry(room(to)).or_default().extend(paths.iter().map(|path| format!("{from} takes {path}")));
        }
    }
    rooms
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::{Graph, graph_of, of_rooms};
    use crate::{circles, read};

    fn graph(files: &[(&str, &str)]) -> Graph {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        graph_of(&read(&folder.path().join("lib.rs")).unwrap())
    }

    fn arrows(files: &[(&str, &str)]) -> Vec<String> {
        let graph = graph(files);
        graph.iter().flat_map(|(from, to)| to.keys().map(move |to| format!("{from} -> {to}"))).collect()
    }

    #[test]
    fn imports_and_full_paths_count_also_in_macros_and_below_a_module_that_is_imported() {
        let lib = "mod a; mod b; mod c; mod d; mod e;";
        let a = "use crate::e; fn f() { crate::b::g(); println!(\"{}\", crate::c::N); let _: super::d::T = e::h(); }";
        let others = [("b.rs", "pub fn g() {}"), ("c.rs", "pub const N: u8 = 1;"), ("d.rs", "pub struct T;")];
        let found = arrows(&[&[("lib.rs", lib), ("a.rs", a), ("e.rs", "pub fn h() {}")], &others[..]].concat());
        let all = ["crate::a -> crate::b", "crate::a -> crate::c", "crate::a -> crate::d", "crate::a -> crate::e"];
        assert_eq!(found, all);
    }

    #[test]
    fn what_is_handed_on_counts_where_it_is_defined() {
        let found = arrows(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::{T, U as V}; use std::fmt;"),
            ("b/mod.rs", "mod inner; pub use inner::T; pub use self::inner::*;"),
            ("b/inner.rs", "pub struct T; pub struct U;"),
        ]);
        assert_eq!(found, ["crate::a -> crate::b::inner", "crate::b -> crate::b::inner"]);
    }

    #[test]
    fn a_function_that_bears_its_modules_name_and_inline_modules_are_found() {
        let found = arrows(&[
            (
                "lib.rs",
                "mod walk; pub use walk::walk; mod user { pub fn f() { crate::walk(); super::walk::other(); } }",
            ),
            ("walk.rs", "pub fn walk() {} pub fn other() {}"),
        ]);
        assert_eq!(found, ["crate -> crate::walk", "crate::user -> crate::walk"]);
    }

    #[test]
    fn tests_may_use_whatever_is_there() {
        let found = arrows(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "pub fn f() {} #[cfg(test)] mod tests { use crate::b::g; } #[cfg(test)] use crate::b::g;"),
            (
                "b.rs",
                "pub fn g() { crate::a::f(); } #[cfg(any(test, feature = \"x\"))] mod fixtures { use crate::a::f; }",
            ),
        ]);
        assert_eq!(found, ["crate::b -> crate::a", "crate::b::fixtures -> crate::a"]);
    }

    /// Each crate of the workspace, its programs and its tests: every root that a module can hang on.
    fn roots() -> Vec<PathBuf> {
        let crates = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
        let in_folder = |folder: PathBuf| {
            let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
            entries.collect::<Vec<_>>()
        };
        let mut roots = Vec::new();
        for member in in_folder(crates) {
            roots.extend(["lib.rs", "main.rs"].map(|file| member.join("src").join(file)));
            for folder in ["src/bin", "tests", "benches", "examples"] {
                for entry in in_folder(member.join(folder)) {
                    roots.push(if entry.is_dir() { entry.join("main.rs") } else { entry });
                }
            }
        }
        roots.retain(|root| root.extension().is_some_and(|it| it == "rs") && root.is_file());
        roots.sort();
        roots
    }

    #[test]
    fn no_crate_of_this_workspace_has_a_circle() {
        let roots = roots();
        assert!(roots.len() > 10, "{roots:?}");
        let mut told = String::new();
        for root in &roots {
            let modules = graph_of(&read(root).unwrap_or_else(|error| panic!("{error}")));
            for graph in [of_rooms(&modules), modules] {
                for circle in circles(&graph) {
                    told.push_str(&format!("\n{}: {} modules", root.display(), circle.len()));
                    for from in &circle {
                        for (to, paths) in graph[from].iter().filter(|(to, _)| circle.contains(to)) {
                            told.push_str(&format!("\n  {from} -> {to}: {}", Vec::from_iter(paths.clone()).join(", ")));
                        }
                    }
                }
            }
        }
        assert!(told.is_empty(), "each of these needs the other:{told}");
    }
}
