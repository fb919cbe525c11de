#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use oarlock_sdk::artifacts::Artifact;
use oarlock_sdk::testing::FakeCluster;
use oarlock_sdk::{KindInfo, Timestamp, json};

use super::*;
use crate::dialect::{Settings, Sources, read};
use crate::record::ApplyMethod;
use crate::run::engine::scripted::{Call, Scripted, document, hook};
use crate::run::engine::{Failure, Rendered as Answer};
use crate::state::{Inputs, Place, Stage};
use crate::storage::{self, Moment};
use crate::wish::Post;

const DIGEST: &str = "sha256:1";
const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n";
const MIGRATE: &str = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: migrate\n  annotations:\n    helm.sh/hook: pre-install\n";
const GEAR: &str = "apiVersion: example.com/v1\nkind: Gear\nmetadata:\n  name: gear\n";
const GEARS: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: gears.example.com\nspec:\n  group: example.com\n  names: {kind: Gear, plural: gears}\n  scope: Namespaced\n  versions:\n  - {name: v1, served: true, storage: true}\n";

fn wish() -> Wish {
    let object = json!({
        "apiVersion": "helm.fluxcd.io/v1", "kind": "HelmRelease",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "releaseName": "web",
            "chart": {"git": "https://git.example.com/charts", "path": "charts/web", "ref": "main"},
        },
    });
    read(&object, &Sources::default(), &Settings::default()).unwrap()
}

fn action(verb: Verb, revision: u32, against: &[u32]) -> State {
    State {
        action: Some(Action {
            verb,
            revision,
            number: 1,
            stage: Stage::Begin,
            since: 1_000_000,
            inputs: Inputs::default(),
            against: against.to_vec(),
            because: String::new(),
            courses: Vec::new(),
            moves: 0,
            former: None,
        }),
        actions: 1,
        ..State::default()
    }
}

fn prepared(config: Value) -> Prepared {
    let Value::Object(config) = config else {
        panic!("{config} is no map");
    };
    Prepared {
        inputs: Inputs::default(),
        artifact: Artifact {
            digest: String::from(DIGEST),
            ..Artifact::default()
        },
        config,
    }
}

fn cluster() -> FakeCluster {
    let kind = |api_version: &str, kind: &str, namespaced| KindInfo {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        plural: format!("{}s", kind.to_lowercase()),
        namespaced,
    };
    FakeCluster::new()
        .kind(kind("v1", "Service", true))
        .kind(kind("v1", "Secret", true))
        .kind(kind("batch/v1", "Job", true))
        .kind(kind(
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            false,
        ))
        .server_version("v1.33.1")
}

fn service(labels: Value, annotations: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop", "labels": labels, "annotations": annotations},
    })
}

fn engine(answer: impl Fn(&Request) -> Result<Answer, Failure> + 'static) -> Scripted {
    Scripted::new().chart(DIGEST, "web", "1.0.0", answer)
}

/// A Service and a hook.
fn plain(_: &Request) -> Result<Answer, Failure> {
    Ok(Answer {
        documents: vec![document("Service", "web", SERVICE)],
        hooks: vec![hook("Job", "migrate", "pre-install", MIGRATE)],
        notes: String::from("Visit it."),
        warnings: vec![String::from("this chart is deprecated")],
        ..Answer::default()
    })
}

fn random(_: &Request) -> Result<Answer, Failure> {
    Ok(Answer {
        random: true,
        ..Answer::default()
    })
}

struct Case {
    wish: Wish,
    state: State,
    config: Value,
    origin: BTreeMap<String, String>,
    stable: bool,
    cluster: FakeCluster,
    seed: u64,
}

impl Case {
    fn install() -> Self {
        Self {
            wish: wish(),
            state: action(Verb::Install, 1, &[]),
            config: json!({"replicas": 2}),
            origin: BTreeMap::new(),
            stable: true,
            cluster: cluster(),
            seed: 7,
        }
    }

    fn upgrade(before: &Record) -> Self {
        let secrets = storage::secrets(before, &BTreeMap::new(), Moment::Created(0)).unwrap();
        let cluster = secrets
            .into_iter()
            .fold(cluster(), |cluster, secret| cluster.object(secret));
        Self {
            state: action(Verb::Upgrade, 2, &[1]),
            cluster,
            ..Self::install()
        }
    }

    fn run(self, engine: &Scripted) -> Result<Rendering, Obstacle> {
        let cx = Context::builder()
            .now(Timestamp::from_millis(2_000_000))
            .seed(self.seed)
            .cluster(self.cluster)
            .build();
        let place = Place {
            name: String::from("web"),
            namespace: String::from("shop"),
            storage: String::from("shop"),
        };
        let shelf = Shelf::read(&cx, &place, None)?;
        let prepared = prepared(self.config);
        let order = Order {
            wish: &self.wish,
            state: &self.state,
            prepared: &prepared,
            shelf: &shelf,
            origin: &self.origin,
            stable: self.stable,
        };
        render(&cx, engine, &order)
    }

    fn whole(self, engine: &Scripted) -> Rendered {
        match self.run(engine).unwrap() {
            Rendering::Whole(whole) => *whole,
            Rendering::Seed(secret) => panic!("{secret}"),
        }
    }

    fn refused(self, engine: &Scripted) -> Obstacle {
        match self.run(engine) {
            Err(obstacle) => obstacle,
            Ok(rendering) => panic!("{rendering:?}"),
        }
    }
}

fn before(manifest: &str, config: Value) -> Record {
    let mut record = Record::new("web", "shop", 1);
    record.info.status = Status::Deployed;
    record.manifest = manifest.to_owned();
    record.config = serde_json::from_value(config).unwrap();
    record
}

fn asked(engine: &Scripted) -> Request {
    let rendered = engine.calls().into_iter().find_map(|call| match call {
        Call::Render(request) => Some(*request),
        _ => None,
    });
    rendered.unwrap()
}

#[test]
fn a_revision_is_rendered_as_helm_would() {
    let engine = engine(plain);
    let made = Case::install().whole(&engine);
    let request = asked(&engine);
    assert_eq!(
        (request.name.as_str(), request.namespace.as_str()),
        ("web", "shop")
    );
    assert_eq!((request.revision, request.upgrade), (1, false));
    assert_eq!(request.kube_version, "v1.33.1");
    assert!(request.api_versions.contains(&String::from("batch/v1/Job")));
    // The time of the action, not of the run: another run of it renders the same.
    assert_eq!(request.now, 1_000_000);
    assert!(!request.skip_schema_validation);
    let record = made.record;
    assert_eq!(
        (
            record.name.as_str(),
            record.namespace.as_str(),
            record.version
        ),
        ("web", "shop", 1)
    );
    assert_eq!(
        record.manifest,
        format!("---\n# Source: web/templates/web.yaml\n{SERVICE}\n")
    );
    assert_eq!(record.hooks.len(), 1);
    assert_eq!(record.hooks[0].events, ["pre-install"]);
    assert_eq!(record.info.notes, "Visit it.");
    assert_eq!(Value::Object(record.config), json!({"replicas": 2}));
    assert_eq!(record.apply_method, ApplyMethod::ServerSide);
    assert!(
        record
            .chart
            .unwrap()
            .get()
            .contains("\"version\":\"1.0.0\"")
    );
    assert_eq!(made.warnings, ["this chart is deprecated"]);
    assert_eq!(made.seed, None);
}

#[test]
fn all_releases_of_a_chart_without_subcharts_share_what_their_records_say_of_it() {
    let asked = |engine: &Scripted| {
        Case::install().whole(engine);
        let record = engine.calls().into_iter().find_map(|call| match call {
            Call::Record(values) => Some(values),
            _ => None,
        });
        record.unwrap()
    };
    assert_eq!(asked(&engine(plain)), []);
    let values = json!({"replicas": 2}).as_object().unwrap().clone();
    let umbrella = engine(plain).umbrella(DIGEST);
    assert_eq!(asked(&umbrella), [ValueSource::Json(values)]);
}

#[test]
fn whatever_the_wish_does_to_objects_it_does_to_hooks() {
    let mut case = Case::install();
    case.wish.post = vec![Post::Patch {
        target: crate::wish::Target {
            kind: Some(String::from("Service")),
            ..Default::default()
        },
        patch: String::from("[{op: add, path: /spec, value: {type: NodePort}}]"),
    }];
    case.wish.common.labels = BTreeMap::from([(String::from("team"), String::from("web"))]);
    case.origin = BTreeMap::from([(String::from("origin"), String::from("flux"))]);
    let record = case.whole(&engine(plain)).record;
    let parts = manifest::objects(&manifest::split(&record.manifest)).unwrap();
    assert_eq!(
        Value::Object(parts[0].content.clone()),
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "web", "labels": {"origin": "flux", "team": "web"}},
            "spec": {"type": "NodePort"},
        })
    );
    let hook = hooks::objects(&record.hooks[0]).unwrap();
    assert_eq!(
        hook[0].content["metadata"]["labels"],
        json!({"origin": "flux", "team": "web"})
    );
    assert_eq!(record.hooks[0].events, ["pre-install"]);
}

#[test]
fn a_post_renderer_that_does_not_fit_is_an_obstacle() {
    let mut case = Case::install();
    case.wish.post = vec![Post::Patch {
        target: Default::default(),
        patch: String::from("apiVersion: v1\nkind: Service\nmetadata: {name: other}\n"),
    }];
    let obstacle = case.refused(&engine(plain));
    assert_eq!(obstacle.reason, "RenderFailed");
    assert_eq!(
        obstacle.message,
        "error while running post render on files: post-renderer 1: no resource matches strategic merge patch Service \"other\" in \
         namespace \"shop\"\nhint: correct spec.postRenderers; what runs is untouched until then"
    );
}

#[test]
fn objects_of_others_are_not_touched() {
    let mut case = Case::install();
    case.wish.policy.disable_take_ownership = true;
    case.cluster = cluster().object(service(json!({}), json!({})));
    let obstacle = case.refused(&engine(plain));
    assert_eq!(obstacle.reason, "InvalidOwnership");
    assert!(
        obstacle.message.starts_with(
            "Unable to continue with install: Service \"web\" in namespace \"shop\" exists and cannot be imported into the current \
             release: invalid ownership metadata; label validation error: missing key"
        ),
        "{}",
        obstacle.message
    );
}

#[test]
fn own_objects_and_objects_that_may_be_taken_over_are_no_obstacle() {
    let ours = service(
        json!({"app.kubernetes.io/managed-by": "Helm"}),
        json!({"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop"}),
    );
    let mut case = Case::install();
    case.wish.policy.disable_take_ownership = true;
    case.cluster = cluster().object(ours);
    case.whole(&engine(plain));

    let mut case = Case::install();
    case.wish.policy.disable_take_ownership = false;
    case.cluster = cluster().object(service(json!({}), json!({})));
    case.whole(&engine(plain));

    // Helm asks only of what the revision before did not have.
    let mut case = Case::upgrade(&before(SERVICE, json!({})));
    case.wish.policy.disable_take_ownership = true;
    case.cluster = case.cluster.object(service(json!({}), json!({})));
    case.whole(&engine(plain));
}

#[test]
fn kinds_that_nobody_serves_are_told_before_anything_is_begun() {
    let gear = |_: &Request| {
        Ok(Answer {
            documents: vec![document("Gear", "gear", GEAR)],
            ..Answer::default()
        })
    };
    let obstacle = Case::install().refused(&engine(gear));
    assert_eq!(
        obstacle.message,
        "unable to build kubernetes objects from release manifest: resource mapping not found for name: \"gear\" namespace: \"\" from \
         \"web/templates/gear.yaml\": no matches for kind \"Gear\" in version \"example.com/v1\"\nensure CRDs are installed first"
    );
    // The chart brings it.
    let mut case = Case::install();
    case.wish.policy.install_crds = Crds::Create;
    case.whole(&engine(gear).crd(DIGEST, GEARS));
    // It does, and nobody wants it.
    let mut case = Case::install();
    case.wish.policy.install_crds = Crds::Skip;
    case.refused(&engine(gear).crd(DIGEST, GEARS));
    // A template brings it.
    case_with_template();
}

fn case_with_template() {
    let both = |_: &Request| {
        Ok(Answer {
            documents: vec![
                document("CustomResourceDefinition", "gears", GEARS),
                document("Gear", "gear", GEAR),
            ],
            ..Answer::default()
        })
    };
    Case::install().whole(&engine(both));
}

#[test]
fn what_is_drawn_is_stored_first_and_drawn_again_the_same() {
    let engine = engine(random);
    let secret = match Case::install().run(&engine).unwrap() {
        Rendering::Seed(secret) => secret,
        Rendering::Whole(whole) => panic!("{whole:?}"),
    };
    let mut case = Case::install();
    case.cluster = cluster().object(secret);
    case.seed = 8;
    let made = case.whole(&engine);
    let whole = made.seed.unwrap();
    let mut case = Case::install();
    case.cluster = cluster().object(whole);
    case.seed = 9;
    let made = case.whole(&engine);
    assert_eq!(made.seed, None);
    let seeds: Vec<String> = engine
        .calls()
        .into_iter()
        .filter_map(|call| match call {
            Call::Render(request) => Some(request.seed),
            _ => None,
        })
        .collect();
    assert_eq!(seeds[1], "00000000000000070000000000000008");
    assert_eq!(seeds[2], seeds[1]);
}

#[test]
fn each_revision_draws_anew_where_the_settings_say_so() {
    let stored = Seed::Half(String::from("0000000000000007"));
    let place = Place {
        name: String::from("web"),
        namespace: String::from("shop"),
        storage: String::from("shop"),
    };
    let secret = stored
        .secret(&Context::builder().seed(8).build(), &place)
        .unwrap();
    let engine = engine(random);
    for revision in [1, 2] {
        let mut case = Case::install();
        case.cluster = cluster().object(secret.clone());
        case.state = action(Verb::Install, revision, &[]);
        case.stable = false;
        case.whole(&engine);
    }
    let seeds: BTreeSet<String> = engine
        .calls()
        .into_iter()
        .filter_map(|call| match call {
            Call::Render(request) => Some(request.seed),
            _ => None,
        })
        .collect();
    assert_eq!(seeds.len(), 2);
}

#[test]
fn values_of_the_release_before_are_kept_where_the_wish_keeps_them() {
    let record = before(
        "",
        json!({"replicas": 1, "image": {"tag": "1", "name": "web"}}),
    );
    let made = |reset| {
        let mut case = Case::upgrade(&record);
        case.wish.policy.reset_values = reset;
        case.config = json!({"replicas": 2, "image": {"tag": "2"}});
        Value::Object(case.whole(&engine(plain)).record.config)
    };
    assert_eq!(made(true), json!({"replicas": 2, "image": {"tag": "2"}}));
    assert_eq!(
        made(false),
        json!({"replicas": 2, "image": {"tag": "2", "name": "web"}})
    );
}

#[test]
fn a_template_that_fails_says_so_in_helms_words() {
    let failing = |_: &Request| {
        Err(Failure::Template(String::from(
            "execution error at (web/templates/web.yaml:3:4): image.tag is required",
        )))
    };
    let obstacle = Case::install().refused(&engine(failing));
    assert_eq!(obstacle.reason, "RenderFailed");
    assert_eq!(
        obstacle.message,
        "execution error at (web/templates/web.yaml:3:4): image.tag is required\n\
         hint: correct the values or the chart; what runs is untouched until then"
    );
}
