//! Bytes that are no module, or not yet.

use std::error::Error;

use crate::guests::{LOADER, bytes};

async fn refusal(bytes: Vec<u8>) -> String {
    let error = LOADER
        .load(bytes)
        .await
        .expect_err("loading should have failed");
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[tokio::test]
async fn what_is_no_component() {
    let core = b"\0asm\x01\0\0\0".to_vec();
    let with_world = [core.as_slice(), b"\0\x0f\x0ecomponent-type"].concat();
    insta::assert_snapshot!(refusal(b"#!/bin/sh".to_vec()).await, @"expected a WebAssembly component, found no WebAssembly");
    insta::assert_snapshot!(refusal(core).await, @r#"expected a WebAssembly component, found a core module; hint: build it with bindings of oarlock:reconcile, such as the SDK's; with Rust, set linker = "wasm-component-ld""#);
    insta::assert_snapshot!(refusal(with_world).await, @r#"expected a WebAssembly component, found a core module; hint: it carries its component type, so `wasm-tools component new` makes a component of it; with Rust, set linker = "wasm-component-ld" and cargo builds one"#);
}

#[tokio::test]
async fn half_a_component() {
    let mut half = bytes("hostile-echo");
    half.truncate(half.len() / 2);
    let said = refusal(half).await;
    assert!(said.starts_with("cannot compile the component: "), "{said}");
}

#[tokio::test]
async fn another_world() {
    insta::assert_snapshot!(refusal(bytes("hostile-wrong-world")).await, @"the component does not export oarlock:reconcile/module@0.1, it exports local:other/greeter; hint: build it for one of the worlds pure, reading or external of oarlock:reconcile@0.1");
    // An empty component.
    insta::assert_snapshot!(refusal(b"\0asm\x0d\0\x01\0".to_vec()).await, @"the component does not export oarlock:reconcile/module@0.1, it exports nothing; hint: build it for one of the worlds pure, reading or external of oarlock:reconcile@0.1");
}

#[tokio::test]
async fn an_import_that_nobody_has() {
    insta::assert_snapshot!(refusal(bytes("hostile-unknown-import")).await, @"the component imports acme:disk/files@1.2.0, which this host does not have; hint: name a component that exports it in the watch, under `libraries:`, as `acme:disk/files: FILE.wasm`");
    // No library could have this one.
    let http = r#"(component (import "wasi:http/types@0.2.3" (instance (export "fetch" (func)))))"#;
    insta::assert_snapshot!(refusal(wat::parse_str(http).unwrap()).await, @"the component imports wasi:http/types@0.2.3, which this host does not have; it has oarlock:reconcile/log (world pure), oarlock:reconcile/cluster (world reading), oarlock:reconcile/http and oarlock:reconcile/artifacts (world external), all @0.1, and WASI 0.2 without wasi:http; hint: call out through oarlock:reconcile/http, and build without fetch or other WASI HTTP clients");
}

#[tokio::test]
async fn manifests_are_checked_when_loading() {
    insta::assert_snapshot!(refusal(bytes("hostile-describes-badly")).await, @r#"the module's manifest is wrong: name: expected a DNS label (lower-case letters, digits and `-`, at most 63), found "Not A Label""#);
    insta::assert_snapshot!(refusal(bytes("hostile-traps-in-describe")).await, @"
    the module did not describe itself: the module trapped: panicked at traps-in-describe/src/lib.rs:7:5:
    no CRD in the box (wasm `unreachable` instruction executed)
    ");
}
