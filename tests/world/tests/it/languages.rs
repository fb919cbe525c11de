//! One reconciler in four languages, each through the whole operator and through the same story.

use std::time::Duration;

use oarlock_devcluster::resource::ResourceId;
use serde_json::{Value, json};

use crate::components::{component, serving, text};
use crate::world::{World, condition, conditions, watch};

const GREETINGS: ResourceId = ResourceId::of("guests.oarlock.dev", "greetings");
const CONFIG_MAPS: ResourceId = ResourceId::of("", "configmaps");
const SECRETS: ResourceId = ResourceId::of("", "secrets");

pub(crate) fn definition() -> Value {
    serde_json::from_str(&text("tests/guests/greeting-crd.json")).unwrap()
}

/// The watch of Greetings. The Python interpreter takes a while in a host that is not optimised.
pub(crate) fn greetings(grants: &str) -> String {
    format!(
        "- group: guests.oarlock.dev\n  version: v1\n  kind: Greeting\n  module: guest.wasm\n  grants: {{{grants}}}\n  \
         limits: {{memory: 256Mi, cpu: 20s}}\n"
    )
}

pub(crate) const WRITE: &str = "write: [{apiGroups: [\"\"], resources: [configmaps]}]";
pub(crate) const BOTH: &str = "write: [{apiGroups: [\"\"], resources: [configmaps]}], read: [{apiGroups: [\"\"], \
                               resources: [secrets], resourceNames: [greeter]}]";

pub(crate) fn greeting(name: &str, message: &str) -> Value {
    json!({
        "apiVersion": "guests.oarlock.dev/v1",
        "kind": "Greeting",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"message": message, "secretName": "greeter"},
    })
}

pub(crate) fn secret() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "greeter", "namespace": "default"},
        "data": {"token": "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5"},
    })
}

/// Waits until the Greeting's Ready condition says this.
async fn until_ready(world: &mut World, said: &str) {
    let ready = |world: &World| {
        let greeting = world.get(&GREETINGS, "hello")?;
        let ready = condition(&greeting, "Ready")?;
        (ready == said).then_some(())
    };
    world.until(said, ready).await;
}

async fn story(language: &str) {
    let module = serving(component(&format!("guests/guest-{language}")).await);
    let serve = |grants: &str| vec![(watch(&greetings(grants)), module.clone())];
    let mut world = World::new(&[definition()], serve(WRITE));
    denied_then_granted(&mut world, serve(BOTH)).await;
    secret_comes(&mut world).await;
    drift_is_repaired(&mut world).await;
    called_every_minute(&mut world).await;
    message_goes(&mut world).await;
    leaves_in_order(&mut world).await;
}

async fn denied_then_granted(world: &mut World, granted: crate::world::Served) {
    world.apply(greeting("hello", "Hello, world")).unwrap();
    let told = |world: &World| condition(&*world.get(&GREETINGS, "hello")?, "Ready");
    world.until("the object is told", told).await;
    let shown = conditions(&world.get(&GREETINGS, "hello").unwrap()).join("\n");
    insta::allow_duplicates! {
        insta::assert_snapshot!(shown, @r#"
        Ready=False Failed: read denied: no grant for get on secrets; hint: add to the watch: grants: {read: [{apiGroups: [""], resources: [secrets], namespaces: [default], resourceNames: [greeter]}]}
        Stalled=True Failed: read denied: no grant for get on secrets; hint: add to the watch: grants: {read: [{apiGroups: [""], resources: [secrets], namespaces: [default], resourceNames: [greeter]}]}
        "#);
    }
    world.serve(granted);
    until_ready(world, "False SecretMissing: secret greeter not found").await;
    let greeting = world.get(&GREETINGS, "hello").unwrap();
    assert_eq!(condition(&greeting, "Stalled"), None);
    assert_eq!(
        greeting["metadata"]["finalizers"],
        json!(["guests.oarlock.dev/cleanup"])
    );
}

async fn secret_comes(world: &mut World) {
    // Nobody asks again by itself.
    let runs = world.metric("controller_runtime_reconcile_total");
    world.pass(Duration::from_secs(3600)).await;
    assert_eq!(world.metric("controller_runtime_reconcile_total"), runs);
    let began = world.now();
    world.apply(secret()).unwrap();
    until_ready(world, "True Greeted: greeted hello").await;
    assert!(world.now().since(began) < Duration::from_secs(1));
    world.pass(Duration::from_millis(10)).await;
    let said = |events: &[String]| events.iter().any(|e| e == "Normal Greeted: greeted hello");
    assert!(said(&world.events("hello")), "{:?}", world.events("hello"));
    let map = world.get(&CONFIG_MAPS, "hello-greeting").unwrap();
    assert_eq!(
        map["data"],
        json!({"message": "Hello, world", "token-length": "28"})
    );
    let owner = &map["metadata"]["ownerReferences"][0];
    assert_eq!(
        owner["uid"],
        world.get(&GREETINGS, "hello").unwrap()["metadata"]["uid"]
    );
}

async fn drift_is_repaired(world: &mut World) {
    let map = |world: &World| world.get(&CONFIG_MAPS, "hello-greeting").unwrap();
    let wanted = map(world)["data"].clone();
    // What is taken away comes back.
    let without = json!({"data": {"token-length": null}});
    world
        .edit(&CONFIG_MAPS, "hello-greeting", &without)
        .unwrap();
    world.pass(Duration::from_millis(100)).await;
    assert_eq!(map(world)["data"], wanted);
    world.delete(&CONFIG_MAPS, "hello-greeting");
    world.pass(Duration::from_millis(100)).await;
    assert_eq!(map(world)["data"], wanted);
    // What somebody else put there is that somebody's, as the module does not ask for force: it is told, not fought over.
    let other = json!({"data": {"message": "Bye"}});
    world.edit(&CONFIG_MAPS, "hello-greeting", &other).unwrap();
    let refused = |world: &World| {
        let ready = condition(&*world.get(&GREETINGS, "hello")?, "Ready")?;
        ready.starts_with("False").then_some(ready)
    };
    let told = world.until("the conflict is told", refused).await;
    insta::allow_duplicates! {
        insta::assert_snapshot!(told, @r#"False WriteRefused: ConfigMap default/hello-greeting was not applied: Apply failed with 1 conflict: conflict with "kubectl" using v1: .data.message (Conflict, 409)"#);
    }
    world.delete(&CONFIG_MAPS, "hello-greeting");
    until_ready(world, "True Greeted: greeted hello").await;
    assert_eq!(map(world)["data"], wanted);
}

async fn called_every_minute(world: &mut World) {
    let at = |world: &World| {
        let at = world.get(&GREETINGS, "hello").unwrap()["status"]["at"].clone();
        oarlock_core::timestamp::Timestamp::parse_rfc3339(at.as_str().unwrap()).unwrap()
    };
    let (first, runs) = (
        at(world),
        world.metric("controller_runtime_reconcile_total"),
    );
    world.pass(Duration::from_secs(610)).await;
    assert_eq!(
        world.metric("controller_runtime_reconcile_total"),
        runs + 10
    );
    let passed = at(world).since(first);
    assert!(
        (Duration::from_secs(595)..=Duration::from_secs(605)).contains(&passed),
        "{passed:?}"
    );
}

async fn message_goes(world: &mut World) {
    let empty = json!({"spec": {"message": ""}});
    world.edit(&GREETINGS, "hello", &empty).unwrap();
    until_ready(world, "False InvalidSpec: spec.message: must not be empty").await;
    let greeting = world.get(&GREETINGS, "hello").unwrap();
    assert!(
        condition(&greeting, "Stalled")
            .unwrap()
            .starts_with("True InvalidSpec")
    );
    // What is there stays.
    let map = world.get(&CONFIG_MAPS, "hello-greeting").unwrap();
    assert_eq!(map["data"]["message"], "Hello, world");
    let again = json!({"spec": {"message": "Hi"}});
    world.edit(&GREETINGS, "hello", &again).unwrap();
    until_ready(world, "True Greeted: greeted hello").await;
    let map = world.get(&CONFIG_MAPS, "hello-greeting").unwrap();
    assert_eq!(map["data"]["message"], "Hi");
}

/// The finalizer goes when what the module wanted is gone, and not before.
async fn leaves_in_order(world: &mut World) {
    let since = world.store().revision();
    world.delete(&GREETINGS, "hello");
    let gone = |world: &World| world.get(&GREETINGS, "hello").is_none().then_some(());
    world.until("the Greeting is gone", gone).await;
    let mut left = Vec::new();
    for entry in world.chronicle.since(since).await {
        if entry.change.removed {
            left.push(entry.change.resource.plural().to_owned());
        }
    }
    assert_eq!(left, ["configmaps", "greetings"]);
    assert!(world.get(&SECRETS, "greeter").is_some());
}

#[tokio::test(start_paused = true)]
async fn rust() {
    story("rust").await;
}

#[tokio::test(start_paused = true)]
async fn typescript() {
    story("typescript").await;
}

#[tokio::test(start_paused = true)]
async fn python() {
    story("python").await;
}

#[tokio::test(start_paused = true)]
async fn go() {
    story("go").await;
}
