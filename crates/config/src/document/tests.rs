#![expect(clippy::unwrap_used, reason = "tests")]

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Document, DurationText, Form, KeyPath, Problem, suggest};

/// A meal.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Meal {
    /// When.
    #[schemars(required)]
    at: Option<DurationText>,
    /// Its courses.
    courses: Option<Vec<Course>>,
}

/// A course.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Course {
    /// What it is.
    #[schemars(required)]
    dish: Option<String>,
}

fn form() -> Form {
    Form::of::<Meal>("a meal", |key| (key == "at").then_some("at: 12h"))
}

fn told(text: &str) -> String {
    let form = form();
    let (document, _) = Document::read::<Meal>("meal.yaml", text, &form);
    let lines: Vec<String> = document.finish().iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn keys_and_types_are_reported_with_their_places() {
    insta::assert_snapshot!(told("courses:\n  - dsih: soup\n  - dish: 3\n"), @r#"
    meal.yaml:1:1: error: missing key at
       1 | courses:
         | ^
      hint: write it, such as at: 12h
    meal.yaml:2:5: error: courses[0]: missing key dish
       2 |   - dsih: soup
         |     ^
    meal.yaml:2:5: error: courses[0].dsih: unknown key; expected one of: dish
       2 |   - dsih: soup
         |     ^^^^
      hint: did you mean "dish"?
    meal.yaml:3:11: error: courses[1].dish: 3 is a number; expected text
       3 |   - dish: 3
         |           ^
      hint: put it in quotes, so that YAML reads it as text
    "#);
}

#[test]
fn what_is_no_mapping_is_told_what_it_should_be() {
    insta::assert_snapshot!(told("- a\n"), @r"
    meal.yaml:1:1: error: the file is a list; expected a meal with some of the keys at, courses
       1 | - a
         | ^
    ");
    insta::assert_snapshot!(told(""), @"meal.yaml:1:1: error: the file is empty; expected a meal with some of the keys at, courses");
    insta::assert_snapshot!(told("at: ["), @r"
    meal.yaml:1:5: error: not valid YAML: unclosed bracket '['
       1 | at: [
         |     ^
    ");
}

#[test]
fn a_part_of_a_text_has_a_place_of_its_own() {
    for (text, column) in [
        ("courses: [{dish: a bad soup}]", 20),
        ("courses: [{dish: 'a bad soup'}]", 21),
        ("courses: [{dish: \"a b\\x61d soup\"}]", 18),
    ] {
        let form = form();
        let (mut document, meal) = Document::read::<Meal>("meal.yaml", text, &form);
        assert_eq!(
            meal.unwrap().courses.unwrap()[0].dish.as_deref(),
            Some("a bad soup")
        );
        let path = KeyPath::entry().key("courses").index(0).key("dish");
        assert!(!document.is_faulty(&path.parent()));
        document.error_within(&path, 2..5, Problem::new("not that"));
        assert!(document.is_faulty(&path) && document.is_faulty(&path.parent()));
        assert!(!document.is_faulty(&KeyPath::entry().key("course")));
        let found = document.finish();
        let found = found.iter().find(|d| d.message == "not that").unwrap();
        assert_eq!((found.line, found.column), (1, column), "{text}");
    }
}

#[test]
fn durations_say_what_they_should_be() {
    let form = form();
    let (mut document, meal) = Document::read::<Meal>("meal.yaml", "at: '5'\n", &form);
    let at = meal.unwrap().at.unwrap().duration();
    assert_eq!(document.ok(&KeyPath::entry().key("at"), at), None);
    assert_eq!(document.line(&KeyPath::entry().key("at")), 1);
    let told = document.finish();
    insta::assert_snapshot!(told[0], @r#"
    meal.yaml:1:5: error: at: "5" has no unit; expected a duration such as 30s, 10m or 1h30m
       1 | at: '5'
         |     ^^^
      hint: write 5s for seconds; the units are ns, us, ms, s, m, h
    "#);
    assert_eq!(suggest("reday", ["ready", "total"]), Some("ready"));
}
