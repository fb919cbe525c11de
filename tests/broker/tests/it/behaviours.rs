//! What a test can make of every operation.

use oarlock_broker::{Asked, Behaviour, Broker, Catalog, Op, Reply, Stand, Wait};
use serde_json::json;

use crate::asking::{
    answer, ask, bind, deprovision, fetch, operation, poll, provision, said, state, status, unbind,
    update,
};

/// A broker where the next request of every kind can be carried out, and that request.
fn stage(op: Op) -> (Broker, Asked) {
    let broker = Broker::new(Catalog::demo());
    let made = |with_binding: bool| {
        assert_eq!(status(&broker, &provision("i")), 201);
        if with_binding {
            assert_eq!(status(&broker, &bind("i", "b")), 201);
        }
    };
    let asked = match op {
        Op::Catalog => ask("GET", "/v2/catalog"),
        Op::Provision => provision("i"),
        Op::Update => {
            made(false);
            update("i", json!({"parameters": {"size": 2}}))
        }
        Op::Deprovision => {
            made(false);
            deprovision("i")
        }
        Op::Bind => {
            made(false);
            bind("i", "b")
        }
        Op::Unbind => {
            made(true);
            unbind("i", "b")
        }
        Op::LastOperation => {
            broker.next(Op::Provision, Behaviour::Async { polls: 0 });
            let token = operation(&broker, &provision("i"));
            poll("i", Some(&token))
        }
        Op::Fetch => {
            made(false);
            fetch("i")
        }
    };
    (broker, asked)
}

/// What is there, without what only counts.
fn there(broker: &Broker) -> String {
    let mut all = broker.instances();
    all.extend(broker.bindings());
    let shown = all
        .iter()
        .map(|one| format!("{} {:?} {}", one.id, one.stand, one.parameters));
    shown.collect::<Vec<_>>().join(", ")
}

#[test]
fn every_one_of_the_thirteen_on_every_operation() {
    for op in Op::ALL {
        for behaviour in Behaviour::THIRTEEN {
            let (broker, asked) = stage(op);
            let before = there(&broker);
            broker.next(op, behaviour.clone());
            let told = broker.answer(&asked).reply;
            let place = format!("{op:?} {behaviour:?}: {told:?}");
            let expected = match behaviour {
                Behaviour::Timeout => None,
                Behaviour::ServerError => Some(500),
                Behaviour::BadRequest => Some(400),
                Behaviour::NotFound => Some(404),
                Behaviour::Gone => Some(410),
                Behaviour::CreatedInvalidJson => Some(201),
                Behaviour::InvalidSuccessCode => Some(204),
                Behaviour::OkInvalidJson => Some(200),
                Behaviour::FailAsync | Behaviour::NeverFinishAsync if op.changes() => Some(202),
                Behaviour::FailAsync | Behaviour::NeverFinishAsync => Some(200),
                _ => Some(422),
            };
            match (told, expected) {
                (Reply::Silence, None) => {}
                (Reply::Answer(answer), Some(status)) => {
                    assert_eq!(answer.status, status, "{place}");
                }
                _ => panic!("{place}"),
            }
            let is_success = expected.is_some_and(|status| status < 300);
            let fails_a_poll = op == Op::LastOperation && behaviour == Behaviour::FailAsync;
            let changes = is_success && op.changes() || fails_a_poll;
            assert_eq!(there(&broker) != before, changes, "{place}");
            // The next one is as it should be, or at least an answer.
            assert!(
                matches!(broker.answer(&asked).reply, Reply::Answer(_)),
                "{place}"
            );
        }
    }
}

#[test]
fn what_fails_later_leaves_the_half_of_it() {
    let broker = Broker::new(Catalog::demo());
    broker.next(Op::Provision, Behaviour::FailAsync);
    let made = operation(&broker, &provision("i"));
    assert_eq!(state(&broker, &poll("i", Some(&made))), "failed");
    assert_eq!(broker.instances()[0].stand, Stand::Failed);
    broker.next(Op::Deprovision, Behaviour::FailAsync);
    let removed = operation(&broker, &deprovision("i"));
    assert_eq!(state(&broker, &poll("i", Some(&removed))), "failed");
    assert_eq!(status(&broker, &deprovision("i")), 200);
    assert_eq!(broker.violations(), []);

    assert_eq!(status(&broker, &provision("i")), 201);
    broker.next(
        Op::Update,
        Behaviour::Fails {
            polls: 0,
            instance_usable: Some(false),
            update_repeatable: Some(true),
        },
    );
    let changed = operation(&broker, &update("i", json!({"parameters": {"size": 2}})));
    let (_, told) = said(&broker, &poll("i", Some(&changed)));
    assert_eq!(
        (&told["instance_usable"], &told["update_repeatable"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(broker.instances()[0].parameters, json!({"size": 1}));
}

#[test]
fn answers_that_are_lost_leave_it_done_or_not() {
    let after = [
        Behaviour::CrashAfterAccept,
        Behaviour::AnswerLost,
        Behaviour::HalfAnswer,
        Behaviour::GarbageChunks,
        Behaviour::ServerError.done(),
        Behaviour::Timeout.done(),
        Behaviour::CreatedInvalidJson.done(),
        Behaviour::HugeBody(1 << 20),
    ];
    for behaviour in after {
        let (broker, asked) = stage(Op::Provision);
        broker.next(Op::Provision, behaviour.clone());
        let _lost = broker.answer(&asked);
        assert_eq!(broker.instances().len(), 1, "{behaviour:?}");
        assert_eq!(broker.instances()[0].puts, 1, "{behaviour:?}");
        assert_eq!(status(&broker, &asked), 200);
    }
    for behaviour in [Behaviour::CrashBeforeAccept, Behaviour::Timeout] {
        let (broker, asked) = stage(Op::Provision);
        broker.next(Op::Provision, behaviour);
        let _lost = broker.answer(&asked);
        assert_eq!(broker.instances(), []);
    }
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let (broker, asked) = stage(Op::Provision);
    broker.next(Op::Provision, Behaviour::status(429).retry_after(7));
    broker.next(
        Op::Provision,
        Behaviour::ConcurrencyError.retry_at(1_795_000_000),
    );
    broker.next(Op::Provision, Behaviour::Async { polls: 0 }.retry_after(3));
    let mut told = Vec::new();
    for _ in 0..3 {
        let answer = answer(&broker, &asked);
        let header = answer
            .headers
            .iter()
            .find(|(name, _)| name == "retry-after");
        told.push(format!("{} {}", answer.status, header.unwrap().1));
    }
    assert_eq!(
        told,
        ["429 7", "422 Wed, 18 Nov 2026 11:06:40 GMT", "202 3"]
    );
}

#[test]
fn others() {
    let (broker, asked) = stage(Op::Provision);
    broker.next(
        Op::Provision,
        Behaviour::Redirect("http://elsewhere.example/".to_owned()),
    );
    broker.next(Op::Provision, Behaviour::code("AsyncRequired"));
    broker.next(
        Op::Provision,
        Behaviour::Says {
            status: 206,
            body: "{}".to_owned(),
        },
    );
    broker.next(Op::Provision, Behaviour::Nameless { polls: 0 });
    let redirect = answer(&broker, &asked);
    assert_eq!(redirect.status, 302);
    assert!(
        redirect
            .headers
            .iter()
            .any(|(name, value)| name == "location" && value == "http://elsewhere.example/")
    );
    assert_eq!(said(&broker, &asked).1["error"], "AsyncRequired");
    assert_eq!(status(&broker, &asked), 206);
    assert_eq!(broker.instances(), []);
    let (status, body) = said(&broker, &asked);
    assert_eq!((status, body.get("operation")), (202, None));
    assert_eq!(state(&broker, &poll("i", None)), "succeeded");
    assert_eq!(broker.unused(), 0);
    assert_eq!(broker.violations(), []);
}

#[test]
fn credentials_are_what_the_test_wants() {
    let (broker, asked) = stage(Op::Bind);
    let wanted = json!({"a/b": "planted-1", "nested": {"n": [1, "planted-2"]}});
    broker.next(Op::Bind, Behaviour::Credentials(wanted.clone()));
    assert_eq!(said(&broker, &asked).1["credentials"], wanted);
    assert_eq!(broker.credentials_of("b"), Some(wanted));
    assert_eq!(broker.secrets(), ["planted-1", "planted-2"]);
}

#[test]
fn a_huge_body_is_as_large_as_it_is_said() {
    let (broker, asked) = stage(Op::Provision);
    broker.next(Op::Provision, Behaviour::HugeBody(3 << 20));
    let answer = answer(&broker, &asked);
    assert_eq!(answer.body.len(), 3 << 20);
    assert!(serde_json::from_slice::<serde_json::Value>(&answer.body).is_ok());
}

#[tokio::test(start_paused = true)]
async fn late_answers_take_virtual_time_or_the_word_of_the_test() {
    let (broker, asked) = stage(Op::Provision);
    let hour = std::time::Duration::from_secs(3600);
    broker.next(Op::Provision, Behaviour::Well.slow(hour));
    assert_eq!(broker.answer(&asked).wait, Wait::For(hour));

    broker.next(Op::Provision, Behaviour::Well.slow(hour).held());
    let (other, again) = (broker.clone(), asked.clone());
    let waiting = tokio::spawn(async move { other.serve(&again).await });
    broker.until(|broker| broker.held() == 1).await;
    assert!(!waiting.is_finished());
    broker.release();
    assert!(matches!(waiting.await.unwrap(), Reply::Answer(answer) if answer.status == 200));
    assert_eq!(broker.held(), 0);
}

#[test]
fn always_holds_until_all_is_well() {
    let (broker, asked) = stage(Op::Provision);
    broker.always(Op::Provision, Behaviour::ServerError);
    broker.times(Op::Provision, 2, Behaviour::status(429));
    let told: Vec<u16> = (0..4).map(|_| status(&broker, &asked)).collect();
    assert_eq!(told, [429, 429, 500, 500]);
    broker.well();
    assert_eq!(status(&broker, &asked), 201);
}
