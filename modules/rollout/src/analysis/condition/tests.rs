#![expect(clippy::unwrap_used, reason = "tests")]

use oarlock_sdk::json;

use super::Condition;

#[test]
fn conditions_hold_or_not() {
    let result = json!({
        "ok": true, "percent": 0.9, "text": "0.5", "name": "blue", "items": [{"n": 1}, {"n": 2}], "odd-name": 7, "none": null,
    });
    for (condition, wanted) in [
        ("result.ok", true),
        ("!result.ok", false),
        ("result.ok == true", true),
        ("result.percent >= 0.9", true),
        ("result.percent > 0.9", false),
        ("result.percent < 1e0 && result.percent != 1", true),
        ("result.text < 0.6", true),
        ("result.name == 'blue'", true),
        ("result.name == \"bl\\ue\"", true),
        ("result.name == 1", false),
        ("result.name < \"green\"", true),
        ("result.items[1].n == 2", true),
        ("len(result.items) == 2", true),
        ("len(result.name) > 4", false),
        ("result[\"odd-name\"] == 7", true),
        ("result.none == nil", true),
        ("false || (true && !false)", true),
        ("true && false || true", true),
        ("-1 <= result.percent", true),
    ] {
        assert_eq!(
            Condition::parse(condition).unwrap().holds(&result),
            Ok(wanted),
            "{condition}"
        );
    }
}

#[test]
fn what_cannot_be_answered_is_said() {
    let result = json!({"name": "blue", "items": [1]});
    for (condition, message) in [
        (
            "result.nam == 1",
            "the result has no result.nam (what is there is an object)",
        ),
        (
            "result.items[3] == 1",
            "the result has no result.items[3] (what is there is a list)",
        ),
        ("result.name > 1", "a text cannot be compared with a number"),
        (
            "result.items > 1",
            "a list cannot be compared with a number",
        ),
        (
            "result.name",
            "result.name is a text, expected true or false",
        ),
        (
            "len(result.items[0]) == 1",
            "result.items[0] has no length: it is a number",
        ),
    ] {
        assert_eq!(
            Condition::parse(condition).unwrap().holds(&result),
            Err(message.to_owned()),
            "{condition}"
        );
    }
}

#[test]
fn what_is_no_condition_is_located() {
    for (text, message) in [
        (
            "",
            "expected `result`, a number, a text in quotes, true, false or null at character 1",
        ),
        (
            "value > 1",
            "expected `result`, a number, a text in quotes, true, false or null at character 1",
        ),
        (
            "result >",
            "expected `result`, a number, a text in quotes, true, false or null at character 9",
        ),
        ("result > 1x", "expected a number at character 10"),
        ("result > 1 1", "expected &&, || or the end at character 12"),
        (
            "(result > 1",
            "expected a closing parenthesis at character 12",
        ),
        ("result. > 1", "expected a name at character 8"),
        (
            "result[x]",
            "expected an index or a text in quotes at character 9",
        ),
        ("result == 'a", "expected a closing quote at character 13"),
        ("len(x)", "expected `result` at character 6"),
    ] {
        let error = Condition::parse(text).unwrap_err().to_string();
        assert_eq!(error.lines().next().unwrap(), message, "{text}");
    }
    let deep = format!("{}true{}", "(".repeat(5000), ")".repeat(5000));
    assert_eq!(
        Condition::parse(&deep).unwrap_err().to_string(),
        "expected less nesting at character 33\n\
         hint: such as `result >= 0.95` or `result.ok && result.count > 3`"
    );
}
