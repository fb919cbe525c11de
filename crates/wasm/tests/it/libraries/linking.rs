//! Which library answers which import, and what does not fit.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use oarlock_wasm::{Library, LoadError, Loader, World};

use super::{LIBRARY, libraries, said};
use crate::guests::{LOADER, bytes, text};

/// A library that exports `functions`, each in WebAssembly text, as `local:oar/oar`. `$text` is a function of a string.
async fn oar(version: &str, functions: &str) -> Result<Arc<Library>, LoadError> {
    let text = format!(
        r#"(component
            (core module $code
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
                (func (export "one") (param i32 i32) (result i32) (i32.const 16))
                (func (export "none") (param i32 i32 i32))
                (func (export "two") (param i32 i32 i32) (result i32) (i32.const 16)))
            (core instance $code (instantiate $code))
            (alias core export $code "memory" (core memory $memory))
            (alias core export $code "realloc" (core func $realloc))
            (alias core export $code "one" (core func $one))
            (alias core export $code "two" (core func $two))
            (alias core export $code "none" (core func $none))
            {functions}
            (export "local:oar/oar{version}" (instance $oar)))"#
    );
    let library = LOADER.load_library(wat::parse_str(text).unwrap(), LIBRARY);
    library.await.map(Arc::new)
}

/// As [`oar`], with `repeat` of this type.
async fn repeat(ty: &str, core: &str) -> Arc<Library> {
    let functions = format!(
        r#"(func $repeat {ty} (canon lift (core func ${core}) (memory $memory) (realloc $realloc)))
           (instance $oar (export "repeat" (func $repeat)))"#
    );
    oar("@0.1.0", &functions).await.unwrap()
}

/// What loading the module says with these libraries.
async fn refusal(libraries: &BTreeMap<String, Arc<Library>>) -> String {
    let error = LOADER
        .load_with(bytes("hostile-calls"), libraries)
        .await
        .expect_err("loading should have failed");
    assert!(error.source().is_none());
    error.to_string()
}

async fn with_oar(oar: Arc<Library>) -> BTreeMap<String, Arc<Library>> {
    let mut libraries = libraries(&LOADER, LIBRARY).await;
    libraries.insert("local:oar/oar".to_owned(), oar);
    libraries
}

#[tokio::test]
async fn what_is_loaded_says_what_it_is() {
    let libraries = libraries(&LOADER, LIBRARY).await;
    let library = &libraries["local:oar/oar"];
    assert_eq!(library.exports(), ["local:oar/oar@0.1.0"]);
    assert!(
        library
            .imports()
            .contains(&"oarlock:reconcile/http@0.1.0".to_owned())
    );
    assert_eq!(library.size(), bytes("hostile-library").len());
    let module = LOADER
        .load_with(bytes("hostile-calls"), &libraries)
        .await
        .unwrap();
    let inspection = module.inspection();
    // It imports no more than the log itself; its library opens the rest to it.
    assert_eq!(inspection.world, World::External);
    let bound: Vec<_> = inspection
        .libraries
        .iter()
        .map(|bound| (bound.interface.as_str(), bound.library.as_ref()))
        .collect();
    let greeter = libraries["local:other/greeter"].digest();
    assert_eq!(
        bound,
        [
            ("local:oar/oar@0.1.0", Some(library.digest())),
            ("local:other/greeter", Some(greeter)),
        ]
    );
}

#[tokio::test]
async fn names_with_a_version_serve_what_is_compatible() {
    let all = libraries(&LOADER, LIBRARY).await;
    let oar = &all["local:oar/oar"];
    for (name, fits) in [
        ("local:oar/oar@0.1.0", true),
        ("local:oar/oar@0.1.7", true),
        ("local:oar/oar@0.2.0", false),
        ("local:oar/oars", false),
    ] {
        let mut libraries = all.clone();
        libraries.remove("local:oar/oar");
        libraries.insert(name.to_owned(), Arc::clone(oar));
        let loaded = LOADER.load_with(bytes("hostile-calls"), &libraries).await;
        assert_eq!(loaded.is_ok(), fits, "{name}: {loaded:?}");
    }
}

#[tokio::test]
async fn a_library_that_is_missing() {
    insta::assert_snapshot!(refusal(&BTreeMap::new()).await, @"the component imports local:oar/oar@0.1.0, which this host does not have; hint: name a component that exports it in the watch, under `libraries:`, as `local:oar/oar: FILE.wasm`");
    let mut libraries = libraries(&LOADER, LIBRARY).await;
    libraries.remove("local:other/greeter");
    insta::assert_snapshot!(refusal(&libraries).await, @"the component imports local:other/greeter, which this host does not have; hint: name a component that exports it in the watch, under `libraries:`, as `local:other/greeter: FILE.wasm`");
}

#[tokio::test]
async fn a_library_that_is_another() {
    let mut libraries = libraries(&LOADER, LIBRARY).await;
    let greeter = Arc::clone(&libraries["local:other/greeter"]);
    libraries.insert("local:oar/oar".to_owned(), greeter);
    insta::assert_snapshot!(refusal(&libraries).await, @"the component imports local:oar/oar@0.1.0, and the library that is given for it does not export that, it exports local:other/greeter; hint: give it another under `libraries:`, or build both against the same version of the interface");
    let newer = oar(
        "@0.2.0",
        r#"
        (func $repeat (param "text" string) (param "times" u32) (result string)
            (canon lift (core func $two) (memory $memory) (realloc $realloc)))
        (instance $oar (export "repeat" (func $repeat)))"#,
    );
    insta::assert_snapshot!(refusal(&with_oar(newer.await.unwrap()).await).await, @"the component imports local:oar/oar@0.1.0, and the library that is given for it does not export that, it exports local:oar/oar@0.2.0; hint: give it another under `libraries:`, or build both against the same version of the interface");
}

#[tokio::test]
async fn functions_that_do_not_fit() {
    let refused =
        async |ty: &str, core: &str| refusal(&with_oar(repeat(ty, core).await).await).await;
    insta::assert_snapshot!(refused(r#"(param "text" string) (result string)"#, "one").await, @"the library for local:oar/oar@0.1.0 does not fit: repeat: the module has 2 parameters, the library 1; hint: build the module and the library against the same WIT");
    insta::assert_snapshot!(refused(r#"(param "text" string) (param "number" u32) (result string)"#, "two").await, @"the library for local:oar/oar@0.1.0 does not fit: repeat: the module has a parameter times, the library number; hint: build the module and the library against the same WIT");
    insta::assert_snapshot!(refused(r#"(param "text" string) (param "times" s32) (result string)"#, "two").await, @"the library for local:oar/oar@0.1.0 does not fit: repeat: times: the module has u32, the library s32; hint: build the module and the library against the same WIT");
    insta::assert_snapshot!(refused(r#"(param "text" string) (param "times" u32) (result (list u8))"#, "two").await, @"the library for local:oar/oar@0.1.0 does not fit: repeat: the result: the module has string, the library a list; hint: build the module and the library against the same WIT");
    insta::assert_snapshot!(refused(r#"(param "text" string) (param "times" u32)"#, "none").await, @"the library for local:oar/oar@0.1.0 does not fit: repeat: the result: the module has string, the library nothing; hint: build the module and the library against the same WIT");
    // It has this one as it should be, and lacks the others.
    insta::assert_snapshot!(refused(r#"(param "text" string) (param "times" u32) (result string)"#, "two").await, @"the library for local:oar/oar@0.1.0 does not fit: turn: the library does not have it; hint: build the module and the library against the same WIT");
}

#[tokio::test]
async fn what_is_no_library() {
    let refusal = async |bytes: Vec<u8>| {
        let library = LOADER.load_library(bytes, LIBRARY).await;
        library.expect_err("loading should have failed").to_string()
    };
    insta::assert_snapshot!(refusal(b"\0asm\x0d\0\x01\0".to_vec()).await, @"the component exports no interface with a function, it exports nothing; hint: a library exports the interface that modules import");
    insta::assert_snapshot!(refusal(b"\0asm\x01\0\0\0".to_vec()).await, @r#"expected a WebAssembly component, found a core module; hint: build it with bindings of oarlock:reconcile, such as the SDK's; with Rust, set linker = "wasm-component-ld""#);
    // A library has no libraries.
    insta::assert_snapshot!(refusal(bytes("hostile-calls")).await, @"the component imports local:oar/oar@0.1.0, local:other/greeter, which this host does not have; it has oarlock:reconcile/log (world pure), oarlock:reconcile/cluster (world reading), oarlock:reconcile/http and oarlock:reconcile/artifacts (world external), all @0.1, and WASI 0.2 without wasi:http; hint: it can use nothing but these");
    insta::assert_snapshot!(refusal(bytes("hostile-unknown-import")).await, @"the component imports acme:disk/files@1.2.0, which this host does not have; it has oarlock:reconcile/log (world pure), oarlock:reconcile/cluster (world reading), oarlock:reconcile/http and oarlock:reconcile/artifacts (world external), all @0.1, and WASI 0.2 without wasi:http; hint: it can use nothing but these");
}

#[tokio::test]
async fn a_module_can_be_looked_at_without_its_libraries() {
    let module = LOADER.load_alone(bytes("hostile-calls")).await.unwrap();
    let inspection = module.inspection();
    assert_eq!(inspection.manifest.name, "calls");
    assert!(
        inspection
            .libraries
            .iter()
            .all(|bound| bound.library.is_none())
    );
    let run = said(&module, &Arc::default(), "repeat", "1").await;
    insta::assert_snapshot!(text(run), @"the library local:oar/oar@0.1.0 could not be started: the module was loaded without its libraries");
}

#[tokio::test]
async fn a_library_of_another_engine_serves_as_well() {
    let other: Loader = super::loader(oarlock_wasm::EngineOptions::default());
    let libraries = libraries(&other, LIBRARY).await;
    let module = LOADER
        .load_with(bytes("hostile-calls"), &libraries)
        .await
        .unwrap();
    let said = said(&module, &Arc::default(), "repeat", "1").await;
    assert_eq!(said.unwrap(), "oar ");
}
