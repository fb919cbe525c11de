//! The figures that the design promises, measured side by side in one run and printed as one table.
//!
//! Time is CPU time of the thread or the process, not wall time: a busy machine does not change it. Memory is resident
//! memory, each figure taken in a process of its own, so that none profits from what another one left behind.
//!
//! `--quick` takes fewer samples. `--only <text>` measures the parts whose name contains the text.

#![expect(clippy::print_stdout, reason = "prints a table")]

mod calls;
mod front;
mod loading;
mod memory;
mod modules;
mod reconciles;
mod sample;
mod table;
mod usage;

use anyhow::bail;

use crate::table::Table;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Calls per kind of call.
    pub(crate) calls: usize,
    /// Rounds of reconciles.
    pub(crate) rounds: usize,
    /// Cached objects.
    pub(crate) objects: usize,
    /// Loaded modules.
    pub(crate) modules: usize,
}

const THOROUGH: Effort = Effort {
    calls: 20_000,
    rounds: 10,
    objects: 20_000,
    modules: 20,
};

const QUICK: Effort = Effort {
    calls: 3_000,
    rounds: 3,
    objects: 5_000,
    modules: 10,
};

/// What the arguments ask for.
enum Wish {
    /// The table, of all parts or of those that contain a text.
    Table { effort: Effort, only: String },
    /// One figure of memory, for the process that prints the table.
    Memory { part: String, count: usize },
}

fn main() -> anyhow::Result<()> {
    match wish()? {
        Wish::Memory { part, count } => {
            println!("{}", memory::measure(&part, count)?);
            Ok(())
        }
        Wish::Table { effort, only } => table(effort, &only),
    }
}

fn wish() -> anyhow::Result<Wish> {
    let (mut effort, mut only) = (THOROUGH, String::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut next = || arguments.next().unwrap_or_default();
        match argument.as_str() {
            // Cargo says so to every benchmark.
            "--bench" => {}
            "--quick" => effort = QUICK,
            "--only" => only = next(),
            memory::ARGUMENT => {
                let (part, count) = (next(), next().parse()?);
                return Ok(Wish::Memory { part, count });
            }
            other => bail!("{other:?} is not known; expected --quick or --only TEXT"),
        }
    }
    Ok(Wish::Table { effort, only })
}

/// Measures some figures and puts them into the table.
type Part = fn(Effort, &mut Table) -> anyhow::Result<()>;

fn table(effort: Effort, only: &str) -> anyhow::Result<()> {
    let parts: [(&str, Part); 4] = [
        ("calls", calls::measure),
        ("reconciles", reconciles::measure),
        ("memory", memory::rows),
        ("loading", loading::measure),
    ];
    let mut table = Table::default();
    for (_, part) in parts.iter().filter(|(name, _)| name.contains(only)) {
        part(effort, &mut table)?;
    }
    println!("{table}");
    Ok(())
}
