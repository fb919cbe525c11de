//! The Secret of a binding: as it is, and as it is to be written. Somebody else's is never written.

use oarlock_sdk::{Child, Context, Expect, ObjectRef, Removal, json};
use serde_json::{Map, Value};

use crate::credentials::{self, Apply, Compose, Entries, Existing, Recipe, Write};
use crate::osb::answer::Bound;
use crate::resource::BindingSpec;
use crate::run::reading::{self, text};
use crate::run::subject::{self, Subject};
use crate::situation::{Obstacle, Secret};

/// Says on the Secret of which binding at the broker its credentials are.
pub(crate) const BINDING_ID: &str = "servicecatalog.oarlock.dev/binding-id";

/// The Secret as it is.
pub(super) struct Live<'a> {
    namespace: &'a str,
    name: &'a str,
    object: Option<Value>,
}

impl<'a> Live<'a> {
    /// Reads it.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn read(cx: &Context, subject: &Subject<'a>) -> Result<Self, Obstacle> {
        let live = Self::absent(subject);
        let found = cx.get_raw(&live.target());
        let object = found.map_err(|error| {
            reading::unread(&format!("Secret {:?} of the binding", live.name), &error)
        })?;
        Ok(Self { object, ..live })
    }

    /// As if it was not there.
    pub(super) fn absent(subject: &Subject<'a>) -> Self {
        let named = text(subject.object, "/spec/secretName").filter(|name| !name.is_empty());
        Self {
            namespace: subject.namespace,
            name: named.unwrap_or(subject.name),
            object: None,
        }
    }

    pub(super) const fn name(&self) -> &'a str {
        self.name
    }

    fn target(&self) -> ObjectRef {
        ObjectRef::new("v1", "Secret", self.name).in_namespace(self.namespace)
    }

    pub(super) fn situation(&self, uid: &str) -> Secret {
        let Some(object) = &self.object else {
            return Secret::Absent;
        };
        if self.is_own(uid) {
            let of = object["metadata"]["annotations"].get(BINDING_ID);
            let of = of.and_then(Value::as_str);
            return Secret::Own(of.unwrap_or_default().to_owned());
        }
        Secret::Foreign(match controller(object) {
            Some(owner) => {
                let of = |field: &str| owner[field].as_str().unwrap_or_default();
                format!("of {} {:?}", of("kind"), of("name"))
            }
            None => format!("another's of that name ({:?})", self.name),
        })
    }

    pub(super) fn is_own(&self, uid: &str) -> bool {
        let owner = self.object.as_ref().and_then(controller);
        owner.is_some_and(|owner| owner["uid"] == uid)
    }

    /// Its values: nobody may read them elsewhere.
    pub(super) fn secrets(&self) -> Vec<String> {
        let mut found = Vec::new();
        let entries = self.object.iter().flat_map(reading::entries);
        // Of these two everybody knows.
        let hidden = entries.filter(|(key, _)| !matches!(key.as_str(), "type" | "provider"));
        for (_, value) in hidden {
            match serde_json::from_slice::<Value>(&value) {
                Ok(value @ (Value::Object(_) | Value::Array(_))) => {
                    subject::leaves(&value, &mut found);
                }
                _ => found.extend(String::from_utf8(value)),
            }
        }
        found
    }

    /// Removes this very one.
    pub(super) fn removal(&self) -> Option<Removal> {
        let uid = text(self.object.as_ref()?, "/metadata/uid")?;
        Some(Removal::of(self.target()).uid(uid))
    }

    /// To be listed beside something else.
    pub(super) fn as_it_is(&self, uid: &str) -> Option<Child> {
        let object = self.object.as_ref().filter(|_| self.is_own(uid))?;
        let id = object["metadata"]["annotations"].get(BINDING_ID);
        let same = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "annotations": {BINDING_ID: id.cloned().unwrap_or_default()},
            },
            "type": object["type"],
            "data": object["data"],
        });
        let uid = text(object, "/metadata/uid")?;
        Some(
            Child::apply(same)
                .force()
                .expect(Expect::Uid(uid.to_owned())),
        )
    }

    /// As it is to be written.
    ///
    /// # Errors
    /// Why it is not, for people.
    pub(super) fn written(
        &self,
        cx: &Context,
        subject: &Subject<'_>,
        spec: &BindingSpec,
        (kind, provider): (&str, Option<&str>),
        (id, bound): (&str, &Bound),
    ) -> Result<Child, String> {
        let named = spec.secret_transforms.iter().filter_map(|transform| {
            let from = transform.add_keys_from.as_ref()?;
            Some(from.secret_ref.name.as_str())
        });
        let secrets =
            reading::secrets(cx, subject.namespace, named).map_err(|obstacle| obstacle.message)?;
        let recipe = Recipe {
            transforms: &spec.secret_transforms,
            invalid_keys: spec.invalid_keys,
            kind,
            provider,
        };
        let empty = Map::new();
        let given = bound.credentials.as_ref().unwrap_or(&empty);
        let entries =
            credentials::compose(given, &recipe, &secrets).map_err(|error| error.to_string())?;
        let existing = self.object.as_ref().map(existing);
        let write = credentials::write(subject.uid, self.name, &entries, existing.as_ref())
            .map_err(|error| error.to_string())?;
        let of = |pointer| {
            self.object
                .as_ref()
                .and_then(|object| text(object, pointer))
        };
        let object = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "annotations": {BINDING_ID: id},
            },
            // A Secret's type cannot be changed.
            "type": of("/type").unwrap_or("Opaque"),
            "data": entries.data(),
        });
        let same = || of("/metadata/uid").map_or(Expect::Any, |uid| Expect::Uid(uid.to_owned()));
        match write {
            // By force, once it is there: whoever edits it is in nobody's way.
            Write::Create => Ok(Child::apply(object).absent().force()),
            Write::Replace | Write::Nothing => Ok(Child::apply(object).force().expect(same())),
            Write::Recreate => Ok(Child::recreate(object).force().expect(same())),
            Write::Wait => Err(format!(
                "Secret {:?} is being deleted; it is written when it is gone",
                self.name
            )),
        }
    }
}

/// The Secrets whose entries are added to the credentials.
///
/// # Errors
/// One of them is not there.
pub(super) fn sources(cx: &Context, namespace: &str, spec: &BindingSpec) -> Result<(), Obstacle> {
    let there = reading::secrets(cx, namespace, named(spec).map(|(_, name)| name))?;
    let missing = named(spec).find(|(_, name)| !there.contains_key(*name));
    missing.map_or(Ok(()), |(index, name)| {
        let why = Apply::NoSecret {
            name: name.to_owned(),
        };
        Err(Obstacle {
            reason: credentials::REASON,
            message: Compose::Transform { index, why }.to_string(),
            retry: None,
        })
    })
}

/// Which transforms name which Secrets; those of other namespaces are never read.
fn named(spec: &BindingSpec) -> impl Iterator<Item = (usize, &str)> {
    let transforms = spec.secret_transforms.iter().enumerate();
    transforms.filter_map(|(index, transform)| {
        let from = &transform.add_keys_from.as_ref()?.secret_ref;
        from.namespace
            .is_none()
            .then_some((index, from.name.as_str()))
    })
}

fn existing(object: &Value) -> Existing {
    Existing {
        controller: controller(object)
            .and_then(|owner| owner["uid"].as_str())
            .map(str::to_owned),
        entries: Entries::new(reading::entries(object)),
        immutable: object["immutable"] == true,
        deleting: text(object, "/metadata/deletionTimestamp").is_some(),
    }
}

fn controller(object: &Value) -> Option<&Value> {
    let owners = object.pointer("/metadata/ownerReferences")?.as_array()?;
    owners.iter().find(|owner| owner["controller"] == true)
}
