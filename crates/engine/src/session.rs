//! What one run may ask for: grants are checked here, and everything that is read is remembered.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use oarlock_core::artifact::{Artifact, Artifacts, FetchError, Source};
use oarlock_core::cached::Cached;
use oarlock_core::cluster::{Cluster, ServiceAccount};
use oarlock_core::egress::{Credentials, Egress};
use oarlock_core::future::BoxFuture;
use oarlock_core::health;
use oarlock_core::json::Json;
use oarlock_core::manifest::{Access, Grants, Sight, missing_grant};
use oarlock_core::object::Object;
use oarlock_core::origin::{self, Origin, Scheme};
use oarlock_core::projection::project;
use oarlock_core::reconciler::{
    ArtifactRequest, Health, Host, HttpAuth, HttpError, HttpRequest, HttpResponse, LogLevel,
    LogLine, ObservedState, ReadError, SecretKey, Selection, Waiting,
};
use oarlock_core::reference::{Digest, Gvk, KindInfo, ObjectRef};
use oarlock_core::request::ApiError;
use oarlock_core::selector::LabelSelector;
use parking_lot::Mutex;

use crate::dependencies::{Dependencies, Query, Reads};
use crate::entry::Entry;
use crate::kinds::Hold;
use crate::plan::shows;
use crate::ports::Ports;
use crate::redaction::Redaction;
use crate::waits::Waits;

mod packages;

/// The [`Host`] of one run.
pub(crate) struct Session {
    cluster: Arc<dyn Cluster>,
    kinds: Hold,
    egress: Arc<dyn Egress>,
    artifacts: Arc<dyn Artifacts>,
    /// Digests of what this run fetched.
    fetched: Mutex<BTreeSet<Digest>>,
    owner: Arc<Cached>,
    grants: Arc<Grants>,
    module: String,
    /// ServiceAccount of the watch, where the module names none.
    account: Option<String>,
    deadline: Duration,
    dependencies: Arc<Mutex<Dependencies>>,
    reads: Mutex<Reads>,
    /// What was read of Secrets.
    redaction: Arc<Redaction>,
    waits: Arc<Waits>,
}

impl Session {
    /// A session for one run of `owner` by `module`, with the rights and the limits of `entry`.
    pub(crate) fn new(
        ports: &Ports,
        owner: Arc<Cached>,
        entry: &Entry,
        module: String,
        redaction: Arc<Redaction>,
    ) -> Self {
        Self {
            cluster: Arc::clone(&ports.cluster),
            kinds: ports.kinds.hold(),
            egress: Arc::clone(&ports.egress),
            artifacts: Arc::clone(&ports.artifacts),
            fetched: Mutex::default(),
            owner,
            grants: Arc::clone(&entry.grants),
            module,
            account: entry.watch.service_account.clone(),
            deadline: entry.watch.limits.deadline,
            dependencies: Arc::clone(&ports.dependencies),
            reads: Mutex::default(),
            redaction,
            waits: Arc::clone(&ports.waits),
        }
    }

    /// Notes what is about to be looked at.
    fn note(&self, reads: Reads) {
        self.dependencies
            .lock()
            .add(&self.owner.target(), reads.clone());
        self.reads.lock().merge(reads);
    }

    /// What was read so far.
    pub(crate) fn reads(&self) -> Reads {
        self.reads.lock().clone()
    }

    fn namespace(&self) -> Option<&str> {
        self.owner.namespace()
    }

    fn kind(&self, gvk: &Gvk) -> Result<KindInfo, ReadError> {
        // Noted first: it may appear just now.
        let unserved = |gvk: &Gvk| {
            self.note(Reads::unserved(gvk.clone()));
            self.cluster.kind(gvk)
        };
        self.cluster
            .kind(gvk)
            .or_else(|| unserved(gvk))
            .ok_or_else(|| ReadError::UnknownKind(gvk.to_string()))
    }

    /// What the grants show of `access`; an error where that is nothing.
    fn sight(&self, access: &Access<'_>) -> Result<Sight<'_>, ReadError> {
        match self.grants.sight(access, self.namespace()) {
            Sight::Nothing => Err(ReadError::Denied(missing_grant("read", access))),
            sight => Ok(sight),
        }
    }

    /// Whether the account may do one of `accesses` by the API server's word, whatever is granted here.
    async fn vouch(
        &self,
        account: Option<&ServiceAccount>,
        accesses: &[Access<'_>],
    ) -> Result<(), ReadError> {
        let Some(account) = account else {
            return Ok(());
        };
        for access in accesses {
            let _waiting = self.waits.begin();
            match self.cluster.allowed(account, *access).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => return Err(unavailable(&error)),
            }
        }
        let what = accesses
            .first()
            .map(|a| format!("{} {}", a.verb, a.resource));
        Err(ReadError::Denied(format!(
            "ServiceAccount {}/{} may not {}",
            account.namespace,
            account.name,
            what.unwrap_or_default()
        )))
    }

    /// Whom to read as: whom the module names, else whom the watch names, else the host.
    fn account(&self, act_as: Option<&str>) -> Result<Option<ServiceAccount>, ReadError> {
        account(
            act_as,
            self.account.as_deref(),
            &self.grants,
            &self.owner.target(),
        )
        .map_err(ReadError::Denied)
    }

    /// What the host does not watch is not in its cache, and must not be taken for absent.
    fn in_sight(&self, kind: &KindInfo, target: &ObjectRef) -> Result<(), ReadError> {
        match &target.namespace {
            Some(namespace) if kind.namespaced && !self.cluster.sees(namespace) => {
                Err(ReadError::Denied(format!(
                    "{target}: namespace {namespace:?} is not one of those that the host watches"
                )))
            }
            _ => Ok(()),
        }
    }

    /// One object from the cache, which is filled first where it is not.
    async fn look(
        &self,
        target: &ObjectRef,
        act_as: Option<&str>,
    ) -> Result<Option<Arc<Cached>>, ReadError> {
        let kind = self.kind(&target.gvk)?;
        self.in_sight(&kind, target)?;
        let account = self.account(act_as)?;
        let access = access("get", &kind, target);
        let create = Access {
            verb: "create",
            ..access
        };
        // Whoever may create an object may know that it is absent: a module looks after a child that is not there yet.
        let may_miss = self
            .grants
            .write
            .iter()
            .any(|grant| grant.covers(&create, self.namespace()));
        let own = |live: Option<&Arc<Cached>>| match live {
            Some(live) => self.is_child(live) || live.target() == self.owner.target(),
            None => may_miss,
        };
        let sight = self.sight(&access);
        if act_as.is_some() || !own(self.cluster.cached(target).as_ref()) {
            sight.clone()?;
        }
        // Noted between the first list, which is no news, and the look.
        self.watch(&target.gvk).await?;
        self.note(Reads::object(target.clone()));
        let live = self.cluster.cached(target);
        if act_as.is_none() && own(live.as_ref()) {
            if live.is_none() {
                self.vouch(account.as_ref(), &[access, create]).await?;
            }
        } else {
            // The cache may have been empty just now.
            let sight = sight?;
            self.vouch(account.as_ref(), &[access]).await?;
            if live.as_ref().is_some_and(|live| !shows(&sight, live)) {
                // As if it were not there: that it is would tell of what no grant selects.
                return Ok(None);
            }
        }
        let Some(live) = live else {
            return Ok(None);
        };
        let whole = self.whole(live).await?;
        if let Some(whole) = &whole {
            self.redaction.learn(whole);
        }
        Ok(whole)
    }

    /// A cached object with all that it has.
    async fn whole(&self, live: Arc<Cached>) -> Result<Option<Arc<Cached>>, ReadError> {
        if !live.is_abridged() {
            return Ok(Some(live));
        }
        let _waiting = self.waits.begin();
        let uid = live.uid();
        let whole = self.cluster.whole(live).await;
        // What stands in its place by now was not looked at: neither whose it is nor whether it may be seen.
        let same = |whole: Option<Arc<Cached>>| whole.filter(|whole| whole.uid() == uid);
        whole.map(same).map_err(|error| unavailable(&error))
    }

    /// Cached objects with all that they have, but for those that are gone by now.
    async fn all_whole(&self, cached: Vec<Arc<Cached>>) -> Result<Vec<Arc<Cached>>, ReadError> {
        let mut all = Vec::with_capacity(cached.len());
        for live in cached {
            all.extend(self.whole(live).await?);
        }
        Ok(all)
    }

    /// Whether `live` is a child that needs no read grant. Others may set owner references too, and on what this module has
    /// nothing to do with: only what it may write is its own.
    fn is_child(&self, live: &Cached) -> bool {
        let Some(kind) = self.cluster.kind(live.gvk()) else {
            return false;
        };
        let target = live.target();
        live.is_owned_by(&self.owner.uid())
            && ["create", "patch"].into_iter().any(|verb| {
                let access = access(verb, &kind, &target);
                let grants = &mut self.grants.write.iter();
                grants.any(|grant| grant.covers(&access, self.namespace()))
            })
    }

    async fn watch(&self, gvk: &Gvk) -> Result<(), ReadError> {
        let result = self.kinds.watch(gvk).await;
        if matches!(result, Err(ReadError::UnknownKind(_))) {
            self.note(Reads::unserved(gvk.clone()));
            // It may have been listed before that was noted.
            return self.kinds.watch(gvk).await;
        }
        result
    }

    async fn state(&self, target: ObjectRef) -> Result<ObservedState, ReadError> {
        let (health, message) = match self.look(&target, None).await? {
            None => (Health::NotFound, "not found".to_owned()),
            Some(live) => match live.object() {
                Ok(object) => health::health(&object),
                Err(error) => (Health::Unknown, error.to_string()),
            },
        };
        Ok(ObservedState {
            target,
            health,
            message,
        })
    }

    async fn credentials(&self, auth: &HttpAuth) -> Result<Credentials, HttpError> {
        Ok(match auth {
            HttpAuth::Basic(user, password) => Credentials::Basic {
                user: self.secret(user).await?,
                password: self.secret(password).await?,
            },
            HttpAuth::Bearer(token) => Credentials::Bearer {
                token: self.secret(token).await?,
            },
        })
    }

    async fn secret(&self, key: &SecretKey) -> Result<Vec<u8>, HttpError> {
        let data = self.secret_data(key.namespace.as_deref(), &key.name).await;
        // Whatever the reason, the module is to know that nothing was sent.
        data.and_then(|data| data.value(&key.key))
            .map_err(|error| match error {
                NoSecret::Denied(message) => HttpError::Denied(message),
                NoSecret::Read(error) => HttpError::Connect(error.to_string()),
            })
    }

    /// What is in a Secret of a namespace, the object's own where none is named. It counts as read, also where it is not there.
    async fn secret_data(
        &self,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<SecretData, NoSecret> {
        let Some(namespace) = namespace.or(self.namespace()) else {
            return Err(NoSecret::Denied(format!(
                "Secret {name}: {} has no namespace whose Secrets it could name; hint: name the Secret's namespace, too",
                self.owner.target()
            )));
        };
        let target = ObjectRef::new(Gvk::new("", "v1", "Secret"), Some(namespace), name);
        let live = self.look(&target, None).await?;
        let denied = |problem: &str| NoSecret::Denied(format!("{target}: {problem}"));
        let object = live
            .ok_or_else(|| denied("not found"))?
            .object()
            .map_err(|error| denied(&error.to_string()))?;
        Ok(SecretData { target, object })
    }
}

/// A Secret that a run may read.
struct SecretData {
    target: ObjectRef,
    object: Object,
}

/// What of objects a query asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    Fields,
    /// Fields of metadata that hold no content. Annotations may: `kubectl` and others keep a copy of all that was applied in one.
    Metadata,
}

/// Annotations that never hold content, as a JSON pointer has them.
const PLAIN_ANNOTATIONS: &str = "helm.oarlock.dev~1";

impl Part {
    fn of(fields: &[String]) -> Self {
        if fields.is_empty() {
            return Self::Whole;
        }
        let is_metadata = |field: &String| {
            let below = field.strip_prefix("/metadata/");
            below.is_some_and(|below| match below.split_once('/') {
                Some(("annotations", key)) => key.starts_with(PLAIN_ANNOTATIONS),
                Some(_) => true,
                None => below != "annotations",
            })
        };
        match fields.iter().all(is_metadata) {
            true => Self::Metadata,
            false => Self::Fields,
        }
    }
}

/// Why there is no value of a Secret.
enum NoSecret {
    /// It may not be read, is not there, or does not have what it should.
    Denied(String),
    /// It cannot be told by now.
    Read(ReadError),
}

impl From<ReadError> for NoSecret {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Denied(message) => Self::Denied(message),
            other => Self::Read(other),
        }
    }
}

impl SecretData {
    /// What is wrong with it.
    fn denied(&self, problem: &str) -> NoSecret {
        NoSecret::Denied(format!("{}: {problem}", self.target))
    }

    /// Whether it has a key.
    fn has(&self, key: &str) -> bool {
        self.encoded(key).is_some()
    }

    fn encoded(&self, key: &str) -> Option<&str> {
        self.object.pointer("/data")?.get(key)?.as_str()
    }

    /// The value of a key.
    fn value(&self, key: &str) -> Result<Vec<u8>, NoSecret> {
        let encoded = self
            .encoded(key)
            .ok_or_else(|| self.denied(&format!("has no key {key:?}")))?;
        base64::engine::general_purpose::STANDARD
            .decode(encoded)
            .map_err(|error| self.denied(&format!("key {key:?}: {error}")))
    }
}

impl Host for Session {
    fn get(
        &self,
        target: ObjectRef,
        act_as: Option<String>,
    ) -> BoxFuture<'_, Result<Option<Json>, ReadError>> {
        Box::pin(async move {
            let live = self.look(&target, act_as.as_deref()).await?;
            Ok(live.map(|live| live.json().clone()))
        })
    }

    fn get_live(
        &self,
        target: ObjectRef,
        act_as: Option<String>,
    ) -> BoxFuture<'_, Result<Option<Json>, ReadError>> {
        Box::pin(async move {
            let kind = self.kind(&target.gvk)?;
            let access = access("get", &kind, &target);
            let sight = self.sight(&access)?;
            let account = self.account(act_as.as_deref())?;
            self.vouch(account.as_ref(), &[access]).await?;
            let waiting = self.waits.begin();
            let live = self.cluster.read(&target, account.as_ref()).await;
            drop(waiting);
            let live = live
                .map_err(|error| unavailable(&error))?
                .filter(|live| shows(&sight, live));
            Ok(live.map(|live| {
                self.redaction.learn(&live);
                live.json().clone()
            }))
        })
    }

    fn query(&self, selection: Selection) -> BoxFuture<'_, Result<Vec<Json>, ReadError>> {
        Box::pin(async move {
            let kind = self.kind(&selection.gvk)?;
            let selector = LabelSelector::parse(selection.labels.as_deref().unwrap_or_default())
                .map_err(|error| ReadError::Denied(error.to_string()))?;
            let access = Access {
                verb: "list",
                group: &kind.gvk.group,
                resource: &kind.plural,
                namespace: selection.namespace.as_deref(),
                name: None,
                all_namespaces: kind.namespaced && selection.namespace.is_none(),
            };
            if let Some(namespace) = &selection.namespace {
                let all = ObjectRef::new(selection.gvk.clone(), Some(namespace), "*");
                self.in_sight(&kind, &all)?;
            }
            let sight = self.sight(&access)?;
            let account = self.account(selection.act_as.as_deref())?;
            self.vouch(account.as_ref(), &[access]).await?;
            let query = Query {
                gvk: selection.gvk.clone(),
                namespace: selection.namespace.clone(),
                selector,
            };
            self.watch(&selection.gvk).await?;
            self.note(Reads {
                queries: vec![query.clone()],
                ..Reads::default()
            });
            let namespace = selection.namespace.as_deref();
            let mut found = self
                .cluster
                .select(&selection.gvk, namespace, &query.selector);
            let part = Part::of(&selection.fields);
            found.retain(|live| shows(&sight, live));
            // What does not cross needs not be there, and cannot be told.
            if part != Part::Metadata {
                found = self.all_whole(found).await?;
                found.iter().for_each(|live| self.redaction.learn(live));
            }
            let answers = found.iter().map(|live| {
                let parsed = match part {
                    Part::Whole => return live.json().clone(),
                    Part::Fields => live.object(),
                    Part::Metadata => live.head(),
                };
                parsed.map_or_else(
                    |_| live.json().clone(),
                    |object| Json::from_value(&project(&object, &selection.fields)),
                )
            });
            Ok(answers.collect())
        })
    }

    fn children(&self) -> BoxFuture<'_, Result<Vec<Json>, ReadError>> {
        Box::pin(async move {
            let mut children = self.cluster.owned_by(&self.owner.uid());
            children.retain(|live| self.is_child(live));
            let children = self.all_whole(children).await?;
            children.iter().for_each(|live| self.redaction.learn(live));
            Ok(children.iter().map(|live| live.json().clone()).collect())
        })
    }

    fn observe(
        &self,
        targets: Vec<ObjectRef>,
    ) -> BoxFuture<'_, Result<Vec<ObservedState>, ReadError>> {
        Box::pin(async move {
            let mut states = Vec::with_capacity(targets.len());
            for target in targets {
                states.push(self.state(target).await?);
            }
            Ok(states)
        })
    }

    fn kinds(&self) -> BoxFuture<'_, Result<Vec<KindInfo>, ReadError>> {
        Box::pin(async move {
            self.note(Reads {
                kinds: true,
                ..Reads::default()
            });
            Ok(self.cluster.kinds())
        })
    }

    fn server_version(&self) -> BoxFuture<'_, Result<String, ReadError>> {
        Box::pin(async move {
            let version = self.cluster.server_version().await;
            version.map_err(|error| unavailable(&error))
        })
    }

    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            let origin =
                Origin::of(&request.url).map_err(|error| HttpError::Denied(error.to_string()))?;
            if !origin::granted(&origin, &self.grants.http, self.namespace()) {
                return Err(HttpError::Denied(format!(
                    "no grant for {origin}; hint: add to the watch: grants: {{http: [\"{origin}\"]}}"
                )));
            }
            if request.insecure_skip_tls_verify
                && origin.scheme() == Scheme::Https
                && !origin::granted(
                    &origin,
                    &self.grants.insecure_skip_tls_verify,
                    self.namespace(),
                )
            {
                return Err(HttpError::Denied(format!(
                    "no grant to leave the certificate of {origin} unchecked; hint: trust its CA instead, or add to the watch: \
                     grants: {{insecureSkipTLSVerify: [\"{origin}\"]}}"
                )));
            }
            let credentials = match &request.auth {
                Some(auth) => Some(self.credentials(auth).await?),
                None => None,
            };
            if let Some(credentials) = &credentials {
                self.redaction.learn_credentials(credentials);
            }
            let limit = request
                .timeout
                .map_or(self.deadline, |timeout| timeout.min(self.deadline));
            let mut answer = self.egress.send(request, credentials, limit).await?;
            self.redaction.clean_answer(&mut answer);
            Ok(answer)
        })
    }

    fn fetch(&self, request: ArtifactRequest) -> BoxFuture<'_, Result<Artifact, FetchError>> {
        Box::pin(self.package(request))
    }

    fn versions(
        &self,
        source: Source,
        credentials: Option<String>,
        max_age: Duration,
    ) -> BoxFuture<'_, Result<Vec<String>, FetchError>> {
        Box::pin(self.package_versions(source, credentials, max_age))
    }

    fn artifact(&self, digest: Digest) -> BoxFuture<'_, Result<Arc<[u8]>, FetchError>> {
        Box::pin(self.package_bytes(digest))
    }

    fn log(&self, line: LogLine) {
        let (object, module) = (self.owner.target(), &self.module);
        let LogLine {
            level,
            message,
            fields,
        } = line;
        let message = self.redaction.mask(&message);
        let fields: std::collections::BTreeMap<_, _> = fields
            .iter()
            .map(|(name, value)| (name, self.redaction.mask(value)))
            .collect();
        match level {
            LogLevel::Error => tracing::error!(%object, module, ?fields, "{message}"),
            LogLevel::Warn => tracing::warn!(%object, module, ?fields, "{message}"),
            LogLevel::Info => tracing::info!(%object, module, ?fields, "{message}"),
            LogLevel::Debug => tracing::debug!(%object, module, ?fields, "{message}"),
            LogLevel::Trace => tracing::trace!(%object, module, ?fields, "{message}"),
        }
    }

    fn waiting(&self) -> Waiting<'_> {
        Box::new(self.waits.begin())
    }
}

/// Whom to act as: whom the module names, else whom the watch names, else the host (`None`).
///
/// # Errors
/// With what is missing: the grant, or a namespace whose ServiceAccounts the object could name.
pub(crate) fn account(
    act_as: Option<&str>,
    of_watch: Option<&str>,
    grants: &Grants,
    owner: &ObjectRef,
) -> Result<Option<ServiceAccount>, String> {
    let Some(name) = act_as.or(of_watch) else {
        return Ok(None);
    };
    if Some(name) != of_watch && !grants.acts_as(name) {
        return Err(format!(
            "no grant to act as ServiceAccount {name}; hint: add to the watch: grants: {{actAs: [{name}]}}"
        ));
    }
    let Some(namespace) = &owner.namespace else {
        return Err(format!(
            "act-as {name}: {owner} has no namespace whose ServiceAccounts it could name"
        ));
    };
    Ok(Some(ServiceAccount {
        namespace: namespace.clone(),
        name: name.to_owned(),
    }))
}

fn access<'a>(verb: &'a str, kind: &'a KindInfo, target: &'a ObjectRef) -> Access<'a> {
    Access {
        verb,
        group: &kind.gvk.group,
        resource: &kind.plural,
        namespace: target.namespace.as_deref(),
        name: Some(&target.name),
        all_namespaces: false,
    }
}

fn unavailable(error: &ApiError) -> ReadError {
    if error.code == 403 {
        ReadError::Denied(error.to_string())
    } else {
        ReadError::Unavailable(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::Part;

    #[test]
    fn content_is_learned_wherever_it_may_cross() {
        let part = |fields: &[&str]| {
            let fields: Vec<String> = fields.iter().map(|&field| field.to_owned()).collect();
            Part::of(&fields)
        };
        assert!(part(&[]) == Part::Whole);
        let parts = "/metadata/annotations/helm.oarlock.dev~1parts";
        assert!(part(&["/metadata/labels", parts]) == Part::Metadata);
        let copy = "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration";
        for content in [
            "",
            "/data",
            "/data/password",
            "/metadata",
            "/metadata/annotations",
            "/metadata/annotations/a~1b",
            copy,
        ] {
            assert!(
                part(&["/metadata/labels", content]) == Part::Fields,
                "{content}"
            );
        }
    }
}
