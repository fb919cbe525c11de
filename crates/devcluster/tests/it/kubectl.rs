//! The real kubectl against the listener, when there is one on this machine.

use std::process::Stdio;
use std::time::Duration;

use oarlock_devcluster::DevCluster;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

use crate::listener::Served;

struct Kubectl {
    config: std::path::PathBuf,
    home: std::path::PathBuf,
}

impl Kubectl {
    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new("kubectl");
        command
            .args(arguments.split_whitespace())
            .env("KUBECONFIG", &self.config)
            .env("HOME", &self.home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    async fn run(&self, arguments: &str, input: &str) -> Result<String, String> {
        let mut child = self.command(arguments).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // Commands that read nothing close their end; that is no failure of ours.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let output = child.wait_with_output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (out, err) = (text(output.stdout), text(output.stderr));
        if output.status.success() {
            Ok(format!("{out}{err}"))
        } else {
            Err(format!("{out}{err}"))
        }
    }

    #[track_caller]
    fn ok(result: Result<String, String>) -> String {
        result.unwrap_or_else(|text| panic!("kubectl failed: {text}"))
    }
}

const DEFINITION: &str = r"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: deployers.deploy.example.com}
spec:
  group: deploy.example.com
  scope: Namespaced
  names: {kind: Deployer, plural: deployers, shortNames: [dep]}
  versions:
  - name: v1alpha1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns:
    - {name: Image, type: string, jsonPath: .spec.image}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [image]
            properties:
              image: {type: string, description: What runs}
";

const DEPLOYER: &str = r"
apiVersion: deploy.example.com/v1alpha1
kind: Deployer
metadata: {name: nginx}
spec: {image: 'nginx:1.7.7'}
";

const DEPLOYMENT: &str = r"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: 'nginx:1'}]}
";

fn kubectl_version() -> Option<String> {
    let output = std::process::Command::new("kubectl")
        .args(["version", "--client"])
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_cannot_tell_the_difference() {
    if kubectl_version().is_none() {
        report_not_run();
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let cluster = DevCluster::builder().without_controllers().start();
    let served = Served::start(&cluster).await;
    let config = directory.path().join("config");
    std::fs::write(
        &config,
        cluster.kubeconfig(&format!("http://{}", served.address)),
    )
    .unwrap();
    let kubectl = Kubectl {
        config,
        home: directory.path().to_path_buf(),
    };
    discovers(&kubectl).await;
    applies(&kubectl).await;
    custom_resources(&kubectl).await;
    edits_and_deletes(&kubectl).await;
    follows(&kubectl).await;
    cluster.shutdown().await;
    served.end().await;
}

#[expect(
    clippy::print_stderr,
    reason = "the test harness has no other way to say that a test did not run"
)]
fn report_not_run() {
    eprintln!("NOT RUN: kubectl is not on PATH; hint: install it to run this test");
}

async fn discovers(kubectl: &Kubectl) {
    let resources = Kubectl::ok(kubectl.run("api-resources", "").await);
    assert!(
        resources.contains("deployments") && resources.contains("customresourcedefinitions"),
        "{resources}"
    );
    let versions = Kubectl::ok(kubectl.run("version", "").await);
    assert!(versions.contains("Server Version: v1.34.0"), "{versions}");
    let explained = Kubectl::ok(kubectl.run("explain deployment.spec.strategy", "").await);
    assert!(explained.contains("rollingUpdate"), "{explained}");
    let namespaces = Kubectl::ok(kubectl.run("get namespaces", "").await);
    assert!(
        namespaces.starts_with("NAME") && namespaces.contains("kube-system"),
        "{namespaces}"
    );
}

async fn applies(kubectl: &Kubectl) {
    let first = Kubectl::ok(kubectl.run("apply -f -", DEPLOYMENT).await);
    assert_eq!(first, "deployment.apps/web created\n");
    let second = Kubectl::ok(kubectl.run("apply -f -", DEPLOYMENT).await);
    assert_eq!(second, "deployment.apps/web unchanged\n");
    let changed = Kubectl::ok(
        kubectl
            .run("apply -f -", &DEPLOYMENT.replace("nginx:1", "nginx:2"))
            .await,
    );
    assert_eq!(changed, "deployment.apps/web configured\n");
    let refused = kubectl
        .run("apply -f -", &DEPLOYMENT.replace("replicas", "replcas"))
        .await
        .unwrap_err();
    assert!(
        refused.contains("strict decoding error: unknown field \"spec.replcas\""),
        "{refused}"
    );
    let third = DEPLOYMENT.replace("nginx:1", "nginx:3");
    let other = "apply --server-side --field-manager=other -f -";
    let conflict = kubectl.run(other, &third).await.unwrap_err();
    assert!(
        conflict.contains("Apply failed with 1 conflict"),
        "another manager owns the image: {conflict}"
    );
    // kubectl hands over what its client-side apply owned.
    let forced = kubectl.run("apply --server-side -f -", &third).await;
    assert_eq!(
        Kubectl::ok(forced),
        "deployment.apps/web serverside-applied\n"
    );
    let dry = Kubectl::ok(
        kubectl
            .run(
                "apply --server-side --dry-run=server --force-conflicts -f -",
                DEPLOYMENT,
            )
            .await,
    );
    assert_eq!(
        dry,
        "deployment.apps/web serverside-applied (server dry run)\n"
    );
    let image = "get deploy web -o jsonpath={.spec.template.spec.containers[0].image}";
    assert_eq!(Kubectl::ok(kubectl.run(image, "").await), "nginx:3");
}

async fn custom_resources(kubectl: &Kubectl) {
    Kubectl::ok(kubectl.run("apply -f -", DEFINITION).await);
    let waited = "wait --for=condition=Established crd/deployers.deploy.example.com --timeout=5s";
    Kubectl::ok(kubectl.run(waited, "").await);
    Kubectl::ok(kubectl.run("apply -f -", DEPLOYER).await);
    let table = Kubectl::ok(kubectl.run("get dep", "").await);
    let lines: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines, [["NAME", "IMAGE"], ["nginx", "nginx:1.7.7"]]);
    let refused = kubectl
        .run("apply -f -", &DEPLOYER.replace("image", "picture"))
        .await
        .unwrap_err();
    assert!(refused.contains("spec.picture"), "{refused}");
    let gone = DEFINITION.replace("k8s.io/v1", "k8s.io/v1beta1");
    let refused = kubectl.run("apply -f -", &gone).await.unwrap_err();
    let words = "no matches for kind \"CustomResourceDefinition\" in version \"apiextensions.k8s.io/v1beta1\"";
    assert!(refused.contains(words), "{refused}");
    let explained = Kubectl::ok(kubectl.run("explain deployers.spec", "").await);
    assert!(explained.contains("What runs"), "{explained}");
}

async fn edits_and_deletes(kubectl: &Kubectl) {
    Kubectl::ok(
        kubectl
            .run(
                "patch deploy web --type=merge -p {\"spec\":{\"replicas\":3}}",
                "",
            )
            .await,
    );
    Kubectl::ok(kubectl.run("scale deploy web --replicas=4", "").await);
    Kubectl::ok(kubectl.run("label deploy web team=one", "").await);
    Kubectl::ok(kubectl.run("annotate dep nginx note=hello", "").await);
    Kubectl::ok(kubectl.run("set image deploy/web main=nginx:9", "").await);
    let table = Kubectl::ok(kubectl.run("get deploy -l team=one -o wide", "").await);
    assert!(
        table.contains("0/4") && table.contains("nginx:9"),
        "{table}"
    );
    let described = Kubectl::ok(kubectl.run("describe deploy web", "").await);
    assert!(
        described.contains("Replicas:               4 desired"),
        "{described}"
    );
    let described = Kubectl::ok(kubectl.run("describe dep nginx", "").await);
    assert!(described.contains("Image:  nginx:1.7.7"), "{described}");
    let settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: b}";
    Kubectl::ok(kubectl.run("create -f -", settings).await);
    // These are sent as protobuf.
    Kubectl::ok(
        kubectl
            .run("create deployment made --image=nginx --replicas=2", "")
            .await,
    );
    Kubectl::ok(
        kubectl
            .run("create secret generic pass --from-literal=a=b", "")
            .await,
    );
    Kubectl::ok(
        kubectl
            .run("create job once --image=busybox -- true", "")
            .await,
    );
    Kubectl::ok(
        kubectl
            .run("create role reader --verb=get --resource=pods", "")
            .await,
    );
    Kubectl::ok(
        kubectl
            .run("create ingress way --rule=a.example/=web:80", "")
            .await,
    );
    Kubectl::ok(kubectl.run("create namespace team", "").await);
    let table = Kubectl::ok(
        kubectl
            .run(
                "get deploy/made secret/pass job/once role/reader ns/team",
                "",
            )
            .await,
    );
    assert!(table.contains("deployment.apps/made   0/2"), "{table}");
    assert_eq!(
        Kubectl::ok(kubectl.run("auth can-i delete pods", "").await),
        "yes\n"
    );
    assert!(Kubectl::ok(kubectl.run("auth whoami", "").await).contains("oarlock:admin"));
    assert!(Kubectl::ok(kubectl.run("get all,cm", "").await).contains("configmap/settings"));
    Kubectl::ok(kubectl.run("delete deploy web", "").await);
    Kubectl::ok(kubectl.run("delete dep --all", "").await);
    assert!(
        kubectl
            .run("get deploy web", "")
            .await
            .unwrap_err()
            .contains("deployments.apps \"web\" not found")
    );
}

async fn follows(kubectl: &Kubectl) {
    let mut child = kubectl
        .command("get configmaps -w -n kube-public")
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let followed =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: followed, namespace: kube-public}";
    Kubectl::ok(kubectl.run("create -f -", followed).await);
    let seen = tokio::time::timeout(Duration::from_secs(30), async {
        let mut seen = Vec::new();
        while seen.len() < 2 {
            seen.push(lines.next_line().await.unwrap().unwrap());
        }
        seen
    });
    let seen = seen.await.expect("kubectl get -w prints the object");
    assert!(seen[0].starts_with("NAME"), "{seen:?}");
    assert!(seen[1].starts_with("followed"), "{seen:?}");
    child.kill().await.unwrap();
}
