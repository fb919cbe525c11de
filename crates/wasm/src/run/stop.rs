//! Why a run did not answer, as far as the engine's error tells.

use oarlock_core::limits::Limits;
use oarlock_core::reconciler::Fault;
use thiserror::Error;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::store::MemorySpent;

/// The run has used up its CPU time.
#[derive(Debug, Error)]
#[error("out of CPU time")]
pub(super) struct CpuSpent;

/// A library that the run called did not answer. Ends the run: no module can go on from here.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct LibraryStopped(pub(crate) Fault);

/// Where a run ended that did not answer.
pub(super) enum Stop {
    Instantiate(wasmtime::Error),
    Call(wasmtime::Error),
}

impl Stop {
    pub(super) fn fault(self, limits: &Limits, panic: Option<String>) -> Fault {
        let (Self::Instantiate(error) | Self::Call(error)) = &self;
        if error.is::<CpuSpent>() {
            return Fault::CpuExceeded { limit: limits.cpu };
        }
        if let Some(stopped) = error.downcast_ref::<LibraryStopped>() {
            return stopped.0.clone();
        }
        if let Some(spent) = error.downcast_ref::<MemorySpent>() {
            return Fault::MemoryExceeded { limit: spent.limit };
        }
        let in_guest = error.downcast_ref::<WasmBacktrace>().is_some();
        let cause = error.root_cause().to_string();
        if cause.starts_with(FUEL_SPENT) {
            return if in_guest {
                Fault::Trapped {
                    message: format!("an import was given more than {} bytes", limits.output),
                }
            } else {
                Fault::OutputExceeded {
                    limit: limits.output,
                }
            };
        }
        let trap = match (
            error.downcast_ref::<Trap>(),
            error.downcast_ref::<I32Exit>(),
        ) {
            (Some(trap), _) => trap_text(*trap),
            (None, Some(exit)) => format!("it called exit({})", exit.0),
            (None, None) if matches!(self, Self::Instantiate(_)) && !in_guest => {
                return Fault::NoInstance { message: cause };
            }
            (None, None) => cause,
        };
        Fault::Trapped {
            message: match panic {
                Some(panic) => format!("{panic} ({trap})"),
                None => trap,
            },
        }
    }
}

/// How the engine's error begins that says that more crossed than may. Its type is private.
const FUEL_SPENT: &str = "too much data is being copied";

/// The engine's words, without its prefix.
fn trap_text(trap: Trap) -> String {
    let text = trap.to_string();
    let text = text.strip_prefix("wasm trap: ").unwrap_or(&text);
    match trap {
        // Linkers put a guest's stack at the bottom of its memory.
        Trap::MemoryOutOfBounds => format!("{text}; endless recursion ends so too"),
        _ => text.to_owned(),
    }
}
