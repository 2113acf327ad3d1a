//! Circles of a graph.

use std::collections::BTreeMap;

use crate::graph::Graph;

/// The modules of each circle, in their order: each set of modules from each of which a way leads to all others (Tarjan, 1972).
#[must_use]
pub fn circles(graph: &Graph) -> Vec<Vec<String>> {
    let mut search = Search { graph, marks: BTreeMap::new(), open: Vec::new(), found: Vec::new() };
    for module in graph.keys() {
        if !search.marks.contains_key(module.as_str()) {
            search.visit(module);
        }
    }
    search.found.sort();
    search.found
}

struct Search<'a> {
    graph: &'a Graph,
    marks: BTreeMap<&'a str, Mark>,
    open: Vec<&'a str>,
    found: Vec<Vec<String>>,
}

/// When a module was first met, the earliest module that a way leads back to, and whether that way is still open.
#[derive(Clone, Copy)]
struct Mark {
    met: usize,
    earliest: usize,
    open: bool,
}

impl<'a> Search<'a> {
    fn visit(&mut self, module: &'a str) -> Mark {
        let met = self.marks.len();
        let mut mark = Mark { met, earliest: met, open: true };
        self.marks.insert(module, mark);
        self.open.push(module);
        for next in self.graph.get(module).into_iter().flat_map(BTreeMap::keys) {
            match self.marks.get(next.as_str()) {
                None => mark.earliest = mark.earliest.min(self.visit(next).earliest),
                Some(seen) if seen.open => mark.earliest = mark.earliest.min(seen.met),
                Some(_) => {}
            }
        }
        self.marks.insert(module, mark);
        if mark.earliest == met {
            self.close(module);
        }
        mark
    }

    /// Takes off what was met since `first`, which is a circle where it is more than that one.
    fn close(&mut self, first: &str) {
        let from = self.open.iter().position(|it| *it == first).unwrap_or_default();
        let members = self.open.split_off(from);
        for member in &members {
            if let Some(mark) = self.marks.get_mut(member) {
                mark.open = false;
            }
        }
        if members.len() > 1 {
            let mut members: Vec<_> = members.into_iter().map(str::to_owned).collect();
            members.sort();
            self.found.push(members);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::circles;

    fn found(arrows: &[(&str, &str)]) -> Vec<Vec<String>> {
        let mut graph = BTreeMap::<String, BTreeMap<String, BTreeSet<String>>>::new();
        for (from, to) in arrows {
            graph.entry((*to).to_owned()).or_default();
            graph.entry((*from).to_owned()).or_default().entry((*to).to_owned()).or_default();
        }
        circles(&graph)
    }

    #[test]
    fn a_way_that_only_goes_on_is_none() {
        assert!(found(&[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]).is_empty());
    }

    #[test]
    fn each_way_back_is_found_and_those_that_meet_are_one() {
        let arrows = [
            ("x", "a"),
            ("a", "b"),
            ("b", "a"),
            ("b", "p"),
            ("p", "q"),
            ("q", "r"),
            ("r", "p"),
            ("q", "s"),
            ("s", "q"),
        ];
        assert_eq!(found(&arrows), [vec!["a", "b"], vec!["p", "q", "r", "s"]]);
    }
}
