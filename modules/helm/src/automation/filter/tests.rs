#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn tags(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// The tag that is chosen of these, or why none is.
fn chosen(filter: &str, all: &str) -> String {
    match Filter::parse(filter).unwrap().choose(&tags(all), None) {
        Ok(choice) => choice.tag,
        Err(Undecided::NoMatch { .. }) => String::from("none"),
        Err(Undecided::NoOrder { one, other }) => format!("{one} or {other}"),
    }
}

#[test]
fn ranges_as_masterminds_reads_them() {
    let all = "0.9.0 1.0.0 1.2.0 1.2.3 1.2.4-rc.1 v1.3.0 1.4 2.0.0-alpha 2.0.0 2.1 3.0.0 3.0.9 3.0.10 3.1.0-rc.1 3.1.0 4.0.0-beta.2 latest 3.0 v3 20200101-1 sha256-ab.sig";
    for (range, wanted) in [
        ("~3.0", "3.0.10"),
        ("~3.0.0", "3.0.10"),
        ("~3", "3.1.0"),
        ("~1.2.3", "1.2.3"),
        ("~1.2.3-0", "1.2.4-rc.1"),
        ("^1", "1.4"),
        ("^1.2", "1.4"),
        ("^0.9", "0.9.0"),
        ("1.x", "1.4"),
        ("1.2.x", "1.2.3"),
        ("1.2", "1.2.3"),
        (">=1 <2", "1.4"),
        (">=1, <2", "1.4"),
        (">=1.0 <2 || 3.0.x", "3.0.10"),
        ("1.2 - 2.0", "2.0.0"),
        ("1.2.3", "1.2.3"),
        ("=1.2.0", "1.2.0"),
        ("!=4.0.0 <20", "3.1.0"),
        ("<4.0.0", "3.1.0"),
        ("~4", "none"),
        ("~4-0", "4.0.0-beta.2"),
        (">=4.0.0-0 <5", "4.0.0-beta.2"),
        ("^1.x-0", "1.4"),
        ("~1.3", "v1.3.0"),
        ("^9", "none"),
    ] {
        assert_eq!(chosen(&format!("semver:{range}"), all), wanted, "{range}");
    }
}

#[test]
fn of_one_version_the_tag_that_runs_stays() {
    let filter = Filter::parse("semver:~3.0").unwrap();
    let all = tags("3.0 v3.0.0 3.0.0 2.9.9");
    for (running, wanted) in [
        (None, "v3.0.0"),
        (Some("3.0"), "3.0"),
        (Some("3.0.0"), "3.0.0"),
        (Some("2.9.9"), "v3.0.0"),
    ] {
        assert_eq!(filter.choose(&all, running).unwrap().tag, wanted);
    }
}

#[test]
fn patterns() {
    for (pattern, all, wanted) in [
        ("glob:1.2.*", "1.2.9 1.2.10 1.3.0 1.2", "1.2.10"),
        ("1.2.*", "1.2.9 1.2.10 1.3.0", "1.2.10"),
        ("glob:*", "3.0.9 3.0.10 latest stable", "3.0.10"),
        ("glob:latest", "3.0.9 latest", "latest"),
        (
            "glob:master-*",
            "master-9 master-10 1.0 dev-99",
            "master-10",
        ),
        (
            "glob:*-alpine",
            "3.9-alpine 3.12-alpine 3.13 alpine",
            "3.12-alpine",
        ),
        (
            "glob:build-*-amd64",
            "build-7-amd64 build-12-amd64 build-13-arm64",
            "build-12-amd64",
        ),
        ("glob:r*", "r9 r10 x11", "r10"),
        ("glob:20*", "20200131 20191231", "20200131"),
        ("glob:*a*a*", "a1a aa2a 1a b", "a1a or aa2a"),
        ("glob:2.*", "1.0", "none"),
        // Nobody can know.
        (
            "glob:main-*",
            "main-1a2b3c main-4d5e6f",
            "main-1a2b3c or main-4d5e6f",
        ),
        (
            "glob:main-*",
            "main-a1b2 main-77 main-b2",
            "main-a1b2 or main-77",
        ),
        (
            "glob:dev-*",
            "dev-1a-20200101 dev-2b-20190101",
            "dev-1a-20200101 or dev-2b-20190101",
        ),
        ("glob:1*", "1-3 1-3-slim 1-3-fat", "1-3-slim"),
        ("glob:x-*", "x-3 x-3-slim", "x-3 or x-3-slim"),
        (
            "regex:^main-[0-9a-f]+-([0-9]+)$",
            "main-1a-20200101 main-2b-20190101 main-9",
            "main-1a-20200101",
        ),
        ("regexp:^v?1\\.", "v1.2 1.10 21.0 2.0", "1.10"),
        (
            "regex:^(?P<variant>slim|full)-\\d+$",
            "slim-9 slim-10",
            "slim-10",
        ),
        (
            "regex:^(slim|full)-\\d+$",
            "slim-9 full-10",
            "slim-9 or full-10",
        ),
    ] {
        assert_eq!(chosen(pattern, all), wanted, "{pattern} of {all}");
    }
}

/// Commits, dates and moving tags are no releases.
#[test]
fn without_a_filter_releases_alone_count() {
    for (all, wanted) in [
        (
            "1.2.3 v1.10.0 2.0.0-rc.1 latest 20200101 7654321 3 4.0",
            Some("v1.10.0"),
        ),
        ("latest main-12 20200101", None),
        ("", None),
    ] {
        let choice = Filter::Releases.choose(&tags(all), None).ok();
        assert_eq!(choice.as_ref().map(|choice| choice.tag.as_str()), wanted);
    }
}

#[test]
fn what_a_filter_leaves_out_is_told() {
    let all = tags("3.0.7 3.0.8 4.1.0 5.0.0-rc.1 20200101");
    let choice = Filter::parse("semver:~3.0").unwrap().choose(&all, None);
    let newest = Some(String::from("4.1.0"));
    let tag = String::from("3.0.8");
    assert_eq!(choice, Ok(Choice { tag, newest }));
    let none = Filter::parse("semver:~6.0").unwrap().choose(&all, None);
    assert_eq!(
        none.unwrap_err().to_string(),
        "none of 5 tags matches semver:~6.0; the newest release is 4.1.0",
    );
}

/// A filter that is wrong matches nothing: it is no filter at all.
#[test]
fn what_is_no_filter_is_refused() {
    for (text, told) in [
        ("", "is empty, expected semver:RANGE"),
        (
            "semver:",
            "\"\" is no range of versions: improper constraint",
        ),
        (
            "semver:~three",
            "\"~three\" is no range of versions: improper constraint",
        ),
        ("semver:>=1.0 <", "is no range of versions"),
        ("semver:1.2.3.4", "is no range of versions"),
        ("regex:", "has no expression"),
        ("regex:(", "is no regular expression"),
        ("regexp:[z-a]", "is no regular expression"),
        ("glob:", "has no pattern"),
        ("~3.0", "that no tag matches, since none has '~'"),
        ("glob:1.?", "since none has '?'"),
        ("sem:1.x", "since none has ':'"),
        ("numerical:asc", "since none has ':'"),
        ("latest stable", "since none has ' '"),
    ] {
        let wrong = Filter::parse(text).unwrap_err();
        assert!(wrong.contains(told), "{text}: {wrong}");
    }
    assert!(Filter::parse(&"a".repeat(LONGEST + 1)).is_err());
}

#[test]
fn filters_are_written_as_they_are_read() {
    for text in [
        "semver:~3.0",
        "glob:1.*",
        "regex:^1\\.",
        "semver:>=1 <2 || 3.x",
    ] {
        assert_eq!(Filter::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(Filter::parse("1.*").unwrap().to_string(), "glob:1.*");
    assert_eq!(Filter::Releases.to_string(), "releases");
}

/// Whatever order tags come in, one is chosen.
#[test]
fn the_order_of_a_registry_does_not_count() {
    let all = ["3.0.2", "3.0.10", "3.0.9", "v3.0.10", "3.0", "latest"];
    for filter in ["semver:~3.0", "glob:*"] {
        for shift in 0..all.len() {
            let mut turned = all;
            turned.rotate_left(shift);
            assert_eq!(chosen(filter, &turned.join(" ")), "v3.0.10", "{turned:?}");
        }
    }
}
