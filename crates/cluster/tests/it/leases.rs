//! Leases against the embedded API, in real time: threads of their own keep them.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::ListParams;
use oarlock_cluster::Options;
use oarlock_cluster::fence::Fence;
use oarlock_cluster::lease::{Access, Assignment, Duty, Place, Post, Timing};
use oarlock_core::cluster::{Cluster as _, ServiceAccount};
use oarlock_core::manifest::Access as Question;
use oarlock_core::reference::{Gvk, ObjectRef};
use oarlock_core::shard::Share;
use oarlock_devcluster::DevCluster;
use serde_json::{Value, json};

use crate::rig::{Gate, REFUSED, Rig, map};

/// Longest wait for what has to happen.
const PATIENCE: Duration = Duration::from_secs(60);

const TIMING: Timing = Timing {
    lease: Duration::from_secs(2),
    renew_deadline: Duration::from_millis(1400),
    retry: Duration::from_millis(150),
};

struct Replica {
    gate: Gate,
    fence: Fence,
    post: Post,
    duty: Duty,
}

fn place() -> Place {
    Place {
        namespace: Some("default".to_owned()),
        id: "op".to_owned(),
    }
}

/// Someone who stands for election, or joins.
fn replica(dev: &DevCluster, name: &str, joins: bool) -> Replica {
    let (gate, fence) = (Gate::new(dev.service()), Fence::shut());
    let access = Access::Client(kube::Client::new(gate.clone(), "default"));
    let shared = fence.clone();
    let (post, duty) = if joins {
        Post::join(access, place(), name, TIMING, shared).unwrap()
    } else {
        Post::elect(access, place(), name.to_owned(), TIMING, shared).unwrap()
    };
    Replica {
        gate,
        fence,
        post,
        duty,
    }
}

impl Replica {
    /// The next assignment, kept at once.
    async fn next(&mut self) -> Assignment {
        let next = tokio::time::timeout(PATIENCE, self.duty.next());
        let assignment = next
            .await
            .expect("an assignment")
            .expect("the thread lives");
        self.duty.done(assignment.number);
        assignment
    }

    /// The first assignment that holds so many of [`objects`].
    async fn holds(&mut self, wanted: impl Fn(usize) -> bool) -> Share {
        loop {
            let share = self.next().await.share;
            if wanted(size(&share)) {
                return share;
            }
        }
    }

    async fn leave(self) {
        let post = self.post;
        tokio::task::spawn_blocking(move || post.leave())
            .await
            .unwrap();
    }
}

fn objects() -> impl Iterator<Item = ObjectRef> {
    let gvk = Gvk::new("example.com", "v1", "Widget");
    (0..100).map(move |number| ObjectRef::new(gvk.clone(), Some("default"), number.to_string()))
}

fn size(share: &Share) -> usize {
    objects().filter(|object| share.owns(object)).count()
}

fn leases(dev: &DevCluster) -> Api<Lease> {
    Api::namespaced(dev.client(), "default")
}

async fn held_by(dev: &DevCluster) -> (String, i32) {
    let spec = leases(dev).get("op").await.unwrap().spec.unwrap();
    (
        spec.holder_identity.unwrap_or_default(),
        spec.lease_transitions.unwrap_or_default(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_leads_and_its_lease_reads_as_client_go_writes_it() {
    let dev = DevCluster::builder().start();
    let mut first = replica(&dev, "first", false);
    let assignment = first.next().await;
    assert_eq!(
        (assignment.share, assignment.abrupt),
        (Share::Everything, false)
    );
    assert!(
        first
            .fence
            .remaining()
            .is_some_and(|left| left <= TIMING.renew_deadline)
    );
    let lease = leases(&dev).get("op").await.unwrap();
    let renewed = async || {
        leases(&dev)
            .get("op")
            .await
            .unwrap()
            .spec
            .unwrap()
            .renew_time
    };
    let spec = lease.spec.unwrap();
    assert_eq!(spec.holder_identity.as_deref(), Some("first"));
    assert_eq!(spec.lease_duration_seconds, Some(2));
    assert_eq!(spec.lease_transitions, Some(0));
    assert!(spec.acquire_time.is_some() && spec.renew_time.is_some());
    let moved = async {
        while renewed().await == spec.renew_time {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, moved)
        .await
        .expect("it is renewed");
    let read = first.gate.requests();
    assert!(
        read.iter().all(|request| request.contains("/leases")),
        "{read:?}"
    );
    first.leave().await;
    assert_eq!(held_by(&dev).await.0, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_released_lease_is_taken_over_without_waiting_for_its_end() {
    let dev = DevCluster::builder().start();
    let mut first = replica(&dev, "first", false);
    first.next().await;
    let mut second = replica(&dev, "second", false);
    let left = first.fence.clone();
    first.leave().await;
    assert_eq!(left.remaining(), None);
    assert_eq!(second.next().await.share, Share::Everything);
    assert_eq!(held_by(&dev).await, ("second".to_owned(), 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_cut_off_is_fenced_before_another_leads() {
    let dev = DevCluster::builder().start();
    let mut first = replica(&dev, "first", false);
    first.next().await;
    let mut second = replica(&dev, "second", false);
    first.gate.break_with(|_| Some((REFUSED, Value::Null)));
    let fenced = first.fence.clone();
    let takes_over = async {
        let taken = second.next().await;
        assert_eq!(
            fenced.remaining(),
            None,
            "the fence of the first is shut by then"
        );
        taken
    };
    let (lost, taken) = tokio::join!(first.next(), takes_over);
    assert_eq!((lost.share, lost.abrupt), (Share::Nothing, true));
    assert_eq!(taken.share, Share::Everything);

    // The network is back: the second goes on, and the first stands by until it leaves.
    first.gate.mend();
    second.leave().await;
    assert_eq!(first.next().await.share, Share::Everything);
    assert_eq!(held_by(&dev).await, ("first".to_owned(), 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_lost_its_lease_does_not_lead_again_before_its_work_has_ended() {
    let dev = DevCluster::builder().start();
    let mut first = replica(&dev, "first", false);
    first.next().await;
    first.gate.break_with(|_| Some((REFUSED, Value::Null)));
    let lost = first.duty.next().await.unwrap();
    assert_eq!((lost.share, lost.abrupt), (Share::Nothing, true));
    first.gate.mend();
    first.gate.requests();
    // Longer than a new lease would take: nobody says that the work has ended.
    let again = tokio::time::timeout(TIMING.retry * 10, first.duty.next()).await;
    assert!(again.is_err(), "{again:?}");
    assert_eq!(first.gate.requests(), [""; 0]);
    first.duty.done(lost.number);
    assert_eq!(first.next().await.share, Share::Everything);
}

#[tokio::test(start_paused = true)]
async fn behind_a_fence_that_is_shut_everything_is_read_and_nothing_is_written() {
    let rig = Rig::with(Options {
        fence: Fence::shut(),
        ..Options::default()
    });
    rig.create(map("there", &json!({"a": "1"}))).await;
    let gvk = Gvk::new("", "v1", "ConfigMap");
    rig.kubernetes.watch(&gvk).await.unwrap();
    let there = ObjectRef::new(gvk, Some("default"), "there");
    assert!(rig.kubernetes.cached(&there).is_some());
    assert!(rig.kubernetes.read(&there, None).await.unwrap().is_some());
    // A question, though it is posted.
    let account = ServiceAccount {
        namespace: "default".to_owned(),
        name: "robot".to_owned(),
    };
    let question = Question {
        verb: "get",
        group: "",
        resource: "configmaps",
        namespace: Some("default"),
        name: None,
        all_namespaces: false,
    };
    rig.kubernetes.allowed(&account, question).await.unwrap();
    rig.gate.requests();
    let target = there.clone();
    let refused = rig
        .write(oarlock_core::cluster::Verb::Delete {
            target,
            uid: None,
            version: None,
            propagation: oarlock_core::outcome::Propagation::Background,
        })
        .await
        .unwrap_err();
    assert_eq!((refused.code, refused.reason.as_str()), (0, "LeaseLost"));
    assert_eq!(rig.gate.requests(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_split_all_objects_and_take_over_what_others_leave() {
    let dev = DevCluster::builder().start();
    let mut first = replica(&dev, "first", true);
    first.holds(|size| size == 100).await;
    let mut second = replica(&dev, "second", true);
    let (one, other) = tokio::join!(
        first.holds(|size| size < 100),
        second.holds(|size| size > 0)
    );
    for object in objects() {
        assert!(one.owns(&object) != other.owns(&object), "{object}");
    }
    assert!(
        size(&one) > 25 && size(&other) > 25,
        "{} and {}",
        size(&one),
        size(&other)
    );
    let group = ListParams::default().labels("oarlock.dev/member-of=op");
    let listed = leases(&dev).list(&group).await.unwrap().items;
    let views: Vec<&str> = listed
        .iter()
        .filter_map(|lease| Some(lease.metadata.annotations.as_ref()?["oarlock.dev/view"].as_str()))
        .collect();
    assert_eq!(views, ["1:first,second"; 2]);
    second.leave().await;
    first.holds(|size| size == 100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_joiner_has_nothing_before_others_have_let_go() {
    let dev = DevCluster::builder().start();
    let mut first = replica(&dev, "first", true);
    first.holds(|size| size == 100).await;
    let mut second = replica(&dev, "second", true);
    // Told to give something up, and not at an end with it.
    let giving = tokio::time::timeout(PATIENCE, first.duty.next())
        .await
        .unwrap()
        .unwrap();
    assert!(size(&giving.share) < 100 && !giving.abrupt);
    let early = tokio::time::timeout(TIMING.retry * 8, second.holds(|size| size > 0)).await;
    assert!(early.is_err(), "{early:?}");
    first.duty.done(giving.number);
    let other = second.holds(|size| size > 0).await;
    for object in objects() {
        assert!(
            giving.share.owns(&object) != other.owns(&object),
            "{object}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_is_cut_off_is_fenced_before_others_have_its_share() {
    let dev = DevCluster::builder().start();
    let mut first = replica(&dev, "first", true);
    first.holds(|size| size == 100).await;
    let mut second = replica(&dev, "second", true);
    tokio::join!(
        first.holds(|size| size < 100),
        second.holds(|size| size > 0)
    );
    first.gate.break_with(|_| Some((REFUSED, Value::Null)));
    let fenced = first.fence.clone();
    let takes_over = async {
        second.holds(|size| size == 100).await;
        assert_eq!(fenced.remaining(), None);
    };
    let loses = async {
        loop {
            let assignment = first.next().await;
            if assignment.abrupt {
                return assignment.share;
            }
        }
    };
    let ((), lost) = tokio::join!(takes_over, loses);
    assert_eq!(lost, Share::Nothing);
    // Back again, it has a share again.
    first.gate.mend();
    let (one, other) = tokio::join!(
        second.holds(|size| size < 100),
        first.holds(|size| size > 0)
    );
    for object in objects() {
        assert!(one.owns(&object) != other.owns(&object), "{object}");
    }
}
