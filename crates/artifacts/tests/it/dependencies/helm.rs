//! The real Helm beside us: what it puts into `charts/` we put there, and what it complains about we complain about in its words.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Once;

use tokio::process::Command;

use super::{Charts, dependency, files, repository};
use crate::git_origin;
use crate::server::Server;

/// The program; `None`, said past the test harness, where there is none and that is allowed.
fn helm() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    let program = root.unwrap().join("target/oarlock/parts/helm");
    if program.is_file() {
        return Some(program);
    }
    assert!(
        std::env::var_os("OARLOCK_ALLOW_MISSING").is_some(),
        "{} is not there; hint: cargo xtask parts",
        program.display()
    );
    SAID.call_once(|| {
        let text = b"NOT RUN: dependencies were not compared with the real Helm; hint: cargo xtask parts\n";
        std::io::stderr().write_all(text).unwrap();
    });
    None
}

/// The archives that Helm puts beside the chart, or what it says.
async fn built(program: &Path, charts: &Charts) -> Result<BTreeSet<String>, String> {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(program)
        .args(["dependency", "build", "umbrella"])
        .current_dir(charts.dir.path())
        .env_clear()
        .env("HOME", home.path())
        .output()
        .await
        .unwrap();
    if !output.status.success() {
        let said = String::from_utf8(output.stderr).unwrap();
        let said = said.lines().find_map(|line| line.strip_prefix("Error: "));
        return Err(said.unwrap().replace("umbrella/charts/", "charts/"));
    }
    let folder = charts.dir.path().join("umbrella/charts");
    Ok(fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect())
}

#[tokio::test]
async fn what_helm_builds_we_build() {
    let Some(program) = helm() else {
        return;
    };
    let server = Server::start().await;
    let web = repository(
        &server,
        &[
            ("redis", "2.0.0-rc.1"),
            ("redis", "1.4.2"),
            ("redis", "1.3.0"),
            ("queue", "0.2.0"),
        ],
    );
    let cases = [
        vec![dependency("redis", "^1.0.0", &web)],
        vec![
            dependency("redis", "1.3.0", &web),
            format!("{}, alias: other", dependency("redis", "~1.4", &web)),
            format!(
                "{}, alias: again, condition: no.way",
                dependency("redis", "1.4.2", &web)
            ),
            dependency("queue", "*", &web),
            dependency("common", ">1", "file://../libs/common"),
        ],
        vec![dependency("redis", ">=1.0.0-0", &web)],
        vec![
            dependency("redis", "^3", &web),
            dependency("queue", "^9", &web),
        ],
        vec![dependency("common", "3.x", "file://../libs/common")],
        vec![dependency("redis", "oops oops", &web)],
        vec![dependency("redis", "1.4.2", "@private")],
        vec!["name: nowhere, version: 1.0.0".to_owned()],
    ];
    for case in cases {
        let charts = Charts::new();
        charts.write(
            "libs/common/Chart.yaml",
            &git_origin::chart("common", "2.0.0"),
        );
        charts.umbrella(&case);
        let ours = charts.get().await;
        match (built(&program, &charts).await, ours) {
            (Ok(theirs), Ok(artifact)) => {
                let ours: BTreeSet<String> = files(&charts.depot, &artifact)
                    .await
                    .iter()
                    .filter_map(|file| file.strip_prefix("charts/")?.split(": ").next())
                    .map(str::to_owned)
                    .collect();
                assert_eq!(ours, theirs, "{case:?}");
            }
            (Err(theirs), Err(ours)) => {
                let ours = ours.to_string();
                assert!(ours.contains(&theirs), "{case:?}\n{theirs}\n{ours}");
            }
            (theirs, ours) => panic!("{case:?}: Helm {theirs:?}, we {ours:?}"),
        }
    }
}

#[tokio::test]
async fn a_lock_that_helm_wrote_is_taken_until_the_chart_changes() {
    let Some(program) = helm() else {
        return;
    };
    let server = Server::start().await;
    let web = repository(&server, &[("redis", "1.3.0")]);
    let charts = Charts::new();
    let old = format!(
        "{}, tags: [\"a & b\", \"<c>\"], import-values: [data, {{child: x, parent: y}}]",
        dependency("redis", ">=1.0.0 <2 || ~5", &web)
    );
    charts.umbrella(std::slice::from_ref(&old));
    built(&program, &charts).await.unwrap();
    fs::remove_dir_all(charts.dir.path().join("umbrella/charts")).unwrap();
    // There is a newer one now, which the lock does not take.
    server.seen();
    repository(&server, &[("redis", "1.4.2"), ("redis", "1.3.0")]);
    let artifact = charts.get().await.unwrap();
    let ours = files(&charts.depot, &artifact).await.join("\n");
    assert!(ours.contains("charts/redis-1.3.0.tgz"), "{ours}");
    charts.umbrella(&[old.replace("~5", "~6")]);
    let theirs = built(&program, &charts).await.unwrap_err();
    let error = charts.get().await.unwrap_err().to_string();
    assert!(error.contains(&theirs), "{theirs}\n{error}");
}
