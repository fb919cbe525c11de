//! Why bytes are no module.

use oarlock_core::reconciler::Fault;
use thiserror::Error;

use crate::library::interface::split;

/// Why bytes are no module. The caller knows where they came from, and names it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LoadError {
    /// Neither a component nor a core module.
    #[error("expected a WebAssembly component, found {found}")]
    NotWasm {
        /// What it looks like.
        found: &'static str,
    },
    /// A core module.
    #[error("expected a WebAssembly component, found a core module; hint: {}", core_hint(*.wrappable))]
    CoreModule {
        /// It says what component it would be.
        wrappable: bool,
    },
    /// The bytes are damaged, or use what the engine does not have.
    #[error("cannot compile the component: {message}")]
    Compile {
        /// What the engine said.
        message: String,
    },
    /// It is built for another world.
    #[error(
        "the component does not export oarlock:reconcile/module@0.1, it exports {}; hint: build it for one of the worlds \
         pure, reading or external of oarlock:reconcile@0.1",
        list(.exports)
    )]
    WrongWorld {
        /// What it exports instead.
        exports: Vec<String>,
    },
    /// The export has the right name and other types.
    #[error(
        "the component exports oarlock:reconcile/module in another form; hint: build it against the wit/ of this host: \
         {message}"
    )]
    ExportMismatch {
        /// What the engine said.
        message: String,
    },
    /// It imports what the host does not have.
    #[error(
        "the component imports {}, which this host does not have; it has oarlock:reconcile/log (world pure), \
         oarlock:reconcile/cluster (world reading), oarlock:reconcile/http and oarlock:reconcile/artifacts (world external), \
         all @0.1, and WASI 0.2 without wasi:http; hint: {}",
        list(.imports),
        import_hint(.imports)
    )]
    UnknownImport {
        /// The imports.
        imports: Vec<String>,
    },
    /// An import has a name that the host knows and other types, or a version that it does not have.
    #[error(
        "the component imports an interface in another form or version than this host has; hint: build it against the wit/ of \
         this host: {message}"
    )]
    ImportMismatch {
        /// What the engine said.
        message: String,
    },
    /// It imports an interface that the host does not have, and no library is given for it.
    #[error(
        "the component imports {interface}, which this host does not have; hint: name a component that exports it in the \
         watch, under `libraries:`, as `{}: FILE.wasm`",
        split(.interface).0
    )]
    MissingLibrary {
        /// The interface, with its version.
        interface: String,
    },
    /// The library that is given for an interface does not have it.
    #[error(
        "the component imports {interface}, and the library that is given for it does not export that, it exports {}; hint: \
         give it another under `libraries:`, or build both against the same version of the interface",
        list(.exports)
    )]
    NotInLibrary {
        /// The interface, with its version.
        interface: String,
        /// What the library exports.
        exports: Vec<String>,
    },
    /// A library has a function in another form than the module imports it.
    #[error(
        "the library for {interface} does not fit: {function}: {message}; hint: build the module and the library against the \
         same WIT"
    )]
    LibraryMismatch {
        /// The interface as the module imports it.
        interface: String,
        /// The function.
        function: String,
        /// Where the difference is.
        message: String,
    },
    /// It cannot be a library.
    #[error(
        "the component exports no interface with a function, it exports {}; hint: a library exports the interface that \
         modules import",
        list(.exports)
    )]
    NoLibrary {
        /// What it exports instead.
        exports: Vec<String>,
    },
    /// No instance of it can be made: it does not fit into the pool, or exports a function of another type.
    #[error("the component cannot be instantiated: {message}")]
    Instantiate {
        /// What the engine said.
        message: String,
    },
    /// `describe` did not answer.
    #[error("the module did not describe itself")]
    Describe {
        /// How it broke.
        source: Fault,
    },
    /// The manifest is wrong.
    #[error("the module's manifest is wrong: {place}: {message}")]
    Manifest {
        /// Where in the manifest, such as `writes[0].plural`.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// The runtime was shut down, or compiling panicked.
    #[error("loading was interrupted")]
    Interrupted,
}

const fn core_hint(wrappable: bool) -> &'static str {
    if wrappable {
        "it carries its component type, so `wasm-tools component new` makes a component of it; with Rust, set \
         linker = \"wasm-component-ld\" and cargo builds one"
    } else {
        "build it with bindings of oarlock:reconcile, such as the SDK's; with Rust, set linker = \"wasm-component-ld\""
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    names.join(", ")
}

fn import_hint(imports: &[String]) -> &'static str {
    if imports
        .iter()
        .any(|import| import.starts_with("wasi:http/"))
    {
        "call out through oarlock:reconcile/http, and build without fetch or other WASI HTTP clients"
    } else {
        "it can use nothing but these"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_with_fetch_is_told_what_to_do() {
        let imports = vec!["wasi:http/outgoing-handler@0.2.3".to_owned()];
        let said = LoadError::UnknownImport { imports }.to_string();
        let hint = "hint: call out through oarlock:reconcile/http, and build without fetch or other WASI HTTP clients";
        assert!(said.ends_with(hint), "{said}");
    }

    #[test]
    fn another_minor_is_named() {
        let exports = vec!["oarlock:reconcile/module@0.2.0".to_owned()];
        insta::assert_snapshot!(
            LoadError::WrongWorld { exports },
            @"the component does not export oarlock:reconcile/module@0.1, it exports oarlock:reconcile/module@0.2.0; hint: build it for one of the worlds pure, reading or external of oarlock:reconcile@0.1"
        );
    }
}
