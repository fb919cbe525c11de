//! How a blue/green rollout moves traffic.

use rollout::analysis::spec::CheckSpec;
use serde::Deserialize;

use super::duration::Seconds;

/// When the new version takes over, and how long the old one stays.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct BlueGreen {
    /// Whether the new version takes over by itself, once it is available. Else it waits until it is promoted.
    pub auto_promotion: bool,
    /// How long it waits before it does.
    pub auto_promotion_delay: Seconds,
    /// How long the old version stays with all its Pods after that. 30 seconds with a `service`, else none.
    pub scale_down_delay: Option<Seconds>,
    /// Asked before the new version takes over. All of them must pass.
    #[cfg_attr(test, schemars(length(max = 20)))]
    pub checks: Vec<CheckSpec>,
}

impl Default for BlueGreen {
    fn default() -> Self {
        Self {
            auto_promotion: true,
            auto_promotion_delay: Seconds(0),
            scale_down_delay: None,
            checks: Vec::new(),
        }
    }
}

/// Services that the user made. The revision is added to their selectors, and taken away with the Deployer.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// The Service that users reach. Selects the version that serves.
    pub name: String,
    /// One that selects the new version already before it takes over.
    pub preview: Option<String>,
}
