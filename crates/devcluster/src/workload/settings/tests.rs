use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::*;

fn pod(image: &str, annotations: &[(&str, &str)]) -> Pod {
    let pairs = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(k, v)| (String::from(*k), String::from(*v)))
            .collect::<BTreeMap<_, _>>()
    };
    Pod {
        metadata: ObjectMeta {
            labels: Some(pairs(&[("app", "web")])),
            annotations: Some(pairs(annotations)),
            ..ObjectMeta::default()
        },
        spec: Some(PodSpec {
            containers: vec![Container {
                image: Some(String::from(image)),
                ..Container::default()
            }],
            ..PodSpec::default()
        }),
        status: None,
    }
}

fn ready(millis: u64) -> Conduct {
    Conduct::Runs(vec![Program::Runs {
        ready: Some(Duration::from_millis(millis)),
        exit: None,
    }])
}

#[test]
fn the_last_matching_rule_counts_and_annotations_before_it() {
    let workloads = Workloads::default();
    let conduct = |pod: &Pod| workloads.settings().conduct(pod);
    let plain = pod("docker.io/library/nginx:1.7.8", &[]);
    assert_eq!(conduct(&plain), ready(1_000));

    workloads.add(
        Pattern::image("nginx"),
        Behaviour::ReadyAfter(Duration::from_secs(7)),
    );
    assert_eq!(conduct(&plain), ready(7_000));
    let broken = workloads.add(Pattern::image("*:1.7.8"), Behaviour::ImagePullBackOff);
    assert_eq!(conduct(&plain), Conduct::Runs(vec![Program::NoImage]));
    assert_eq!(conduct(&pod("nginx:1.7.9", &[])), ready(7_000));
    assert_eq!(
        conduct(&pod("nginx:1.7.8", &[(READY_AFTER, "250ms")])),
        ready(250)
    );

    assert!(workloads.remove(broken));
    assert!(!workloads.remove(broken));
    assert_eq!(conduct(&plain), ready(7_000));
    workloads.add(Pattern::labels([("app", "web")]), Behaviour::Unschedulable);
    assert_eq!(conduct(&plain), Conduct::Unschedulable);
    workloads.clear();
    assert_eq!(conduct(&plain), ready(1_000));
}

#[test]
fn annotations_that_cannot_be_read_are_passed_over() {
    let settings = Settings::default();
    assert_eq!(
        settings.conduct(&pod("a", &[(FAILS, "Sometimes")])),
        ready(1_000)
    );
    assert_eq!(
        settings.conduct(&pod("a", &[(READY_AFTER, "soon")])),
        ready(1_000)
    );
    let crash = settings.conduct(&pod("a", &[(FAILS, "CrashLoopBackOff")]));
    let second = Duration::from_secs(1);
    assert_eq!(
        crash,
        Conduct::Runs(vec![Program::Runs {
            ready: Some(second),
            exit: Some((second, 1))
        }])
    );
}

#[test]
fn globs() {
    let cases = [
        ("*", "", true),
        ("a*c", "abc", true),
        ("a*c", "abcd", false),
        ("*:1.?", "nginx:1.7", true),
        ("*:1.?", "nginx:1.17", false),
        ("*a*b", "xaybab", true),
    ];
    for (pattern, image, expected) in cases {
        assert_eq!(
            Pattern::image(pattern).matches(image, None),
            expected,
            "{pattern} {image}"
        );
    }
}
