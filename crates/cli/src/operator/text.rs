//! What the operator says of modules.

use oarlock_config::ModuleSource;
use oarlock_engine::Module;

/// Where a module comes from, as watches.yaml writes it.
pub(super) fn source(source: &ModuleSource) -> String {
    source.to_string()
}

/// What serves.
pub(super) fn module(module: &Module) -> String {
    let named = |module: &std::sync::Arc<dyn oarlock_core::reconciler::Reconciler>| {
        let manifest = module.manifest();
        let mut text = format!(
            "{} {} ({:.19})",
            manifest.name,
            manifest.version,
            module.digest().as_str()
        );
        for (interface, library) in module.libraries() {
            text.push_str(&format!(", {interface} of {:.19}", library.as_str()));
        }
        text
    };
    match module {
        Module::Serving(good) => named(good),
        Module::LastGood(good, problem) => format!("{problem}; {} keeps serving", named(good)),
        Module::Down(problem) => problem.clone(),
    }
}

/// An error and its causes, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
