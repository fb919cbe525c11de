#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;
use crate::state::Is;

/// An arbitrary instant: 2026-01-02T03:04:05Z.
const NOW: u64 = 1_767_323_045_000;

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => panic!("{other}"),
    }
}

/// An automated object with these annotations too.
fn automated(more: Value) -> Policy {
    let mut annotations = fields(json!({"fluxcd.io/automated": "true"}));
    annotations.extend(fields(more));
    policy(&annotations).unwrap().unwrap()
}

fn wrong(annotations: Value) -> String {
    let wrong = policy(&fields(annotations)).unwrap_err();
    let lines: Vec<_> = wrong.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// What is found, as `container=registry/repository:tag`, and what lies over the values for the tag `new`.
fn seen(policy: &Policy, values: Value) -> (Vec<String>, Option<Value>) {
    let found = policy.images(&fields(values));
    assert_eq!(found.warnings, Vec::<String>::new());
    let over = override_values(found.images.iter().map(|image| (image, "new")));
    let images = found.images.iter().map(|image| {
        let tag = image
            .tag
            .as_deref()
            .map_or(String::new(), |tag| format!(":{tag}"));
        format!("{}={}{tag}", image.container, image.name())
    });
    (images.collect(), over.map(Value::Object))
}

#[test]
fn only_what_says_so_is_automated() {
    for annotations in [
        json!({}),
        json!({"fluxcd.io/automated": "false", "fluxcd.io/tag.chart-image": "semver:~nonsense"}),
        json!({"fluxcd.io/tag.chart-image": "semver:~3.0"}),
        json!({"fluxcd.io/automated": ""}),
    ] {
        assert!(policy(&fields(annotations)).unwrap().is_none());
    }
    for annotations in [
        json!({"fluxcd.io/automated": "true"}),
        json!({"flux.weave.works/automated": "true"}),
    ] {
        assert!(policy(&fields(annotations)).unwrap().is_some());
    }
}

#[test]
fn all_ways_to_name_a_filter() {
    for annotation in [
        "fluxcd.io/tag.chart-image",
        "flux.weave.works/tag.chart-image",
        "filter.fluxcd.io/chart-image",
    ] {
        let policy = automated(json!({annotation: "semver:~3.0"}));
        assert_eq!(policy.filter("chart-image").to_string(), "semver:~3.0");
        assert_eq!(policy.filter("other").to_string(), "releases");
    }
    // Said twice is said once.
    automated(json!({"fluxcd.io/tag.a": "1.*", "flux.weave.works/tag.a": "glob:1.*"}));
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_all_at_once() {
    let told = wrong(json!({
        "fluxcd.io/automated": "true",
        "fluxcd.io/locked": "maybe",
        "fluxcd.io/tag.chart-image": "semver:~three",
        "filter.fluxcd.io/web": "regex:(",
        "fluxcd.io/tag.twice": "semver:1",
        "flux.weave.works/tag.twice": "semver:2",
        "fluxcd.io/tag.": "semver:1",
        "tag.fluxcd.io/lost": "a.b",
        "repository.fluxcd.io/path": "a..b",
    }));
    for line in [
        "metadata.annotations[fluxcd.io/locked]: \"maybe\" is not one of \"true\", \"false\": all images stay as they are",
        "metadata.annotations[fluxcd.io/tag.chart-image]: \"~three\" is no range of versions: improper constraint: \"~three\"",
        "expected such as semver:~3.0, semver:^1.2, semver:>=1.0 <2 or semver:2.x || 3.x",
        "hint: until then all images stay as they are",
        "metadata.annotations[filter.fluxcd.io/web]: \"(\" is no regular expression",
        "metadata.annotations[flux.weave.works/tag.twice]: semver:2 is said here, and semver:1 by fluxcd.io/tag.twice, expected one",
        "metadata.annotations[fluxcd.io/tag.]: names no container",
        "metadata.annotations[repository.fluxcd.io/lost]: is required",
        "metadata.annotations[repository.fluxcd.io/path]: \"a..b\" is no path in the values",
    ] {
        assert!(told.contains(line), "no {line:?} in:\n{told}");
    }
    assert_eq!(
        wrong(json!({"fluxcd.io/automated": "yes"})).lines().count(),
        1
    );
}

#[test]
fn every_shape_of_values() {
    let policy = automated(json!({}));
    for (values, images, over) in [
        (
            json!({"image": "nginx:1.0"}),
            "chart-image=docker.io/library/nginx:1.0",
            json!({"image": "nginx:new"}),
        ),
        (
            json!({"image": "nginx"}),
            "chart-image=docker.io/library/nginx",
            json!({"image": "nginx:new"}),
        ),
        (
            json!({"image": "team/web:1.0"}),
            "chart-image=docker.io/team/web:1.0",
            json!({"image": "team/web:new"}),
        ),
        (
            json!({"image": "r.example:5000/web"}),
            "chart-image=r.example:5000/web",
            json!({"image": "r.example:5000/web:new"}),
        ),
        (
            json!({"image": "localhost/web:1"}),
            "chart-image=localhost/web:1",
            json!({"image": "localhost/web:new"}),
        ),
        (
            json!({"image": "r.example/web", "tag": "1.0"}),
            "chart-image=r.example/web:1.0",
            json!({"tag": "new"}),
        ),
        (
            json!({"image": "r.example/web", "tag": 1.5}),
            "chart-image=r.example/web:1.5",
            json!({"tag": "new"}),
        ),
        (
            json!({"image": "r.example/web", "tag": ""}),
            "chart-image=r.example/web",
            json!({"tag": "new"}),
        ),
        (
            json!({"image": "r.example/web:0.9", "tag": "1.0"}),
            "chart-image=r.example/web:1.0",
            json!({"image": "r.example/web", "tag": "new"}),
        ),
        (
            json!({"registry": "r.example", "image": "team/web:1.0"}),
            "chart-image=r.example/team/web:1.0",
            json!({"image": "team/web:new"}),
        ),
        (
            json!({"registry": "r.example", "image": "team/web", "tag": "1.0"}),
            "chart-image=r.example/team/web:1.0",
            json!({"tag": "new"}),
        ),
        (
            json!({"image": {"repository": "team/web", "tag": "1.0"}}),
            "chart-image=docker.io/team/web:1.0",
            json!({"image": {"tag": "new"}}),
        ),
        (
            json!({"image": {"repository": "team/web"}}),
            "chart-image=docker.io/team/web",
            json!({"image": {"tag": "new"}}),
        ),
        (
            json!({"image": {"repository": "team/web:1.0"}}),
            "chart-image=docker.io/team/web:1.0",
            json!({"image": {"repository": "team/web:new"}}),
        ),
        (
            json!({"image": {"registry": "r.example", "repository": "web", "tag": "1.0"}}),
            "chart-image=r.example/web:1.0",
            json!({"image": {"tag": "new"}}),
        ),
        (
            json!({"image": {"registry": "r.example/folder/", "repository": "web", "tag": "1.0"}}),
            "chart-image=r.example/folder/web:1.0",
            json!({"image": {"tag": "new"}}),
        ),
        (
            json!({"image": {"registry": "", "repository": "web", "tag": "1.0"}}),
            "chart-image=docker.io/library/web:1.0",
            json!({"image": {"tag": "new"}}),
        ),
        (
            json!({"image": {"registry": "index.docker.io", "repository": "web"}}),
            "chart-image=docker.io/library/web",
            json!({"image": {"tag": "new"}}),
        ),
        (
            json!({"image": {"registry": "mirror.example", "repository": "quay.io/team/web"}}),
            "chart-image=mirror.example/team/web",
            json!({"image": {"tag": "new"}}),
        ),
        (
            json!({"web": {"image": "r.example/web:1.0"}}),
            "web=r.example/web:1.0",
            json!({"web": {"image": "r.example/web:new"}}),
        ),
        (
            json!({"web": {"image": {"repository": "r.example/web", "tag": "1.0"}}}),
            "web=r.example/web:1.0",
            json!({"web": {"image": {"tag": "new"}}}),
        ),
    ] {
        assert_eq!(
            seen(&policy, values.clone()),
            (vec![String::from(images)], Some(over)),
            "{values}"
        );
    }
    for values in [
        json!({}),
        json!({"image": 7}),
        json!({"image": ""}),
        json!({"image": {"tag": "1.0"}}),
        json!({"image": {"repository": ""}}),
        json!({"image": null}),
        json!({"a": {"b": {"image": "r.example/web:1.0"}}}),
        json!({"a": [{"image": "r.example/web:1.0"}]}),
    ] {
        assert_eq!(seen(&policy, values), (vec![], None));
    }
}

#[test]
fn several_images_in_the_order_of_their_names() {
    let values = json!({
        "zebra": {"image": "r.example/z:1"},
        "image": {"repository": "r.example/top", "tag": "1"},
        "app": {"image": "r.example/a:1"},
    });
    let (images, over) = seen(&automated(json!({})), values);
    assert_eq!(
        images,
        [
            "chart-image=r.example/top:1",
            "app=r.example/a:1",
            "zebra=r.example/z:1"
        ]
    );
    assert_eq!(
        over.unwrap(),
        json!({"zebra": {"image": "r.example/z:new"}, "image": {"tag": "new"}, "app": {"image": "r.example/a:new"}})
    );
}

#[test]
fn what_is_further_below_follows_where_it_is_named() {
    let values = json!({"a": {"b": {"image": "r.example/web:1.0"}}, "c": {"d": {"image": "r.example/not:1.0"}}});
    let policy = automated(json!({"fluxcd.io/tag.a.b": "semver:~1"}));
    assert_eq!(
        seen(&policy, values),
        (
            vec![String::from("a.b=r.example/web:1.0")],
            Some(json!({"a": {"b": {"image": "r.example/web:new"}}}))
        )
    );
}

#[test]
fn places_that_annotations_name() {
    let values = json!({
        "controller": {"registry": "r.example", "name": "web", "version": "1.0"},
        "whole": {"ref": "r.example/all:1.0"},
        "dotted.key": {"name": "r.example/dot"},
    });
    for (name, annotations, image, over) in [
        (
            "app",
            json!({"registry.fluxcd.io/app": "controller.registry", "repository.fluxcd.io/app": "controller.name", "tag.fluxcd.io/app": "controller.version"}),
            "app=r.example/web:1.0",
            json!({"controller": {"version": "new"}}),
        ),
        (
            "app",
            json!({"repository.fluxcd.io/app": "whole.ref", "filter.fluxcd.io/app": "semver:~1"}),
            "app=r.example/all:1.0",
            json!({"whole": {"ref": "r.example/all:new"}}),
        ),
        (
            "app",
            json!({"registry.fluxcd.io/app": "controller.registry", "repository.fluxcd.io/app": "controller.name"}),
            "app=r.example/web",
            json!({"controller": {"name": "web:new"}}),
        ),
        (
            "app",
            json!({"repository.fluxcd.io/app": "dotted~1key.name", "tag.fluxcd.io/app": "dotted~1key.tag"}),
            "app=r.example/dot",
            json!({"dotted.key": {"tag": "new"}}),
        ),
    ] {
        let seen = seen(&automated(annotations), values.clone());
        assert_eq!(seen, (vec![String::from(image)], Some(over)), "{name}");
    }
    // It goes before what is seen without it.
    let policy = automated(json!({"repository.fluxcd.io/chart-image": "mirror"}));
    let values = json!({"image": "r.example/a:1", "mirror": "r.example/b:1"});
    assert_eq!(seen(&policy, values).0, ["chart-image=r.example/b:1"]);
}

#[test]
fn what_does_not_follow_is_told() {
    for (annotations, values, told) in [
        (
            json!({"fluxcd.io/tag.chart-imag": "semver:~3.0"}),
            json!({"image": "r.example/a:1", "web": {"image": "r.example/b:1"}}),
            "fluxcd.io/tag.chart-imag: there is no such image in the values, which have chart-image, web; what has no filter of its own stays as it is",
        ),
        (
            json!({"filter.fluxcd.io/a": "1.*"}),
            json!({}),
            "filter.fluxcd.io/a: there is no such image in the values, which have none; what has no filter of its own stays as it is",
        ),
        (
            json!({"repository.fluxcd.io/a": "b.c"}),
            json!({"b": {"c": 7}}),
            "a: the values have no text at b.c",
        ),
        (
            json!({}),
            json!({"image": format!("web:1@sha256:{}", "a".repeat(64))}),
            "is pinned by a digest",
        ),
        (
            json!({}),
            json!({"image": {"repository": "web", "digest": "sha256:a"}}),
            "chart-image: web is pinned by a digest and stays as it is",
        ),
        (
            json!({}),
            json!({"image": "{{ .Values.global.registry }}/web:1"}),
            "is no name of an image",
        ),
        (
            json!({}),
            json!({"image": {"registry": "r.example", "repository": "Web"}}),
            "\"r.example/Web\" is no name of an image",
        ),
    ] {
        let found = automated(annotations).images(&fields(values));
        assert_eq!(found.images, [], "{told}");
        assert!(
            found.warnings.concat().contains(told),
            "{:?}",
            found.warnings
        );
    }
    // What has a filter of its own follows it nevertheless.
    let policy = automated(json!({"fluxcd.io/tag.typo": "1.*", "fluxcd.io/tag.web": "1.*"}));
    let found = policy.images(&fields(
        json!({"web": {"image": "a:1"}, "db": {"image": "b:1"}}),
    ));
    assert_eq!(found.images.len(), 1);
    assert_eq!(found.images[0].container, "web");
}

#[test]
fn secrets_of_registries() {
    let top = json!({"image": "a:1", "imagePullSecrets": [{"name": "top"}], "web": {"image": {"repository": "b", "pullSecrets": ["own"]}}, "db": {"image": "c:1"}});
    let of = |policy: &Policy, values: &Value| -> Vec<Option<String>> {
        let found = policy.images(&fields(values.clone()));
        found.images.into_iter().map(|image| image.secret).collect()
    };
    let named = |names: [Option<&str>; 3]| names.map(|name| name.map(str::to_owned));
    let (top_secret, own) = (Some("top"), Some("own"));
    assert_eq!(
        of(&automated(json!({})), &top),
        named([top_secret, top_secret, own])
    );
    let policy = automated(
        json!({"helm.oarlock.dev/image-secret": "all", "helm.oarlock.dev/image-secret.web": ""}),
    );
    assert_eq!(of(&policy, &top), named([Some("all"), Some("all"), None]));
    let global = json!({"image": "a:1", "global": {"imagePullSecrets": ["everywhere"]}});
    assert_eq!(
        of(&automated(json!({})), &global),
        [Some(String::from("everywhere"))]
    );
}

/// One image, `r.example/web`, that is written as 3.0.1 and follows `semver:~3.0`.
struct Web {
    policy: Policy,
    values: Value,
    before: Vec<Entry>,
}

impl Web {
    fn new() -> Self {
        Self {
            policy: automated(json!({"fluxcd.io/tag.chart-image": "semver:~3.0"})),
            values: json!({"image": {"repository": "r.example/web", "tag": "3.0.1"}}),
            before: Vec::new(),
        }
    }

    fn run(&mut self, tags: Result<&[&str], Unread>) -> Settled {
        let mut asked = 0;
        let settled =
            self.policy
                .settle(&fields(self.values.clone()), &self.before, NOW, |image| {
                    asked += 1;
                    assert_eq!(image.source(), "oci://r.example/web");
                    tags.clone()
                        .map(|tags| tags.iter().map(|tag| String::from(*tag)).collect())
                });
        assert!(asked < 2);
        self.before.clone_from(&settled.images);
        settled
    }
}

fn down() -> Unread {
    Unread::Unavailable(String::from("no route"))
}

#[test]
fn the_newest_tag_lies_over_the_values() {
    let mut web = Web::new();
    let settled = web.run(Ok(&["3.0.1", "3.0.7", "3.1.0", "latest"]));
    assert_eq!(
        settled.over,
        Some(fields(json!({"image": {"tag": "3.0.7"}})))
    );
    assert_eq!(
        serde_json::to_value(&settled.images).unwrap(),
        json!([{"container": "chart-image", "image": "r.example/web", "written": "3.0.1", "tag": "3.0.7",
            "policy": "semver:~3.0", "newest": "3.1.0", "since": "2026-01-02T03:04:05Z"}])
    );
    assert_eq!(
        (
            settled.note.is,
            settled.note.reason.as_str(),
            settled.note.message.as_str()
        ),
        (
            Is::True,
            "Current",
            "chart-image: r.example/web:3.0.7 (semver:~3.0, newest release 3.1.0)"
        )
    );
    let [update] = settled.updates.as_slice() else {
        panic!("{settled:?}")
    };
    assert_eq!(
        update.message,
        "chart-image: r.example/web:3.0.1 → :3.0.7 (semver:~3.0)"
    );
    // It is told once.
    let again = web.run(Ok(&["3.0.1", "3.0.7", "3.1.0"]));
    assert_eq!((again.over, again.updates), (settled.over.clone(), vec![]));
    assert_eq!(again.images, settled.images);
    // A tag that was taken back is followed too.
    let back = web.run(Ok(&["3.0.1"]));
    assert_eq!(back.over, None);
    assert_eq!(back.images[0].since, None);
    let forth = web.run(Ok(&["3.0.1", "3.0.7"]));
    assert_eq!(forth.over, settled.over);
    assert_ne!(forth.updates[0].key, back.updates[0].key);
}

#[test]
fn a_registry_that_is_down_takes_nothing_back() {
    let mut web = Web::new();
    let first = web.run(Err(down()));
    assert_eq!((first.over.clone(), first.updates.len()), (None, 0));
    assert_eq!(
        first.note.message,
        "chart-image: r.example/web:3.0.1 stays: no route"
    );
    assert_eq!(
        (first.note.is, first.note.reason.as_str()),
        (Is::False, "RegistryUnavailable")
    );
    let up = web.run(Ok(&["3.0.7"]));
    let later = web.run(Err(down()));
    assert_eq!(later.over, up.over);
    assert_eq!(later.images, up.images);
    assert_eq!(later.updates, []);
    assert_eq!(
        later.note.message,
        "chart-image: r.example/web:3.0.7 stays: no route"
    );
    let refused = web.run(Err(Unread::Refused(String::from("denied"))));
    assert_eq!(
        (refused.over, refused.note.reason.as_str()),
        (up.over, "RegistryRefused")
    );
}

#[test]
fn what_is_written_anew_counts_while_nothing_can_be_chosen() {
    let mut web = Web::new();
    web.run(Ok(&["3.0.7"]));
    web.values = json!({"image": {"repository": "r.example/web", "tag": "3.0.9"}});
    let settled = web.run(Err(down()));
    assert_eq!(settled.over, None);
    assert_eq!(
        settled.updates[0].message,
        "chart-image: r.example/web:3.0.7 → :3.0.9 (semver:~3.0)"
    );
}

#[test]
fn what_matches_no_tag_stays() {
    let mut web = Web::new();
    web.run(Ok(&["3.0.7"]));
    let settled = web.run(Ok(&["4.0.0"]));
    assert_eq!(
        settled.over,
        Some(fields(json!({"image": {"tag": "3.0.7"}})))
    );
    assert_eq!(settled.note.reason, "NoTagMatches");
    assert_eq!(
        settled.note.message,
        "chart-image: r.example/web:3.0.7 stays: none of 1 tags matches semver:~3.0; the newest release is 4.0.0"
    );
    let glob = automated(json!({"fluxcd.io/tag.chart-image": "glob:main-*"}));
    web.policy = glob;
    let settled = web.run(Ok(&["main-a1b", "main-b2c"]));
    assert_eq!(settled.note.reason, "NoOrder");
    assert_eq!(settled.images[0].tag.as_deref(), Some("3.0.7"));
}

#[test]
fn a_lock_holds_and_says_whose_it_is() {
    let mut web = Web::new();
    web.run(Ok(&["3.0.7"]));
    web.policy = automated(json!({
        "fluxcd.io/tag.chart-image": "semver:~3.0",
        "fluxcd.io/locked": "true",
        "fluxcd.io/locked_user": "Ada",
        "fluxcd.io/locked_msg": "until the fair is over",
    }));
    let values = fields(web.values.clone());
    let locked = web.policy.settle(&values, &web.before, NOW, |_| {
        panic!("asked while it is locked")
    });
    assert_eq!(locked.images, web.before);
    assert_eq!(
        locked.over,
        Some(fields(json!({"image": {"tag": "3.0.7"}})))
    );
    assert_eq!(
        locked.note.message,
        "locked by Ada: until the fair is over; all images stay as they are"
    );
}

#[test]
fn one_repository_is_asked_once() {
    let values = json!({"image": "r.example/web:1.0.0", "job": {"image": "r.example/web:1.0.0"}, "db": {"image": "r.example/db:1.0.0"}});
    let mut asked = Vec::new();
    automated(json!({})).settle(&fields(values), &[], NOW, |image| {
        asked.push(image.source());
        Ok(vec![String::from("1.0.0")])
    });
    assert_eq!(asked, ["oci://r.example/web", "oci://r.example/db"]);
}

#[test]
fn nothing_to_follow_is_told_and_the_end_of_it_too() {
    let settled = automated(json!({})).settle(&Map::new(), &[], NOW, |_| panic!("asked"));
    assert_eq!(settled.note.reason, "NoImages");
    assert_eq!(ended(&[]), None);
    assert_eq!(ended(&[Entry::default()]).unwrap().reason, "Over");
}
