//! What the host does for each watch, as rules.

use std::collections::{BTreeMap, BTreeSet};

use oarlock_core::escalation::{escalation, is_secret};
use oarlock_core::manifest::{Manifest, ResourceGrant};
use oarlock_core::object::Object;
use oarlock_core::reference::{Gvk, KindInfo};
use serde_json::Value;

use super::rule::{Rule, Why};
use super::{Installation, Place, Rights, Subject, plural};

/// Kinds of Kubernetes itself that have no namespace; of others discovery or a definition tells.
const CLUSTER_SCOPED: &[(&str, &str)] = &[
    ("", "componentstatuses"),
    ("", "namespaces"),
    ("", "nodes"),
    ("", "persistentvolumes"),
    ("admissionregistration.k8s.io", "*"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("apiregistration.k8s.io", "apiservices"),
    ("certificates.k8s.io", "*"),
    ("flowcontrol.apiserver.k8s.io", "*"),
    ("networking.k8s.io", "ingressclasses"),
    ("networking.k8s.io", "ipaddresses"),
    ("networking.k8s.io", "servicecidrs"),
    ("node.k8s.io", "runtimeclasses"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("resource.k8s.io", "deviceclasses"),
    ("resource.k8s.io", "resourceslices"),
    ("scheduling.k8s.io", "priorityclasses"),
    ("storage.k8s.io", "csidrivers"),
    ("storage.k8s.io", "csinodes"),
    ("storage.k8s.io", "storageclasses"),
    ("storage.k8s.io", "volumeattachments"),
];

const CRDS: (&str, &str) = ("apiextensions.k8s.io", "customresourcedefinitions");

pub(super) fn collect(
    subjects: &[Subject<'_>],
    kinds: &[KindInfo],
    installation: &Installation,
) -> Rights {
    let mut needs = Needs {
        installation,
        kinds,
        operator: BTreeMap::new(),
        accounts: BTreeMap::new(),
        notes: Vec::new(),
    };
    for subject in subjects {
        needs.watch(subject);
    }
    needs.host(subjects);
    Rights {
        operator: needs
            .operator
            .into_iter()
            .map(|(place, rules)| (place, rules.into_rules()))
            .collect(),
        accounts: needs
            .accounts
            .into_iter()
            .map(|(name, rules)| (name, rules.into_rules()))
            .collect(),
        notes: needs.notes,
    }
}

struct Needs<'a> {
    installation: &'a Installation,
    kinds: &'a [KindInfo],
    operator: BTreeMap<Place, Rules>,
    accounts: BTreeMap<String, Rules>,
    notes: Vec<String>,
}

/// Rules by what they are about: what is needed twice is one rule.
#[derive(Default)]
struct Rules(BTreeMap<(String, String, BTreeSet<String>), Verbs>);

type Verbs = BTreeMap<&'static str, BTreeSet<Why>>;

/// What a rule is about.
#[derive(Clone, Copy)]
struct About<'a> {
    group: &'a str,
    resource: &'a str,
    names: &'a [String],
}

impl<'a> About<'a> {
    const fn all(group: &'a str, resource: &'a str) -> Self {
        Self {
            group,
            resource,
            names: &[],
        }
    }
}

impl Rules {
    fn add(&mut self, about: About<'_>, verbs: &[&'static str], why: Why) {
        let any = about.names.iter().any(|name| name == "*");
        let names = about.names.iter().filter(|_| !any).cloned().collect();
        let key = (about.group.to_owned(), about.resource.to_owned(), names);
        let rule = self.0.entry(key).or_default();
        for verb in verbs {
            rule.entry(verb).or_default().insert(why);
        }
    }

    /// Without what another rule of the same role allows for all names.
    fn into_rules(self) -> Vec<Rule> {
        let whole: BTreeMap<(String, String), BTreeSet<&'static str>> = self
            .0
            .iter()
            .filter(|((.., names), _)| names.is_empty())
            .map(|((group, resource, _), verbs)| {
                (
                    (group.clone(), resource.clone()),
                    verbs.keys().copied().collect(),
                )
            })
            .collect();
        let rules = self
            .0
            .into_iter()
            .map(|((group, resource, names), mut verbs)| {
                if !names.is_empty()
                    && let Some(all) = whole.get(&(group.clone(), resource.clone()))
                {
                    verbs.retain(|verb, _| !all.contains(verb));
                }
                Rule {
                    group,
                    resource,
                    names,
                    verbs,
                }
            });
        rules.filter(|rule| !rule.verbs.is_empty()).collect()
    }
}

impl Needs<'_> {
    /// What the host itself needs, whatever it reconciles.
    fn host(&mut self, subjects: &[Subject<'_>]) {
        let installation = self.installation;
        let everywhere = [Place::Cluster];
        let home = [Place::Namespace(installation.namespace.clone())];
        let (group, resource) = CRDS;
        if installation.namespaces.is_empty() {
            self.add(
                &everywhere,
                About::all(group, resource),
                &["list", "watch"],
                Why::Definitions,
            );
        } else {
            self.note(
                "without the right to list and watch CustomResourceDefinitions, new kinds are looked for every two minutes"
                    .to_owned(),
            );
        }
        if installation.install_crds {
            let names: Vec<String> = subjects
                .iter()
                .filter_map(|subject| subject.manifest)
                .flat_map(|manifest| &manifest.crds)
                .map(|crd| crd.target().name.clone())
                .collect();
            if !names.is_empty() {
                let about = About {
                    group,
                    resource,
                    names: &names,
                };
                let verbs = ["get", "watch", "create", "patch"];
                self.add(&everywhere, about, &verbs, Why::Install);
            }
        }
        let leases = About::all("coordination.k8s.io", "leases");
        if installation.leader_election {
            self.add(&home, leases, &["get", "create", "update"], Why::Election);
        }
        if installation.sharding {
            let verbs = ["list", "create", "update", "delete"];
            self.add(&home, leases, &verbs, Why::Sharding);
        }
        if installation.guarded_metrics {
            let tokens = About::all("authentication.k8s.io", "tokenreviews");
            let access = About::all("authorization.k8s.io", "subjectaccessreviews");
            self.add(&everywhere, tokens, &["create"], Why::Metrics);
            self.add(&everywhere, access, &["create"], Why::Metrics);
        }
    }

    fn watch(&mut self, subject: &Subject<'_>) {
        let watch = subject.watch;
        let kind = self.kind(&watch.gvk, subject.manifest);
        let (group, resource) = (kind.gvk.group.as_str(), kind.plural.as_str());
        let places = self.places(kind.namespaced, &[]);
        let about = About::all(group, resource);
        self.add(&places, about, &["list", "watch"], Why::Cache);
        self.add(&places, about, &["patch"], Why::Marks);
        if kind.status_subresource {
            let status = format!("{resource}/status");
            self.add(&places, About::all(group, &status), &["patch"], Why::Status);
        }
        if !watch.grants.write.is_empty() {
            let finalizers = format!("{resource}/finalizers");
            let about = About::all(group, &finalizers);
            self.act(
                &places,
                watch.service_account.as_deref(),
                about,
                &["update"],
                Why::Owner,
            );
        }
        self.events(&kind);
        for grant in &watch.grants.write {
            self.writes(grant, watch.service_account.as_deref());
        }
        for grant in &watch.grants.read {
            self.reads(grant, watch.service_account.as_deref());
        }
        self.impersonation(subject, &kind);
    }

    fn events(&mut self, kind: &KindInfo) {
        let mut places = self.places(true, &[]);
        if !kind.namespaced && !self.installation.namespaces.is_empty() {
            // Events of what has no namespace are kept there.
            places.push(Place::Namespace("default".to_owned()));
        }
        let about = About::all("events.k8s.io", "events");
        self.add(&places, about, &["create", "patch"], Why::Events);
        self.add(&places, about, &["get"], Why::Repeat);
    }

    fn writes(&mut self, grant: &ResourceGrant, account: Option<&str>) {
        for (group, resource) in resources(grant) {
            let namespaced = self.is_namespaced(group, resource);
            let whole = self.places(namespaced, &[]);
            let places = self.places(namespaced, &grant.namespaces);
            let all = About::all(group, resource);
            let named = About {
                names: &grant.resource_names,
                ..all
            };
            self.add(&whole, all, &["list", "watch"], Why::Cache);
            self.act(&places, account, named, &["get"], Why::Handover);
            if allows(grant, "create") {
                // An object that is created has no name yet, to the authorizer.
                self.act(&places, account, all, &["create"], Why::Create);
            }
            if allows(grant, "patch") {
                self.act(&places, account, named, &["patch"], Why::Apply);
            }
            if allows(grant, "delete") {
                self.act(&places, account, named, &["delete"], Why::Delete);
            }
            if resource == "*" && grant.resources.len() > 1 {
                self.note(
                    "what a chart has may be of every kind, Secrets and what gives rights included, and so the operator may write \
                     them all; name the kinds that the chart has in grants.write"
                        .to_owned(),
                );
            } else if resource == "*" || group == "*" {
                self.note(format!(
                    "a wildcard ({}) is passed on as it is: to the API server it includes Secrets and what gives rights, which \
                     the host still keeps from the module; name the kinds instead",
                    qualified(group, resource)
                ));
            } else if let Some(why) = escalation(group, resource) {
                self.note(format!(
                    "to write {} gives more rights: {why}",
                    qualified(group, resource)
                ));
            }
        }
    }

    fn reads(&mut self, grant: &ResourceGrant, account: Option<&str>) {
        for (group, resource) in resources(grant) {
            let namespaced = self.is_namespaced(group, resource);
            let whole = self.places(namespaced, &[]);
            let places = self.places(namespaced, &grant.namespaces);
            let all = About::all(group, resource);
            let named = About {
                names: &grant.resource_names,
                ..all
            };
            self.add(&whole, all, &["list", "watch"], Why::Cache);
            if allows(grant, "get") {
                let why = if account.is_some() {
                    Why::Read
                } else {
                    Why::Live
                };
                self.act(&places, account, named, &["get"], why);
            }
            let some = !grant.resource_names.is_empty()
                && !grant.resource_names.iter().any(|name| name == "*");
            if let Some(account) = account
                && allows(grant, "list")
                && !some
            {
                self.account(account, all, &["list"], Why::Read);
            }
            if (some || !grant.selector.is_empty()) && is_secret(group, resource) {
                self.note(
                    "list and watch cannot be confined to some Secrets: the operator's cache has them all, its modules see those \
                     that their grants name or select"
                        .to_owned(),
                );
            }
        }
    }

    fn impersonation(&mut self, subject: &Subject<'_>, kind: &KindInfo) {
        let watch = subject.watch;
        let mut names = watch.grants.act_as.clone();
        names.extend(watch.service_account.clone());
        if names.is_empty() {
            return;
        }
        let places = self.places(kind.namespaced, &[]);
        let about = About {
            group: "",
            resource: "serviceaccounts",
            names: &names,
        };
        self.add(&places, about, &["impersonate"], Why::Impersonate);
        let review = About::all("authorization.k8s.io", "subjectaccessreviews");
        self.add(&[Place::Cluster], review, &["create"], Why::Review);
        if names.iter().any(|name| name == "*") {
            self.note(format!(
                "the module of {} may act as every ServiceAccount of its objects' namespaces, and so may the operator",
                watch.gvk
            ));
        }
    }

    /// A right of whoever acts: of the account where there is one, else of the operator.
    fn act(
        &mut self,
        places: &[Place],
        account: Option<&str>,
        about: About<'_>,
        verbs: &[&'static str],
        why: Why,
    ) {
        match account {
            Some(account) => self.account(account, about, verbs, why),
            None => self.add(places, about, verbs, why),
        }
    }

    fn account(&mut self, account: &str, about: About<'_>, verbs: &[&'static str], why: Why) {
        let rules = self.accounts.entry(account.to_owned()).or_default();
        rules.add(about, verbs, why);
    }

    fn add(&mut self, places: &[Place], about: About<'_>, verbs: &[&'static str], why: Why) {
        for place in places {
            let rules = self.operator.entry(place.clone()).or_default();
            rules.add(about, verbs, why);
        }
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Where rights on a kind are needed, by a grant for these namespaces (none: those of the objects).
    fn places(&self, namespaced: bool, granted: &[String]) -> Vec<Place> {
        let watched = &self.installation.namespaces;
        let any = granted.is_empty() || granted.iter().any(|namespace| namespace == "*");
        if !namespaced || any && watched.is_empty() {
            return vec![Place::Cluster];
        }
        let seen = |namespace: &&String| watched.is_empty() || watched.contains(*namespace);
        let names: Vec<&String> = if any {
            watched.iter().collect()
        } else {
            // What is not watched is not written either.
            granted.iter().filter(seen).collect()
        };
        let names = names.into_iter().cloned();
        names.map(Place::Namespace).collect()
    }

    fn is_namespaced(&self, group: &str, resource: &str) -> bool {
        let known = self
            .kinds
            .iter()
            .find(|kind| kind.gvk.group == group && kind.plural == resource);
        known.map_or_else(
            || {
                !CLUSTER_SCOPED
                    .iter()
                    .any(|(g, r)| *g == group && (*r == resource || *r == "*"))
            },
            |kind| kind.namespaced,
        )
    }

    /// A watched kind: as the module's definition has it, else as discovery does, else as it is usual.
    fn kind(&mut self, gvk: &Gvk, manifest: Option<&Manifest>) -> KindInfo {
        let crds = manifest.map_or(&[][..], |manifest| manifest.crds.as_slice());
        let defined = crds.iter().filter_map(|crd| defined(crd, gvk)).next();
        let known = || {
            let same =
                |kind: &&KindInfo| (&kind.gvk.group, &kind.gvk.kind) == (&gvk.group, &gvk.kind);
            self.kinds.iter().find(same).cloned()
        };
        if let Some(kind) = defined.or_else(known) {
            return kind;
        }
        let plural = plural(&gvk.kind);
        let namespaced = self.is_namespaced(&gvk.group, &plural);
        if !(gvk.group.is_empty() || gvk.group == "apps" || gvk.group == "batch") {
            self.note(format!(
                "the module of {gvk} brings no definition of it: its resource is taken for {}, with namespaces and a status; \
                 hint: --kubeconfig asks the cluster",
                qualified(&gvk.group, &plural)
            ));
        }
        KindInfo {
            gvk: gvk.clone(),
            plural,
            namespaced,
            status_subresource: true,
        }
    }
}

/// What a definition says of a kind, if it defines it.
fn defined(definition: &Object, gvk: &Gvk) -> Option<KindInfo> {
    let text = |pointer: &str| definition.pointer(pointer)?.as_str();
    if text("/spec/group")? != gvk.group || text("/spec/names/kind")? != gvk.kind {
        return None;
    }
    let versions = definition.pointer("/spec/versions")?.as_array()?;
    let version = versions
        .iter()
        .find(|version| version.get("name").and_then(Value::as_str) == Some(&gvk.version))?;
    Some(KindInfo {
        gvk: gvk.clone(),
        plural: text("/spec/names/plural")?.to_owned(),
        namespaced: text("/spec/scope")? == "Namespaced",
        status_subresource: version.pointer("/subresources/status").is_some(),
    })
}

/// The resources of a grant; the host writes and reads no subresources of them. To the API server, a wildcard includes whatever is
/// named beside it.
fn resources(grant: &ResourceGrant) -> impl Iterator<Item = (&str, &str)> {
    let groups = widest(&grant.api_groups);
    let pairs = groups.iter().flat_map(|group| {
        let of_group = move |resource| (group.as_str(), resource);
        widest(&grant.resources)
            .iter()
            .map(String::as_str)
            .map(of_group)
    });
    pairs.filter(|(_, resource)| !resource.contains('/'))
}

/// The wildcard alone, where there is one.
fn widest(words: &[String]) -> &[String] {
    match words.iter().position(|word| word == "*") {
        Some(index) => &words[index..=index],
        None => words,
    }
}

fn allows(grant: &ResourceGrant, verb: &str) -> bool {
    grant.verbs.is_empty() || grant.verbs.iter().any(|v| v == "*" || v == verb)
}

/// `deployments.apps`, `secrets`.
fn qualified(group: &str, resource: &str) -> String {
    if group.is_empty() {
        resource.to_owned()
    } else {
        format!("{resource}.{group}")
    }
}
