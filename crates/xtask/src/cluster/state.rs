//! What runs, written down.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::lifetime::Life;
use super::part::Part;
use super::place::Place;
use crate::process::tail;

const FILE: &str = "state.json";

/// A cluster that was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// Of the API server.
    pub(crate) url: String,
    /// The administrator's.
    pub(crate) kubeconfig: PathBuf,
    /// The API server's audit log: one `audit.k8s.io/v1` Event per line.
    pub(crate) audit: PathBuf,
    /// In the order of their start.
    pub(crate) processes: Vec<Process>,
}

/// One program of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) part: Part,
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) log: PathBuf,
    /// `None` while it is stopped.
    pub(crate) life: Option<Life>,
}

impl State {
    /// What was written down, if anything.
    pub(crate) fn read(place: &Place) -> anyhow::Result<Option<Self>> {
        let file = place.file(FILE);
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", file.display()));
            }
        };
        serde_json::from_str(&text).map(Some).with_context(|| {
            format!(
                "{} is not what this program writes; hint: end what it names by hand, then remove it",
                file.display()
            )
        })
    }

    /// Writes it down, at once or not at all.
    pub(crate) fn write(&self, place: &Place) -> anyhow::Result<()> {
        let (file, partial) = (place.file(FILE), place.file("state.json.partial"));
        let context = || format!("cannot write {}", file.display());
        let text = serde_json::to_string_pretty(self).with_context(context)?;
        fs::write(&partial, text).with_context(context)?;
        fs::rename(&partial, &file).with_context(context)
    }

    /// Forgets it.
    pub(crate) fn remove(place: &Place) -> anyhow::Result<()> {
        let file = place.file(FILE);
        fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))
    }

    /// Whether every program was started and runs.
    pub(crate) fn is_whole(&self) -> bool {
        Part::ALL
            .into_iter()
            .all(|part| self.process(part).is_some_and(Process::is_on))
    }

    pub(crate) fn process(&self, part: Part) -> Option<&Process> {
        self.processes.iter().find(|process| process.part == part)
    }

    pub(crate) fn process_mut(&mut self, part: Part) -> Option<&mut Process> {
        self.processes
            .iter_mut()
            .find(|process| process.part == part)
    }
}

impl Process {
    /// Whether it runs. A process that cannot be looked at does not.
    pub(crate) fn is_on(&self) -> bool {
        self.life.is_some_and(|life| life.is_on().unwrap_or(false))
    }

    /// Starts it, again or for the first time.
    pub(crate) fn begin(&mut self) -> anyhow::Result<()> {
        self.life = Some(Life::begin(&self.program, &self.args, &self.log)?);
        Ok(())
    }

    /// The end of its log, for a message.
    pub(crate) fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        format!(
            "the last lines of {}:\n{}",
            self.log.display(),
            tail(&text, 15)
        )
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_is_written_is_read_and_a_cluster_without_all_parts_is_not_whole() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::new(dir.path(), Some(dir.path().join("cluster"))).unwrap();
        place.clear().unwrap();
        assert_eq!(State::read(&place).unwrap(), None);
        let sleep = crate::process::find("sleep").unwrap();
        let mut state = State {
            url: "https://127.0.0.1:6443".to_owned(),
            kubeconfig: place.file("kubeconfig"),
            audit: place.file("audit.log"),
            processes: Part::ALL
                .map(|part| Process {
                    part,
                    program: sleep.clone(),
                    args: vec!["600".to_owned()],
                    log: place.log(part),
                    life: None,
                })
                .into(),
        };
        for process in &mut state.processes {
            process.begin().unwrap();
        }
        state.write(&place).unwrap();
        let mut read = State::read(&place).unwrap().unwrap();
        assert_eq!(read, state);
        assert!(read.is_whole());
        let process = read.process_mut(Part::Kwok).unwrap();
        process.life.take().unwrap().kill().unwrap();
        assert!(!read.is_whole());
        assert!(!state.is_whole(), "it is the process that counts");
        super::super::down(&place).unwrap();
        assert_eq!(State::read(&place).unwrap(), None);
        assert!(state.processes.iter().all(|process| !process.is_on()));
    }
}
