//! The seam between a module and its host, in a component only: the generated bindings, and what carries values across.
//! Nothing here is for authors: `#[module]` uses it.

#[expect(
    unsafe_code,
    reason = "an allocator promises what the compiler cannot check"
)]
mod arena;
mod convert;
mod host;
pub mod hybrid;

#[path = "bindings/external.rs"]
#[rustfmt::skip]
#[expect(
    unsafe_code, missing_docs, unreachable_pub, unused_qualifications, clippy::use_self, clippy::unwrap_used,
    clippy::uninlined_format_args, clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "written by wit-bindgen: see bindings/README.md"
)]
pub mod bindings;

use std::marker::PhantomData;
use std::panic;

pub use bindings::export;
use bindings::exports::oarlock::reconcile::module::{
    Failure as WitFailure, Guest, Manifest, Outcome, Request,
};
use bindings::oarlock::reconcile::log;

use crate::artifacts::Artifacts;
use crate::context::{Lines, Refused};
use crate::{Cluster, Context, Module, Subject as _, World, http::Http};

#[global_allocator]
static ARENA: arena::Arena = arena::Arena::new();

/// Exports a module.
pub struct Exported<M>(PhantomData<M>);

impl<M: Module> Guest for Exported<M> {
    fn describe() -> Manifest {
        report_panics();
        convert::manifest(M::manifest())
    }

    fn reconcile(request: Request) -> Result<Outcome, WitFailure> {
        report_panics();
        // The world is a constant: what it leaves out is not linked, so the component does not import it.
        let cluster: Box<dyn Cluster> = match M::WORLD {
            World::Pure => Box::new(Refused),
            World::Reading | World::External => Box::new(host::Host),
        };
        let http: Box<dyn Http> = if M::HTTP {
            Box::new(host::Host)
        } else {
            Box::new(Refused)
        };
        let artifacts: Box<dyn Artifacts> = if M::ARTIFACTS {
            Box::new(host::Host)
        } else {
            Box::new(Refused)
        };
        let context = Context {
            now: crate::Timestamp::from_millis(request.now),
            seed: request.seed,
            attempt: request.attempt,
            deleting: request.deleting,
            settings: request.settings,
            last: request.last.map(convert::report),
            cluster,
            http,
            artifacts,
            lines: Lines::Sent(host::log),
        };
        M::Subject::from_json(request.object)
            .and_then(|object| M::reconcile(object, &context))
            .and_then(crate::Outcome::checked)
            .map(convert::outcome)
            .map_err(convert::failure)
    }
}

/// A trap says nothing of why. The hook logs it first.
fn report_panics() {
    panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("panicked");
        let location = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        log::write(
            log::Level::Error,
            message,
            &[(String::from("location"), location)],
        );
    }));
}
