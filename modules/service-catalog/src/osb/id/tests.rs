//! Identifiers: known vectors, and that nothing else is the same.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use super::{BindingId, InstanceId, LONGEST, ROOT, Unusable, Uuid, request, space};
use crate::osb::Operation;

/// RFC 9562, appendix A.4.
#[test]
fn version_five_is_as_in_the_rfc() {
    let dns = Uuid([
        0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30,
        0xc8,
    ]);
    let id = Uuid::v5(dns, b"www.example.com");
    assert_eq!(id.to_string(), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

/// What was sent once must be found again by every later version: these never change.
#[test]
fn derived_identifiers_stay() {
    assert_eq!(ROOT.to_string(), "5bfa89ba-14ff-5b4f-be86-19e18fe71a40");
    for (id, expected) in [
        (
            InstanceId::derive("c", "u", 0).to_string(),
            "5b184a10-dc55-5237-ad19-6d95b12702aa",
        ),
        (
            InstanceId::derive("c", "u", 1).to_string(),
            "25d59fe1-4867-5062-bf56-1bb205c03e77",
        ),
        (
            BindingId::derive("c", "u", 0).to_string(),
            "c185afb3-09ea-544d-a1f1-934d345590a9",
        ),
        (
            space("c", "prod").to_string(),
            "2e57913e-21b6-54c9-89ee-a32bad319851",
        ),
        (
            request("c", "u", Operation::Provision, 7).to_string(),
            "db425767-fe32-5060-a900-fc2376f2304c",
        ),
    ] {
        assert_eq!(id, expected);
    }
}

#[test]
fn clusters_objects_attempts_and_kinds_have_others() {
    let mut seen = BTreeSet::new();
    for cluster in ["a", "b"] {
        for uid in ["u", "v", "u1", "u11"] {
            for attempt in [0, 1, 11, u32::MAX] {
                assert!(seen.insert(InstanceId::derive(cluster, uid, attempt).to_string()));
                assert!(seen.insert(BindingId::derive(cluster, uid, attempt).to_string()));
            }
            for operation in Operation::ALL {
                for serial in [0, 1] {
                    assert!(seen.insert(request(cluster, uid, operation, serial).to_string()));
                }
            }
        }
    }
}

#[test]
fn chosen_identifiers_are_taken_where_they_can_be_sent() {
    assert_eq!(
        InstanceId::chosen("orders/db").unwrap().as_str(),
        "orders/db"
    );
    assert_eq!(BindingId::chosen("").unwrap_err(), Unusable::Empty);
    assert_eq!(
        InstanceId::chosen(&"x".repeat(LONGEST + 1)).unwrap_err(),
        Unusable::Long { length: 256 }
    );
    for text in [".", "..", "a\nb"] {
        let refused = BindingId::chosen(text).unwrap_err();
        assert!(
            refused.to_string().ends_with("hint: use a UUID"),
            "{refused}"
        );
    }
}

#[test]
fn they_are_strings_in_a_status() {
    let id = InstanceId::derive("c", "u", 0);
    let json = serde_json::to_string(&id).unwrap();
    assert_eq!(json, "\"5b184a10-dc55-5237-ad19-6d95b12702aa\"");
    assert_eq!(serde_json::from_str::<InstanceId>(&json).unwrap(), id);
    serde_json::from_str::<BindingId>("\"..\"").unwrap_err();
}
