//! Charts and values from elsewhere.

use std::io::Write as _;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use oarlock_core::reference::Digest;
use serde_json::json;

use super::chart::Place;
use super::shelf::{LOGIN, Shelf};
use crate::process::root;

const CHART: &str = "apiVersion: v2\nname: boat\nversion: 0.1.0\n";
const TEMPLATE: &str = "oars: {{ .Values.oars | quote }}\n";
const PRINTED: &str = "---\n# Source: boat/templates/a.yaml\noars: \"2\"\n";
const CONTENT: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// `boat-0.1.0.tgz`.
fn archive() -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, text) in [
        ("boat/Chart.yaml", CHART),
        ("boat/values.yaml", "oars: 2\n"),
        ("boat/templates/a.yaml", TEMPLATE),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    let mut gzip = tar.into_inner().unwrap();
    gzip.flush().unwrap();
    gzip.finish().unwrap()
}

/// Archives that are signed, and the keys.
fn signed(name: &str) -> PathBuf {
    root()
        .join("crates/artifacts/src/verify/provenance/tests")
        .join(name)
}

/// All of it: a repository below `/charts`, and a registry that has the chart `boat`.
async fn shelf() -> Shelf {
    let archive = archive();
    let digest = Digest::of(&archive);
    let config = br#"{"apiVersion":"v2","name":"boat","version":"0.1.0"}"#.to_vec();
    let index = format!(
        "apiVersion: v1\nentries:\n  boat:\n  - {{apiVersion: v2, name: boat, version: 0.1.0, digest: {}, urls: [boat-0.1.0.tgz]}}\n  \
         - {{apiVersion: v2, name: boat, version: 0.0.9, urls: [gone.tgz]}}\n",
        digest.as_str().trim_start_matches("sha256:")
    );
    let described = |kind: &str, bytes: &[u8]| json!({"mediaType": kind, "digest": Digest::of(bytes).as_str(), "size": bytes.len()});
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": described(CONFIG, &config), "layers": [described(CONTENT, &archive)],
    });
    let manifest = manifest.to_string().into_bytes();
    let blob = |bytes: &[u8]| format!("/v2/fleet/boat/blobs/{}", Digest::of(bytes));
    let read = |name: &str| std::fs::read(signed(name)).unwrap();
    let path = |path: &str| path.to_owned();
    let gzip = "application/gzip";
    Shelf::open([
        (
            path("/charts/index.yaml"),
            ("text/yaml", index.into_bytes()),
        ),
        (path("/charts/boat-0.1.0.tgz"), (gzip, archive.clone())),
        (path("/values.yaml"), ("text/yaml", b"oars: 8\n".to_vec())),
        (path("/web-1.2.3.tgz"), (gzip, read("web-1.2.3.tgz"))),
        (
            path("/web-1.2.3.tgz.prov"),
            ("text/plain", read("helm.prov")),
        ),
        (path("/v2/"), ("application/json", b"{}".to_vec())),
        (
            path("/v2/fleet/boat/tags/list"),
            (
                "application/json",
                br#"{"name":"fleet/boat","tags":["0.1.0"]}"#.to_vec(),
            ),
        ),
        (
            path("/v2/fleet/boat/manifests/0.1.0"),
            (MANIFEST, manifest.clone()),
        ),
        (
            format!("/v2/fleet/boat/manifests/{}", Digest::of(&manifest)),
            (MANIFEST, manifest),
        ),
        (blob(&config), ("application/octet-stream", config)),
        (blob(&archive), ("application/octet-stream", archive)),
    ])
    .await
}

#[tokio::test]
async fn a_chart_of_a_repository() {
    let (place, shelf) = (Place::with(&[]), shelf().await);
    let url = shelf.url("/charts");
    // There is a folder of that name.
    assert_eq!(place.prints(&["boat", "--repo", &url]).await, PRINTED);
    let range = ["boat", "--repo", &url, "--version", "0.1.x"];
    assert_eq!(place.prints(&range).await, PRINTED);
    place.file(
        "names.yaml",
        &format!("repositories:\n- {{name: harbour, url: \"{url}\"}}\n"),
    );
    let named = ["harbour/boat", "--repository-config", "names.yaml"];
    assert_eq!(place.prints(&named).await, PRINTED);
    let said = place
        .fails(&["boat", "--repo", &url, "--version", "0.0.9"])
        .await;
    assert!(said.contains("gone.tgz") && said.contains("404"), "{said}");
}

#[tokio::test]
async fn an_archive_and_values_behind_urls() {
    let (place, shelf) = (Place::with(&[]), shelf().await);
    let archive = shelf.url("/charts/boat-0.1.0.tgz");
    assert_eq!(place.prints(&[&archive]).await, PRINTED);
    let values = shelf.url("/values.yaml");
    let printed = place.prints(&[&archive, "-f", &values]).await;
    assert_eq!(printed, PRINTED.replace('2', "8"));
    let printed = place
        .prints(&[&archive, "--set-file", &format!("oars={values}")])
        .await;
    assert_eq!(printed, PRINTED.replace('2', r"oars: 8\n"));
}

#[tokio::test]
async fn a_chart_of_a_registry_that_wants_a_login() {
    let (place, shelf) = (Place::with(&[]), shelf().await);
    let chart = format!("oci://{}/fleet/boat", shelf.host);
    let logins = json!({"auths": {(&*shelf.host): {"auth": LOGIN}}});
    place.file("logins.json", &logins.to_string());
    for more in [
        &["--registry-config", "logins.json"][..],
        &["--registry-config=logins.json", "--version", "^0.1"],
        &["--username", "me", "--password", "correct-horse"],
    ] {
        let args = [&[&*chart, "--plain-http"][..], more].concat();
        assert_eq!(place.prints(&args).await, PRINTED, "{more:?}");
    }
    let said = place.fails(&[&chart, "--plain-http"]).await;
    assert!(said.contains("basic credential not found"), "{said}");
    place.file("open.json", "{}");
    let other = ["--plain-http", "--registry-config", "open.json"];
    let said = place.fails(&[&[&*chart][..], &other].concat()).await;
    assert!(said.contains("basic credential not found"), "{said}");
}

#[tokio::test]
async fn logins_that_cannot_be_read() {
    let place = Place::with(&[("templates/a.yaml", "a: 1\n")]);
    place.file("logins.json", "{auths");
    let said = place
        .fails(&["boat", "--registry-config", "logins.json"])
        .await;
    insta::assert_snapshot!(said, @"
    Error: failed to decode config file logins.json: invalid config format: key must be a string at line 1 column 2
      hint: --registry-config names a file as `helm registry login` writes it
    ");
    let said = place.fails(&["boat", "--registry-config", "boat"]).await;
    insta::assert_snapshot!(said, @"
    Error: failed to decode config file boat: invalid config format: read boat: is a directory
      hint: --registry-config names a file as `helm registry login` writes it
    ");
    // No file is no login.
    place
        .prints(&["boat", "--registry-config", "nowhere"])
        .await;
}

#[tokio::test]
async fn a_chart_that_is_signed() {
    let (place, shelf) = (Place::with(&[]), shelf().await);
    let archive = shelf.url("/web-1.2.3.tgz");
    let signed = |name: &str| signed(name).to_str().unwrap().to_owned();
    let (known, unknown) = (signed("ring.gpg"), signed("stranger.asc"));
    let good = [&*archive, "--verify", "--keyring", &*known];
    assert_eq!(place.prints(&good).await, "\n");
    let stranger = [&*archive, "--verify", "--keyring", &*unknown];
    let said = place.fails(&stranger).await;
    insta::assert_snapshot!(said.replace(&shelf.host, "HOST"), @"
    Error: http://HOST/web-1.2.3.tgz: openpgp: signature made by unknown entity
      hint: add the signer's public key to the keyring, if the signer is to be trusted
    ");
    let unsigned = shelf.url("/charts/boat-0.1.0.tgz");
    let said = place
        .fails(&[&*unsigned, "--verify", "--keyring", &*known])
        .await;
    insta::assert_snapshot!(said.replace(&shelf.host, "HOST"), @r#"
    Error: failed to fetch provenance "http://HOST/charts/boat-0.1.0.tgz.prov"
      hint: the chart is not signed (`helm package --sign` makes the file, and it has to be served beside the archive), and a signature is wanted
    "#);
}
