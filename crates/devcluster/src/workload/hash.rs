//! Short stable names for pod templates: `pod-template-hash` and its kin.

use k8s_openapi::api::core::v1::PodTemplateSpec;

/// Letters and digits that spell no words: vowels and look-alikes are left out (apimachinery `rand.SafeEncodeString`).
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// The hash of a template; `collisions` makes another one of the same template.
///
/// FNV-1a over the template's canonical JSON. The real controller hashes a dump of its own in-memory form, so values differ
/// from a real cluster's while form and stability are the same.
pub(crate) fn template_hash(template: &PodTemplateSpec, collisions: Option<i32>) -> String {
    // Typed objects serialise with fields in a fixed order and maps sorted, so the text is canonical.
    let text = serde_json::to_vec(template).unwrap_or_default();
    let mut hash = fnv1a(0x811c_9dc5, &text);
    if let Some(collisions) = collisions {
        hash = fnv1a(hash, &collisions.to_le_bytes());
    }
    hash.to_string()
        .bytes()
        .map(|digit| char::from(ALPHABET[usize::from(digit) % ALPHABET.len()]))
        .collect()
}

fn fnv1a(seed: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(seed, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    use super::*;

    fn template(label: &str) -> PodTemplateSpec {
        PodTemplateSpec {
            metadata: Some(ObjectMeta {
                labels: Some(BTreeMap::from([(String::from("app"), String::from(label))])),
                ..ObjectMeta::default()
            }),
            spec: None,
        }
    }

    #[test]
    fn is_stable_and_tells_templates_apart() {
        let hash = template_hash(&template("a"), None);
        assert_eq!(hash, template_hash(&template("a"), None));
        assert_ne!(hash, template_hash(&template("b"), None));
        assert_ne!(hash, template_hash(&template("a"), Some(1)));
        assert!(hash.bytes().all(|c| ALPHABET.contains(&c)));
    }
}
