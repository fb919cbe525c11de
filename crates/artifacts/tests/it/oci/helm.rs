//! The real Helm beside us: what it pushes we pull, and what it complains about we complain about in its words.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use oarlock_artifacts::{Depot, Options};
use oarlock_core::artifact::{Artifacts as _, Source, Verification, Wanted};
use oarlock_core::reference::Digest;
use tempfile::TempDir;

use super::push::{CHART_CONFIG, IMAGE_CONFIG, Pusher, archive, layer};
use super::server::{Access, Server};
use super::{depot, open, wanted};

const ARCHIVE: &[u8] = include_bytes!("../../../src/verify/provenance/tests/web-1.2.3.tgz");
const PROVENANCE: &[u8] = include_bytes!("../../../src/verify/provenance/tests/helm.prov");
const RING: &[u8] = include_bytes!("../../../src/verify/provenance/tests/ring.gpg");

struct Helm {
    program: PathBuf,
    home: TempDir,
}

impl Helm {
    /// `None`, said past the test harness, where there is none and that is allowed.
    fn new() -> Option<Self> {
        static SAID: Once = Once::new();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
        let program = root.unwrap().join("target/oarlock/parts/helm");
        if program.is_file() {
            let home = TempDir::new().unwrap();
            return Some(Self { program, home });
        }
        assert!(
            std::env::var_os("OARLOCK_ALLOW_MISSING").is_some(),
            "{} is not there; hint: cargo xtask parts",
            program.display()
        );
        SAID.call_once(|| {
            let text = b"NOT RUN: registries were not compared with the real Helm; hint: cargo xtask parts\n";
            std::io::stderr().write_all(text).unwrap();
        });
        None
    }

    /// What it says, and whether it is well.
    fn run(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(&self.program)
            .args(arguments)
            .current_dir(self.home.path())
            .env_clear()
            .env("HOME", self.home.path())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }
}

#[tokio::test]
async fn what_helm_pushes() {
    let Some(helm) = Helm::new() else {
        return;
    };
    let Some((server, _)) = open().await else {
        return;
    };
    let file = |name: &str| helm.home.path().join(name);
    let metadata = archive("web", "2.0.0+build.5");
    std::fs::write(file("web-1.2.3.tgz"), ARCHIVE).unwrap();
    std::fs::write(file("web-1.2.3.tgz.prov"), PROVENANCE).unwrap();
    std::fs::write(file("web-2.0.0+build.5.tgz"), &metadata).unwrap();
    let target = format!("oci://{}/charts", server.address);
    let mut pushed = Vec::new();
    for name in ["web-1.2.3.tgz", "web-2.0.0+build.5.tgz"] {
        let (well, said) = helm.run(&["push", name, &target, "--plain-http"]);
        assert!(well, "{said}");
        pushed.push(said);
    }
    let depot = depot();
    let signed = Wanted {
        verify: vec![Verification::Provenance {
            keyring: RING.to_vec(),
        }],
        ..wanted(&server.address, "charts/web", "^1")
    };
    let artifact = depot.fetch(signed).await.unwrap();
    assert_eq!(artifact.digest, Digest::of(ARCHIVE));
    assert!(pushed[0].contains(&artifact.revision), "{}", pushed[0]);
    let artifact = depot
        .fetch(wanted(&server.address, "charts/web", ""))
        .await
        .unwrap();
    assert_eq!(artifact.version, "2.0.0+build.5");
    assert_eq!(artifact.digest, Digest::of(&metadata));
    assert!(pushed[1].contains(&artifact.revision), "{}", pushed[1]);
}

#[tokio::test]
async fn the_words_are_those_of_helm() {
    let Some(helm) = Helm::new() else {
        return;
    };
    let Some((server, pusher)) = open().await else {
        return;
    };
    let Some(closed) = Server::start(Access::Password, false).await else {
        return;
    };
    fill(&pusher).await;
    let depot = depot();
    for (server, repository, version) in [
        (&server, "nope", "1.2.3"),
        (&server, "nope", ""),
        (&server, "web", "9.9.9"),
        (&server, "web", "1.2"),
        (&server, "web", "^9"),
        (&server, "web", "nonsense"),
        (&server, "web:1.2.3", "1.2.4"),
        (&server, "WEB", "1.2.3"),
        (&server, "tags", ""),
        (&server, "img", "1.0.0"),
        (&server, "odd", "1.0.0"),
        (&closed, "web", "1.2.3"),
        (&closed, "web", ""),
    ] {
        let url = format!("oci://{}/{repository}", server.address);
        let (well, said) = helm.run(&["pull", &url, "--version", version, "--plain-http"]);
        assert!(!well, "{said}");
        let error = depot
            .fetch(wanted(&server.address, repository, version))
            .await
            .unwrap_err()
            .to_string();
        let words = said.lines().rfind(|line| line.starts_with("Error: "));
        let words = words.unwrap().trim_start_matches("Error: ");
        // Details are printed as Go prints them.
        let words = words.split(": map[").next().unwrap();
        assert!(error.contains(words), "Helm: {words}\nours: {error}");
    }
}

/// Of an archive beside its provenance file, for every file that there is.
#[tokio::test]
async fn proofs_are_judged_as_helm_does() {
    let Some(helm) = Helm::new() else {
        return;
    };
    let file = |name: &str| helm.home.path().join(name);
    std::fs::write(file("web-1.2.3.tgz"), ARCHIVE).unwrap();
    std::fs::write(file("ring.gpg"), RING).unwrap();
    let depot = Depot::new(Options {
        charts: Some(helm.home.path().to_owned()),
        ..Options::default()
    })
    .unwrap();
    let signed = Wanted {
        source: Source::Local("web-1.2.3.tgz".to_owned()),
        verify: vec![Verification::Provenance {
            keyring: RING.to_vec(),
        }],
        ..wanted("", "", "")
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/verify/provenance/tests");
    let mut judged = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // Helm takes SHA-1 for a proof.
        let weak = path.file_stem().is_some_and(|name| name == "weak");
        if weak || path.extension().is_none_or(|extension| extension != "prov") {
            continue;
        }
        std::fs::copy(&path, file("web-1.2.3.tgz.prov")).unwrap();
        let (well, said) = helm.run(&["verify", "web-1.2.3.tgz", "--keyring", "ring.gpg"]);
        match depot.fetch(signed.clone()).await {
            Ok(_) => assert!(well, "{}: {said}", path.display()),
            Err(error) => {
                let words = said.trim().strip_prefix("Error: ").unwrap();
                let error = error.to_string();
                assert!(
                    !well && error.contains(words),
                    "Helm: {words}\nours: {error}"
                );
            }
        }
        judged += 1;
    }
    assert_eq!(judged, 12);
}

async fn fill(pusher: &Pusher) {
    let other = || vec![layer("application/x", b"x", &[])];
    pusher.chart("web", "1.2.3", &archive("web", "1.2.3")).await;
    pusher
        .image("img", "1.0.0", IMAGE_CONFIG, "{}", other())
        .await;
    pusher
        .image("odd", "1.0.0", CHART_CONFIG, "{}", other())
        .await;
    pusher
        .image("tags", "latest", IMAGE_CONFIG, "{}", other())
        .await;
}
