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
    insta::assert_snapshot!(refusal(b"no component".to_vec()).await, @"");
    insta::assert_snapshot!(refusal(guest("hostile-library")).await, @"");
}

#[tokio::test]
async fn the_engine_is_a_library() {
    let library = Arc::clone(engine().await.library());
    assert_eq!(library.exports(), ["oarlock:helm/engine@0.1.0"]);
    insta::assert_debug_snapshot!(library.imports(), @"");
    let alone = LOADER.load_library(bytes(), LibraryLimits::default()).await;
    assert_eq!(alone.unwrap().digest(), library.digest());
}
