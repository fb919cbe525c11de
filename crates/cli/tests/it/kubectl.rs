//! The real kubectl against `oarlock dev` with the Deployer example, when there is one on this machine.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::process::{PATIENCE, Process, modules, root};

/// kubectl, and the cluster that it speaks to.
struct Kubectl {
    _process: Process,
    kubeconfig: PathBuf,
    home: tempfile::TempDir,
}

impl Kubectl {
    /// On a new cluster with an operator; `None` where there is no kubectl.
    #[expect(
        clippy::print_stderr,
        reason = "a test that was skipped must not look as if it had passed"
    )]
    async fn on_the_example() -> Option<Self> {
        let version = Command::new("kubectl")
            .args(["version", "--client"])
            .output()
            .await;
        if version.is_err() {
            eprintln!("SKIPPED: no kubectl on PATH; the commands of users are not tested");
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        let kubeconfig = home.path().join("kubeconfig");
        let mut process = Process::start(&[
            "dev",
            "--watches",
            root()
                .join("examples/deployer/watches.yaml")
                .to_str()
                .unwrap(),
            "--modules",
            modules().to_str().unwrap(),
            "--kubeconfig",
            kubeconfig.to_str().unwrap(),
            "--ready-after",
            "0",
            "--speed",
            "60",
        ]);
        process.says("look").await;
        Some(Self {
            _process: process,
            kubeconfig,
            home,
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        command
            .args(arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", self.home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    async fn run(&self, arguments: &str) -> String {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        self.run_all(&arguments).await
    }

    async fn run_all(&self, arguments: &[&str]) -> String {
        let output = tokio::time::timeout(PATIENCE, self.command(arguments).output())
            .await
            .expect("kubectl ends")
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "kubectl {arguments:?}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// Waits for a condition of the object to become true.
    async fn wait_ready(&self, version: &str) {
        self.run(&format!(
            "wait deployer/nginx --for=jsonpath={{.status.to.version}}={version} --timeout=60s"
        ))
        .await;
        self.run("wait deployer/nginx --for=condition=Ready --timeout=60s")
            .await;
    }
}

fn example(name: &str) -> String {
    let path: &Path = &root().join("examples/deployer").join(name);
    path.display().to_string()
}

/// Runs of blanks become one, ages and times become `AGE`.
fn table(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            let mut cells: Vec<&str> = line.split_whitespace().collect();
            if let Some(last) = cells.last_mut()
                && last.starts_with(|c: char| c.is_ascii_digit())
            {
                *last = "AGE";
            }
            cells.join(" ")
        })
        .collect();
    lines.join("\n")
}

/// The rows of describe's Events without their ages, in the order of their text: kubectl's own order is that of their names.
fn events(described: &str) -> String {
    let rows = described.split("Events:").nth(1).unwrap_or_default();
    let mut rows: Vec<String> = rows
        .lines()
        .skip(3)
        .map(|line| {
            let mut cells: Vec<&str> = line.split_whitespace().collect();
            if let Some(from) = cells.iter().position(|cell| cell.starts_with("oarlock/")) {
                // Type, reason, then an age of one or more words.
                cells.drain(2..from);
            }
            cells.join(" ")
        })
        .collect();
    rows.sort();
    rows.join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_of_users() {
    let Some(kubectl) = Kubectl::on_the_example().await else {
        return;
    };
    let resources = kubectl
        .run("api-resources --api-group=deploy.example.com")
        .await;
    insta::assert_snapshot!(table(&resources), @r"
    NAME SHORTNAMES APIVERSION NAMESPACED KIND
    deployers dep deploy.example.com/v1alpha1 true Deployer
    ");
    let applied = kubectl
        .run(&format!("apply -f {}", example("deployer.yaml")))
        .await;
    insta::assert_snapshot!(applied, @"deployer.deploy.example.com/nginx created");
    kubectl.wait_ready("1.7.7").await;
    insta::assert_snapshot!(table(&kubectl.run("get deployers").await), @r"
    NAME VERSION STEP PROGRESS WAIT READY AGE
    nginx 1.7.7 True AGE
    ");
    insta::assert_snapshot!(table(&kubectl.run("get deployments").await), @r"
    NAME READY UP-TO-DATE AVAILABLE AGE
    nginx-1.7.7 10/10 10 10 AGE
    ");
    kubectl.run("get deployers.deploy.example.com,all").await;

    let mut watching = kubectl.command(&["get", "dep", "--watch"]).spawn().unwrap();
    let mut rows = BufReader::new(watching.stdout.take().unwrap()).lines();
    let patched = kubectl
        .run_all(&[
            "patch",
            "deployer",
            "nginx",
            "--type=merge",
            "-p",
            r#"{"spec":{"deployment":{"version":"1.7.8"}}}"#,
        ])
        .await;
    insta::assert_snapshot!(patched, @"deployer.deploy.example.com/nginx patched");
    let steps = async {
        let mut steps = Vec::new();
        while let Some(row) = rows.next_line().await.unwrap() {
            let cells = row.split_whitespace().collect::<Vec<_>>().join(" ");
            if let Some(at) = cells.find("no. ") {
                let step = cells[at..at + 5].to_owned();
                if steps.last() != Some(&step) {
                    steps.push(step);
                }
            }
            if cells.contains("no. 4") {
                break;
            }
        }
        steps
    };
    let steps = tokio::time::timeout(PATIENCE, steps)
        .await
        .expect("it rolls out");
    assert_eq!(steps, ["no. 1", "no. 2", "no. 3", "no. 4"]);
    watching.kill().await.unwrap();
    kubectl.wait_ready("1.7.8").await;
    insta::assert_snapshot!(table(&kubectl.run("get deployments").await), @r"
    NAME READY UP-TO-DATE AVAILABLE AGE
    nginx-1.7.8 10/10 10 10 AGE
    ");

    let described = kubectl.run("describe deployer nginx").await;
    let sections: Vec<&str> = described
        .lines()
        .filter(|line| !line.starts_with(' ') && !line.is_empty())
        .map(|line| line.split(':').next().unwrap_or_default())
        .collect();
    insta::assert_snapshot!(sections.join(" "), @"Name Namespace Labels Annotations API Version Kind Metadata Spec Status Events");
    insta::assert_snapshot!(events(&described), @r"
    Normal Installed oarlock/canary nginx-1.7.7 is available
    Normal Installing oarlock/canary 10 Pods of nginx-1.7.7
    Normal Promoted oarlock/canary all Pods are of nginx-1.7.8
    Normal StepAvailable oarlock/canary 10% is available
    Normal StepAvailable oarlock/canary 30% is available
    Normal StepAvailable oarlock/canary 60% is available
    Normal StepEntered oarlock/canary step 1 of 4: 10% to nginx-1.7.8
    Normal StepEntered oarlock/canary step 2 of 4: 30% to nginx-1.7.8
    Normal StepEntered oarlock/canary step 3 of 4: 60% to nginx-1.7.8
    Normal StepEntered oarlock/canary step 4 of 4: 100% to nginx-1.7.8
    ");

    let server_side = kubectl
        .run(&format!(
            "apply --server-side --force-conflicts -f {}",
            example("deployer.yaml")
        ))
        .await;
    insta::assert_snapshot!(server_side, @"deployer.deploy.example.com/nginx serverside-applied");
    kubectl.wait_ready("1.7.7").await;
    insta::assert_snapshot!(kubectl.run("delete deployer nginx").await, @r#"deployer.deploy.example.com "nginx" deleted"#);
    kubectl
        .run("wait deployments --all --for=delete --timeout=60s")
        .await;
    insta::assert_snapshot!(kubectl.run("get deployments").await, @"");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_problem_is_in_describe() {
    let Some(kubectl) = Kubectl::on_the_example().await else {
        return;
    };
    let manifest = std::fs::read_to_string(example("deployer.yaml")).unwrap();
    let file = kubectl.home.path().join("deployer.yaml");
    // What the module says of an image, the schema does not.
    std::fs::write(&file, manifest.replace("image: nginx", "image: my nginx")).unwrap();
    kubectl.run(&format!("apply -f {}", file.display())).await;
    kubectl
        .run("wait deployer/nginx --for=condition=Stalled --timeout=60s")
        .await;
    kubectl
        .run("wait events --for=jsonpath={.reason}=InvalidSpec --all --timeout=60s")
        .await;
    let described = kubectl.run("describe deployer nginx").await;
    let status = &described[described.find("Status:").unwrap()..described.find("Events:").unwrap()];
    let status: Vec<String> = status
        .lines()
        .filter(|line| !line.trim().starts_with("Last Transition Time"))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    insta::assert_snapshot!(status.join("\n"), @r"
    Status:
    Conditions:
    Message: spec.deployment.image: must not be empty or contain white space
    Observed Generation: 1
    Reason: InvalidSpec
    Status: False
    Type: Ready
    Message: spec.deployment.image: must not be empty or contain white space
    Observed Generation: 1
    Reason: InvalidSpec
    Status: True
    Type: Stalled
    ");
    insta::assert_snapshot!(events(&described), @"Warning InvalidSpec oarlock/canary spec.deployment.image: must not be empty or contain white space");
}
