use std::cell::RefCell;
use std::rc::Rc;

use oarlock_sdk::http::Response;
use oarlock_sdk::json;

use super::*;
use crate::osb::request::{self, Caller};
use crate::osb::{Operation, id};

fn access() -> Access {
    Access {
        url: "https://a.example/osb".to_owned(),
        auth: None,
        ca_bundle: Some("PEM".to_owned()),
        insecure: true,
        deleting: false,
    }
}

fn catalog() -> Request {
    let request = id::request("cluster", "uid", Operation::Provision, 1);
    let caller = Caller {
        identity: None,
        request,
    };
    request::catalog(&caller, &crate::osb::catalog::Marker::default())
}

#[test]
fn a_request_has_all_that_the_broker_wants() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let sent = Rc::clone(&seen);
    let cx = Context::builder()
        .http(move |request: &http::Request| {
            sent.borrow_mut().push(request.clone());
            Ok(Response::json(200, &json!({})))
        })
        .build();
    let heard = ask(&cx, &access(), &catalog(), Some("key"));
    assert!(matches!(
        heard,
        Ok(Heard::Answer(Answer { status: 200, .. }))
    ));
    let request = seen.borrow_mut().remove(0);
    assert_eq!(request.url, "https://a.example/osb/v2/catalog");
    assert_eq!(request.method, "GET");
    assert_eq!(request.timeout, Some(TIMEOUT));
    assert_eq!(request.ca_bundle.as_deref(), Some("PEM"));
    assert!(request.insecure_skip_tls_verify);
    assert_eq!(request.effect.as_deref(), Some("key"));
    let version = ("X-Broker-API-Version".to_owned(), "2.17".to_owned());
    assert!(request.headers.contains(&version));
}

#[test]
fn what_was_not_sent_is_told_from_what_was_lost() {
    let came = |error: HttpError| {
        let cx = Context::builder()
            .http(move |_: &http::Request| Err(error.clone()))
            .build();
        ask(&cx, &access(), &catalog(), None)
    };
    let text = || "no".to_owned();
    for error in [HttpError::Connect(text()), HttpError::Tls(text())] {
        assert!(matches!(came(error), Ok(Heard::Unsent { .. })));
    }
    for error in [
        HttpError::TimedOut,
        HttpError::TooLarge(1),
        HttpError::Other(text()),
    ] {
        assert!(matches!(came(error), Ok(Heard::Lost { .. })));
    }
    let reason = |text: &str| {
        came(HttpError::Denied(text.to_owned()))
            .err()
            .map(|of| of.reason)
    };
    assert_eq!(
        reason("no grant for https://a.example"),
        Some("BrokerNotGranted")
    );
    assert_eq!(
        reason("v1 Secret shop/main: not found"),
        Some("ErrorGettingAuthCredentials")
    );
}
