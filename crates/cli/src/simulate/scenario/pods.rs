//! How Pods behave.

use std::fmt;
use std::time::Duration;

use oarlock_config::document::{KeyPath, Problem, suggest};
use oarlock_devcluster::workload::{Behaviour, Pattern};

use super::{Reading, raw};
use crate::simulate::observation::clock;

/// How some Pods behave from some time on.
#[derive(Debug)]
pub(crate) struct Conduct {
    pub(crate) at: Duration,
    pub(crate) which: Pattern,
    pub(crate) behaviour: Behaviour,
}

/// Such as `nginx:1.7.8 ready after 00:20`.
impl fmt::Display for Conduct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.which {
            Pattern::Image(image) => write!(f, "{image} ")?,
            Pattern::Any | Pattern::Labels(_) => f.write_str("all ")?,
        }
        match self.behaviour {
            Behaviour::ReadyAfter(time) => write!(f, "ready after {}", clock(time)),
            Behaviour::NeverReady => f.write_str("never ready"),
            Behaviour::ImagePullBackOff => f.write_str("without their image"),
            Behaviour::CrashLoopBackOff { after } => write!(f, "crash after {}", clock(after)),
            Behaviour::Exits { after, code } => {
                write!(f, "exit with {code} after {}", clock(after))
            }
            Behaviour::Unschedulable => f.write_str("find no node"),
        }
    }
}

impl Reading<'_> {
    pub(super) fn pods(&mut self, path: &KeyPath, raw: raw::Pods) -> Option<Conduct> {
        let at = self.time(&path.key("at"), raw.at, Duration::ZERO)?;
        let ready = match raw.ready_after {
            Some(text) => Some(self.document.ok(&path.key("readyAfter"), text.duration())?),
            None => None,
        };
        let fail_after = match raw.fail_after {
            Some(text) => Some(self.document.ok(&path.key("failAfter"), text.duration())?),
            None => None,
        };
        let which = raw.image.map_or(Pattern::Any, Pattern::image);
        let fail = match raw.fail {
            Some(fail) => {
                let fail = failure(&fail, fail_after);
                Some(self.document.ok(&path.key("fail"), fail)?)
            }
            None => None,
        };
        let crashes = matches!(fail, Some(Behaviour::CrashLoopBackOff { .. }));
        if fail_after.is_some() && !crashes {
            let problem = Problem::new("only what crashes has a time until it does")
                .hint("write fail: CrashLoopBackOff beside it, or take it away");
            self.document.key_error(&path.key("failAfter"), problem);
            return None;
        }
        let behaviour = match (ready, fail) {
            (Some(after), None) => Behaviour::ReadyAfter(after),
            (None, Some(fail)) => fail,
            (None, None) if self.document.is_faulty(path) => return None,
            (None, None) => {
                let problem = Problem::new("says nothing about these Pods")
                    .expected("readyAfter or fail")
                    .hint("such as readyAfter: 20s, or fail: ImagePullBackOff");
                self.document.error(path, problem);
                return None;
            }
            (Some(_), Some(_)) => {
                let problem = Problem::new("Pods that fail do not get ready and stay so")
                    .hint("keep one of readyAfter and fail");
                self.document.key_error(&path.key("readyAfter"), problem);
                return None;
            }
        };
        Some(Conduct {
            at,
            which,
            behaviour,
        })
    }
}

fn failure(word: &str, after: Option<Duration>) -> Result<Behaviour, Problem> {
    Ok(match word {
        "ImagePullBackOff" => Behaviour::ImagePullBackOff,
        "NeverReady" => Behaviour::NeverReady,
        "Unschedulable" => Behaviour::Unschedulable,
        "CrashLoopBackOff" => Behaviour::CrashLoopBackOff {
            after: after.unwrap_or_default(),
        },
        _ => {
            let meant = suggest(word, raw::FAILS).map(|meant| format!("did you mean {meant:?}?"));
            return Err(Problem::new(format!("{word:?} is no way to fail"))
                .expected(format!("one of: {}", raw::FAILS.join(", ")))
                .maybe_hint(meant));
        }
    })
}
