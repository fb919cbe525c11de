//! An object in the cluster, and what every command asks of it and says about it.

use std::fmt;

use anyhow::anyhow;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, PostParams};
use oarlock_core::clock::Clock as _;
use serde_json::{Value, json};

use crate::system_clock::SystemClock;

/// Longest note of an Event (`events.k8s.io/v1`), in bytes.
const NOTE_LIMIT: usize = 1024;

/// An object in the cluster.
pub(crate) struct Handle {
    pub(crate) client: Client,
    pub(crate) api: Api<DynamicObject>,
    pub(crate) resource: ApiResource,
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.resource.kind)?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

/// An Event about an object, by a command.
pub(crate) struct Told<'a> {
    /// `Normal` or `Warning`.
    pub(crate) severity: &'a str,
    /// One CamelCase word.
    pub(crate) reason: &'a str,
    /// For people; what is longer than the API server takes is cut.
    pub(crate) note: String,
    /// The command.
    pub(crate) by: &'a str,
    /// Who runs it.
    pub(crate) user: &'a str,
}

impl Handle {
    /// The object as it is named on a command line: `widgets.example.com/a -n default`.
    pub(crate) fn words(&self) -> String {
        let group = match self.resource.group.as_str() {
            "" => String::new(),
            group => format!(".{group}"),
        };
        let namespace = match &self.namespace {
            Some(namespace) => format!(" -n {namespace}"),
            None => String::new(),
        };
        format!("{}{group}/{}{namespace}", self.resource.plural, self.name)
    }

    /// The RBAC rule that allows `verb`.
    pub(crate) fn rule(&self, verb: &str) -> String {
        format!(
            "apiGroups: [{:?}], resources: [{}], verbs: [{verb}]",
            self.resource.group, self.resource.plural
        )
    }

    /// What the API server said to a request of this verb, for people.
    pub(crate) fn refused(&self, verb: &str, error: kube::Error) -> anyhow::Error {
        match error {
            kube::Error::Api(status) if status.code == 403 => anyhow!(
                "you may not {verb} {self} ({}); hint: it takes an RBAC rule with {}",
                status.message,
                self.rule(verb)
            ),
            kube::Error::Api(status) if status.code == 404 => anyhow!(
                "{self} does not exist; hint: -n names another namespace, `kubectl get {}.{} -A` lists all there are",
                self.resource.plural,
                self.resource.group
            ),
            kube::Error::Api(status) => {
                anyhow!("the API server does not {verb} {self}: {}", status.message)
            }
            error => anyhow::Error::new(error)
                .context(format!("{self}: the API server did not answer to {verb}")),
        }
    }

    /// The object as it is now.
    ///
    /// # Errors
    ///
    /// When it is not there or may not be looked at.
    pub(crate) async fn get(&self) -> anyhow::Result<DynamicObject> {
        let got = self.api.get(&self.name).await;
        got.map_err(|error| self.refused("get", error))
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = http::Request::post(path)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(serde_json::to_vec(body)?)?;
        Ok(self.client.request(request).await?)
    }

    /// Who asks, as the API server knows them.
    pub(crate) async fn user(&self) -> Option<String> {
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        let answer = self.post(path, &review).await;
        let answer = answer.inspect_err(|error| {
            tracing::warn!("the API server does not say who you are: {error:#}");
        });
        let name = answer.ok()?.pointer("/status/userInfo/username")?.clone();
        name.as_str().map(str::to_owned)
    }

    /// Events where those about the object are.
    pub(crate) fn events(&self) -> Api<DynamicObject> {
        self.events_of("events.k8s.io", "events.k8s.io/v1")
    }

    /// The same Events as the core group tells them: there a list can be asked for those of one object.
    pub(crate) fn core_events(&self) -> Api<DynamicObject> {
        self.events_of("", "v1")
    }

    fn events_of(&self, group: &str, api_version: &str) -> Api<DynamicObject> {
        let resource = ApiResource {
            group: group.to_owned(),
            version: "v1".to_owned(),
            api_version: api_version.to_owned(),
            kind: "Event".to_owned(),
            plural: "events".to_owned(),
        };
        // Where Events about cluster-scoped objects go.
        let namespace = self.namespace.as_deref().unwrap_or("default");
        Api::namespaced_with(self.client.clone(), namespace, &resource)
    }

    /// Records an Event about the object with this uid.
    pub(crate) async fn tell(&self, uid: &str, told: Told<'_>) -> anyhow::Result<()> {
        let mut note = told.note;
        if note.len() > NOTE_LIMIT {
            note.truncate(note.floor_char_boundary(NOTE_LIMIT - '…'.len_utf8()));
            note.push('…');
        }
        let event = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": {"generateName": format!("{}.", self.name)},
            "regarding": {
                "apiVersion": self.resource.api_version, "kind": self.resource.kind,
                "namespace": self.namespace, "name": self.name, "uid": uid,
            },
            "type": told.severity, "reason": told.reason, "action": told.reason, "note": note,
            "reportingController": told.by, "reportingInstance": told.user,
            "eventTime": SystemClock.now().rfc3339_micro(),
        });
        let event: DynamicObject = serde_json::from_value(event)?;
        self.events().create(&PostParams::default(), &event).await?;
        Ok(())
    }
}
