#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::object;

/// A field of bytes.
fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
    field.extend_from_slice(content);
    field
}

/// A field with a small number.
fn number(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}

fn enveloped(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let meta = [bytes(1, api_version.as_bytes()), bytes(2, kind.as_bytes())].concat();
    [b"k8s\0".to_vec(), bytes(1, &meta), bytes(2, raw)].concat()
}

#[test]
fn a_config_map() {
    let label = [bytes(1, b"app"), bytes(2, b"web")].concat();
    // Name, an empty generateName as Go writes it, an empty creationTimestamp, labels.
    let metadata = [
        bytes(1, b"a"),
        bytes(2, b""),
        bytes(8, b""),
        bytes(11, &label),
    ]
    .concat();
    let data = [bytes(1, b"key"), bytes(2, b"value")].concat();
    let binary = [bytes(1, b"raw"), bytes(2, b"me")].concat();
    let raw = [bytes(1, &metadata), bytes(2, &data), bytes(3, &binary)].concat();
    assert_eq!(
        object(&enveloped("v1", "ConfigMap", &raw)).unwrap(),
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "labels": {"app": "web"}},
            "data": {"key": "value"}, "binaryData": {"raw": "bWU="},
        })
    );
}

#[test]
fn zeroes_that_were_given_stay() {
    // spec.replicas is a pointer in Go: 0 is not absent.
    let spec = number(1, 0);
    let raw = bytes(2, &spec);
    assert_eq!(
        object(&enveloped("apps/v1", "Deployment", &raw)).unwrap()["spec"],
        json!({"replicas": 0})
    );
    let options = number(1, 0);
    let read = object(&enveloped("apps/v1", "DeleteOptions", &options)).unwrap();
    assert_eq!(read["gracePeriodSeconds"], 0);
}

#[test]
fn embedded_types_and_types_with_their_own_json() {
    // A Service port 80 towards the port named "http".
    let target = [number(1, 1), number(2, 0), bytes(3, b"http")].concat();
    let port = [
        bytes(1, b""),
        bytes(2, b"TCP"),
        number(3, 80),
        bytes(4, &target),
        number(5, 0),
    ]
    .concat();
    let raw = bytes(2, &bytes(1, &port));
    assert_eq!(
        object(&enveloped("v1", "Service", &raw)).unwrap()["spec"]["ports"],
        json!([{"protocol": "TCP", "port": 80, "targetPort": "http"}])
    );
}

#[test]
fn types_embedded_in_go_have_no_name_in_json() {
    // A rule for a host: IngressRuleValue is embedded and holds the paths.
    let path = bytes(1, b"/");
    let http = bytes(1, &path);
    let rule = [bytes(1, b"a.example"), bytes(2, &bytes(1, &http))].concat();
    let raw = bytes(2, &bytes(3, &rule));
    let ingress = object(&enveloped("networking.k8s.io/v1", "Ingress", &raw)).unwrap();
    let read = &ingress["spec"]["rules"][0];
    assert_eq!(read["host"], "a.example");
    assert_eq!(read["http"]["paths"][0]["path"], "/");
}

#[test]
fn what_cannot_be_read_is_said() {
    for (body, message) in [
        (
            b"{}".to_vec(),
            "decoding protobuf: the body does not start with the protobuf prefix of Kubernetes",
        ),
        (
            b"k8s\0\x0a\x09v".to_vec(),
            "decoding protobuf: the body ends within a field",
        ),
        (
            enveloped("example.com/v1", "Thing", b""),
            "decoding protobuf: no type example.v1.Thing is known in protobuf; hint: send JSON",
        ),
    ] {
        assert_eq!(object(&body).unwrap_err().message, message);
    }
}
