//! What a process is assigned, and its word that it keeps to it.

use oarlock_core::shard::Share;
use tokio::sync::watch;

/// What may be worked on from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Counts up; what [`Duty::done`] is told.
    pub number: u64,
    /// The objects.
    pub share: Share,
    /// Work on anything else is dropped where it stands; otherwise it may come to its end.
    pub abrupt: bool,
}

/// The receiving end of assignments.
#[derive(Debug)]
pub struct Duty {
    assigned: watch::Receiver<Assignment>,
    done: watch::Sender<u64>,
}

impl Duty {
    /// The next assignment; the newest, when several were given meanwhile. `None` when there will be no more.
    pub async fn next(&mut self) -> Option<Assignment> {
        self.assigned.changed().await.ok()?;
        Some(self.assigned.borrow_and_update().clone())
    }

    /// Nothing is worked on, and nothing will be begun, that assignment `number` does not hold.
    pub fn done(&self, number: u64) {
        self.done.send_if_modified(|done| {
            let newer = number > *done;
            *done = number.max(*done);
            newer
        });
    }
}

/// The giving end of assignments.
#[derive(Debug)]
pub(super) struct Roster {
    assigned: watch::Sender<Assignment>,
    done: watch::Receiver<u64>,
}

/// Both ends. In the beginning nothing is assigned.
pub(super) fn roster() -> (Roster, Duty) {
    let (assigned, receiver) = watch::channel(Assignment {
        number: 0,
        share: Share::Nothing,
        abrupt: false,
    });
    let (sender, done) = watch::channel(0);
    let duty = Duty {
        assigned: receiver,
        done: sender,
    };
    (Roster { assigned, done }, duty)
}

impl Roster {
    /// Assigns `share`, and has the assignment's number.
    pub(super) fn assign(&self, share: Share, abrupt: bool) -> u64 {
        let number = self.assigned.borrow().number + 1;
        self.assigned.send_replace(Assignment {
            number,
            share,
            abrupt,
        });
        number
    }

    /// The last assignment that is kept to.
    pub(super) fn done(&mut self) -> u64 {
        *self.done.borrow_and_update()
    }

    /// Resolves when [`Self::done`] has changed since it was last asked. Never when nobody receives any more.
    pub(super) async fn changed(&mut self) {
        if self.done.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Resolves when assignment `number` is kept to, or nobody receives any more: nobody works then.
    pub(super) async fn settled(&mut self, number: u64) {
        while self.done() < number && self.done.changed().await.is_ok() {}
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[tokio::test]
    async fn the_newest_counts() {
        let (mut roster, mut duty) = roster();
        roster.assign(Share::Everything, false);
        let number = roster.assign(Share::Nothing, true);
        let assignment = duty.next().await.unwrap();
        assert_eq!((assignment.number, assignment.abrupt), (number, true));
        duty.done(number);
        duty.done(1);
        roster.changed().await;
        assert_eq!(roster.done(), number);
        let next = roster.assign(Share::Everything, false);
        drop(duty);
        roster.settled(next).await;
    }
}
