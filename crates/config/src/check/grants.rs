//! `grants:`.

use oarlock_core::manifest::{Grants, ResourceGrant};

use super::{Check, names, origin};
use crate::key_path::KeyPath;
use crate::problem::Problem;
use crate::raw::{RawGrants, RawResourceGrant};
use crate::suggestion::suggest;

/// One of the two sides of a module's rights on resources.
#[derive(Clone, Copy)]
struct Side {
    name: &'static str,
    verbs: &'static [&'static str],
    other: &'static str,
    other_verbs: &'static [&'static str],
}

const READ_VERBS: &[&str] = &["get", "list", "watch"];
const WRITE_VERBS: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];
const READ: Side = Side {
    name: "read",
    verbs: READ_VERBS,
    other: "write",
    other_verbs: WRITE_VERBS,
};
const WRITE: Side = Side {
    name: "write",
    verbs: WRITE_VERBS,
    other: "read",
    other_verbs: READ_VERBS,
};

impl Check<'_, '_> {
    pub(super) fn grants(&mut self, raw: Option<RawGrants>) -> Grants {
        let Some(raw) = raw else {
            return Grants::default();
        };
        let path = KeyPath::entry().key("grants");
        let http = raw.http.unwrap_or_default();
        for (index, text) in http.iter().enumerate() {
            let checked = origin::check(text);
            self.ok(&path.key("http").index(index), checked);
        }
        Grants {
            write: self.resources(&path, WRITE, raw.write),
            read: self.resources(&path, READ, raw.read),
            http,
        }
    }

    fn resources(
        &mut self,
        path: &KeyPath,
        side: Side,
        raw: Option<Vec<RawResourceGrant>>,
    ) -> Vec<ResourceGrant> {
        let path = path.key(side.name);
        raw.into_iter()
            .flatten()
            .enumerate()
            .map(|(index, raw)| self.resource_grant(&path.index(index), side, raw))
            .collect()
    }

    fn resource_grant(
        &mut self,
        path: &KeyPath,
        side: Side,
        raw: RawResourceGrant,
    ) -> ResourceGrant {
        ResourceGrant {
            api_groups: self.words(path, "apiGroups", raw.api_groups, group),
            resources: self.words(path, "resources", raw.resources, resource),
            verbs: self.words(path, "verbs", raw.verbs, |verb| verb_of(side, verb)),
            namespaces: self.words(path, "namespaces", raw.namespaces, namespace),
            resource_names: self.words(path, "resourceNames", raw.resource_names, object_name),
        }
    }

    /// Checks every word of a list. A list that is there but empty would mean the opposite of what it looks like.
    fn words(
        &mut self,
        path: &KeyPath,
        key: &str,
        list: Option<Vec<String>>,
        check: impl Fn(&str) -> Result<(), Problem>,
    ) -> Vec<String> {
        let Some(list) = list else { return Vec::new() };
        let path = path.key(key);
        if list.is_empty() {
            let problem = Problem::new("an empty list").hint(match key {
                "apiGroups" => "the core group is written [\"\"], any group [\"*\"]",
                "resources" => "name at least one resource, or any with [\"*\"]",
                _ => "leave the key out, or name at least one",
            });
            self.error(&path, problem);
        }
        for (index, word) in list.iter().enumerate() {
            self.ok(&path.index(index), check(word));
        }
        list
    }
}

fn group(text: &str) -> Result<(), Problem> {
    if text == "*" {
        return Ok(());
    }
    names::group(text)
}

fn resource(text: &str) -> Result<(), Problem> {
    let part = |part: &str| part == "*" || names::is_subdomain(part);
    let good = match text.split_once('/') {
        Some((resource, subresource)) => part(resource) && part(subresource),
        None => part(text),
    };
    if good {
        return Ok(());
    }
    let problem = Problem::new(format!("{text:?} is no resource"))
        .expected("a plural lower-case name such as deployments, or \"*\"");
    // The plural of most kinds; discovery is not at hand here.
    let is_kind = names::kind(text).is_ok();
    let plural = is_kind.then(|| {
        let lower = text.to_lowercase();
        let plural = match lower.as_bytes() {
            [.., b's' | b'x'] => format!("{lower}es"),
            [.., b'y'] => format!("{}ies", &lower[..lower.len() - 1]),
            _ => format!("{lower}s"),
        };
        format!("{text} is a kind; did you mean {plural:?}?")
    });
    Err(problem.maybe_hint(plural))
}

fn verb_of(side: Side, text: &str) -> Result<(), Problem> {
    if text == "*" || side.verbs.contains(&text) {
        return Ok(());
    }
    let expected = format!("one of: {}", side.verbs.join(", "));
    if side.other_verbs.contains(&text) {
        return Err(
            Problem::new(format!("{text:?} is no verb of grants.{}", side.name))
                .expected(expected)
                .hint(format!("it belongs below grants.{}", side.other)),
        );
    }
    let meant = suggest(text, side.verbs.iter().copied());
    Err(Problem::new(format!("unknown verb {text:?}"))
        .expected(expected)
        .maybe_hint(meant.map(|meant| format!("did you mean {meant:?}?"))))
}

fn namespace(text: &str) -> Result<(), Problem> {
    if text == "*" || names::is_label(text) {
        return Ok(());
    }
    let problem = Problem::new(format!("{text:?} is no namespace"))
        .expected("a name such as web, or \"*\" for any");
    Err(match text {
        "{namespace}" => problem.hint("leave namespaces out: the object's own is meant then"),
        _ => problem,
    })
}

/// Most names are subdomains, but those of RBAC objects may be any path segment.
fn object_name(text: &str) -> Result<(), Problem> {
    let bad = text.is_empty() || matches!(text, "." | "..") || text.contains(['/', '%']);
    if !bad {
        return Ok(());
    }
    Err(Problem::new(format!("{text:?} is no name of an object")))
}
