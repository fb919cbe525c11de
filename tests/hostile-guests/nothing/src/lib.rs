//! Behaves: wants nothing. What a bare run costs is measured with it.

contract::module!("nothing", |_request| Ok(contract::nothing()));
