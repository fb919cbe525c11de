//! What flags do that Helm does not have, or has otherwise. Those of Helm are compared with Helm itself.

use super::chart::Place;

#[tokio::test]
async fn equal_seeds_and_times_give_equal_output() {
    let place = Place::with(&[(
        "templates/a.yaml",
        "a: {{ randAlphaNum 20 }}\nb: {{ uuidv4 }}\nt: {{ now | date \"2006-01-02T15:04:05Z07:00\" }}\n",
    )]);
    let args = ["boat", "--seed", "s", "--now", "2026-01-31T12:00:00Z"];
    let first = place.prints(&args).await;
    assert_eq!(first, place.prints(&args).await);
    assert!(first.contains("t: 2026-01-31T12:00:00Z"), "{first}");
    let other = place
        .prints(&["boat", "--seed", "x", "--now", "2026-01-31T12:00:00Z"])
        .await;
    assert_ne!(first, other);
    // Nobody knows the seed where none is given.
    assert_ne!(place.prints(&["boat"]).await, place.prints(&["boat"]).await);
}

#[tokio::test]
async fn names_are_made_by_templates() {
    let place = Place::with(&[("templates/a.yaml", "name: {{ .Release.Name }}\n")]);
    let printed = place
        .prints(&[
            "boat",
            "--name-template",
            "x-{{ randAlpha 5 | lower }}",
            "--seed",
            "s",
        ])
        .await;
    let name = printed.split("name: x-").nth(1).unwrap().trim();
    assert!(
        name.len() == 5 && name.chars().all(|c| c.is_ascii_lowercase()),
        "{printed}"
    );
    insta::assert_snapshot!(place.fails(&["boat", "--name-template", "{{ boat }}"]).await, @r#"Error: template: name-template:1: function "boat" not defined"#);
    insta::assert_snapshot!(place.fails(&["boat", "--name-template", "{{ fail \"no\" }}"]).await, @"Error: execution error at (name-template:1:3): no");
}

#[tokio::test]
async fn the_namespace_is_that_of_the_context() {
    let place = Place::with(&[("templates/a.yaml", "namespace: {{ .Release.Namespace }}\n")]);
    place.file(
        "config",
        "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts:\n- {name: a, context: {cluster: c, user: u, namespace: team-a}}\n",
    );
    let printed = place.prints(&["boat"]).await;
    assert!(printed.contains("namespace: default"), "{printed}");
    let printed = place.prints(&["boat", "--kubeconfig", "config"]).await;
    assert!(printed.contains("namespace: team-a"), "{printed}");
    let printed = place
        .prints(&["boat", "--kubeconfig", "config", "-n", "b"])
        .await;
    assert!(printed.contains("namespace: b"), "{printed}");
}

#[tokio::test]
async fn help() {
    let place = Place::with(&[]);
    let output = place.template(&["--help"]).await;
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(place.text(&output.stdout));
}
