//! The contract as these guests see it, and the one line that makes a function a module.

#[path = "../../../../crates/sdk/src/bindings/external.rs"]
pub mod external;

pub use external::exports::oarlock::reconcile::module::{Grant, Guest, Manifest};
pub use external::oarlock::reconcile::{cluster, http, log, types};
pub use types::{
    Child, Children, Condition, ConditionStatus, Expect, Failure, ObjectRef, OnLeave, Outcome,
    Owner, Request, Requeue, Write,
};

/// A manifest that asks for nothing.
pub fn manifest(name: &str) -> Manifest {
    Manifest {
        name: name.to_owned(),
        version: "0.1.0".to_owned(),
        crds: Vec::new(),
        finalizer: None,
        writes: Vec::new(),
        reads: Vec::new(),
        http: Vec::new(),
    }
}

/// An outcome that wants nothing.
pub fn nothing() -> Outcome {
    Outcome {
        tag: String::new(),
        children: Children::Keep,
        removals: Vec::new(),
        status: None,
        conditions: Vec::new(),
        events: Vec::new(),
        notify: Vec::new(),
        requeue: Requeue::OnChange,
        finalized: false,
        act_as: None,
    }
}

/// An owned child with this object.
pub fn child(object: impl Into<String>) -> Child {
    Child {
        object: object.into(),
        owner: Owner::Owned,
        write: Write::Apply,
        expect: Expect::Any,
        force: false,
        manager: None,
        ignore: Vec::new(),
        on_leave: OnLeave::Delete,
    }
}

/// `v1 Secret default/name`.
pub fn secret(name: &str) -> ObjectRef {
    ObjectRef {
        api_version: "v1".to_owned(),
        kind: "Secret".to_owned(),
        namespace: Some("default".to_owned()),
        name: name.to_owned(),
    }
}

/// Sends the message of a panic to the host before it becomes a trap.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|info| {
        let fields = [("panic".to_owned(), "true".to_owned())];
        log::write(log::Level::Error, &info.to_string(), &fields);
    }));
}

/// `module!(NAME, |request| RESULT)`, with a manifest that asks for nothing; or `module!(MANIFEST; |request| RESULT)`.
#[macro_export]
macro_rules! module {
    ($name:literal, $reconcile:expr) => {
        $crate::module!($crate::manifest($name); $reconcile);
    };
    ($manifest:expr; $reconcile:expr) => {
        struct Module;

        impl $crate::Guest for Module {
            fn describe() -> $crate::Manifest {
                $manifest
            }

            fn reconcile(
                request: $crate::Request,
            ) -> ::core::result::Result<$crate::Outcome, $crate::Failure> {
                let reconcile: fn(
                    $crate::Request,
                ) -> ::core::result::Result<$crate::Outcome, $crate::Failure> = $reconcile;
                reconcile(request)
            }
        }

        $crate::external::export!(Module with_types_in $crate::external);
    };
}
