//! A manifest that no watch could use.

use contract::{manifest, nothing};

contract::module!(manifest("Not A Label"); |_request| Ok(nothing()));
