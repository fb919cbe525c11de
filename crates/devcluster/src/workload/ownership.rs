//! Who controls what: owner references, selectors, adoption and release.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    LabelSelector, LabelSelectorRequirement, ObjectMeta, OwnerReference,
};

/// What a controller has to do about an object in its namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It is the controller's.
    Owned,
    /// It matches, nobody controls it: the controller becomes its owner.
    Adopt,
    /// The controller owns it though it no longer matches.
    Release,
    /// None of the controller's business.
    Foreign,
}

/// The object's name, empty before it has one.
pub(crate) fn name(meta: &ObjectMeta) -> &str {
    meta.name.as_deref().unwrap_or_default()
}

/// The object's namespace, empty when it is cluster-scoped.
pub(crate) fn namespace(meta: &ObjectMeta) -> &str {
    meta.namespace.as_deref().unwrap_or_default()
}

/// The object's uid, empty before it has one.
pub(crate) fn uid(meta: &ObjectMeta) -> &str {
    meta.uid.as_deref().unwrap_or_default()
}

/// The one reference with `controller: true`.
pub(crate) fn controller_of(meta: &ObjectMeta) -> Option<&OwnerReference> {
    meta.owner_references
        .iter()
        .flatten()
        .find(|reference| reference.controller == Some(true))
}

/// A reference that makes `owner` the controller.
pub(crate) fn controller_reference(
    api_version: &str,
    kind: &str,
    owner: &ObjectMeta,
) -> OwnerReference {
    OwnerReference {
        api_version: String::from(api_version),
        kind: String::from(kind),
        name: String::from(name(owner)),
        uid: String::from(uid(owner)),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// Whether `owner`, which selects by `selector`, has to do with `object`.
pub(crate) fn claim(owner: &ObjectMeta, selector: &LabelSelector, object: &ObjectMeta) -> Claim {
    let selected = matches(selector, object.labels.as_ref());
    match controller_of(object) {
        Some(reference) if reference.uid != uid(owner) => Claim::Foreign,
        Some(_) if selected => Claim::Owned,
        // An owner on its way out lets go of nothing and adopts nothing.
        Some(_) if owner.deletion_timestamp.is_some() => Claim::Foreign,
        Some(_) => Claim::Release,
        None if selected
            && owner.deletion_timestamp.is_none()
            && object.deletion_timestamp.is_none() =>
        {
            Claim::Adopt
        }
        None => Claim::Foreign,
    }
}

/// Adds `reference` to what owns the object.
pub(crate) fn adopt(object: &mut ObjectMeta, reference: OwnerReference) {
    object
        .owner_references
        .get_or_insert_default()
        .push(reference);
}

/// Takes the owner with this uid from the object.
pub(crate) fn release(object: &mut ObjectMeta, owner_uid: &str) {
    let mut references = object.owner_references.take().unwrap_or_default();
    references.retain(|reference| reference.uid != owner_uid);
    object.owner_references = (!references.is_empty()).then_some(references);
}

/// Whether the selector selects these labels. An empty selector selects nothing: controllers treat it as unset.
pub(crate) fn matches(selector: &LabelSelector, labels: Option<&BTreeMap<String, String>>) -> bool {
    let value = |key: &str| labels.and_then(|labels| labels.get(key));
    let pairs = selector.match_labels.iter().flatten();
    let requirements = selector.match_expressions.iter().flatten();
    if pairs.clone().next().is_none() && requirements.clone().next().is_none() {
        return false;
    }
    pairs
        .into_iter()
        .all(|(key, wanted)| value(key) == Some(wanted))
        && requirements
            .into_iter()
            .all(|requirement| meets(requirement, value(&requirement.key)))
}

fn meets(requirement: &LabelSelectorRequirement, value: Option<&String>) -> bool {
    let listed = |value: &String| requirement.values.iter().flatten().any(|v| v == value);
    match requirement.operator.as_str() {
        "In" => value.is_some_and(listed),
        "NotIn" => !value.is_some_and(listed),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        // Validation admits no other operator; selecting nothing is the harmless reading.
        _ => false,
    }
}
