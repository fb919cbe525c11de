//! Objects of hooks: created and deleted.

use oarlock_sdk::{Child, Removal};
use serde_json::Value;

use super::{Hands, MANAGER, Work};
use crate::hooks::course::Act;
use crate::manifest::Placed;
use crate::record::Hook;
use crate::run::{objects, report, sights};
use crate::situation::Obstacle;

impl Hands<'_> {
    pub(super) fn hook(
        &self,
        of: u32,
        act: &Act,
        run: &str,
        work: &mut Work,
    ) -> Result<(), Obstacle> {
        let (place, creates) = match act {
            Act::Create(place) => (*place, true),
            Act::Delete(place) => (*place, false),
            Act::Show(_) | Act::Wait(_) | Act::Look(_) | Act::Failed(_) | Act::Done => {
                return Ok(());
            }
        };
        let record = self.shelf.record(of)?;
        let Some(hook) = record.hooks.get(place) else {
            return Ok(());
        };
        for placed in self.of_hook(hook, &record.namespace, run)? {
            if creates {
                // Without force, as Helm does it: what somebody else has there is not the hook's.
                let hook = Child::apply(Value::Object(placed.object.content));
                work.children.push(hook.unowned().manager(MANAGER));
                continue;
            }
            let target = objects::reference(&placed.id);
            let live = objects::live(self.cx, &placed.id, self.wish.account.as_deref())
                .map_err(|error| report::unread(&report::named(&target), &error))?;
            if let Some(uid) = live.as_ref().and_then(objects::uid) {
                work.removals.push(Removal::of(target).uid(uid));
            }
        }
        Ok(())
    }

    fn of_hook(&self, hook: &Hook, namespace: &str, run: &str) -> Result<Vec<Placed>, Obstacle> {
        let marked = sights::marked(hook, run).map_err(|why| Obstacle {
            reason: "RecordUnreadable",
            message: format!("hook {}: {why}", hook.path),
            retry: None,
        })?;
        Ok(self.served.kinds()?.place(marked, namespace).placed)
    }
}
