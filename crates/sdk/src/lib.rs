//! Write a reconcile module of Oarlock as one Rust function.
//!
//! A module answers one question: *given this object and what is in the cluster, what should be there?* It never
//! writes. It returns an [`Outcome`], and the host plans it, checks it against the grants of the watch, and carries
//! it out.
//!
//! ```
//! use oarlock_sdk::{Child, Condition, Context, Failure, Object, Outcome, Resource, json};
//! use serde::Deserialize;
//!
//! #[derive(Resource, Deserialize)]
//! #[resource(group = "example.com", version = "v1", kind = "Greeting", plural = "greetings", namespaced)]
//! struct Greeting {
//!     text: String,
//! }
//!
//! #[oarlock_sdk::module(name = "greeter", writes = [("", "configmaps")])]
//! fn reconcile(greeting: Object<Greeting>, _: &Context) -> Result<Outcome, Failure> {
//!     let text = json!({
//!         "apiVersion": "v1",
//!         "kind": "ConfigMap",
//!         "metadata": {"name": greeting.name(), "namespace": greeting.namespace()},
//!         "data": {"text": greeting.spec.text},
//!     });
//!     Ok(Outcome::new()
//!         .child(Child::apply(text))
//!         .condition(Condition::yes("Ready", "Greeted", "the greeting is written down")))
//! }
//!
//! // And its test, which needs neither WebAssembly nor a cluster:
//! let greeting = Object::from_value(json!({
//!     "metadata": {"name": "hello", "namespace": "default"},
//!     "spec": {"text": "hi"},
//! }))?;
//! let outcome = reconcile(greeting, &Context::builder().build())?;
//! assert_eq!(outcome.exactly().unwrap()[0].object()["data"]["text"], "hi");
//! # Ok::<(), Failure>(())
//! ```
//!
//! # Building
//!
//! The crate is a `cdylib`, and `.cargo/config.toml` names the linker that writes a component:
//!
//! ```toml
//! [target.wasm32-unknown-unknown]
//! linker = "wasm-component-ld"
//! ```
//!
//! `cargo build --release --target wasm32-unknown-unknown` then leaves a `.wasm` to drop into the modules directory.
//!
//! # What is where
//!
//! [`Object`] is what a run is about, [`Context`] everything else that it is told and may read, [`Outcome`] and
//! [`Failure`] what it answers. [`hybrid`] is for what goes with the release of a chart. [`testing`] has a cluster of plain values for unit tests.
//!
//! This room turns the contract (`wit/`) into Rust. It knows nothing of the host.

pub mod artifacts;
mod child;
mod cluster;
mod condition;
mod context;
mod event;
mod failure;
mod field_path;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod guest;
pub mod http;
pub mod hybrid;
pub mod log;
mod manifest;
pub mod merge_patch;
mod module;
mod object;
mod outcome;
mod reads;
mod report;
mod resource;
mod rng;
mod subject;
pub mod testing;
#[cfg(test)]
mod tests;
mod timestamp;

pub use child::{Child, Expect, OnLeave, Owner, Write};
pub use cluster::{Cluster, Health, KindInfo, ObjectRef, ReadError, Selection, State};
pub use condition::{Condition, ConditionStatus};
pub use context::{Builder, Context};
pub use event::{Event, Notice};
pub use failure::{Failure, FieldError};
pub use manifest::{Grant, Manifest};
pub use module::{Module, World};
pub use oarlock_sdk_macros::{Resource, module};
pub use object::{Metadata, Object, OwnerReference};
pub use outcome::{Children, Outcome, Propagation, Removal, Requeue};
pub use reads::Reads;
pub use report::{ApiError, RemovalResult, RemovalStatus, Report, WriteResult, WriteStatus};
pub use resource::{NoStatus, Resource};
pub use rng::Rng;
pub use serde_json::{Value, json};
pub use subject::{AnyObject, Subject};
pub use timestamp::{ParseTimestampError, Timestamp};
