//! The node registers itself.

use serde_json::Value;

use super::{Driver, status_by};
use crate::resource::ResourceId;
use crate::status::Reason;
use crate::store::Write;
use crate::workload::kubelet::node;

const NODES: ResourceId = ResourceId::of("", "nodes");

impl Driver {
    /// Creates the Node object unless it is there, and reports it Ready.
    pub(super) fn register_node(&self) {
        let write = Write::by("kubelet");
        match self.store.create(&NODES, "", node::registration(), &write) {
            Ok(_) => {}
            Err(refusal) if refusal.reason == Reason::AlreadyExists => {}
            Err(refusal) => {
                tracing::error!(%refusal, node = node::NAME, "node cannot be registered");
                return;
            }
        }
        let status = node::status(self.now());
        let reported = self.store.modify(
            &NODES,
            "",
            node::NAME,
            None,
            &status_by("kubelet"),
            |object: &mut Value| {
                object["status"] = status;
                Ok(())
            },
        );
        if let Err(refusal) = reported {
            tracing::error!(%refusal, node = node::NAME, "node cannot be reported ready");
        }
    }
}
