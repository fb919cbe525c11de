//! Sets of field paths.

use std::collections::BTreeMap;

use super::path::PathElement;
use crate::schema::{ListKind, Shape, TypeSchema};

/// A set of field paths, as a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    pub(super) nodes: BTreeMap<PathElement, Node>,
}

/// One step of a set: whether the path that ends here is in it, and what lies below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) member: bool,
    pub(super) children: FieldSet,
}

impl Node {
    fn is_empty(&self) -> bool {
        !self.member && self.children.is_empty()
    }
}

impl FieldSet {
    /// A set of these paths of plain fields.
    #[must_use]
    pub fn of_fields(paths: &[&[&str]]) -> Self {
        let mut set = Self::default();
        for path in paths {
            let path: Vec<PathElement> = path.iter().map(|name| PathElement::field(name)).collect();
            set.insert(&path);
        }
        set
    }

    /// Whether no path is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether exactly this path is in the set.
    #[must_use]
    pub fn contains(&self, path: &[PathElement]) -> bool {
        match path {
            [] => false,
            [last] => self.nodes.get(last).is_some_and(|node| node.member),
            [first, rest @ ..] => self
                .nodes
                .get(first)
                .is_some_and(|node| node.children.contains(rest)),
        }
    }

    /// Adds a path; the empty path is no member of any set.
    pub fn insert(&mut self, path: &[PathElement]) {
        if let [first, rest @ ..] = path {
            let node = self.nodes.entry(first.clone()).or_default();
            if rest.is_empty() {
                node.member = true;
            } else {
                node.children.insert(rest);
            }
        }
    }

    /// The members of this set that are fields of the value itself, and the sets below them.
    pub(super) fn node(&self, element: &PathElement) -> Option<&Node> {
        self.nodes.get(element)
    }

    /// All paths of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut union = self.clone();
        union.merge(other);
        union
    }

    fn merge(&mut self, other: &Self) {
        for (element, theirs) in &other.nodes {
            let node = self.nodes.entry(element.clone()).or_default();
            node.member |= theirs.member;
            node.children.merge(&theirs.children);
        }
    }

    /// The paths of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.combined(|element, node| {
            let theirs = other.nodes.get(element)?;
            Some(Node {
                member: node.member && theirs.member,
                children: node.children.intersection(&theirs.children),
            })
        })
    }

    /// The paths of this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.combined(|element, node| {
            let Some(theirs) = other.nodes.get(element) else {
                return Some(node.clone());
            };
            Some(Node {
                member: node.member && !theirs.member,
                children: node.children.difference(&theirs.children),
            })
        })
    }

    /// The paths of this set that are neither in `other` nor below a path of it.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        self.combined(|element, node| {
            let Some(theirs) = other.nodes.get(element) else {
                return Some(node.clone());
            };
            if theirs.member {
                return None;
            }
            Some(Node {
                member: node.member,
                children: node.children.without(&theirs.children),
            })
        })
    }

    fn combined(&self, combine: impl Fn(&PathElement, &Node) -> Option<Node>) -> Self {
        let nodes = self
            .nodes
            .iter()
            .filter_map(|(element, node)| {
                combine(element, node)
                    .filter(|node| !node.is_empty())
                    .map(|node| (element.clone(), node))
            })
            .collect();
        Self { nodes }
    }

    /// The set with every declared field on the way to a member made a member itself. Appliers own
    /// leaves; what is removed with them has to be named.
    #[must_use]
    pub(super) fn with_named_fields(&self, schema: Option<&TypeSchema>) -> Self {
        let nodes = self
            .nodes
            .iter()
            .map(|(element, node)| {
                let (named, below) = match (element, schema.map(|schema| &schema.shape)) {
                    (PathElement::Field(name), Some(Shape::Struct(shape))) => {
                        match shape.fields.get(name) {
                            Some(field) => (true, Some(field.schema.get())),
                            None => (false, None),
                        }
                    }
                    (PathElement::Field(_), Some(Shape::Map(shape))) => {
                        (false, Some(shape.values.get()))
                    }
                    (PathElement::Key(_), Some(Shape::List(shape)))
                        if shape.kind != ListKind::Atomic =>
                    {
                        (false, Some(shape.items.get()))
                    }
                    _ => (false, None),
                };
                let node = Node {
                    member: node.member || (named && !node.children.is_empty()),
                    children: node.children.with_named_fields(below),
                };
                (element.clone(), node)
            })
            .collect();
        Self { nodes }
    }

    /// All paths, in order.
    #[must_use]
    pub fn paths(&self) -> Vec<Vec<PathElement>> {
        let mut paths = Vec::new();
        self.collect(&mut Vec::new(), &mut paths);
        paths
    }

    fn collect(&self, prefix: &mut Vec<PathElement>, paths: &mut Vec<Vec<PathElement>>) {
        // What is here comes before what is below, as the real server lists fields.
        for (element, node) in &self.nodes {
            if node.member {
                prefix.push(element.clone());
                paths.push(prefix.clone());
                prefix.pop();
            }
        }
        for (element, node) in &self.nodes {
            prefix.push(element.clone());
            node.children.collect(prefix, paths);
            prefix.pop();
        }
    }
}
