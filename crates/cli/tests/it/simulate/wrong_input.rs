//! What is said where nothing can be simulated, always with status 2.

use super::{Rehearsal, text};
use crate::process::oarlock;

#[tokio::test]
async fn files_that_are_not_there() {
    let rehearsal = Rehearsal::new();
    let mut told = String::new();
    for args in [
        &["-f", "nowhere.yaml"][..],
        &["-f", ".", "--scenario", "nowhere.yaml"],
        &["-f", ".", "--watches", "nowhere.yaml"],
        &["-f", ".", "--modules", "nowhere"],
    ] {
        let said = match args.contains(&"--modules") {
            false => rehearsal.refused(args).await,
            true => {
                let output = oarlock(&[&["simulate"], args].concat(), rehearsal.path()).await;
                format!(
                    "status {:?}\n{}",
                    output.status.code(),
                    text(&output.stderr)
                )
            }
        };
        told.push_str(&format!("{}\n{said}\n", args.join(" ")));
    }
    // A directory may have files of another kind; what looks like a manifest has to be one.
    rehearsal.write("notes.yaml", "- one\n- two\n");
    rehearsal.write(
        "slip.yaml",
        "apiVersion: v1\nkindd: ConfigMap\nmetadata: {name: a}\n",
    );
    let said = rehearsal.refused(&["-f", "."]).await;
    told.push_str(&format!("-f . with slip.yaml\n{said}\n"));
    std::fs::remove_file(rehearsal.path().join("slip.yaml")).unwrap();
    std::fs::remove_file(rehearsal.path().join("watches.yaml")).unwrap();
    std::fs::create_dir(rehearsal.path().join("empty")).unwrap();
    for args in [&["-f", "."][..], &["-f", "empty"]] {
        let said = rehearsal.refused(args).await;
        told.push_str(&format!("{}\n{said}\n", args.join(" ")));
    }
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn manifests_that_are_none() {
    let rehearsal = Rehearsal::new();
    let mut told = String::new();
    for manifest in [
        "a: [",
        "",
        "just: a mapping",
        "apiVersion: v1\nkind: Pod\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n- 1\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
    ] {
        rehearsal.write("manifest.yaml", manifest);
        let said = rehearsal.refused(&["-f", "manifest.yaml"]).await;
        told.push_str(&format!("{manifest}\n{said}\n"));
    }
    for manifest in [
        "apiVersion: example.com/v1\nkind: Unknown\nmetadata: {name: b}\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not_a_name}\n",
    ] {
        rehearsal.write("manifest.yaml", manifest);
        let args = ["-f", "deployer.yaml", "manifest.yaml"];
        let said = rehearsal.refused(&args).await;
        told.push_str(&format!("{manifest}\n{said}\n"));
    }
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn scenarios_that_cannot_be() {
    let rehearsal = Rehearsal::new();
    rehearsal.write(
        "stray.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: stray}\n",
    );
    let mut told = String::new();
    for scenario in [
        "invariant: []",
        "invariants: [{expr: available => 90%}]",
        "changes: [{at: 1m, patch: {target: Deployer/other, merge: {spec: {}}}}]",
        "changes: [{at: 1m, patch: {target: Deploymint/nginx, merge: {spec: {}}}}]",
        "changes: [{at: 1m, patch: {target: Deployer/nginx, merge: {metadata: {labels: {a: '!'}}}}}]",
        "changes: [{at: 90m, delete: stray.yaml}]",
    ] {
        rehearsal.write("scenario.yaml", scenario);
        let args = ["-f", "deployer.yaml", "--scenario", "scenario.yaml"];
        let said = rehearsal.refused(&args).await;
        told.push_str(&format!("{scenario}\n{said}\n"));
    }
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn watches_that_are_wrong() {
    let rehearsal = Rehearsal::new();
    rehearsal.write(
        "watches.yaml",
        "- {group: deploy.example.com, version: v1alpha1, kind: Deployer, modul: canary.wasm}\n",
    );
    insta::assert_snapshot!(rehearsal.refused(&["-f", "."]).await);
}

#[tokio::test]
async fn arguments_that_do_not_fit_together() {
    let rehearsal = Rehearsal::new();
    for args in [
        &[][..],
        &["-f", ".", "--for", "2"],
        &["-f", ".", "--for", "2h", "--until-idle"],
        &["-f", ".", "--schema"],
        &["-f", ".", "-o", "yaml"],
    ] {
        let output = rehearsal.run(args).await;
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(text(&output.stdout), "", "{args:?}");
    }
}
