//! `oarlock helm template`: its flags, and its words.

mod chart;
mod errors;
mod fetched;
mod flags;
mod outputs;
mod shelf;
