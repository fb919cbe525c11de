//! Children as they are remembered for `keep`, at the size of their text: as parsed trees they were half of what the engine
//! holds.

use oarlock_core::json::Json;
use oarlock_core::object::Object;
use oarlock_core::outcome::{Child, Expect, OnLeave, Owner, Write};

/// A child that is in place. What was expected of it has been true.
#[derive(Debug)]
pub(crate) struct Kept {
    object: Json,
    owner: Owner,
    write: Write,
    force: bool,
    manager: Option<Box<str>>,
    ignore: Box<[String]>,
    on_leave: OnLeave,
}

impl Kept {
    /// Remembers `child`.
    pub(crate) fn new(child: Child) -> Self {
        Self {
            object: child.object.to_json(),
            owner: child.owner,
            write: child.write,
            force: child.force,
            manager: child.manager.map(String::into_boxed_str),
            ignore: child.ignore.into_boxed_slice(),
            on_leave: child.on_leave,
        }
    }

    /// As the module gave it. `None` never happens: the text was an object.
    pub(crate) fn child(&self) -> Option<Child> {
        Some(Child {
            object: Object::parse(self.object.as_str()).ok()?,
            owner: self.owner,
            write: self.write,
            expect: Expect::Any,
            force: self.force,
            manager: self.manager.as_deref().map(str::to_owned),
            ignore: self.ignore.to_vec(),
            on_leave: self.on_leave.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        let object = Object::from_value(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "namespace": "ns"}, "data": {"text": "äß\n"},
        }));
        let mut child = Child::owned(object.unwrap());
        child.force = true;
        child.manager = Some("helm".to_owned());
        child.ignore = vec!["/data/other".to_owned()];
        child.on_leave = OnLeave::Keep;
        assert_eq!(Kept::new(child.clone()).child(), Some(child));
    }
}
