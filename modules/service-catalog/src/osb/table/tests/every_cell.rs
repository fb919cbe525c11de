//! One test per cell of the table. What follows is written down here a second time, in words: whoever changes a cell says
//! so twice.

use serde_json::{Value, json};

use super::super::{Call, Class, class, expired, rule, verdict};
use super::{answered, raw, shape};
use crate::osb::{Heard, Operation};

/// What is answered, for a class.
fn sample(call: Call, class: Class) -> Heard {
    let coded = |code: &str| answered(422, &json!({"error": code, "description": "no"}));
    let fine = match call {
        Call::Begin(Operation::Provision | Operation::Update) => {
            json!({"dashboard_url": "https://db.example", "unknown": [1]})
        }
        Call::Begin(Operation::Bind) => json!({"credentials": {"uri": "db://x"}}),
        Call::Begin(_) => json!({}),
        Call::Poll(_) => json!({"state": "succeeded", "description": "yes"}),
    };
    let none = json!({});
    match class {
        Class::Ok => answered(200, &fine),
        Class::OkUnreadable => raw(200, b"{\"state\":"),
        Class::InProgress => answered(200, &json!({"state": "in progress"})),
        Class::Failed => answered(200, &json!({"state": "failed"})),
        Class::Created => answered(201, &fine),
        Class::CreatedUnreadable => raw(201, b"<html></html>"),
        Class::Accepted => answered(202, &json!({"operation": "task-1"})),
        Class::AcceptedUnreadable => answered(202, &json!({"operation": 7})),
        Class::OtherSuccess => raw(204, b""),
        Class::Redirect => answered(302, &none),
        Class::BadRequest => answered(400, &none),
        Class::Denied => answered(401, &none),
        Class::OtherRefusal => answered(409, &Value::Null),
        Class::RequestTimeout => answered(408, &none),
        Class::Gone => answered(410, &none),
        Class::Concurrency => coded("ConcurrencyError"),
        Class::AsyncRequired => coded("AsyncRequired"),
        Class::RequiresApp => coded("RequiresApp"),
        Class::MaintenanceInfoConflict => coded("MaintenanceInfoConflict"),
        Class::TooMany => answered(429, &none),
        Class::Server => answered(503, &none),
        Class::Lost | Class::Expired => Heard::Lost {
            cause: "no answer within 60 s".to_owned(),
        },
        Class::Unsent => Heard::Unsent {
            cause: "connection refused".to_owned(),
        },
    }
}

fn cell(call: Call, at: Class, expected: &str) {
    let heard = sample(call, at);
    if let Heard::Answer(answer) = &heard {
        assert_eq!(class(call, answer), at);
    }
    let found = match (at, call) {
        (Class::Expired, Call::Poll(operation)) => expired(operation, "polled for 3600 s"),
        _ => verdict(call, &heard),
    };
    assert_eq!(shape(&found), expected, "by {:?}", rule(call, at));
}

macro_rules! cells {
    ($($row:ident = $how:ident($operation:ident): $($name:ident $class:ident $expected:literal;)+.)+) => {
        $(mod $row {
            use super::{Call, Class, Operation, cell};

            $(#[test]
            fn $name() {
                cell(Call::$how(Operation::$operation), Class::$class, $expected);
            })+
        })+

        /// How many there are.
        pub(super) const COUNT: usize = [$($(stringify!($name)),+),+].len();
    };
}

// One line is one test: what is answered, and what follows.
cells! {
    provision = Begin(Provision):
        ok Ok "instance";
        ok_unreadable OkUnreadable "failed, then wish";
        created Created "instance";
        created_unreadable CreatedUnreadable "failed, mitigate instance, then wish";
        accepted Accepted "poll";
        accepted_unreadable AcceptedUnreadable "failed, mitigate instance, then wish";
        other_success OtherSuccess "failed, mitigate instance, then wish";
        redirect Redirect "failed, then access";
        bad_request BadRequest "failed, then wish";
        denied Denied "failed, then access";
        other_refusal OtherRefusal "failed, then wish";
        request_timeout RequestTimeout "again, ordinary";
        gone Gone "failed, then wish";
        concurrency Concurrency "again, waiting";
        async_required AsyncRequired "failed, then wish";
        requires_app RequiresApp "failed, then wish";
        maintenance_info_conflict MaintenanceInfoConflict "refetch";
        too_many TooMany "again, ordinary";
        server Server "failed, mitigate instance, then attempt";
        lost Lost "failed, mitigate instance, then attempt";
        unsent Unsent "again, ordinary";
    .
    bind = Begin(Bind):
        ok Ok "binding";
        ok_unreadable OkUnreadable "failed, then wish";
        created Created "binding";
        created_unreadable CreatedUnreadable "failed, mitigate binding, then wish";
        accepted Accepted "poll";
        accepted_unreadable AcceptedUnreadable "failed, mitigate binding, then wish";
        other_success OtherSuccess "failed, mitigate binding, then wish";
        redirect Redirect "failed, then access";
        bad_request BadRequest "failed, then wish";
        denied Denied "failed, then access";
        other_refusal OtherRefusal "failed, then wish";
        request_timeout RequestTimeout "again, ordinary";
        gone Gone "failed, then wish";
        concurrency Concurrency "again, waiting";
        async_required AsyncRequired "failed, then wish";
        requires_app RequiresApp "failed, then wish";
        maintenance_info_conflict MaintenanceInfoConflict "refetch";
        too_many TooMany "again, ordinary";
        server Server "failed, mitigate binding, then attempt";
        lost Lost "failed, mitigate binding, then attempt";
        unsent Unsent "again, ordinary";
    .
    update = Begin(Update):
        ok Ok "instance";
        ok_unreadable OkUnreadable "failed, then wish";
        created Created "failed, then wish";
        created_unreadable CreatedUnreadable "failed, then wish";
        accepted Accepted "poll";
        accepted_unreadable AcceptedUnreadable "failed, then wish";
        other_success OtherSuccess "failed, then wish";
        redirect Redirect "failed, then access";
        bad_request BadRequest "failed, then wish";
        denied Denied "failed, then access";
        other_refusal OtherRefusal "failed, then wish";
        request_timeout RequestTimeout "again, ordinary";
        gone Gone "failed, then wish";
        concurrency Concurrency "again, waiting";
        async_required AsyncRequired "failed, then wish";
        requires_app RequiresApp "failed, then wish";
        maintenance_info_conflict MaintenanceInfoConflict "refetch";
        too_many TooMany "again, ordinary";
        server Server "failed, then attempt";
        lost Lost "again, ordinary";
        unsent Unsent "again, ordinary";
    .
    deprovision = Begin(Deprovision):
        ok Ok "gone";
        ok_unreadable OkUnreadable "again, slow";
        created Created "again, ordinary";
        created_unreadable CreatedUnreadable "again, slow";
        accepted Accepted "poll";
        accepted_unreadable AcceptedUnreadable "again, slow";
        other_success OtherSuccess "again, ordinary";
        redirect Redirect "again, slow";
        bad_request BadRequest "again, slow";
        denied Denied "again, slow";
        other_refusal OtherRefusal "again, slow";
        request_timeout RequestTimeout "again, ordinary";
        gone Gone "gone";
        concurrency Concurrency "again, waiting";
        async_required AsyncRequired "again, slow";
        requires_app RequiresApp "again, slow";
        maintenance_info_conflict MaintenanceInfoConflict "again, slow";
        too_many TooMany "again, ordinary";
        server Server "again, ordinary";
        lost Lost "again, ordinary";
        unsent Unsent "again, ordinary";
    .
    unbind = Begin(Unbind):
        ok Ok "gone";
        ok_unreadable OkUnreadable "again, slow";
        created Created "again, ordinary";
        created_unreadable CreatedUnreadable "again, slow";
        accepted Accepted "poll";
        accepted_unreadable AcceptedUnreadable "again, slow";
        other_success OtherSuccess "again, ordinary";
        redirect Redirect "again, slow";
        bad_request BadRequest "again, slow";
        denied Denied "again, slow";
        other_refusal OtherRefusal "again, slow";
        request_timeout RequestTimeout "again, ordinary";
        gone Gone "gone";
        concurrency Concurrency "again, waiting";
        async_required AsyncRequired "again, slow";
        requires_app RequiresApp "again, slow";
        maintenance_info_conflict MaintenanceInfoConflict "again, slow";
        too_many TooMany "again, ordinary";
        server Server "again, ordinary";
        lost Lost "again, ordinary";
        unsent Unsent "again, ordinary";
    .
    poll_provision = Poll(Provision):
        ok Ok "later";
        ok_unreadable OkUnreadable "keep polling";
        in_progress InProgress "keep polling";
        failed Failed "failed, mitigate instance, then wish";
        created Created "keep polling";
        created_unreadable CreatedUnreadable "keep polling";
        accepted Accepted "keep polling";
        accepted_unreadable AcceptedUnreadable "keep polling";
        other_success OtherSuccess "keep polling";
        redirect Redirect "keep polling";
        bad_request BadRequest "keep polling";
        denied Denied "keep polling";
        other_refusal OtherRefusal "keep polling";
        request_timeout RequestTimeout "keep polling";
        gone Gone "keep polling";
        concurrency Concurrency "keep polling";
        async_required AsyncRequired "keep polling";
        requires_app RequiresApp "keep polling";
        maintenance_info_conflict MaintenanceInfoConflict "keep polling";
        too_many TooMany "keep polling";
        server Server "keep polling";
        lost Lost "keep polling";
        unsent Unsent "keep polling";
        expired Expired "failed, mitigate instance, then wish";
    .
    poll_bind = Poll(Bind):
        ok Ok "later";
        ok_unreadable OkUnreadable "keep polling";
        in_progress InProgress "keep polling";
        failed Failed "failed, mitigate binding, then wish";
        created Created "keep polling";
        created_unreadable CreatedUnreadable "keep polling";
        accepted Accepted "keep polling";
        accepted_unreadable AcceptedUnreadable "keep polling";
        other_success OtherSuccess "keep polling";
        redirect Redirect "keep polling";
        bad_request BadRequest "keep polling";
        denied Denied "keep polling";
        other_refusal OtherRefusal "keep polling";
        request_timeout RequestTimeout "keep polling";
        gone Gone "keep polling";
        concurrency Concurrency "keep polling";
        async_required AsyncRequired "keep polling";
        requires_app RequiresApp "keep polling";
        maintenance_info_conflict MaintenanceInfoConflict "keep polling";
        too_many TooMany "keep polling";
        server Server "keep polling";
        lost Lost "keep polling";
        unsent Unsent "keep polling";
        expired Expired "failed, mitigate binding, then wish";
    .
    poll_update = Poll(Update):
        ok Ok "later";
        ok_unreadable OkUnreadable "keep polling";
        in_progress InProgress "keep polling";
        failed Failed "failed, then attempt";
        created Created "keep polling";
        created_unreadable CreatedUnreadable "keep polling";
        accepted Accepted "keep polling";
        accepted_unreadable AcceptedUnreadable "keep polling";
        other_success OtherSuccess "keep polling";
        redirect Redirect "keep polling";
        bad_request BadRequest "keep polling";
        denied Denied "keep polling";
        other_refusal OtherRefusal "keep polling";
        request_timeout RequestTimeout "keep polling";
        gone Gone "keep polling";
        concurrency Concurrency "keep polling";
        async_required AsyncRequired "keep polling";
        requires_app RequiresApp "keep polling";
        maintenance_info_conflict MaintenanceInfoConflict "keep polling";
        too_many TooMany "keep polling";
        server Server "keep polling";
        lost Lost "keep polling";
        unsent Unsent "keep polling";
        expired Expired "failed, then wish";
    .
    poll_deprovision = Poll(Deprovision):
        ok Ok "gone";
        ok_unreadable OkUnreadable "keep polling";
        in_progress InProgress "keep polling";
        failed Failed "failed, mitigate instance, then attempt";
        created Created "keep polling";
        created_unreadable CreatedUnreadable "keep polling";
        accepted Accepted "keep polling";
        accepted_unreadable AcceptedUnreadable "keep polling";
        other_success OtherSuccess "keep polling";
        redirect Redirect "keep polling";
        bad_request BadRequest "keep polling";
        denied Denied "keep polling";
        other_refusal OtherRefusal "keep polling";
        request_timeout RequestTimeout "keep polling";
        gone Gone "gone";
        concurrency Concurrency "keep polling";
        async_required AsyncRequired "keep polling";
        requires_app RequiresApp "keep polling";
        maintenance_info_conflict MaintenanceInfoConflict "keep polling";
        too_many TooMany "keep polling";
        server Server "keep polling";
        lost Lost "keep polling";
        unsent Unsent "keep polling";
        expired Expired "again, slow";
    .
    poll_unbind = Poll(Unbind):
        ok Ok "gone";
        ok_unreadable OkUnreadable "keep polling";
        in_progress InProgress "keep polling";
        failed Failed "failed, mitigate binding, then attempt";
        created Created "keep polling";
        created_unreadable CreatedUnreadable "keep polling";
        accepted Accepted "keep polling";
        accepted_unreadable AcceptedUnreadable "keep polling";
        other_success OtherSuccess "keep polling";
        redirect Redirect "keep polling";
        bad_request BadRequest "keep polling";
        denied Denied "keep polling";
        other_refusal OtherRefusal "keep polling";
        request_timeout RequestTimeout "keep polling";
        gone Gone "gone";
        concurrency Concurrency "keep polling";
        async_required AsyncRequired "keep polling";
        requires_app RequiresApp "keep polling";
        maintenance_info_conflict MaintenanceInfoConflict "keep polling";
        too_many TooMany "keep polling";
        server Server "keep polling";
        lost Lost "keep polling";
        unsent Unsent "keep polling";
        expired Expired "again, slow";
    .
}
