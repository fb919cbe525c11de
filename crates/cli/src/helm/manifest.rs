//! What a rendered chart looks like in one stream: CRDs, manifests in the order of their installation, hooks.

use oarlock_helm::{Document, Hook, Rendered};

/// The event of hooks that are tests.
const TEST: &str = "test";

/// What of a chart is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    /// The files of `crds/`.
    pub(crate) crds: bool,
    /// No hooks at all.
    pub(crate) no_hooks: bool,
    /// No hooks that are tests.
    pub(crate) no_tests: bool,
}

impl Parts {
    /// The hooks among them.
    pub(crate) fn hooks(self, rendered: &Rendered) -> impl Iterator<Item = &Hook> {
        rendered.hooks.iter().filter(move |hook| {
            let test = || hook.events.iter().any(|event| event == TEST);
            !(self.no_hooks || self.no_tests && test())
        })
    }
}

/// The stream that `helm template` prints.
pub(crate) fn stream(rendered: &Rendered, parts: Parts) -> String {
    let mut manifest = String::new();
    if parts.crds {
        rendered
            .crds
            .iter()
            .for_each(|crd| push(&mut manifest, crd));
    }
    rendered
        .documents
        .iter()
        .for_each(|document| push(&mut manifest, document));
    let mut stream = format!("{}\n", manifest.trim());
    parts
        .hooks(rendered)
        .for_each(|hook| push(&mut stream, &hook.document));
    stream
}

/// One document, as Helm separates them.
pub(crate) fn text(document: &Document) -> String {
    format!("---\n# Source: {}\n{}\n", document.source, document.content)
}

fn push(stream: &mut String, document: &Document) {
    stream.push_str(&text(document));
}
