//! Helm releases: the production component with its engine, charts from a folder, and Pods that behave as their images say.

mod by_hand;
mod charts;
mod definitions;
mod encrypted;
mod hybrid;
mod killed;
mod large;
mod leaving;
mod places;
mod pushed;
mod random;
mod refused;
mod resync;
mod scenario;
mod site;
mod unicorn;
