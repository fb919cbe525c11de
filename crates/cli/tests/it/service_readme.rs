//! What the README of `examples/service-catalog` has people type, typed: the real kubectl against `oarlock dev`, where there is one on
//! this machine.

use std::process::Stdio;

use oarlock_broker::{Broker, Catalog, Op, Server};
use tempfile::TempDir;
use tokio::process::Command;

use crate::process::{PATIENCE, Process, modules, root};

/// Where the README's broker is.
const ADDRESS: &str = "127.0.0.1:8090";

/// Somebody with the README before them.
struct Reader {
    /// The blocks of commands that are still to be typed.
    blocks: std::vec::IntoIter<String>,
    /// Where they type, with the files of the example in it.
    checkout: TempDir,
    server: Server,
    _dev: Process,
}

impl Reader {
    /// `None` where there is no kubectl.
    #[expect(
        clippy::print_stderr,
        reason = "a test that was skipped must not look as if it had passed"
    )]
    async fn new() -> Option<Self> {
        let version = Command::new("kubectl")
            .args(["version", "--client"])
            .output()
            .await;
        if version.is_err() {
            eprintln!("SKIPPED: no kubectl on PATH; the README's commands are not tested");
            return None;
        }
        let server = Server::start(Broker::new(Catalog::demo())).await.unwrap();
        let checkout = tempfile::tempdir().unwrap();
        let here = server.url.strip_prefix("http://").unwrap();
        let example = checkout.path().join("examples/service-catalog");
        std::fs::create_dir_all(&example).unwrap();
        let shipped = root().join("examples/service-catalog");
        for entry in std::fs::read_dir(&shipped).unwrap() {
            let file = entry.unwrap().path();
            if file.is_file() {
                let text = std::fs::read_to_string(&file).unwrap();
                let copy = example.join(file.file_name().unwrap());
                std::fs::write(copy, text.replace(ADDRESS, here)).unwrap();
            }
        }
        let readme = std::fs::read_to_string(shipped.join("README.md")).unwrap();
        let mut blocks = blocks(&readme).into_iter();
        let broker = blocks.next().unwrap();
        assert!(broker.contains("--port 8090"), "{broker}");
        let dev = dev(&checkout, &blocks.next().unwrap()).await;
        Some(Self {
            blocks,
            checkout,
            server,
            _dev: dev,
        })
    }

    /// Types the next block, to its end, and has what was printed.
    async fn types(&mut self, first: &str) -> String {
        let block = self.blocks.next().unwrap();
        assert!(block.contains(first), "no {first:?} in\n{block}");
        self.run(&block).await
    }

    async fn run(&self, script: &str) -> String {
        let run = Command::new("sh")
            .args(["-ec", script])
            .current_dir(self.checkout.path())
            .env("HOME", self.checkout.path())
            .env("KUBECONFIG", ".oarlock/kubeconfig")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(PATIENCE, run).await;
        let output = output
            .unwrap_or_else(|_| panic!("it does not end:\n{script}"))
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (told, errors) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{script}\n{told}{errors}");
        told
    }

    fn broker(&self) -> &Broker {
        &self.server.broker
    }

    /// Waits until the broker has it so.
    async fn until(&self, what: &str, is_so: impl Fn(&Broker) -> bool) {
        let waited = tokio::time::timeout(PATIENCE, self.broker().until(is_so)).await;
        assert!(waited.is_ok(), "{what}: {:#?}", self.broker().calls());
    }
}

/// What is in fences for a shell.
fn blocks(readme: &str) -> Vec<String> {
    let parts = readme.split("```sh\n").skip(1);
    parts
        .map(|part| part.split("```").next().unwrap().to_owned())
        .collect()
}

/// The embedded cluster, with the arguments that the README gives to it.
async fn dev(checkout: &TempDir, block: &str) -> Process {
    let line = block.lines().find_map(|line| line.split_once(" -- "));
    let (_, typed) = line.unwrap();
    let modules = modules();
    let path = |file: &str| checkout.path().join(file).to_str().unwrap().to_owned();
    let mut arguments: Vec<String> = typed
        .split_whitespace()
        .map(|word| match word {
            "target/oarlock/modules" => modules.to_str().unwrap().to_owned(),
            word if word.starts_with("examples/") => path(word),
            word => word.to_owned(),
        })
        .collect();
    arguments.extend(["--kubeconfig".to_owned(), path(".oarlock/kubeconfig")]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut process = Process::start(&arguments);
    process.says("look").await;
    process
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_has_people_type_does_what_it_says() {
    let Some(mut reader) = Reader::new().await else {
        return;
    };
    let told = reader
        .types("apply -f examples/service-catalog/app.yaml")
        .await;
    let bindings = reader.broker().bindings();
    assert_eq!(bindings.len(), 1, "{told}");
    let first = bindings[0].clone();
    let text = |key: &str| first.credentials[key].as_str().unwrap().to_owned();
    let url = format!(
        "postgres://{}:{}@db.example:5432/shop",
        text("username"),
        text("password")
    );
    assert!(told.ends_with(&url), "{told}");
    for shown in [
        "clusterserviceclass.servicecatalog.k8s.io/service-postgres",
        "clusterserviceplan.servicecatalog.k8s.io/plan-small",
        "serviceinstance.servicecatalog.k8s.io/shop-db",
        "servicebinding.servicecatalog.k8s.io/shop-db",
    ] {
        assert!(told.contains(shown), "no {shown} in\n{told}");
    }
    let pods = "kubectl wait deployment/shop --for=condition=Available >&2\n\
                kubectl get pods -l app=shop -o jsonpath='{.items[*].spec.containers[0].env[0].valueFrom.secretKeyRef.name}'";
    assert_eq!(reader.run(pods).await, "shop-db shop-db");

    // Another plan, and other credentials.
    reader.types("annotate servicebinding").await;
    reader
        .until("another plan", |broker| {
            broker
                .instances()
                .iter()
                .any(|at| at.plan_id == "plan-large")
        })
        .await;
    reader
        .until("other credentials", |broker| {
            let mut bindings = broker.bindings().into_iter();
            bindings.any(|at| at.predecessor.as_ref() == Some(&first.id))
        })
        .await;

    // It goes again.
    reader
        .types("delete -f examples/service-catalog/app.yaml")
        .await;
    assert_eq!(reader.broker().instances(), []);
    assert_eq!(reader.broker().bindings(), []);
    assert_eq!(reader.broker().violations(), []);
    let left = reader
        .run("kubectl get svcat,clusterserviceclasses,secrets")
        .await;
    assert!(
        !left.contains("shop-db") && !left.contains("service-postgres"),
        "{left}"
    );

    // A broker that is gone for good.
    reader
        .run(
            "kubectl apply -f examples/service-catalog/broker-here.yaml -f examples/service-catalog/app.yaml\n\
             kubectl wait servicebinding.servicecatalog.k8s.io/shop-db --for=condition=Ready",
        )
        .await;
    reader.server.stop().await;
    let asked = reader.broker().asked(Op::Deprovision).len();
    reader.types("abandon=").await;
    assert_eq!(reader.broker().asked(Op::Deprovision).len(), asked);
    assert_eq!(reader.broker().instances().len(), 1, "it is left there");
    let told = reader.run("kubectl get events -o wide").await;
    assert!(told.contains("Abandoned"), "{told}");
    assert_eq!(reader.blocks.next(), None, "all was typed");
}
