#![expect(clippy::unwrap_used, reason = "tests")]

use super::plan::plan;
use super::vendored::vendored;
use super::*;
use crate::options::Limits;
use crate::package::File;

/// What `helm dependency update` of Helm 4.2.4 made of the dependencies below.
const LOCK: &str = "\
dependencies:
- name: redis
  repository: file://../libs/redis
  version: 1.4.2
- name: redis
  repository: file://../libs/redis
  version: 1.4.2
- name: common
  repository: file://../libs/common
  version: 2.0.0
digest: sha256:71eff524387da90aee490e26843b53325c61af01d1398a7df7fc187d3d1339b7
generated: \"2026-11-22T00:42:56.322922914Z\"
";

const LOCKED: &str = "\
apiVersion: v2
name: umbrella
version: 0.1.0
dependencies:
  - name: redis
    version: \">=1.0.0 <2 || ~3\"
    repository: file://../libs/redis
    condition: redis.enabled,global.redis & more
    tags: [cache, \"a<b\"]
    import-values:
      - data
      - child: x.y
        parent: z
  - name: redis
    version: ^1.4.0
    repository: file://../libs/redis
    alias: second
  - name: common
    version: 2.x
    repository: file://../libs/common
";

fn package(files: &[(&str, &str)]) -> Package {
    let file = |(path, text): &(&str, &str)| File {
        path: (*path).to_owned(),
        content: Arc::from(text.as_bytes()),
    };
    Package::of(files.iter().map(file).collect())
}

fn planned(package: &Package) -> Result<Plan, FetchError> {
    let requirements = Requirements::of(package)
        .map_err(|error| FetchError::Invalid(format!("umbrella: {error}")))?;
    let vendored = vendored(package, &Limits::default()).map_err(|error| error.at("umbrella"))?;
    plan("umbrella", &requirements, &vendored)
}

/// A chart with one dependency, and what it has besides.
fn one(dependency: &str, files: &[(&str, &str)]) -> Package {
    let text = format!(
        "apiVersion: v2\nname: umbrella\nversion: 0.1.0\ndependencies:\n  - {dependency}\n"
    );
    let mut files = files.to_vec();
    files.push(("Chart.yaml", &text));
    package(&files)
}

/// What is to be fetched.
fn wants(package: &Package) -> String {
    match planned(package) {
        Ok(plan) => plan
            .missing
            .iter()
            .map(|one| format!("{} {} of {}", one.name, one.version, one.repository))
            .chain(plan.outdated.iter().map(|path| format!("without {path}")))
            .collect::<Vec<String>>()
            .join("\n"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_lock_of_helm_is_taken() {
    let locked = package(&[("Chart.yaml", LOCKED), ("Chart.lock", LOCK)]);
    insta::assert_snapshot!(wants(&locked), @"
    redis 1.4.2 of file://../libs/redis
    redis 1.4.2 of file://../libs/redis
    common 2.0.0 of file://../libs/common
    ");
    let changed = LOCKED.replace("2.x", "2.0.x");
    let changed = package(&[("Chart.yaml", &changed), ("Chart.lock", LOCK)]);
    insta::assert_snapshot!(wants(&changed), @"umbrella: the lock file (Chart.lock) is out of sync with the dependencies file (Chart.yaml). Please update the dependencies with 'helm dependency update'; hint: or remove the lock file");
}

#[test]
fn a_lock_of_requirements_is_taken() {
    let chart = "apiVersion: v1\nname: old\nversion: 0.1.0\n";
    let requirements = "dependencies:\n  - name: redis\n    version: ~1.4.0\n    repository: file://../libs/redis\n    alias: cache\n";
    // By Helm 4.2.4.
    let new = "dependencies:\n- name: redis\n  repository: file://../libs/redis\n  version: 1.4.2\ndigest: sha256:068b58116e0d97458298a8cc5a42c70d4ffe9de2fb114082016cb36231bc80d6\n";
    let of = |lock: &str| {
        wants(&package(&[
            ("Chart.yaml", chart),
            ("requirements.yaml", requirements),
            ("requirements.lock", lock),
        ]))
    };
    insta::assert_snapshot!(of(new), @"redis 1.4.2 of file://../libs/redis");
    // Helm 2 took the digest of the requirements alone.
    let json = r#"{"dependencies":[{"name":"redis","version":"~1.4.0","repository":"file://../libs/redis","alias":"cache"}]}"#;
    let old = new.replace(
        "sha256:068b58116e0d97458298a8cc5a42c70d4ffe9de2fb114082016cb36231bc80d6",
        Digest::of(json.as_bytes()).as_str(),
    );
    assert_eq!(of(&old), of(new));
    insta::assert_snapshot!(of("digest: sha256:00\n"), @"umbrella: the lock file (requirements.lock) is out of sync with the dependencies file (requirements.yaml). Please update the dependencies; hint: run 'helm dependency update' in the chart, or remove the lock file");
}

#[test]
fn what_is_carried_is_not_fetched() {
    const REDIS: &str = "{name: redis, version: ^1.0.0, repository: 'https://charts.example'}";
    let new = "apiVersion: v2\nname: redis\nversion: 1.4.2\n";
    let old = "apiVersion: v2\nname: redis\nversion: 0.9.0\n";
    let carried = one(REDIS, &[("charts/redis/Chart.yaml", new)]);
    assert_eq!(wants(&carried), "");
    // A lock is of no interest where nothing is fetched.
    let carried = one(
        REDIS,
        &[
            ("charts/any/Chart.yaml", new),
            ("Chart.lock", "digest: x\n"),
        ],
    );
    assert_eq!(wants(&carried), "");
    let outdated = one(
        REDIS,
        &[
            ("charts/redis/Chart.yaml", old),
            ("charts/redis/values.yaml", ""),
            ("charts/_redis/Chart.yaml", new),
            ("charts/other/Chart.yaml", "name: other\nversion: 1.0.0\n"),
        ],
    );
    insta::assert_snapshot!(wants(&outdated), @"
    redis ^1.0.0 of https://charts.example
    without charts/redis/Chart.yaml
    without charts/redis/values.yaml
    ");
    let archive = package(&[("Chart.yaml", new)]).archive();
    let mut packed = one(REDIS, &[]);
    packed.put("charts/redis-1.4.2.tgz", archive);
    packed.put("charts/redis-1.4.2.tgz.prov", Arc::from(*b"x"));
    assert_eq!(wants(&packed), "");
}

#[test]
fn the_same_chart_may_be_wanted_twice() {
    let text = LOCKED.replace("^1.4.0", "^2.0.0");
    let carried = package(&[
        ("Chart.yaml", &text),
        ("charts/redis/Chart.yaml", "name: redis\nversion: 1.4.2\n"),
        ("charts/common/Chart.yaml", "name: common\nversion: 2.5.0\n"),
    ]);
    insta::assert_snapshot!(wants(&carried), @"redis ^2.0.0 of file://../libs/redis");
}

#[test]
fn what_is_wrong_is_said_as_helm_says_it() {
    let odd = "apiVersion: v2\nname: redis\nversion: 0.9.0\n";
    let cases = [
        one(
            "{name: a, version: oops oops, repository: 'https://x.example'}",
            &[],
        ),
        one("{name: a, version: ^1, repository: '@private'}", &[]),
        one("{name: a, version: ^1, repository: 'alias:private'}", &[]),
        one("{name: a, version: ^1, repository: stable}", &[]),
        one("{name: a, version: ^1, repository: 's3://bucket'}", &[]),
        one("{name: redis, version: ^1}", &[]),
        one(
            "{name: redis, version: ^1}",
            &[("charts/redis/Chart.yaml", odd)],
        ),
        one("{name: a, version: ^1, alias: 'a.b'}", &[]),
        one("{name: a}\n  - {name: b, alias: a}", &[]),
        one("null", &[]),
        one("{name: [a]}", &[]),
        one(
            "{name: a, repository: 'file://x'}",
            &[("Chart.lock", "a: [")],
        ),
    ];
    let texts: Vec<String> = cases.iter().map(wants).collect();
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn old_requirements_count_whatever_the_version() {
    let both = package(&[
        ("Chart.yaml", LOCKED),
        (
            "requirements.yaml",
            "dependencies: [{name: a, repository: 'oci://r.example/x/', version: 1.0.0}]\n",
        ),
    ]);
    assert_eq!(wants(&both), "a 1.0.0 of oci://r.example/x/");
    let source = planned(&both).unwrap().missing[0].source("1.0.0");
    let expected = Source::Oci {
        repository: "oci://r.example/x/a".to_owned(),
        version: "1.0.0".to_owned(),
    };
    assert_eq!(source, Some(expected));
}

#[test]
fn credentials_are_for_one_server() {
    let repository = |url: &str| Source::Repository {
        url: url.to_owned(),
        chart: String::new(),
        version: String::new(),
    };
    let oci = |url: &str| Source::Oci {
        repository: url.to_owned(),
        version: String::new(),
    };
    let tls = Reach::Anywhere { plain_http: false };
    let plain = Reach::Anywhere { plain_http: true };
    let from = repository("https://r.example/charts");
    assert!(same_server(
        &from,
        &repository("https://r.example:443/x"),
        &tls
    ));
    assert!(same_server(&from, &oci("oci://r.example/x"), &tls));
    assert!(!same_server(&from, &oci("oci://r.example/x"), &plain));
    assert!(!same_server(
        &from,
        &repository("https://r.example:8443/x"),
        &tls
    ));
    assert!(!same_server(
        &from,
        &repository("https://s.example/x"),
        &tls
    ));
    let odd = repository("https://r.example:8080/x");
    assert!(!same_server(
        &odd,
        &repository("http://r.example:8080/x"),
        &tls
    ));
    assert!(!same_server(&Source::Local("x".to_owned()), &from, &tls));
}
