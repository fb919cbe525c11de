//! What a container is doing at an instant, given its program and when it began: no memory, only arithmetic.

use std::time::Duration;

use oarlock_core::timestamp::Timestamp;

use crate::workload::settings::Program;

/// First pause between a crash and the restart; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(10);
/// The kubelet's limit.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Which exits make the kubelet start a container again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Restart {
    /// All.
    Always,
    /// Those with a code other than 0.
    OnFailure,
    /// None.
    Never,
}

/// One run that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    pub(crate) code: i32,
}

/// What a container is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Waits for its image.
    NoImage,
    /// Runs since `from`.
    Running {
        from: Timestamp,
        ready: bool,
        restarts: i32,
        last: Option<Run>,
    },
    /// Waits to be started again.
    Pausing { restarts: i32, last: Run },
    /// Has ended for good.
    Ended { restarts: i32, last: Run },
}

/// What the program does at `now`, and when it next does something else.
pub(crate) fn at(
    program: Program,
    restart: Restart,
    began: Timestamp,
    now: Timestamp,
) -> (Moment, Option<Timestamp>) {
    let Program::Runs { ready, exit } = program else {
        return (Moment::NoImage, None);
    };
    let mut from = began;
    let mut restarts = 0;
    let mut last = None;
    loop {
        let ready_at = ready.map(|delay| from.after(delay));
        let Some((length, code)) = exit else {
            return running(from, ready_at, None, restarts, last, now);
        };
        let to = from.after(length);
        if now < to {
            return running(from, ready_at, Some(to), restarts, last, now);
        }
        let run = Run { from, to, code };
        last = Some(run);
        let again = match restart {
            Restart::Always => true,
            Restart::OnFailure => code != 0,
            Restart::Never => false,
        };
        if !again {
            return (
                Moment::Ended {
                    restarts,
                    last: run,
                },
                None,
            );
        }
        let pause = pause(restarts);
        let next = to.after(pause);
        if now < next {
            return (
                Moment::Pausing {
                    restarts,
                    last: run,
                },
                Some(next),
            );
        }
        restarts += 1;
        from = next;
        if pause == LONGEST_PAUSE {
            // From here on all rounds are alike: years are skipped at once.
            let round = (length + pause).as_millis().max(1);
            let rounds = now.since(from).as_millis() / round;
            let skipped = Duration::from_millis(u64::try_from(rounds * round).unwrap_or(u64::MAX));
            if rounds > 0 {
                from = from.after(skipped);
                restarts = restarts.saturating_add(i32::try_from(rounds).unwrap_or(i32::MAX));
                let to = Timestamp::from_millis(from.as_millis().saturating_sub(millis(pause)));
                let start = to.as_millis().saturating_sub(millis(length));
                last = Some(Run {
                    from: Timestamp::from_millis(start),
                    to,
                    code,
                });
            }
        }
    }
}

fn running(
    from: Timestamp,
    ready_at: Option<Timestamp>,
    to: Option<Timestamp>,
    restarts: i32,
    last: Option<Run>,
    now: Timestamp,
) -> (Moment, Option<Timestamp>) {
    let ready = ready_at.is_some_and(|at| at <= now);
    let pending = ready_at.filter(|at| *at > now);
    let next = match (pending, to) {
        (Some(ready), Some(end)) => Some(ready.min(end)),
        (one, other) => one.or(other),
    };
    (
        Moment::Running {
            from,
            ready,
            restarts,
            last,
        },
        next,
    )
}

fn pause(restarts: i32) -> Duration {
    let doubled = u32::try_from(restarts).unwrap_or(0).min(5);
    (FIRST_PAUSE * 2_u32.pow(doubled)).min(LONGEST_PAUSE)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "tests")]
    use super::*;

    const BEGAN: Timestamp = Timestamp::from_millis(1_000_000);

    fn second(seconds: u64) -> Timestamp {
        BEGAN.after(Duration::from_secs(seconds))
    }

    fn crashing() -> Program {
        Program::Runs {
            ready: Some(Duration::from_secs(1)),
            exit: Some((Duration::from_secs(3), 1)),
        }
    }

    #[test]
    fn a_crash_loop_backs_off() {
        // (instant, what, next change)
        let mut seen = String::new();
        let mut now = BEGAN;
        for _ in 0..12 {
            let (moment, next) = at(crashing(), Restart::Always, BEGAN, now);
            let text = match moment {
                Moment::Running {
                    ready, restarts, ..
                } => format!("runs ready={ready} restarts={restarts}"),
                Moment::Pausing { restarts, .. } => format!("pauses restarts={restarts}"),
                other => format!("{other:?}"),
            };
            seen.push_str(&format!("{} {text}\n", now.since(BEGAN).as_secs()));
            now = next.expect("a crash loop never ends");
        }
        insta::assert_snapshot!(seen, @r"
        0 runs ready=false restarts=0
        1 runs ready=true restarts=0
        3 pauses restarts=0
        13 runs ready=false restarts=1
        14 runs ready=true restarts=1
        16 pauses restarts=1
        36 runs ready=false restarts=2
        37 runs ready=true restarts=2
        39 pauses restarts=2
        79 runs ready=false restarts=3
        80 runs ready=true restarts=3
        82 pauses restarts=3
        ");
    }

    #[test]
    fn years_of_crashing_take_no_time() {
        let year = Duration::from_secs(365 * 24 * 60 * 60);
        let (moment, next) = at(crashing(), Restart::Always, BEGAN, BEGAN.after(year));
        let (Moment::Running { restarts, .. } | Moment::Pausing { restarts, .. }) = moment else {
            panic!("{moment:?}");
        };
        // Five rounds until the pause is 300 s, then 303 s each.
        assert!((104_000..104_100).contains(&restarts), "{restarts}");
        assert!(next.is_some_and(|next| next > BEGAN.after(year)));
    }

    #[test]
    fn stepping_and_jumping_agree() {
        let mut now = BEGAN;
        for _ in 0..60 {
            let (_, next) = at(crashing(), Restart::Always, BEGAN, now);
            now = next.expect("a crash loop never ends");
        }
        let (Moment::Running { restarts, .. } | Moment::Pausing { restarts, .. }, _) =
            at(crashing(), Restart::Always, BEGAN, now)
        else {
            panic!("neither running nor pausing");
        };
        assert_eq!(restarts, 20);
    }

    #[test]
    fn restart_policies() {
        let ends = |code| Program::Runs {
            ready: None,
            exit: Some((Duration::from_secs(2), code)),
        };
        let last = |code| Run {
            from: BEGAN,
            to: second(2),
            code,
        };
        let at = |code, restart| at(ends(code), restart, BEGAN, second(2)).0;
        assert_eq!(
            at(0, Restart::Never),
            Moment::Ended {
                restarts: 0,
                last: last(0)
            }
        );
        assert_eq!(
            at(1, Restart::Never),
            Moment::Ended {
                restarts: 0,
                last: last(1)
            }
        );
        assert_eq!(
            at(0, Restart::OnFailure),
            Moment::Ended {
                restarts: 0,
                last: last(0)
            }
        );
        assert_eq!(
            at(1, Restart::OnFailure),
            Moment::Pausing {
                restarts: 0,
                last: last(1)
            }
        );
        assert_eq!(
            at(0, Restart::Always),
            Moment::Pausing {
                restarts: 0,
                last: last(0)
            }
        );
    }
}
