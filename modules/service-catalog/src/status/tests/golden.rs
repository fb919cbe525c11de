//! One status per state.

use super::{
    Facts, Is, Leaving, MaintenanceInfo, NOON, Named, PlanReference, Seen, Stage, Stand, State,
    Value, Verb, binding, fits, holding, inputs, instance, json, operation, polling, told, turn,
    user, wished, written,
};

fn reference() -> PlanReference {
    PlanReference {
        cluster_service_class_external_name: Some("db".to_owned()),
        ..PlanReference::default()
    }
}

fn info(version: &str) -> MaintenanceInfo {
    MaintenanceInfo {
        version: version.to_owned(),
        description: None,
    }
}

const SMALL: Named<'_> = Named {
    plan_name: "small",
    plan_id: "plan-small",
    maintenance: None,
};

#[test]
fn nothing_was_asked_yet() {
    let turn = turn(State::default(), (Is::False, "NotYetAsked"));
    let status = instance(
        &Value::Null,
        &turn,
        &Seen {
            generation: 1,
            ..Seen::default()
        },
    );
    fits("serviceinstances", &status);
    assert_eq!(
        told(&status),
        json!({
            "lastConditionState": "NotYetAsked",
            "observedGeneration": 1,
            "reconciledGeneration": 0,
            "asyncOpInProgress": false,
            "orphanMitigationInProgress": false,
            "provisionStatus": "NotProvisioned",
            "deprovisionStatus": "NotRequired",
        })
    );
}

#[test]
fn an_instance_is_provisioned_and_polled_and_there() {
    let (wished, user, reference) = (wished(), user(), reference());
    let inputs = inputs("plan-small", &wished);
    let newer = info("1.1.0");
    let seen = Seen {
        generation: 1,
        now: NOON + 500,
        class: Some(Named {
            maintenance: Some(&newer),
            ..SMALL
        }),
        wanted: Some(&reference),
        parameters: Some(&wished),
        user: Some(&user),
        ..Seen::default()
    };
    // The intent, before the first call.
    let mut state = State {
        holdings: vec![holding(Stand::Asked, inputs.clone())],
        operation: Some(operation(Verb::Create, Stage::Asking, None)),
        attempts: 1,
        operations: 1,
        ..State::default()
    };
    let properties = json!({
        "clusterServicePlanExternalName": "small",
        "clusterServicePlanExternalID": "plan-small",
        "parameters": {"password": "<redacted>", "size": 3},
        "parameterChecksum": inputs.parameters,
        "userInfo": {"username": "ann", "uid": "7", "groups": ["devs"], "extra": {}},
    });
    let first = turn(state.clone(), (Is::False, "ProvisionRequestInFlight"));
    let status = instance(&Value::Null, &first, &seen);
    fits("serviceinstances", &status);
    assert_eq!(
        told(&status),
        json!({
            "lastConditionState": "ProvisionRequestInFlight",
            "observedGeneration": 1,
            "reconciledGeneration": 0,
            "currentOperation": "Provision",
            "operationStartTime": "2026-01-31T12:00:00Z",
            "asyncOpInProgress": false,
            "orphanMitigationInProgress": false,
            "externalID": "id-1",
            "userSpecifiedClassName": "ClusterServiceClass/db",
            "userSpecifiedPlanName": "small",
            "provisionStatus": "NotProvisioned",
            "deprovisionStatus": "Required",
            "inProgressProperties": properties,
        })
    );
    assert!(
        !Value::Object(status.clone())
            .to_string()
            .contains("hunter2")
    );
    // The broker works at it. What was asked for is not seen any more, and stays what it was.
    let mut polled = operation(Verb::Create, polling(), None);
    polled.tries = 2;
    polled.not_before = Some(NOON + 4_000);
    state.operation = Some(polled);
    let blind = Seen {
        generation: 2,
        now: NOON + 500,
        ..Seen::default()
    };
    let before = written(&status);
    let second = turn(state.clone(), (Is::False, "Provisioning"));
    let status = instance(&before, &second, &blind);
    fits("serviceinstances", &status);
    assert_eq!(
        told(&status),
        json!({
            "lastConditionState": "Provisioning",
            "observedGeneration": 2,
            "reconciledGeneration": 0,
            "currentOperation": "Provision",
            "operationStartTime": "2026-01-31T12:00:00Z",
            "asyncOpInProgress": true,
            "lastOperation": "op-7",
            "nextPollAt": "2026-01-31T12:00:04Z",
            "attempts": 2,
            "orphanMitigationInProgress": false,
            "externalID": "id-1",
            "userSpecifiedClassName": "ClusterServiceClass/db",
            "userSpecifiedPlanName": "small",
            "provisionStatus": "NotProvisioned",
            "deprovisionStatus": "Required",
            "inProgressProperties": properties,
        })
    );
    // It is there.
    state.operation = None;
    state.holdings[0].stand = Stand::Held;
    state.holdings[0].facts = Facts {
        dashboard: Some("https://db.example.com".to_owned()),
        ..Facts::default()
    };
    let before = written(&status);
    let third = turn(state, (Is::True, "ProvisionedSuccessfully"));
    let status = instance(
        &before,
        &third,
        &Seen {
            generation: 2,
            ..seen
        },
    );
    fits("serviceinstances", &status);
    assert_eq!(
        told(&status),
        json!({
            "lastConditionState": "Ready",
            "observedGeneration": 2,
            "reconciledGeneration": 2,
            "asyncOpInProgress": false,
            "orphanMitigationInProgress": false,
            "externalID": "id-1",
            "userSpecifiedClassName": "ClusterServiceClass/db",
            "userSpecifiedPlanName": "small",
            "provisionStatus": "Provisioned",
            "deprovisionStatus": "Required",
            "externalProperties": properties,
            "dashboardURL": "https://db.example.com",
            "instanceUsable": true,
            "maintenanceInfo": {"version": "1.0.0", "available": "1.1.0"},
        })
    );
}

#[test]
fn an_update_shows_what_is_and_what_will_be() {
    let wished = wished();
    let (old, new) = (inputs("plan-small", &wished), inputs("plan-large", &wished));
    let had = json!({
        "lifecycle": {},
        "externalProperties": {
            "clusterServicePlanExternalName": "small",
            "clusterServicePlanExternalID": "plan-small",
            "parameterChecksum": old.parameters,
        },
    });
    let large = Named {
        plan_name: "large",
        plan_id: "plan-large",
        maintenance: None,
    };
    let seen = Seen {
        generation: 3,
        class: Some(large),
        ..Seen::default()
    };
    let mut state = State {
        holdings: vec![holding(Stand::Unsure, old)],
        operation: Some(operation(Verb::Update, Stage::Asking, Some(new.clone()))),
        ..State::default()
    };
    let status = instance(
        &had,
        &turn(state.clone(), (Is::False, "UpdatingInstance")),
        &seen,
    );
    fits("serviceinstances", &status);
    assert_eq!(status["currentOperation"], "Update");
    assert_eq!(status["provisionStatus"], "Provisioned");
    assert_eq!(status["externalProperties"], had["externalProperties"]);
    let planned = status["inProgressProperties"].clone();
    assert_eq!(planned["clusterServicePlanExternalName"], "large");
    // It was applied: what was planned is what is there.
    let before = written(&status);
    state.operation = None;
    state.holdings[0].stand = Stand::Held;
    state.holdings[0].inputs = new;
    let status = instance(
        &before,
        &turn(state, (Is::True, "Updated")),
        &Seen::default(),
    );
    assert_eq!(status["externalProperties"], planned);
    assert_eq!(status["inProgressProperties"], Value::Null);
}

#[test]
fn an_orphan_is_removed_and_asked_for_again() {
    let wished = wished();
    let why = Leaving::Orphaned;
    let state = State {
        holdings: vec![holding(
            Stand::Leaving { why },
            inputs("plan-small", &wished),
        )],
        operation: Some(operation(Verb::Delete, Stage::Asking, None)),
        failures: 1,
        ..State::default()
    };
    let mut asked = turn(state, (Is::False, "ProvisionCallFailed"));
    asked.conditions[2].note.is = Is::True;
    let status = instance(&Value::Null, &asked, &Seen::default());
    fits("serviceinstances", &status);
    assert_eq!(
        told(&status),
        json!({
            "lastConditionState": "OrphanMitigation",
            "observedGeneration": 0,
            "reconciledGeneration": 0,
            "currentOperation": "Deprovision",
            "operationStartTime": "2026-01-31T12:00:00Z",
            "asyncOpInProgress": false,
            "orphanMitigationInProgress": true,
            "externalID": "id-1",
            "provisionStatus": "NotProvisioned",
            "deprovisionStatus": "Required",
        })
    );
    // It is gone, and the next one has to wait.
    let state = State {
        failures: 1,
        retry_at: Some(NOON + 10_000),
        ..State::default()
    };
    let at = Seen {
        now: NOON,
        ..Seen::default()
    };
    let status = instance(
        &Value::Null,
        &turn(state, (Is::False, "ProvisionCallFailed")),
        &at,
    );
    assert_eq!(status["nextPollAt"], "2026-01-31T12:00:10Z");
    assert_eq!(status["attempts"], 1);
    assert_eq!(status["deprovisionStatus"], "NotRequired");
}

#[test]
fn what_was_given_up_is_brought_to_its_end() {
    let mut failed = turn(State::default(), (Is::False, "ProvisionCallFailed"));
    failed.conditions[1].note.is = Is::True;
    let status = instance(
        &Value::Null,
        &failed,
        &Seen {
            generation: 4,
            ..Seen::default()
        },
    );
    assert_eq!(status["lastConditionState"], "Failed");
    assert_eq!(status["reconciledGeneration"], 4);
}

#[test]
fn a_deletion_tells_how_far_it_came() {
    let wished = wished();
    let why = Leaving::Deleted;
    let at = Seen {
        deleting: true,
        ..Seen::default()
    };
    let leaving = State {
        holdings: vec![holding(
            Stand::Leaving { why },
            inputs("plan-small", &wished),
        )],
        operation: Some(operation(Verb::Delete, polling(), None)),
        attempts: 1,
        ..State::default()
    };
    let gone = State {
        attempts: 1,
        ..State::default()
    };
    let left = State {
        abandoned: vec!["id-1 at acme".to_owned()],
        ..gone.clone()
    };
    for (state, word) in [
        (State::default(), "NotRequired"),
        (leaving, "Required"),
        (gone, "Succeeded"),
        (left, "Failed"),
    ] {
        let turn = turn(state, (Is::False, "Deprovisioning"));
        let of_instance = instance(&Value::Null, &turn, &at);
        let of_binding = binding(&Value::Null, &turn, &at);
        fits("serviceinstances", &of_instance);
        fits("servicebindings", &of_binding);
        assert_eq!(of_instance["deprovisionStatus"], word);
        assert_eq!(of_binding["unbindStatus"], word);
    }
}

#[test]
fn an_instance_that_the_broker_gave_up_says_so() {
    let wished = wished();
    let mut held = holding(Stand::Held, inputs("plan-small", &wished));
    held.facts.unusable = true;
    let state = State {
        holdings: vec![held],
        ..State::default()
    };
    let status = instance(
        &Value::Null,
        &turn(state, (Is::False, "InstanceUnusable")),
        &Seen::default(),
    );
    assert_eq!(status["instanceUsable"], false);
}

#[test]
fn a_class_of_the_namespace_has_fields_of_its_own() {
    let wished = wished();
    let mut of_namespace = inputs("plan-small", &wished);
    of_namespace.place.broker = "ServiceBroker/shop/acme".to_owned();
    let state = State {
        holdings: vec![holding(Stand::Held, of_namespace)],
        ..State::default()
    };
    let reference = PlanReference {
        service_class_name: Some("db-class".to_owned()),
        service_plan_external_id: Some("plan-small".to_owned()),
        ..PlanReference::default()
    };
    let seen = Seen {
        class: Some(SMALL),
        wanted: Some(&reference),
        ..Seen::default()
    };
    let status = instance(&Value::Null, &turn(state, (Is::True, "Ready")), &seen);
    fits("serviceinstances", &status);
    assert_eq!(status["userSpecifiedClassName"], "ServiceClass/db-class");
    assert_eq!(status["userSpecifiedPlanName"], "plan-small");
    assert_eq!(
        status["externalProperties"]["servicePlanExternalName"],
        "small"
    );
    assert_eq!(
        status["externalProperties"]["servicePlanExternalID"],
        "plan-small"
    );
}

#[test]
fn a_binding_names_its_secret_while_it_has_credentials() {
    let wished = wished();
    let mut held = holding(Stand::Held, inputs("plan-small", &wished));
    held.facts.expires_at = Some(NOON);
    held.facts.renew_before = Some(NOON - 60_000);
    let state = State {
        holdings: vec![held],
        ..State::default()
    };
    let seen = Seen {
        generation: 1,
        secret: Some("db-credentials"),
        parameters: Some(&wished),
        ..Seen::default()
    };
    let turn = turn(state, (Is::True, "InjectedBindResult"));
    let status = binding(&Value::Null, &turn, &seen);
    fits("servicebindings", &status);
    assert_eq!(
        told(&status),
        json!({
            "lastConditionState": "Ready",
            "binding": {"name": "db-credentials"},
            "observedGeneration": 1,
            "reconciledGeneration": 1,
            "asyncOpInProgress": false,
            "orphanMitigationInProgress": false,
            "externalID": "id-1",
            "unbindStatus": "Required",
            "externalProperties": {
                "parameters": {"password": "<redacted>", "size": 3},
                "parameterChecksum": wished.checksum().unwrap(),
            },
            "expiresAt": "2026-01-31T12:00:00Z",
            "renewBefore": "2026-01-31T11:59:00Z",
        })
    );
    let without = binding(
        &Value::Null,
        &turn,
        &Seen {
            secret: None,
            ..seen
        },
    );
    assert_eq!(without["binding"], Value::Null);
}

#[test]
fn credentials_that_are_read_again_are_no_new_wish() {
    let wished = wished();
    let mut state = State {
        holdings: vec![holding(Stand::Held, inputs("plan-small", &wished))],
        operation: Some(operation(Verb::Fetch, Stage::Fetching, None)),
        ..State::default()
    };
    let status = binding(
        &Value::Null,
        &turn(state.clone(), (Is::False, "Binding")),
        &Seen::default(),
    );
    fits("servicebindings", &status);
    assert_eq!(status["currentOperation"], "Bind");
    assert_eq!(status["inProgressProperties"], Value::Null);
    assert!(status["externalProperties"].is_object());
    state.operation = Some(operation(Verb::Delete, Stage::Asking, None));
    let status = binding(
        &Value::Null,
        &turn(state, (Is::False, "Unbinding")),
        &Seen::default(),
    );
    assert_eq!(status["currentOperation"], "Unbind");
}
