//! watches.yaml: text in, [`Watch`]es or located [`Diagnostic`]s out.
//!
//! This crate owns the form of the file: its keys, their defaults and their JSON Schema, and what is said when something
//! in it is wrong. It is pure: it reads no file and no environment, it knows neither clusters nor modules, and whether a
//! kind or a module exists is not its business.
//!
//! The way of a file: [`parse()`] reads the YAML into a tree that knows its places, expands `${VAR}` in its values, compares
//! every entry with the schema (keys and types), and then checks the values themselves. Entries fail one by one: a bad one
//! becomes a [`Rejected`] and diagnostics, all others are [`Watch`]es.
//!
//! [`rights`] tells what the operator needs of Kubernetes to serve them; [`document`] reads YAML of other forms with the same care.

mod check;
mod diagnostic;
pub mod document;
mod duration;
mod environment;
mod key_path;
mod parse;
mod problem;
mod quantity;
mod raw;
pub mod rights;
mod schema;
mod source;
mod structure;
mod suggestion;
mod tree;
mod watch;

pub use diagnostic::{Diagnostic, Severity, Snippet};
pub use duration::{GoDuration, InvalidDuration};
pub use environment::Env;
pub use parse::{Parsed, Reading, Rejected, parse};
pub use quantity::{InvalidQuantity, Quantity};
pub use schema::schema;
pub use source::{InvalidSource, ModuleSource, OciReference};
pub use watch::{DEFAULT_PERIOD, Watch};
