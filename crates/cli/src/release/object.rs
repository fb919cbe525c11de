//! The object that is released: what holds it, who asks, and what becomes of it.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use kube::runtime::wait::await_condition;
use oarlock_core::cached::Cached;
use oarlock_core::marks::{
    CHILD_KINDS_ANNOTATION, CHILDREN_FINALIZER, FINALIZER_ANNOTATION, RELEASE_ANNOTATION,
    RELEASED_BY_ANNOTATION, finalizer_reserved_for,
};
use oarlock_core::reference::{Gvk, Uid};
use serde_json::{Value, json};

use crate::target::{Handle, Told};

/// Field manager of what this command writes.
const MANAGER: &str = "oarlock-release";

/// The verb that an RBAC rule allows releases by. Like `approve` or `bind` it is no request of its own: it is asked for.
const VERB: &str = "release";

/// Tries of a write that others' writes make void.
const ATTEMPTS: usize = 5;

/// What holds an object that is being deleted.
pub(super) struct Held {
    /// The host's finalizers.
    pub(super) ours: Vec<String>,
    theirs: Vec<String>,
    object: DynamicObject,
}

/// What nobody deletes.
#[derive(Default)]
pub(super) struct Behind {
    /// Children that no garbage collector finds.
    pub(super) found: Vec<String>,
    /// Where others may be.
    pub(super) unknown: Vec<String>,
}

impl Held {
    fn new(object: DynamicObject) -> Self {
        let annotations = object.metadata.annotations.as_ref();
        let module = annotations
            .and_then(|map| map.get(FINALIZER_ANNOTATION))
            .filter(|name| finalizer_reserved_for(name).is_none());
        let finalizers = object.metadata.finalizers.clone().unwrap_or_default();
        let (ours, theirs) = finalizers
            .into_iter()
            .partition(|name| name == CHILDREN_FINALIZER || Some(name) == module);
        Self {
            ours,
            theirs,
            object,
        }
    }

    fn uid(&self) -> &str {
        self.object.metadata.uid.as_deref().unwrap_or_default()
    }

    /// What is about to happen.
    pub(super) fn told(&self, handle: &Handle) -> String {
        let mut text = format!("{handle} is being deleted, and waits for\n");
        for name in &self.ours {
            let what = if name == CHILDREN_FINALIZER {
                "the host's, for children that no garbage collector finds"
            } else {
                "its module's"
            };
            text.push_str(&format!("  {name}  {what}\n"));
        }
        for name in &self.theirs {
            text.push_str(&format!("  {name}  somebody else's: it stays\n"));
        }
        let conditions = self.object.data.pointer("/status/conditions");
        let ready = conditions.and_then(Value::as_array).and_then(|list| {
            list.iter()
                .find(|condition| condition["type"] == "Ready" && condition["status"] == "False")
        });
        if let Some(message) = ready.and_then(|ready| ready["message"].as_str()) {
            // Its hint is this command.
            let message = message
                .split_once("; hint: ")
                .map_or(message, |(told, _)| told);
            text.push_str(&format!("It says: {message}\n"));
        }
        text.push_str(
            "Released, it goes without its module: what that would have cleaned up stays behind\n",
        );
        text
    }

    fn precondition(&self) -> Value {
        let metadata = &self.object.metadata;
        json!({"uid": metadata.uid, "resourceVersion": metadata.resource_version})
    }
}

impl Handle {
    /// What holds the object.
    ///
    /// # Errors
    /// When it is not there, is not being deleted, or nothing of the host's holds it.
    pub(super) async fn held(&self) -> anyhow::Result<Held> {
        let Some(object) = self.api.get_opt(&self.name).await? else {
            bail!("{self} does not exist");
        };
        if object.metadata.deletion_timestamp.is_none() {
            bail!(
                "{self} is not being deleted; hint: `kubectl delete` it first: its module is asked to let it go, and a release is \
                 for when it does not"
            );
        }
        let held = Held::new(object);
        if held.ours.is_empty() {
            let waits = match held.theirs.join(", ") {
                names if names.is_empty() => "it goes by itself".to_owned(),
                names => format!("it waits for {names}, which somebody else put there"),
            };
            bail!("nothing of Oarlock's holds {self}; hint: {waits}");
        }
        Ok(held)
    }

    /// Asks the API server whether this user may release the object.
    pub(super) async fn may_release(&self) -> anyhow::Result<()> {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "verb": VERB,
                "group": self.resource.group,
                "version": self.resource.version,
                "resource": self.resource.plural,
                "namespace": self.namespace,
                "name": self.name,
            }},
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let answer = self
            .post(path, &review)
            .await
            .context("the API server does not say whether you may release it")?;
        if answer.pointer("/status/allowed") == Some(&Value::Bool(true)) {
            return Ok(());
        }
        let why = answer.pointer("/status/reason").and_then(Value::as_str);
        let why = why
            .filter(|why| !why.is_empty())
            .map(|why| format!(" ({why})"));
        Err(anyhow!(
            "you may not release {self}{}; hint: it takes an RBAC rule with {}",
            why.unwrap_or_default(),
            self.rule(VERB),
        ))
    }

    /// Asks the operator.
    pub(super) async fn ask(&self, held: &Held, reason: &str) -> anyhow::Result<()> {
        let mut annotations = json!({RELEASE_ANNOTATION: reason});
        if let Some(user) = self.user().await {
            annotations[RELEASED_BY_ANNOTATION] = Value::String(user);
        }
        // No version: whatever else changed, this very object is meant.
        let metadata = json!({"uid": held.uid(), "annotations": annotations});
        match self.merge(json!({"metadata": metadata})).await {
            Ok(()) => Ok(()),
            // It went meanwhile.
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => {
                Err(error).with_context(|| format!("{self}: the release was not asked for"))
            }
        }
    }

    async fn merge(&self, patch: Value) -> Result<(), kube::Error> {
        let params = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(patch);
        self.api.patch(&self.name, &params, &patch).await.map(drop)
    }

    /// Waits until nothing of the host's holds the object. False when that takes too long.
    pub(super) async fn is_let_go(&self, held: &Held, timeout: Duration) -> anyhow::Result<bool> {
        let uid = held.uid().to_owned();
        let let_go = |object: Option<&DynamicObject>| {
            object.is_none_or(|object| {
                object.metadata.uid.as_deref() != Some(&uid)
                    || Held::new(object.clone()).ours.is_empty()
            })
        };
        let waiting = await_condition(self.api.clone(), &self.name, let_go);
        match tokio::time::timeout(timeout, waiting).await {
            Ok(met) => {
                met.with_context(|| format!("{self} cannot be watched"))?;
                Ok(true)
            }
            Err(_) => Ok(false),
        }
    }

    /// What the operator says of the release, as far as its Event can be read.
    pub(super) async fn note(&self, held: &Held) -> Option<String> {
        let events = self.events().list(&ListParams::default()).await.ok()?;
        let about = |event: &&DynamicObject| {
            event.data["reason"] == "Released" && event.data["regarding"]["uid"] == held.uid()
        };
        let event = events.items.iter().find(about)?;
        event.data["note"].as_str().map(str::to_owned)
    }

    /// Takes the host's finalizers off, without an operator.
    pub(super) async fn take_finalizers(&self, held: &Held) -> anyhow::Result<()> {
        let uid = held.uid().to_owned();
        for _ in 0..ATTEMPTS {
            let Some(object) = self.api.get_opt(&self.name).await? else {
                return Ok(());
            };
            let now = Held::new(object);
            if now.uid() != uid || now.ours.is_empty() {
                return Ok(());
            }
            let mut metadata = now.precondition();
            metadata["finalizers"] = json!(now.theirs);
            match self.merge(json!({"metadata": metadata})).await {
                Ok(()) => return Ok(()),
                Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(error) => {
                    return Err(error)
                        .with_context(|| format!("{self}: the finalizers were not taken off"));
                }
            }
        }
        bail!("{self}: others keep writing it; hint: try again");
    }

    /// Children that only the host would delete, by the marks on them.
    pub(super) async fn children(&self, held: &Held) -> Behind {
        let annotations = held.object.metadata.annotations.as_ref();
        let kinds: BTreeSet<Gvk> = annotations
            .and_then(|map| map.get(CHILD_KINDS_ANNOTATION))
            .into_iter()
            .flat_map(|text| text.split(','))
            .filter_map(|kind| kind.split_once(' '))
            .map(|(api_version, kind)| Gvk::from_api_version(api_version, kind))
            .collect();
        let mut behind = Behind::default();
        for gvk in kinds {
            match self.marked(&gvk, held.uid()).await {
                Ok(mut found) => behind.found.append(&mut found),
                Err(error) => behind
                    .unknown
                    .push(format!("objects of {gvk}: {}", told(&error))),
            }
        }
        let module: Vec<&str> = held
            .ours
            .iter()
            .map(String::as_str)
            .filter(|name| *name != CHILDREN_FINALIZER)
            .collect();
        if !module.is_empty() {
            behind.unknown.push(format!(
                "whatever the module of {} would have cleaned up",
                module.join(", ")
            ));
        }
        behind
    }

    async fn marked(&self, gvk: &Gvk, uid: &str) -> anyhow::Result<Vec<String>> {
        let found = kube::discovery::pinned_kind(
            &self.client,
            &kube::core::GroupVersionKind::gvk(&gvk.group, &gvk.version, &gvk.kind),
        )
        .await?;
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &found.0);
        let uid = Uid(uid.to_owned());
        let mut names = Vec::new();
        let mut page = ListParams::default().limit(500);
        loop {
            let list = api.list(&page).await?;
            for item in list.items {
                let mut value = serde_json::to_value(&item)?;
                value["apiVersion"] = json!(gvk.api_version());
                value["kind"] = json!(gvk.kind);
                let live = Cached::from_live(value)?;
                let collected = item
                    .metadata
                    .owner_references
                    .iter()
                    .flatten()
                    .any(|owner| owner.uid == uid.0);
                if live.is_marked_by(&uid) && !collected {
                    names.push(live.target().to_string());
                }
            }
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => return Ok(names),
            }
        }
    }

    /// Records what was done without an operator.
    pub(super) async fn record(
        &self,
        held: &Held,
        reason: &str,
        behind: &Behind,
    ) -> anyhow::Result<()> {
        let who = self.user().await.unwrap_or_else(|| "somebody".to_owned());
        let mut note = format!(
            "{} taken off without an operator, as {who} asked: {reason}",
            held.ours.join(", ")
        );
        if !behind.found.is_empty() {
            note.push_str(&format!("; left behind: {}", behind.found.join(", ")));
        }
        self.tell(
            held.uid(),
            Told {
                severity: "Warning",
                reason: "Released",
                note,
                by: MANAGER,
                user: &who,
            },
        )
        .await
    }
}

/// What the API server said, without the library's frame around it.
fn told(error: &anyhow::Error) -> String {
    match error.downcast_ref::<kube::Error>() {
        Some(kube::Error::Api(status)) if status.code == 404 => {
            "the API server does not serve them".to_owned()
        }
        Some(kube::Error::Api(status)) => status.message.clone(),
        _ => format!("{error:#}"),
    }
}
