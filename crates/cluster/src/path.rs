//! Paths of the API: where a kind's objects are.

use oarlock_core::reference::{KindInfo, ObjectRef};
use oarlock_core::request::ApiError;

/// The collection of a kind, in one namespace or in all.
pub(crate) fn collection(info: &KindInfo, namespace: Option<&str>) -> Result<String, ApiError> {
    let gvk = &info.gvk;
    let mut path = if gvk.group.is_empty() {
        format!("/api/{}", gvk.version)
    } else {
        format!("/apis/{}/{}", gvk.group, gvk.version)
    };
    if let (true, Some(namespace)) = (info.namespaced, namespace) {
        path.push_str("/namespaces/");
        push_segment(&mut path, "metadata.namespace", namespace)?;
    }
    path.push('/');
    path.push_str(&info.plural);
    Ok(path)
}

/// Where objects like `target` are created. A namespace on a cluster-scoped kind is left out, as the API server does.
pub(crate) fn home(info: &KindInfo, target: &ObjectRef) -> Result<String, ApiError> {
    if info.namespaced && target.namespace.is_none() {
        return Err(invalid(format!(
            "{target}: metadata.namespace: {} is namespaced, but no namespace is given",
            info.gvk
        )));
    }
    collection(info, target.namespace.as_deref())
}

/// One object.
pub(crate) fn object(info: &KindInfo, target: &ObjectRef) -> Result<String, ApiError> {
    let mut path = home(info, target)?;
    path.push('/');
    push_segment(&mut path, "metadata.name", &target.name)?;
    Ok(path)
}

/// `key=value` with the value percent-encoded.
pub(crate) fn query(path: &mut String, key: &str, value: &str) {
    path.push(if path.contains('?') { '&' } else { '?' });
    path.push_str(key);
    path.push('=');
    encode(path, value);
}

/// Names come from modules: one that would lead out of its path segment is refused here, as the API server's own
/// validation (`path.IsValidPathSegmentName`) would.
fn push_segment(path: &mut String, field: &str, text: &str) -> Result<(), ApiError> {
    if matches!(text, "" | "." | "..") || text.contains(['/', '%']) {
        return Err(invalid(format!(
            "{field}: {text:?} is not a name: it must not be empty, '.' or '..', nor contain '/' or '%'"
        )));
    }
    encode(path, text);
    Ok(())
}

fn encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

fn invalid(message: String) -> ApiError {
    ApiError::new(422, "Invalid", message)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use oarlock_core::reference::Gvk;

    use super::*;

    fn kind(group: &str, kind: &str, plural: &str, namespaced: bool) -> KindInfo {
        KindInfo {
            gvk: Gvk::new(group, "v1", kind),
            plural: plural.to_owned(),
            namespaced,
            status_subresource: false,
        }
    }

    #[test]
    fn paths() {
        let node = kind("", "Node", "nodes", false);
        let role = kind("rbac.authorization.k8s.io", "Role", "roles", true);
        let at = |info: &KindInfo, namespace, name: &str| {
            object(info, &ObjectRef::new(info.gvk.clone(), namespace, name))
        };
        assert_eq!(at(&node, None, "a").unwrap(), "/api/v1/nodes/a");
        assert_eq!(at(&node, Some("n"), "a").unwrap(), "/api/v1/nodes/a");
        assert_eq!(
            at(&role, Some("n"), "system:x y").unwrap(),
            "/apis/rbac.authorization.k8s.io/v1/namespaces/n/roles/system:x%20y"
        );
        assert_eq!(at(&role, None, "a").unwrap_err().code, 422);
        for name in ["../secrets/s", "..", ".", "", "a%2fb", "a/b"] {
            assert_eq!(at(&role, Some("n"), name).unwrap_err().code, 422, "{name}");
            assert_eq!(at(&role, Some(name), "a").unwrap_err().code, 422, "{name}");
        }
        assert_eq!(
            collection(&role, None).unwrap(),
            "/apis/rbac.authorization.k8s.io/v1/roles"
        );
    }

    #[test]
    fn queries() {
        let mut path = "/x".to_owned();
        query(&mut path, "limit", "5");
        query(&mut path, "continue", "a+b=&");
        assert_eq!(path, "/x?limit=5&continue=a%2Bb%3D%26");
    }
}
