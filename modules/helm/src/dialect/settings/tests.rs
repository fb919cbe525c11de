#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use oarlock_sdk::Context;
use serde_json::{Value, json};

use super::{Chart, Settings};

fn read(settings: Value) -> Result<Settings, String> {
    serde_json::from_value(settings).map_err(|error| error.to_string())
}

fn chart(chart: Value) -> Result<Chart, String> {
    read(json!({"chart": chart})).map(|settings| settings.chart.unwrap())
}

fn text(text: &str) -> String {
    text.to_owned()
}

#[test]
fn nothing_said_is_the_defaults() {
    let settings = read(json!({})).unwrap();
    assert_eq!(settings, Settings::default());
    assert_eq!(settings.git_ref, "master");
    assert!(settings.update_chart_deps && settings.stable_random);
    assert_eq!(settings.chart, None);
}

#[test]
fn a_chart_is_a_text_or_an_object() {
    for said in [json!("./charts/nginx/"), json!({"local": "charts/nginx"})] {
        assert_eq!(chart(said), Ok(Chart::Local(text("charts/nginx"))));
    }
    let registry = |version: &str| Chart::Oci {
        repository: text("oci://registry.example.com:5000/charts/nginx"),
        version: text(version),
        secret: None,
    };
    assert_eq!(
        chart(json!("oci://registry.example.com:5000/charts/nginx")),
        Ok(registry(""))
    );
    assert_eq!(
        chart(json!("oci://registry.example.com:5000/charts/nginx:1.2.3")),
        Ok(registry("1.2.3"))
    );
    for said in [
        json!({"oci": "oci://registry.example.com:5000/charts/nginx", "version": "1.2.3"}),
        json!({"repository": "oci://registry.example.com:5000/charts", "name": "nginx", "version": "1.2.3"}),
    ] {
        assert_eq!(chart(said), Ok(registry("1.2.3")));
    }
    assert_eq!(
        chart(
            json!({"repository": "https://charts.example.com", "name": "nginx", "secretRef": "open"})
        ),
        Ok(Chart::Repository {
            url: text("https://charts.example.com"),
            name: text("nginx"),
            version: String::new(),
            secret: Some(text("open")),
        })
    );
    assert_eq!(
        chart(
            json!({"git": "git@git.example.com:hub.git", "path": "charts/hub", "skipDepUpdate": true})
        ),
        Ok(Chart::Git {
            url: text("ssh://git@git.example.com/hub.git"),
            reference: String::new(),
            path: text("charts/hub"),
            dependencies: false,
            secret: None,
        })
    );
}

#[test]
fn a_chart_that_is_none_says_what_was_expected() {
    for (said, expected) in [
        (json!(""), "\"\" is no path below the chart folder"),
        (
            json!("../nginx"),
            "\"../nginx\" is no path below the chart folder",
        ),
        (
            json!("/etc/nginx"),
            "\"/etc/nginx\" is no path below the chart folder",
        ),
        (
            json!("https://charts.example.com"),
            "is no chart, expected a folder below the chart folder, or oci://…",
        ),
        (json!("oci://nginx"), "is no chart of a registry"),
        (
            json!({"repository": "https://charts.example.com"}),
            "name is required with repository",
        ),
        (
            json!({"repository": "charts.example.com", "name": "a"}),
            "is no repository",
        ),
        (
            json!({"local": "nginx", "version": "1"}),
            "version goes with repository or oci, not with local",
        ),
        (
            json!({"oci": "oci://a/b", "path": "c"}),
            "path goes with git, not with oci",
        ),
        (
            json!({"local": "nginx", "git": "https://git.example.com/a"}),
            "has several of local",
        ),
        (json!({}), "expected one of local, repository, oci, git"),
        (json!({"folder": "nginx"}), "unknown field `folder`"),
        (json!(5), "expected a folder below the chart folder"),
    ] {
        let said_wrong = chart(said.clone()).unwrap_err();
        assert!(said_wrong.contains(expected), "{said}: {said_wrong}");
    }
}

#[test]
fn flags_of_the_peers_are_known_by_their_names() {
    let settings = read(json!({
        "chartsSyncInterval": "3m",
        "gitPollInterval": "1m",
        "gitDefaultRef": "main",
        "updateChartDeps": false,
    }))
    .unwrap();
    assert_eq!(settings.interval, Some(Duration::from_secs(180)));
    assert_eq!(settings.poll, Some(Duration::from_secs(60)));
    assert_eq!(settings.git_ref, "main");
    assert!(!settings.update_chart_deps);
    assert_eq!(
        read(json!({"interval": "0"})).unwrap_err(),
        "\"0\" is no duration, expected one such as 5m or 1m30s"
    );
    assert!(
        read(json!({"pollInterval": "5m"}))
            .unwrap_err()
            .starts_with("unknown field `pollInterval`")
    );
}

#[test]
fn every_key_is_documented() {
    let page = include_str!("../../../SETTINGS.md");
    let said = read(json!({"?": 1})).unwrap_err();
    let keys = said.split('`').skip(3).step_by(2);
    let missing: Vec<_> = keys
        .filter(|key| !page.contains(&format!("`{key}`")))
        .collect();
    assert_eq!(missing, [""; 0], "SETTINGS.md does not have them");
    assert!(said.contains("`stableRandom`"), "{said}");
    for key in [
        "local",
        "repository",
        "oci",
        "git",
        "skipDepUpdate",
        "secretRef",
    ] {
        assert!(page.contains(&format!("{key}: ")), "{key}");
    }
}

#[test]
fn what_is_wrong_is_named_by_its_place() {
    let said = |settings: Value| {
        let cx = Context::builder().settings(settings).build();
        cx.settings::<Settings>().unwrap_err().to_string()
    };
    assert_eq!(
        said(json!({"charts": {"blue": "unicorn/blue", "pink": "../pink"}})),
        "settings.charts.pink: \"../pink\" is no path below the chart folder, expected one such as nginx or nginx-1.2.3.tgz (in \
         watches.yaml)"
    );
    assert_eq!(
        said(json!({"chart": {"local": "nginx", "version": "1"}})),
        "settings.chart.version: version goes with repository or oci, not with local (in watches.yaml)"
    );
    assert_eq!(
        said(json!({"interval": "often"})),
        "settings.interval: \"often\" is no duration, expected one such as 5m or 1m30s (in watches.yaml)"
    );
    assert_eq!(
        said(json!({"namespaces": "web"})),
        "settings.namespaces: invalid type: string \"web\", expected a sequence (in watches.yaml)"
    );
}
