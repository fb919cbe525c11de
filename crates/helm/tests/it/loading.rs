//! What is not the engine.

use std::sync::Arc;

use oarlock_helm::{Engine, Options};
use oarlock_wasm::LibraryLimits;

use crate::bench::{LOADER, bytes, engine, guest};

#[tokio::test]
async fn what_is_not_the_engine() {
    let refusal = async |bytes: Vec<u8>| {
        let engine = Engine::load(&LOADER, bytes, Options::default()).await;
        engine.expect_err("loading should have failed").to_string()
    };
    insta::assert_snapshot!(refusal(b"no component".to_vec()).await, @"expected a WebAssembly component, found no WebAssembly");
    insta::assert_snapshot!(refusal(guest("hostile-library")).await, @"the component does not export oarlock:helm/engine@0.1.0 as this program knows it, it exports local:oar/oar@0.1.0; hint: take the engine that came with this program: no exported instance named `oarlock:helm/engine@0.1.0`");
}

#[tokio::test]
async fn the_engine_is_a_library() {
    let library = Arc::clone(engine().await.library());
    assert_eq!(library.exports(), ["oarlock:helm/engine@0.1.0"]);
    for import in library.imports() {
        let interface = import.strip_prefix("oarlock:reconcile/").unwrap_or(import);
        let name = interface.split('@').next().unwrap();
        assert!(
            ["types", "log", "cluster", "artifacts"].contains(&name),
            "{import}"
        );
    }
    let alone = LOADER.load_library(bytes(), LibraryLimits::default()).await;
    assert_eq!(alone.unwrap().digest(), library.digest());
}
