//! JSON that is none, or of the wrong shape: where, its settings say.

use contract::types::{Event, FieldError, Notice, Propagation, Removal};
use contract::{
    Children, Condition, ConditionStatus, Expect, Failure, OnLeave, Owner, Write, child, nothing,
    secret,
};

const GOOD: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}"#;

contract::module!("invalid-json", |request| {
    let mut outcome = nothing();
    let place = request
        .settings
        .trim_matches(|c| !char::is_alphabetic(c))
        .to_owned();
    let mut last = child(GOOD);
    let mut condition = Condition {
        kind: "Ready".to_owned(),
        status: ConditionStatus::Yes,
        reason: "Fine".to_owned(),
        message: String::new(),
    };
    let mut event = Event {
        key: "fine".to_owned(),
        warning: false,
        reason: "Fine".to_owned(),
        message: String::new(),
        about: None,
    };
    match place.as_str() {
        "syntax" => last.object = "{".to_owned(),
        "shape" => last.object = "[]".to_owned(),
        "name" => {
            last.object = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{}}"#.to_owned()
        }
        "status" => outcome.status = Some("[]".to_owned()),
        "restore" => last.on_leave = OnLeave::Restore("null".to_owned()),
        "ignore" => last.ignore = vec!["spec.replicas".to_owned()],
        "manager" => last.manager = Some(String::new()),
        "uid" => last.expect = Expect::Uid(String::new()),
        "share" => {
            last.write = Write::Share;
            last.owner = Owner::Owned;
        }
        "removal" => {
            outcome.removals = vec![Removal {
                target: secret(""),
                uid: None,
                propagation: Propagation::Background,
            }];
        }
        "condition" => condition.reason = "not camel case".to_owned(),
        "event" => {
            event.about = Some(secret(""));
        }
        "notice" => {
            outcome.notify = vec![Notice {
                key: String::new(),
                url: String::new(),
                headers: Vec::new(),
                body: String::new(),
            }];
        }
        "fields" => return Err(Failure::Invalid(Vec::<FieldError>::new())),
        _ => {}
    }
    outcome.children = Children::Exactly(vec![child(GOOD), last]);
    outcome.conditions = vec![condition];
    outcome.events = vec![event];
    Ok(outcome)
});
