//! `ServiceInstance`.

use super::Shape::{Count, Free, Id, Name, Object, OneOf, Text, TextLists};
use super::{Table, field};

const SET_BY_CONTROLLER: &str =
    "written by the retired controller; what was chosen is in `status.choice`";

/// `ServiceInstance`.
pub(in crate::resource) const TABLE: Table = &[
    field(
        "spec.clusterServiceClassExternalName",
        Name,
        "class of the cluster, by the service's name at its broker. Exactly one of the six fields of classes is given; what a name led to is followed by its object from then on, whatever the broker calls it",
    ),
    field(
        "spec.clusterServicePlanExternalName",
        Name,
        "its plan, by the plan's name at the broker. One field of plans at most; none where the class has one plan",
    ),
    field(
        "spec.clusterServiceClassExternalID",
        Name,
        "class of the cluster, by the service's ID",
    ),
    field(
        "spec.clusterServicePlanExternalID",
        Name,
        "its plan, by the plan's ID",
    ),
    field(
        "spec.clusterServiceClassName",
        Name,
        "class of the cluster, by its object",
    ),
    field(
        "spec.clusterServicePlanName",
        Name,
        "its plan, by its object",
    ),
    field(
        "spec.serviceClassExternalName",
        Name,
        "class of the namespace, by the service's name at its broker",
    ),
    field(
        "spec.servicePlanExternalName",
        Name,
        "its plan, by the plan's name at the broker",
    ),
    field(
        "spec.serviceClassExternalID",
        Name,
        "class of the namespace, by the service's ID",
    ),
    field(
        "spec.servicePlanExternalID",
        Name,
        "its plan, by the plan's ID",
    ),
    field(
        "spec.serviceClassName",
        Name,
        "class of the namespace, by its object",
    ),
    field("spec.servicePlanName", Name, "its plan, by its object"),
    field("spec.clusterServiceClassRef", Free, SET_BY_CONTROLLER).idle(),
    field("spec.clusterServicePlanRef", Free, SET_BY_CONTROLLER).idle(),
    field("spec.serviceClassRef", Free, SET_BY_CONTROLLER).idle(),
    field("spec.servicePlanRef", Free, SET_BY_CONTROLLER).idle(),
    field(
        "spec.parameters",
        Free,
        "sent to the broker, over the class' and the plan's `defaultProvisionParameters`. Not for secrets: they stand in the object and in its status",
    ),
    field(
        "spec.parametersFrom[]",
        Object,
        "more of them; a parameter that is given twice is an error",
    ),
    field(
        "spec.parametersFrom[].secretKeyRef",
        Object,
        "an entry of a Secret that is one JSON object; a change of it is an update. Its values stand nowhere else",
    )
    .required(),
    field("spec.parametersFrom[].secretKeyRef.name", Name, "").required(),
    field("spec.parametersFrom[].secretKeyRef.key", Name, "").required(),
    field(
        "spec.externalID",
        Id,
        "what the broker knows it by; derived of cluster, object and attempt where nothing is said. It cannot be changed",
    ),
    field(
        "spec.userInfo",
        Object,
        "on whose behalf the broker is asked (`X-Broker-API-Originating-Identity`). Who writes it has to be it, by the shipped policy",
    ),
    field("spec.userInfo.username", Text, "").required(),
    field("spec.userInfo.uid", Text, ""),
    field("spec.userInfo.groups[]", Text, ""),
    field("spec.userInfo.extra", TextLists, ""),
    field(
        "spec.updateRequests",
        Count,
        "counted up by whoever wants the same to be sent again",
    ),
    field(
        "spec.deletionPolicy",
        OneOf(&["Deprovision", "Abandon"]),
        "ours. `Deprovision` (usual): it goes from the broker when the object is deleted; `Abandon`: it stays there, and the status and an Event say what stayed",
    ),
    field(
        "spec.maintenance",
        OneOf(&["OnRequest", "Automatic"]),
        "ours. A new `maintenance_info` of the plan is sent with the next update (`OnRequest`, usual), or is an update by itself (`Automatic`)",
    ),
];
