//! Hybrids: the release of a chart, and what a component of its user adds to it.
//!
//! A watch with a `chart:` makes a release of every object, whose `spec` are the values. With a `module:` beside it the
//! values are computed, and objects may come before and after the release: that module is not a
//! [`module`](macro@crate::module), but [`Steps`].
//!
//! ```
//! use oarlock_sdk::hybrid::{Release, Step, Steps};
//! use oarlock_sdk::{Child, Context, Failure, Object, Resource, Value, json};
//! use serde::Deserialize;
//!
//! #[derive(Resource, Deserialize)]
//! #[resource(group = "example.com", version = "v1", kind = "Shop", plural = "shops", namespaced)]
//! struct Shop {
//!     size: u32,
//! }
//!
//! struct Shops;
//!
//! impl Steps for Shops {
//!     type Subject = Object<Shop>;
//!
//!     fn values(shop: &Object<Shop>, _: &Context) -> Result<Value, Failure> {
//!         Ok(json!({"replicas": shop.spec.size * 2}))
//!     }
//!
//!     fn before(shop: &Object<Shop>, _: Option<&Release>, cx: &Context) -> Result<Step, Failure> {
//!         let settings = json!({
//!             "apiVersion": "v1",
//!             "kind": "ConfigMap",
//!             "metadata": {"name": format!("{}-settings", shop.name()), "namespace": shop.namespace()},
//!         });
//!         // The release begins when it is there.
//!         Step::new().child(Child::apply(settings)).awaited(cx)
//!     }
//!
//!     fn after(_: &Object<Shop>, release: &Release, _: &Context) -> Result<Step, Failure> {
//!         Ok(Step::new().status(json!({"served": release.chart_version})))
//!     }
//! }
//!
//! oarlock_sdk::steps!(Shops);
//!
//! // And its test, which needs neither WebAssembly nor a cluster:
//! let shop = Object::from_value(json!({"metadata": {"name": "a", "namespace": "default"}, "spec": {"size": 2}}))?;
//! let cx = Context::builder().build();
//! assert_eq!(Shops::values(&shop, &cx)?, json!({"replicas": 4}));
//! assert_eq!(Shops::before(&shop, None, &cx)?.waits_for(), Some("v1 ConfigMap default/a-settings: not found"));
//! # Ok::<(), Failure>(())
//! ```

use std::fmt;

use serde_json::Value;

use crate::{Child, Condition, Context, Failure, Health, ObjectRef, Subject};

/// What is added to releases. Exported from the component by [`steps!`](crate::steps).
///
/// All three are functions of their arguments and of what they read: [`Context::now`] is midnight of 1970,
/// [`Context::seed`] is 0, and there is no [`Context::last`]. So nothing but a change makes a new revision.
/// [`Context::settings`] are `settings.steps` of the watch.
pub trait Steps {
    /// Whether it calls over HTTP, to origins that the watch grants.
    const HTTP: bool = false;
    /// What it is for: an [`Object`](crate::Object) of one kind, or [`AnyObject`](crate::AnyObject).
    type Subject: Subject;

    /// The chart's values, in place of the object's `spec`. `overrideValues` of the watch win over them.
    ///
    /// # Errors
    ///
    /// The run's failure: nothing is written, the release stays as it is.
    fn values(object: &Self::Subject, context: &Context) -> Result<Value, Failure>;

    /// What has to be there first, asked in every run: no new revision begins until it is ready. An object that is being
    /// deleted ([`Context::deleting`]) waits for it when there is no release any more.
    ///
    /// # Errors
    ///
    /// As [`Steps::values`].
    fn before(
        object: &Self::Subject,
        release: Option<&Release>,
        context: &Context,
    ) -> Result<Step, Failure> {
        let _nothing = (object, release, context);
        Ok(Step::new())
    }

    /// What comes on top, asked as long as there is a release: the object is ready when this is. Of an object that is being
    /// deleted nothing is uninstalled until it is ready.
    ///
    /// # Errors
    ///
    /// As [`Steps::values`].
    fn after(
        object: &Self::Subject,
        release: &Release,
        context: &Context,
    ) -> Result<Step, Failure> {
        let _nothing = (object, release, context);
        Ok(Step::new())
    }
}

/// The release as it is deployed; of an object that is being deleted, what is left of it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Release {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Number of the revision.
    pub revision: u32,
    /// Version of the chart.
    pub chart_version: String,
}

/// One side of a release. A new one asks for nothing, and is ready.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Step {
    pub(crate) children: Vec<Child>,
    /// Ready where it waits for nothing.
    pub(crate) waits_for: Option<String>,
    pub(crate) status: Option<Value>,
    pub(crate) conditions: Vec<Condition>,
}

impl Default for Step {
    fn default() -> Self {
        Self::new()
    }
}

impl Step {
    /// Nothing, and ready.
    pub const fn new() -> Self {
        Self {
            children: Vec::new(),
            waits_for: None,
            status: None,
            conditions: Vec::new(),
        }
    }

    /// One more child. Owned children that a later answer does not list are deleted.
    pub fn child(mut self, child: Child) -> Self {
        self.children.push(child);
        self
    }

    /// More children, written in this order.
    pub fn children(mut self, more: impl IntoIterator<Item = Child>) -> Self {
        self.children.extend(more);
        self
    }

    /// Not ready: what comes next waits. The text is for people.
    pub fn waiting_for(self, what: impl fmt::Display) -> Self {
        Self {
            waits_for: Some(what.to_string()),
            ..self
        }
    }

    /// Not ready until all of its children are, by kstatus' rules: a Job until it has succeeded, a Secret until it is there.
    ///
    /// # Errors
    ///
    /// Where the host has no answer, or a child is no object.
    pub fn awaited(self, cx: &Context) -> Result<Self, Failure> {
        let targets: Result<Vec<_>, _> = self.children.iter().map(target).collect();
        let states = cx.observe(&targets?)?;
        let late = states
            .into_iter()
            .find(|state| state.health != Health::Current);
        Ok(match late {
            Some(state) if state.message.is_empty() => {
                let health = health(state.health);
                self.waiting_for(format_args!("{}: {health}", state.target))
            }
            Some(state) => self.waiting_for(format_args!("{}: {}", state.target, state.message)),
            None => self,
        })
    }

    /// A JSON Merge Patch of the object's status. Fields of the release's own win.
    pub fn status(self, patch: Value) -> Self {
        Self {
            status: Some(patch),
            ..self
        }
    }

    /// One more condition. Those of the release's own win.
    pub fn condition(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// What shall be there.
    pub fn wanted(&self) -> &[Child] {
        &self.children
    }

    /// What is waited for; none where it is ready.
    pub fn waits_for(&self) -> Option<&str> {
        self.waits_for.as_deref()
    }

    /// The patch of the status.
    pub const fn status_patch(&self) -> Option<&Value> {
        self.status.as_ref()
    }

    /// The conditions.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// Whether all of it can be handed over.
    ///
    /// # Errors
    ///
    /// [`Failure::Terminal`] where a child could not be written as JSON.
    pub fn checked(self) -> Result<Self, Failure> {
        for (index, child) in self.children.iter().enumerate() {
            if let Err(error) = &child.object {
                return Err(Failure::Terminal(format!(
                    "child {index} cannot be written as JSON: {error}"
                )));
            }
        }
        Ok(self)
    }
}

fn target(child: &Child) -> Result<ObjectRef, Failure> {
    child.target().ok_or_else(|| {
        Failure::Terminal(format!(
            "a child has no apiVersion, kind or metadata.name: {}",
            child.object()
        ))
    })
}

const fn health(health: Health) -> &'static str {
    match health {
        Health::Current => "ready",
        Health::InProgress => "not ready yet",
        Health::Failed => "failed",
        Health::Terminating => "being deleted",
        Health::NotFound => "not found",
        Health::Unknown => "nothing is known of its state",
    }
}

/// Exports a type's [`Steps`](crate::hybrid::Steps) from the component.
#[macro_export]
macro_rules! steps {
    ($steps:ty) => {
        const _: () = {
            const fn are_steps<S: $crate::hybrid::Steps>() {}
            are_steps::<$steps>();

            #[cfg(target_arch = "wasm32")]
            type Exported = $crate::guest::hybrid::Exported<$steps>;
            #[cfg(target_arch = "wasm32")]
    $crate::guest::hybrid::export!(Exported with_types_in $crate::guest::hybrid::bindings);
        };
    };
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;
    use crate::testing::FakeCluster;

    fn secret(name: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "ns"}})
    }

    #[test]
    fn a_step_waits_for_the_first_child_that_is_not_ready() {
        let step = || {
            Step::new()
                .children([Child::create(secret("a")), Child::apply(secret("b"))])
                .status(json!({"a": 1}))
        };
        let waits = |cluster: FakeCluster| {
            let cx = Context::builder().cluster(cluster).build();
            let step = step().awaited(&cx).unwrap();
            assert_eq!(step.wanted().len(), 2);
            step.waits_for().map(String::from)
        };
        let b = ObjectRef::new("v1", "Secret", "b").in_namespace("ns");
        let first = FakeCluster::new().child(secret("a"));
        assert_eq!(
            waits(first.clone()).as_deref(),
            Some("v1 Secret ns/b: not found")
        );
        let both = first.child(secret("b"));
        assert_eq!(
            waits(both.clone().health(&b, Health::Terminating)).as_deref(),
            Some("v1 Secret ns/b: being deleted")
        );
        assert_eq!(waits(both), None);
    }

    #[test]
    fn what_is_no_object_is_told() {
        let step = Step::new().child(Child::apply(json!({"kind": "Secret"})));
        let failed = step.awaited(&Context::builder().build()).unwrap_err();
        assert_eq!(
            failed.to_string(),
            r#"a child has no apiVersion, kind or metadata.name: {"kind":"Secret"}"#
        );
        let unavailable = crate::ReadError::Unavailable(String::from("away"));
        let cx = Context::builder()
            .cluster(FakeCluster::new().broken(unavailable))
            .build();
        let step = Step::new().child(Child::apply(secret("a")));
        assert_eq!(
            step.awaited(&cx).unwrap_err(),
            Failure::Retry(String::from("away"))
        );
    }

    #[test]
    fn a_child_that_is_no_json_is_not_handed_over() {
        let bytes = std::collections::BTreeMap::from([(vec![1], 2)]);
        let failed = Step::new()
            .child(Child::apply(bytes))
            .checked()
            .unwrap_err();
        assert_eq!(
            failed.to_string(),
            "child 0 cannot be written as JSON: key must be a string"
        );
        assert!(
            Step::new()
                .child(Child::apply(secret("a")))
                .checked()
                .is_ok()
        );
    }
}
