//! `grants:`.

use oarlock_core::escalation::{escalation, is_secret};
use oarlock_core::manifest::{Grants, ResourceGrant};
use oarlock_core::origin::{OriginGrant, Scheme};

use super::{Check, names, origin, site};
use crate::key_path::KeyPath;
use crate::problem::Problem;
use crate::raw::{RawGrants, RawResourceGrant};
use crate::rights::plural;
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
        let insecure = raw.insecure_skip_tls_verify.unwrap_or_default();
        self.insecure(&path.key("insecureSkipTLSVerify"), &insecure, &http);
        let artifacts = raw.artifacts.unwrap_or_default();
        for (index, text) in artifacts.iter().enumerate() {
            self.ok(&path.key("artifacts").index(index), site::check(text));
        }
        let act_as = self.words(&path, "actAs", raw.act_as, account);
        Grants {
            write: self.resources(&path, WRITE, raw.write),
            read: self.resources(&path, READ, raw.read),
            http,
            insecure_skip_tls_verify: insecure,
            artifacts,
            act_as,
        }
    }

    /// Origins whose certificates go unchecked; they are among those that may be called at all.
    fn insecure(&mut self, path: &KeyPath, origins: &[String], http: &[String]) {
        let called: Vec<_> = http
            .iter()
            .filter_map(|text| OriginGrant::parse(text).ok())
            .collect();
        for (index, text) in origins.iter().enumerate() {
            let here = path.index(index);
            let Some(()) = self.ok(&here, origin::check(text)) else {
                continue;
            };
            let Ok(grant) = OriginGrant::parse(text) else {
                continue;
            };
            if grant.scheme() == Scheme::Http {
                let problem = Problem::new(format!("{text:?} shows no certificate"))
                    .expected("an origin with https")
                    .hint("leave it out: grants.http is all that a call without TLS needs");
                self.error(&here, problem);
            } else if !called.iter().any(|called| called.meets(&grant)) {
                let problem = Problem::new(format!("{text:?} is not one that the module may call"))
                    .hint(format!("add {text:?} to grants.http, or leave it out"));
                self.warn(&here, problem);
            }
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
        let selects = raw.selector.is_some();
        let grant = ResourceGrant {
            api_groups: self.words(path, "apiGroups", raw.api_groups, group),
            resources: self.words(path, "resources", raw.resources, resource),
            verbs: self.words(path, "verbs", raw.verbs, |verb| verb_of(side, verb)),
            namespaces: self.words(path, "namespaces", raw.namespaces, namespace),
            resource_names: self.words(path, "resourceNames", raw.resource_names, object_name),
            selector: self.selector(&path.key("selector"), raw.selector),
        };
        match side.name {
            "read" => self.secrets(path, &grant, selects),
            _ => self.escalations(path, &grant, selects),
        }
        grant
    }

    /// Secrets are read by name or label; all of them only where that is said.
    fn secrets(&mut self, path: &KeyPath, grant: &ResourceGrant, selects: bool) {
        let at = |name: &String| is_secret("", name);
        let Some(index) = grant.resources.iter().position(at) else {
            return;
        };
        if !grant.api_groups.iter().any(String::is_empty) {
            return;
        }
        if selects && grant.selector.is_empty() {
            let problem = Problem::new("a selector that selects every Secret")
                .hint("name labels that they have, or write resourceNames: [\"*\"] in its place");
            self.error(&path.key("selector"), problem);
        } else if !selects && grant.resource_names.is_empty() {
            let problem = Problem::new("Secrets are granted by name or by label").hint(
                "add resourceNames: [...] or selector: {matchLabels: {...}}; to grant all of them, write resourceNames: \
                 [\"*\"]",
            );
            self.error(&path.key("resources").index(index), problem);
        } else if !selects && grant.resource_names.iter().any(|name| name == "*") {
            let problem =
                Problem::new(format!("the module may read every Secret {}", place(grant)))
                    .hint("name those that it needs, or select them by label");
            self.warn(&path.key("resourceNames"), problem);
        }
    }

    /// What gives rights of its own is warned about, and so is a wildcard.
    fn escalations(&mut self, path: &KeyPath, grant: &ResourceGrant, selects: bool) {
        if selects {
            let problem = Problem::new("labels do not narrow what is written")
                .hint("remove the selector; resourceNames narrow it");
            self.error(&path.key("selector"), problem);
        }
        for (index, resource) in grant.resources.iter().enumerate() {
            let found = grant
                .api_groups
                .iter()
                .find_map(|group| Some((group, escalation(group, resource)?)));
            let here = path.key("resources").index(index);
            if let Some((group, why)) = found.filter(|_| resource != "*") {
                let name = if group.is_empty() {
                    resource.clone()
                } else {
                    format!("{resource}.{group}")
                };
                let problem = Problem::new(format!("to write {name} gives more rights: {why}"))
                    .hint("keep it only if the module is to be trusted that far");
                self.warn(&here, problem);
            } else if resource == "*" && grant.api_groups.iter().any(|group| group == "*") {
                let problem = Problem::new(format!(
                    "the module may write objects of every kind {}, but for Secrets and what gives rights of its own",
                    place(grant)
                ))
                .hint("name the kinds that it needs");
                self.warn(&here, problem);
            }
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

/// Where a grant holds.
fn place(grant: &ResourceGrant) -> String {
    match grant.namespaces.as_slice() {
        [] => "of its object's namespace".to_owned(),
        some if some.iter().any(|namespace| namespace == "*") => "of the cluster".to_owned(),
        some => format!("of {}", some.join(", ")),
    }
}

fn account(text: &str) -> Result<(), Problem> {
    if text == "*" {
        return Ok(());
    }
    names::subdomain(text)
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
        let plural = plural(text);
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
