//! `oarlock helm template`: its flags, and its words.

mod chart;
mod errors;
mod flags;
mod outputs;
