use oarlock_sdk::json;

use super::*;

fn veiled(secret: &str, told: &Value) -> String {
    let body = told.to_string().into_bytes();
    let heard = Heard::Answer(Answer {
        status: 400,
        headers: Vec::new(),
        body,
    });
    let veil = Veil::new([secret.to_owned()]);
    match veil.heard(&heard) {
        Heard::Answer(answer) => String::from_utf8(answer.body).unwrap_or_default(),
        Heard::Lost { .. } | Heard::Unsent { .. } => String::new(),
    }
}

#[test]
fn a_secret_is_found_in_every_form() {
    let key = "-----BEGIN KEY-----\n\"quoted\" planted-middle\nend";
    for form in [key.to_owned(), written(key), STANDARD.encode(key)] {
        let told = veiled(
            key,
            &json!({"description": format!("no: {form}!"), "n": [{"m": form}]}),
        );
        assert_eq!(
            told,
            r#"{"description":"no: <redacted>!","n":[{"m":"<redacted>"}]}"#
        );
    }
    let told = veiled(
        key,
        &json!({"description": "line -----BEGIN KEY----- alone"}),
    );
    assert_eq!(told, r#"{"description":"line <redacted> alone"}"#);
}

#[test]
fn a_long_answer_is_cut_off_afterwards() {
    let secret = "planted-word-of-some-length";
    let told = json!({"description": format!("{}{secret}", "x".repeat(1_010))});
    let heard = Heard::Answer(Answer {
        status: 400,
        headers: Vec::new(),
        body: told.to_string().into_bytes(),
    });
    let veiled = Veil::new([secret.to_owned()]).heard(&heard);
    let Heard::Answer(answer) = veiled else {
        panic!("an answer is one");
    };
    assert!(!answer.fault().description.contains("planted"));
}

#[test]
fn short_texts_and_what_is_no_json_are_left() {
    assert_eq!(
        veiled("abc", &json!({"description": "abc"})),
        r#"{"description":"abc"}"#
    );
    let veil = Veil::new(["planted".to_owned()]);
    let lost = veil.heard(&Heard::Lost {
        cause: "at planted".to_owned(),
    });
    assert_eq!(
        lost,
        Heard::Lost {
            cause: "at <redacted>".to_owned()
        }
    );
}

#[test]
fn what_is_muted_says_nothing_of_its_own() {
    let said = |status, body: &Value| {
        let heard = Heard::Answer(Answer {
            status,
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
        });
        let Heard::Answer(answer) = muted(&heard) else {
            panic!("an answer is one");
        };
        answer.fault().to_string()
    };
    let told = said(
        500,
        &json!({"error": "planted", "description": "planted", "more": {"a": "planted"}}),
    );
    assert!(
        told.starts_with("the broker answered 500: what it says is not shown"),
        "{told}"
    );
    let told = said(422, &json!({"error": "ConcurrencyError"}));
    assert_eq!(told, "the broker answered 422 ConcurrencyError");
    assert_eq!(said(502, &json!("planted")), "the broker answered 502");
}
