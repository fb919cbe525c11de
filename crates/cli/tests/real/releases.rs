//! Helm releases on a real API server, beside the real `helm`: each of the two finds what the other did, and goes on from there.

mod by_hand;
mod lifecycle;
mod published;
mod scenarios;
mod site;
mod takeover;
