//! The one node of the embedded cluster.

use oarlock_core::timestamp::Timestamp;
use serde_json::{Value, json};

/// The node's name.
pub(crate) const NAME: &str = "node-0";
/// The node's address in a range set aside for documentation.
pub(crate) const ADDRESS: &str = "192.0.2.10";

/// The Node object as its kubelet registers it.
pub(crate) fn registration() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": NAME,
            "labels": {
                "beta.kubernetes.io/arch": "amd64",
                "beta.kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": NAME,
                "kubernetes.io/os": "linux",
            },
        },
        "spec": { "podCIDR": "10.128.0.0/9", "podCIDRs": ["10.128.0.0/9"] },
    })
}

/// The status of a node in good health.
pub(crate) fn status(now: Timestamp) -> Value {
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": now.rfc3339(),
            "lastTransitionTime": now.rfc3339(),
        })
    };
    let resources = json!({
        "cpu": "16", "memory": "64Gi", "ephemeral-storage": "200Gi", "pods": "100000",
    });
    json!({
        "addresses": [
            { "type": "InternalIP", "address": ADDRESS },
            { "type": "Hostname", "address": NAME },
        ],
        "capacity": resources,
        "allocatable": resources,
        "conditions": [
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory",
                "kubelet has sufficient memory available"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure",
                "kubelet has no disk pressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID",
                "kubelet has sufficient PID available"),
            condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        ],
        "nodeInfo": {
            "architecture": "amd64",
            "bootID": "",
            "containerRuntimeVersion": "simulated://1",
            "kernelVersion": "simulated",
            "kubeProxyVersion": "",
            "kubeletVersion": "v1.34.0",
            "machineID": "",
            "operatingSystem": "linux",
            "osImage": "simulated",
            "systemUUID": "",
        },
    })
}

/// The address of the `index`th pod, in 10.128.0.0/9.
pub(crate) fn pod_address(index: u32) -> String {
    // The network's own address is no pod's.
    let [_, b, c, d] = (index % 0x007f_fffe + 1).to_be_bytes();
    format!("10.{}.{c}.{d}", 128 | b)
}

/// Whether the node carries the label.
pub(crate) fn has_label(key: &str, value: &str) -> bool {
    registration()["metadata"]["labels"][key] == value
}
