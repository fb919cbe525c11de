//! What a module wants to exist beside its object.

use serde::Serialize;
use serde_json::Value;

use crate::ObjectRef;

/// One object that a module wants, and how.
///
/// ```
/// # use oarlock_sdk::{Child, json};
/// # let (deployment, secret) = (json!({}), json!({}));
/// // Applied, owned, pruned when a later outcome no longer lists it:
/// Child::apply(&deployment);
/// // Created once, never changed, kept afterwards:
/// Child::create(&secret).unowned().absent().kept_on_leave();
/// // One field of somebody else's object, given back later:
/// Child::share(json!({
///     "apiVersion": "apps/v1", "kind": "Deployment",
///     "metadata": {"name": "web", "namespace": "default"},
///     "spec": {"replicas": 3},
/// }))
/// .restored_on_leave(json!({"spec": {"replicas": 10}}));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Child {
    /// JSON text: nothing in a component needs it parsed again.
    pub(crate) object: Result<String, String>,
    pub(crate) owner: Owner,
    pub(crate) write: Write,
    pub(crate) expect: Expect,
    pub(crate) force: bool,
    pub(crate) manager: Option<String>,
    pub(crate) ignore: Vec<String>,
    pub(crate) on_leave: OnLeave,
}

/// Whose a child is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Owner {
    /// The object's, by owner reference or, where that is illegal, by a mark. Only these are pruned.
    Owned,
    /// Nobody's.
    Unowned,
}

/// How a child is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Write {
    /// Server-side apply of the given fields.
    Apply,
    /// Created when absent, never changed.
    Create,
    /// Applied; deleted and created again where a change is refused as immutable.
    Recreate,
    /// Only the given fields of somebody else's object.
    Share,
    /// Not at all: the report says where the live object differs.
    Compare,
}

/// What must be true of the live object, checked with the write.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Expect {
    /// Nothing.
    Any,
    /// It is not there.
    Absent,
    /// It is this very one.
    Uid(String),
    /// Nobody wrote it since.
    Version(String),
}

/// What happens when a later outcome no longer lists a child.
#[derive(Clone, Debug, PartialEq)]
pub enum OnLeave {
    /// Deleted. Of unowned children nothing is.
    Delete,
    /// Left alone.
    Keep,
    /// For [`Child::share`]: this JSON Merge Patch is written first, then the fields are given up.
    Restore(Value),
}

impl Child {
    /// Applies the fields of `object`, owned. It needs `apiVersion`, `kind`, `metadata.name` and, for a namespaced kind,
    /// `metadata.namespace`.
    pub fn apply(object: impl Serialize) -> Self {
        Self::new(&object, Write::Apply)
    }

    /// Created where it is absent, never changed afterwards.
    pub fn create(object: impl Serialize) -> Self {
        Self::new(&object, Write::Create)
    }

    /// Applied; where a change is refused as immutable, deleted and created again.
    pub fn recreate(object: impl Serialize) -> Self {
        Self::new(&object, Write::Recreate)
    }

    /// Only the given fields of somebody else's object, unowned.
    pub fn share(object: impl Serialize) -> Self {
        Self::new(&object, Write::Share).unowned()
    }

    /// Not written: the report says whether and where the live object differs.
    pub fn compare(object: impl Serialize) -> Self {
        Self::new(&object, Write::Compare).unowned()
    }

    fn new(object: &impl Serialize, write: Write) -> Self {
        Self {
            object: serde_json::to_string(object).map_err(|error| error.to_string()),
            owner: Owner::Owned,
            write,
            expect: Expect::Any,
            force: false,
            manager: None,
            ignore: Vec::new(),
            on_leave: OnLeave::Delete,
        }
    }

    /// Marked as the object's own. The default of all but `share` and `compare`.
    pub fn owned(self) -> Self {
        Self {
            owner: Owner::Owned,
            ..self
        }
    }

    /// Without a mark, never pruned.
    pub fn unowned(self) -> Self {
        Self {
            owner: Owner::Unowned,
            ..self
        }
    }

    /// Refused where it is there already.
    pub fn absent(self) -> Self {
        self.expect(Expect::Absent)
    }

    /// Refused where this is not true of the live object.
    pub fn expect(self, expect: Expect) -> Self {
        Self { expect, ..self }
    }

    /// Takes fields that another manager holds.
    pub fn force(self) -> Self {
        Self {
            force: true,
            ..self
        }
    }

    /// Writes as this field manager, rather than `oarlock/` and the module's name.
    pub fn manager(self, manager: impl Into<String>) -> Self {
        Self {
            manager: Some(manager.into()),
            ..self
        }
    }

    /// Neither compares nor writes what this JSON pointer points at, such as `/spec/replicas`.
    pub fn ignore(mut self, pointer: impl Into<String>) -> Self {
        self.ignore.push(pointer.into());
        self
    }

    /// Left alone when a later outcome no longer lists it.
    pub fn kept_on_leave(self) -> Self {
        Self {
            on_leave: OnLeave::Keep,
            ..self
        }
    }

    /// With `share`: this JSON Merge Patch is written before the fields are given up.
    pub fn restored_on_leave(self, patch: Value) -> Self {
        Self {
            on_leave: OnLeave::Restore(patch),
            ..self
        }
    }

    /// The object; null where it could not be written as JSON.
    pub fn object(&self) -> Value {
        self.object
            .as_deref()
            .ok()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }

    /// What it points at; none where it has no `apiVersion`, `kind` or `metadata.name`.
    pub fn target(&self) -> Option<ObjectRef> {
        let object = self.object();
        let text = |pointer: &str| object.pointer(pointer)?.as_str().map(String::from);
        Some(ObjectRef {
            api_version: text("/apiVersion")?,
            kind: text("/kind")?,
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name")?,
        })
    }

    /// How it is written.
    pub fn write(&self) -> Write {
        self.write
    }

    /// What must be true of the live object.
    pub fn expected(&self) -> &Expect {
        &self.expect
    }

    /// Whether it takes fields that another manager holds.
    pub fn is_forced(&self) -> bool {
        self.force
    }

    /// The field manager; none for the module's own.
    pub fn field_manager(&self) -> Option<&str> {
        self.manager.as_deref()
    }

    /// The JSON pointers that are neither compared nor written.
    pub fn ignored(&self) -> &[String] {
        &self.ignore
    }

    /// What happens when a later outcome no longer lists it.
    pub fn on_leave(&self) -> &OnLeave {
        &self.on_leave
    }

    /// Whose it is.
    pub fn owner(&self) -> Owner {
        self.owner
    }
}
