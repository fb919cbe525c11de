//! Two processes, of which one leads: it is killed, stopped, cut off and told to go, in the middle of a rollout.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::Stream;
use kube::api::DynamicObject;
use oarlock_core::timestamp::Timestamp;
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Cluster, Process, modules, oarlock, root};
use crate::rollout::{
    api, apply_deployer, change_version, changes, define, deployers, deployments, ready_at, until,
};
use crate::site::Operator;
use crate::wire::Wire;

const LEASE: Duration = Duration::from_secs(4);
const RENEW: Duration = Duration::from_secs(3);

const QUICK: [&str; 3] = [
    "--leader-elect-lease-duration=4s",
    "--leader-elect-renew-deadline=3s",
    "--leader-elect-retry-period=300ms",
];

/// A cluster with the definition of Deployers.
struct Scene {
    directory: TempDir,
    cluster: Cluster,
}

impl Scene {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let cluster = Cluster::start(directory.path()).await;
        cluster.run_clock().await;
        define(&cluster.client()).await;
        Self { directory, cluster }
    }

    /// A wire for one replica.
    async fn wire(&self, name: &str) -> Wire {
        let file = self.directory.path().join(name);
        Wire::before(&self.cluster.url, &self.cluster.kubeconfig, file).await
    }

    async fn replica(&self, kubeconfig: &Path, more: &[&str]) -> Operator {
        let clock = format!("{}/clock", self.cluster.url);
        self.replica_on(kubeconfig, &clock, more).await
    }

    async fn replica_on(&self, kubeconfig: &Path, clock: &str, more: &[&str]) -> Operator {
        let (watches, modules) = (root().join("examples/deployer/watches.yaml"), modules());
        let mut args = vec![
            "run",
            "--watches",
            watches.to_str().unwrap(),
            "--modules",
            modules.to_str().unwrap(),
            "--kubeconfig",
            kubeconfig.to_str().unwrap(),
            "--clock",
            clock,
            "--metrics-bind-address",
            "127.0.0.1:0",
            "--leader-elect",
        ];
        args.extend(more);
        Operator::of(Process::start(&args)).await
    }

    async fn quick(&self) -> Operator {
        self.replica(&self.cluster.kubeconfig, &QUICK).await
    }

    /// Brings the rollout of 1.7.8 to its first wait, and has the state then.
    async fn begin(
        &self,
        states: &mut (impl Stream<Item = DynamicObject> + Unpin),
    ) -> DynamicObject {
        let client = self.cluster.client();
        apply_deployer(&client).await;
        until(states, |d| ready_at(d, "1.7.7")).await;
        change_version(&client, "1.7.8").await;
        until(states, |d| waits_in(d).as_deref() == Some("no. 1")).await
    }

    /// Lets the clock reach the end of the wait that `deployer` is in.
    async fn end_wait(&self, deployer: &DynamicObject) {
        let next = deployer.data["status"]["stepEndsAt"].as_str().unwrap();
        let next = Timestamp::parse_rfc3339(next).unwrap().as_millis();
        self.cluster.advance_to(next).await;
    }

    /// Ends every wait until `wanted` holds, and has the state then.
    async fn follow(
        &self,
        states: &mut (impl Stream<Item = DynamicObject> + Unpin),
        wanted: impl Fn(&DynamicObject) -> bool,
    ) -> DynamicObject {
        let mut last = Value::Null;
        loop {
            let deployer = until(states, |d| d.data["status"] != last).await;
            if wanted(&deployer) {
                return deployer;
            }
            last = deployer.data["status"].clone();
            if waits_in(&deployer).is_some() {
                self.end_wait(&deployer).await;
            }
        }
    }

    /// Ends every wait until the rollout is at its end.
    async fn finish(&self, states: &mut (impl Stream<Item = DynamicObject> + Unpin)) {
        self.follow(states, |d| ready_at(d, "1.7.8")).await;
        let deployments = deployments(&self.cluster.client());
        let list = deployments
            .list(&kube::api::ListParams::default())
            .await
            .unwrap();
        let names: Vec<String> = list
            .items
            .into_iter()
            .filter_map(|d| d.metadata.name)
            .collect();
        assert_eq!(names, ["nginx-1.7.8"]);
    }

    async fn lease(&self) -> Value {
        let leases = api(&self.cluster.client(), "coordination.k8s.io", "v1", "Lease");
        leases.get("oarlock").await.unwrap().data["spec"].clone()
    }
}

/// The step in whose wait a rollout is.
fn waits_in(deployer: &DynamicObject) -> Option<String> {
    let status = &deployer.data["status"];
    status["stepEndsAt"].as_str()?;
    Some(status["progress"]["step"].as_str()?.to_owned())
}

async fn leads(operator: &Operator) -> Option<String> {
    operator
        .metric("leader_election_master_status{name=\"oarlock\"}")
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_kill_9_of_the_leader_the_other_goes_on_and_repeats_no_step() {
    let scene = Scene::new().await;
    let mut leader = scene.quick().await;
    leader.process.logs(" leading").await;
    let mut standby = scene.quick().await;
    standby.process.logs("standing by").await;
    let mut states = std::pin::pin!(changes(deployers(&scene.cluster.client())));
    let mut deployer = scene.begin(&mut states).await;
    let start = scene.cluster.now().await;
    let mut steps = vec![waits_in(&deployer).unwrap()];
    // In the middle of a wait, and once more in the next.
    for next in ["no. 2", "no. 3"] {
        leader.process.kill().await;
        scene.end_wait(&deployer).await;
        standby.process.logs(" leading").await;
        leader = standby;
        standby = scene.quick().await;
        let is_new = |d: &DynamicObject| {
            let step = waits_in(d);
            step.is_some_and(|step| steps.last() != Some(&step))
        };
        deployer = scene.follow(&mut states, is_new).await;
        steps.push(waits_in(&deployer).unwrap());
        assert_eq!(steps.last().map(String::as_str), Some(next));
    }
    scene.end_wait(&deployer).await;
    scene.finish(&mut states).await;
    assert_eq!(
        steps,
        ["no. 1", "no. 2", "no. 3"],
        "no step is repeated or skipped"
    );
    let took = scene.cluster.now().await - start;
    assert!(
        (118_000..=178_000).contains(&took),
        "it took {took} ms of the cluster's time"
    );
    assert_eq!(scene.lease().await["leaseTransitions"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_is_ready_and_warm_and_takes_a_released_lease_at_once() {
    let scene = Scene::new().await;
    // If it were waited for, it would be noticed.
    let slow = [
        "--leader-elect-lease-duration=50s",
        "--leader-elect-renew-deadline=40s",
        "--leader-elect-retry-period=300ms",
    ];
    let first = scene.replica(&scene.cluster.kubeconfig, &slow).await;
    first.process.logs(" leading").await;
    let mut states = std::pin::pin!(changes(deployers(&scene.cluster.client())));
    let deployer = scene.begin(&mut states).await;
    let wire = scene.wire("second").await;
    let second = scene.replica(&wire.kubeconfig, &slow).await;
    second.process.logs("standing by").await;
    second.process.logs(" ready").await;
    second
        .process
        .logs("watching kind=apps/v1 Deployment")
        .await;
    assert_eq!(second.get("/readyz").await.0, 200);
    assert_eq!(leads(&first).await.as_deref(), Some("1"));
    assert_eq!(leads(&second).await.as_deref(), Some("0"));
    assert_eq!(wire.log().iter().filter(|sent| sent.writes()).count(), 0);

    let told = Instant::now();
    first.process.signal(Signal::TERM);
    first.process.logs("released the lease").await;
    second.process.logs(" leading").await;
    assert!(
        told.elapsed() < Duration::from_secs(40),
        "{:?}",
        told.elapsed()
    );
    assert_eq!(first.process.end().await.0, Some(0));
    second.process.logs("reconciling all objects").await;
    assert_eq!(leads(&second).await.as_deref(), Some("1"));
    scene.end_wait(&deployer).await;
    scene.finish(&mut states).await;
    let log = wire.log();
    let lists = log.iter().filter(|sent| sent.at > told && sent.lists());
    let lists: Vec<_> = lists.collect();
    assert!(lists.is_empty(), "it took over without a list: {lists:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_cut_off_writes_nothing_after_its_deadline_and_then_stands_by() {
    let scene = Scene::new().await;
    let wire = scene.wire("first").await;
    let first = scene.replica(&wire.kubeconfig, &QUICK).await;
    first.process.logs(" leading").await;
    let second = scene.quick().await;
    second.process.logs("standing by").await;
    let mut states = std::pin::pin!(changes(deployers(&scene.cluster.client())));
    let deployer = scene.begin(&mut states).await;

    wire.cut();
    // The clock shows it to both: the leader has something to write, and nowhere to write it to.
    scene.end_wait(&deployer).await;
    second.process.logs(" leading").await;
    let taken_over = Instant::now();
    let is_next = |d: &DynamicObject| waits_in(d).as_deref() == Some("no. 2");
    let deployer = scene.follow(&mut states, is_next).await;
    first.process.logs("lost the lease").await;
    let log = wire.log();
    // The first one creates the Lease.
    let renewals = log
        .iter()
        .filter(|s| s.is_lease() && s.passed && ["POST", "PUT"].contains(&s.method.as_str()));
    let renewed = renewals.map(|sent| sent.at).max().unwrap();
    let writes = log.iter().filter(|sent| sent.writes());
    let last = writes.map(|sent| sent.at).max().unwrap();
    assert!(
        last <= renewed + RENEW,
        "written {:?} after the renewal",
        last - renewed
    );
    assert!(
        taken_over >= renewed + LEASE,
        "taken {:?} after the renewal",
        taken_over - renewed
    );

    let seen = first.process.log_length();
    wire.heal();
    let healed = Instant::now();
    first.process.logs_after(seen, "standing by").await;
    assert_eq!(leads(&first).await.as_deref(), Some("0"));
    scene.end_wait(&deployer).await;
    scene.finish(&mut states).await;
    let late = wire.writes_since(healed);
    assert!(late.is_empty(), "{late:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_was_stopped_for_longer_than_its_lease_writes_nothing_when_it_goes_on() {
    let scene = Scene::new().await;
    let wire = scene.wire("first").await;
    let first = scene.replica(&wire.kubeconfig, &QUICK).await;
    first.process.logs(" leading").await;
    let second = scene.quick().await;
    second.process.logs("standing by").await;
    let mut states = std::pin::pin!(changes(deployers(&scene.cluster.client())));
    let deployer = scene.begin(&mut states).await;

    first.process.signal(Signal::STOP);
    second.process.logs(" leading").await;
    // What it will find to do when it goes on has been done by another.
    scene.end_wait(&deployer).await;
    let is_next = |d: &DynamicObject| waits_in(d).as_deref() == Some("no. 2");
    let deployer = scene.follow(&mut states, is_next).await;
    let going_on = Instant::now();
    first.process.signal(Signal::CONT);
    first.process.logs("lost the lease").await;
    first.process.logs("standing by").await;
    scene.end_wait(&deployer).await;
    scene.finish(&mut states).await;
    let late = wire.writes_since(going_on);
    assert!(late.is_empty(), "{late:?}");
    assert_eq!(leads(&second).await.as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_are_wrong_make_nobody_a_leader_and_cost_nobody_the_lease() {
    let scene = Scene::new().await;
    let first = scene.quick().await;
    first.process.logs(" leading").await;
    // A day ahead: every time in the Lease lies far back.
    let elsewhere = tempfile::tempdir().unwrap();
    let ahead = Cluster::start(elsewhere.path()).await;
    ahead.advance_to(ahead.now().await + 86_400_000).await;
    let clock = format!("{}/clock", ahead.url);
    let second = scene
        .replica_on(&scene.cluster.kubeconfig, &clock, &QUICK)
        .await;
    second.process.logs("standing by").await;
    // And the leader's clock jumps by an hour.
    scene
        .cluster
        .advance_to(scene.cluster.now().await + 3_600_000)
        .await;
    // One lease duration of real time, told by the renewals themselves.
    let began = scene.lease().await["renewTime"].as_str().map(str::to_owned);
    let began = began
        .and_then(|text| Timestamp::parse_rfc3339(&text))
        .unwrap();
    let leases = api(
        &scene.cluster.client(),
        "coordination.k8s.io",
        "v1",
        "Lease",
    );
    let mut renewals = std::pin::pin!(changes(leases));
    let lease = until(&mut renewals, |lease| {
        let renewed = lease.data["spec"]["renewTime"].as_str();
        let renewed = renewed.and_then(Timestamp::parse_rfc3339).unwrap();
        renewed.since(began) > LEASE
    })
    .await;
    assert_eq!(lease.data["spec"]["leaseTransitions"], 0);
    assert_eq!(leads(&first).await.as_deref(), Some("1"));
    assert_eq!(leads(&second).await.as_deref(), Some("0"));
}

#[tokio::test]
async fn durations_that_do_not_go_together_are_told_before_anything_is_begun() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("watches.yaml"), "[]").unwrap();
    let said = async |more: &[&str]| {
        let args = [&["run", "--metrics-bind-address", "0"][..], more].concat();
        let output = oarlock(&args, directory.path()).await;
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    insta::assert_snapshot!(said(&["--leader-elect", "--leader-elect-renew-deadline=20s"]).await, @r"
    error: the renew deadline 20s is not shorter than the lease duration 15s
      hint: the holder has to stop before others begin, such as 10s and 15s
    ");
    insta::assert_snapshot!(said(&["--leader-elect", "--sharding"]).await, @r"
    error: --leader-elect and --sharding exclude each other
      hint: with --sharding every replica works, each on its share
    ");
}
