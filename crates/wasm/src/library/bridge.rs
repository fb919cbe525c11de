//! From a module's import to a library's export: one host function for each function of the interface.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::reconciler::{Fault, Host};
use oarlock_core::reference::Digest;
use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex, Linker, Val};

use crate::capability::log::LogSink;
use crate::engine::Engine;
use crate::library::answers::Found;
use crate::library::interface::{serves, split};
use crate::library::question::Question;
use crate::library::recorder::Recorder;
use crate::library::{Library, named, shape};
use crate::loader::{Libraries, LoadError};
use crate::run::{CpuMeter, Deadline, LibraryStopped};
use crate::store::RunState;

/// An import that a library answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibraryImport {
    /// The interface as the module names it, with its version.
    pub interface: String,
    /// Digest of the library's bytes; none where the module was loaded without.
    pub library: Option<Digest>,
}

/// One function of a library, as a module imports it.
struct Function {
    /// As the module names it.
    interface: String,
    name: String,
    answers: Answerer,
}

/// Who answers a call.
enum Answerer {
    Library(Arc<Library>, Export),
    /// Nobody: the module is only looked at.
    Nobody,
}

/// What a call takes over from the run that it is part of.
struct Caller {
    host: Arc<dyn Host>,
    log: Arc<LogSink>,
    cpu: Arc<CpuMeter>,
    deadline: Arc<Deadline>,
}

impl Caller {
    fn of(run: &RunState) -> Self {
        Self {
            host: Arc::clone(&run.host),
            log: Arc::clone(&run.log),
            cpu: Arc::clone(&run.cpu),
            deadline: Arc::clone(&run.deadline),
        }
    }
}

/// A function that a library exports.
#[derive(Clone, Copy)]
struct Export {
    index: ComponentExportIndex,
    results: usize,
}

/// Defines the functions of `imports`, those of `component` that are none of the host's, by what `libraries` has for them.
pub(crate) fn bind(
    linker: &mut Linker<RunState>,
    engine: &Engine,
    component: &Component,
    imports: &[String],
    libraries: &Libraries,
) -> Result<Vec<LibraryImport>, LoadError> {
    let mut bound = Vec::with_capacity(imports.len());
    for import in imports {
        let (functions, library) = match libraries {
            // Linking tells what is missing.
            Libraries::Refused => continue,
            Libraries::Absent => (absent(engine, component, import), None),
            Libraries::Given(given) => {
                let library = choose(given, import).ok_or_else(|| LoadError::MissingLibrary {
                    interface: import.clone(),
                })?;
                let functions = functions(engine, component, import, library)?;
                (functions, Some(library.digest.clone()))
            }
        };
        define(linker, import, functions).map_err(|error| LoadError::ImportMismatch {
            message: format!("{error:#}"),
        })?;
        bound.push(LibraryImport {
            interface: import.clone(),
            library,
        });
    }
    Ok(bound)
}

fn define(
    linker: &mut Linker<RunState>,
    import: &str,
    functions: Vec<Function>,
) -> wasmtime::Result<()> {
    let mut instance = linker.instance(import)?;
    for function in functions {
        let function = Arc::new(function);
        let name = function.name.clone();
        instance.func_new_async(&name, move |caller, _, arguments, results| {
            let (function, caller) = (Arc::clone(&function), Caller::of(caller.data()));
            Box::new(async move {
                // Looking for a kept answer is the host's work, too: it is as long as what others once asked and read.
                let answer = caller.cpu.aside(function.call(&caller, arguments)).await;
                let answer = answer.map_err(LibraryStopped)?;
                for (result, value) in results.iter_mut().zip(answer) {
                    *result = value;
                }
                Ok(())
            })
        })?;
    }
    Ok(())
}

/// The library for an import: under its very name, under its name without version, or under one that serves.
fn choose<'a>(
    libraries: &'a BTreeMap<String, Arc<Library>>,
    import: &str,
) -> Option<&'a Arc<Library>> {
    libraries
        .get(import)
        .or_else(|| libraries.get(split(import).0))
        .or_else(|| {
            let mut named = libraries.iter().filter(|(name, _)| serves(name, import));
            named.next().map(|(_, library)| library)
        })
}

fn functions(
    engine: &Engine,
    component: &Component,
    import: &str,
    library: &Arc<Library>,
) -> Result<Vec<Function>, LoadError> {
    let mut exports = library.exports.iter();
    let Some(export) = exports.find(|export| serves(export, import)) else {
        return Err(LoadError::NotInLibrary {
            interface: import.to_owned(),
            exports: library.exports.clone(),
        });
    };
    let mismatch = |function: &str, message: String| LoadError::LibraryMismatch {
        interface: import.to_owned(),
        function: function.to_owned(),
        message,
    };
    let given = library.linked.component();
    let place = given.get_export_index(None, export);
    let offered = interface(given.component_type().get_export(engine.wasm(), export));
    let mut functions = Vec::new();
    for (name, wanted) in wanted(engine, component, import) {
        let wanted = match wanted {
            ComponentItem::ComponentFunc(function) => function,
            ComponentItem::Type(_) => continue,
            _ => {
                return Err(mismatch(
                    &name,
                    "it is a resource, and only data can be passed to a library".to_owned(),
                ));
            }
        };
        let offered = offered
            .as_ref()
            .and_then(|offered| function(offered, engine, &name));
        let index = place
            .as_ref()
            .and_then(|place| given.get_export_index(Some(place), &name));
        let (Some(offered), Some(index)) = (offered, index) else {
            return Err(mismatch(&name, "the library does not have it".to_owned()));
        };
        if let Some(difference) = shape::difference(&wanted, &offered) {
            return Err(mismatch(&name, difference));
        }
        let export = Export {
            index,
            results: wanted.results().len(),
        };
        functions.push(Function {
            interface: import.to_owned(),
            name,
            answers: Answerer::Library(Arc::clone(library), export),
        });
    }
    Ok(functions)
}

/// The functions of an import that nothing answers.
fn absent(engine: &Engine, component: &Component, import: &str) -> Vec<Function> {
    let wanted = wanted(engine, component, import).into_iter();
    let functions = wanted.filter(|(_, item)| matches!(item, ComponentItem::ComponentFunc(_)));
    let nobody = |(name, _)| Function {
        interface: import.to_owned(),
        name,
        answers: Answerer::Nobody,
    };
    functions.map(nobody).collect()
}

/// What a component imports under the name of an interface.
fn wanted(engine: &Engine, component: &Component, import: &str) -> Vec<(String, ComponentItem)> {
    let imported = interface(component.component_type().get_import(engine.wasm(), import));
    imported.map_or_else(Vec::new, |imported| {
        imported
            .exports(engine.wasm())
            .map(|(name, item)| (name.to_owned(), item.ty))
            .collect()
    })
}

fn interface(
    item: Option<wasmtime::component::types::ComponentExtern<'_>>,
) -> Option<ComponentInstance> {
    match item?.ty {
        ComponentItem::ComponentInstance(instance) => Some(instance),
        _ => None,
    }
}

fn function(interface: &ComponentInstance, engine: &Engine, name: &str) -> Option<ComponentFunc> {
    match interface.get_export(engine.wasm(), name)?.ty {
        ComponentItem::ComponentFunc(function) => Some(function),
        _ => None,
    }
}

impl Function {
    async fn call(&self, caller: &Caller, arguments: &[Val]) -> Result<Vec<Val>, Fault> {
        let Answerer::Library(library, export) = &self.answers else {
            let message = "the module was loaded without its libraries".to_owned();
            return Err(named(&self.interface, Fault::NoInstance { message }));
        };
        let answers = library.engine.answers();
        let question = Question::new(&library.digest, &self.interface, &self.name, arguments);
        let prepared = match &question {
            None => VecDeque::new(),
            Some(question) => match answers.find(question, &*caller.host).await {
                Found::Kept(answer) => return Ok(answer),
                Found::Nothing(prepared) => prepared,
            },
        };
        let recorder = Arc::new(Recorder::new(
            &self.interface,
            Arc::clone(&caller.host),
            Arc::clone(&caller.log),
            Arc::clone(&caller.deadline),
            prepared,
        ));
        let host: Arc<dyn Host> = Arc::<Recorder>::clone(&recorder);
        let answer = ask(library, *export, caller, host, arguments)
            .await
            .map_err(|fault| named(&self.interface, fault))?;
        if let (Some(question), Some(reads)) = (question, recorder.reads()) {
            answers.keep(question, reads, &answer);
        }
        Ok(answer)
    }
}

/// Asks a fresh instance, as soon as there is room for it.
async fn ask(
    library: &Library,
    export: Export,
    caller: &Caller,
    host: Arc<dyn Host>,
    arguments: &[Val],
) -> Result<Vec<Val>, Fault> {
    // How long that takes is not the caller's doing.
    let waiting = || (caller.host.waiting(), caller.deadline.stop());
    let room = library.engine.enter_library(library.limits.memory, waiting);
    let place = room.await?;
    // The deadline is the caller's, and ends this with it.
    let call = library.run(place, host, Duration::MAX, async |instance, store| {
        let function = instance
            .get_func(&mut *store, export.index)
            .ok_or_else(|| wasmtime::format_err!("the function is not there"))?;
        let mut results = vec![Val::Bool(false); export.results];
        function.call_async(store, arguments, &mut results).await?;
        Ok(results)
    });
    call.await
}
