//! Folders and archives of this machine.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use oarlock_artifacts::{Depot, Options};
use oarlock_core::artifact::{
    Artifact, Artifacts as _, Credentials, FetchError, Reach, Source, Verification, Wanted,
};

use crate::archive::{small, wanted};
use crate::server::{chart, packed};

fn write(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn open(charts: &Path) -> Depot {
    Depot::new(Options {
        charts: Some(charts.to_owned()),
        ..small()
    })
    .unwrap()
}

async fn get(depot: &Depot, path: &str) -> Result<Artifact, FetchError> {
    depot.fetch(wanted(Source::Local(path.to_owned()))).await
}

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.2.3\n";

#[tokio::test]
async fn a_folder_and_an_archive_are_charts() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "web/Chart.yaml", CHART);
    write(dir.path(), "web/templates/a.yaml", "a: 1");
    write(dir.path(), "packed/web-1.2.3.tgz", chart("web", "1.2.3"));
    let depot = open(dir.path());
    let folder = get(&depot, "web").await.unwrap();
    assert_eq!(
        (folder.name.as_str(), folder.version.as_str()),
        ("web", "1.2.3")
    );
    assert_eq!(
        (folder.origin.as_str(), folder.revision.as_str()),
        ("web", folder.digest.as_str())
    );
    let bytes = depot.read(folder.digest.clone()).await.unwrap();
    assert_eq!(bytes.len() % 512, 0);
    // What is on disk is read each time.
    assert_eq!(get(&depot, "./web/").await.unwrap().digest, folder.digest);
    write(dir.path(), "web/templates/a.yaml", "a: 2");
    assert_ne!(get(&depot, "web").await.unwrap().digest, folder.digest);
    let archive = get(&depot, "packed/web-1.2.3.tgz").await.unwrap();
    assert_eq!(
        *depot.read(archive.digest).await.unwrap(),
        chart("web", "1.2.3")[..]
    );
    // And wherever a person says.
    let named = depot
        .fetch_path(dir.path().join("web"), false, Vec::new())
        .await
        .unwrap();
    assert_eq!(named.name, "web");
}

#[tokio::test]
async fn the_chart_folder_is_not_left() {
    let dir = tempfile::tempdir().unwrap();
    let charts = dir.path().join("charts");
    write(&charts, "web/Chart.yaml", CHART);
    write(dir.path(), "outside/Chart.yaml", CHART);
    symlink("../outside", charts.join("link")).unwrap();
    symlink("web", charts.join("inside")).unwrap();
    write(&charts, "values.yaml", "a: 1");
    write(&charts, "text.txt", "a: 1");
    write(&charts, "empty/README.md", "a");
    let _listener = UnixListener::bind(charts.join("socket.tgz")).unwrap();
    write(&charts, "large.tgz", vec![0; 20_001]);
    write(
        &charts,
        "slip.tgz",
        packed(&[("web/a/../..\\b", ""), ("web//b", "")]),
    );
    let depot = open(&charts);
    assert_eq!(get(&depot, "inside").await.unwrap().origin, "inside");
    let outside = dir.path().join("outside").display().to_string();
    let mut texts = Vec::new();
    for path in [
        "link",
        "../outside",
        "web/../../outside",
        &outside,
        "",
        "missing",
        "values.yaml",
        "text.txt",
        "empty",
        "large.tgz",
        "slip.tgz",
        "socket.tgz",
    ] {
        let error = get(&depot, path).await.unwrap_err();
        let kind = format!("{error:?}");
        let kind = kind.split('(').next().unwrap();
        texts.push(format!("{kind}: {error}").replace(&dir.path().display().to_string(), "/tmp"));
    }
    let nowhere = Depot::new(small()).unwrap();
    texts.push(get(&nowhere, "web").await.unwrap_err().to_string());
    let nowhere = open(&dir.path().join("no"));
    let error = get(&nowhere, "web").await.unwrap_err().to_string();
    texts.push(error.replace(&dir.path().display().to_string(), "/tmp"));
    let proven = Wanted {
        verify: vec![Verification::Provenance {
            keyring: Vec::new(),
        }],
        ..wanted(Source::Local("web".to_owned()))
    };
    texts.push(depot.fetch(proven).await.unwrap_err().to_string());
    insta::assert_snapshot!(texts.join("\n"), @r#"
    Denied: "link" is not below the chart folder; hint: name a folder or a .tgz in it by a path without `..`, and without symbolic links that lead out of it
    Denied: "../outside" is not below the chart folder; hint: name a folder or a .tgz in it by a path without `..`, and without symbolic links that lead out of it
    Denied: "web/../../outside" is not below the chart folder; hint: name a folder or a .tgz in it by a path without `..`, and without symbolic links that lead out of it
    Denied: "/tmp/outside" is not below the chart folder; hint: name a folder or a .tgz in it by a path without `..`, and without symbolic links that lead out of it
    Denied: "" is not below the chart folder; hint: name a folder or a .tgz in it by a path without `..`, and without symbolic links that lead out of it
    NotFound: path "missing" not found
    Invalid: file 'values.yaml' seems to be a YAML file, but expected a gzipped archive; hint: is the values file where the chart should be?
    Invalid: file 'text.txt' does not appear to be a gzipped archive; hint: a chart is a folder, or a .tgz as `helm package` makes it
    Invalid: empty: Chart.yaml file is missing
    Invalid: large.tgz is larger than 20000 bytes, which is the most that is read of it
    Invalid: slip.tgz: chart illegally contains absolute paths
    Invalid: socket.tgz: cannot load irregular file socket.tgz as it has file mode type bits set
    web: there is no chart folder; hint: `--charts` names the folder that local charts are in
    cannot open the chart folder /tmp/no: No such file or directory (os error 2)
    web: unpacked charts cannot be verified; hint: `helm package --sign` makes an archive with a provenance file
    "#);
}

#[tokio::test]
async fn one_package_has_no_versions() {
    let error = Depot::new(small())
        .unwrap()
        .versions(
            Source::Local("web".to_owned()),
            Credentials::default(),
            Reach::Anywhere { plain_http: false },
            Duration::ZERO,
        )
        .await
        .unwrap_err();
    insta::assert_snapshot!(error, @"web: one package, which has no versions to choose from; hint: repositories, registries and git have");
}
