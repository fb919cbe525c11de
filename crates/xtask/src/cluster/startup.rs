//! From nothing to a node that is Ready.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::binaries::Programs;
use super::flags::{self, Ports};
use super::kubectl::{self, Kubectl};
use super::part::Part;
use super::place::{Place, User};
use super::state::{Process, State};

/// How long one program may take until it answers.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks at a program that does not answer yet.
const LOOK: Duration = Duration::from_millis(100);

/// Where ports are taken from: below those that a system gives to outgoing connections, of which one could sit on the port
/// of a program that is stopped and shall be started again.
const PORTS: Range<u16> = 20_000..32_000;

/// Starts everything.
pub(super) fn all(
    root: &Path,
    place: &Place,
    kubectl: &Kubectl,
    programs: &Programs,
) -> anyhow::Result<State> {
    place.clear()?;
    let sources = root.join("tests/cluster");
    let ports = free_ports()?;
    let url = format!("https://127.0.0.1:{}", ports.api_server);
    credentials(place, &url)?;
    let mut state = State {
        url,
        kubeconfig: place.kubeconfig(User::Admin),
        audit: place.file("audit.log"),
        processes: Vec::new(),
    };
    for part in Part::ALL {
        let mut process = Process {
            part,
            program: programs.path(part).to_owned(),
            args: flags::of(part, place, &sources, ports),
            log: place.log(part),
            life: None,
        };
        process.begin()?;
        state.processes.push(process);
        // After each: whatever happens next, what runs is known.
        state.write(place)?;
        match part {
            Part::Etcd => answers(&state, part, || listens(ports.etcd))?,
            Part::KubeApiserver => api_server_answers(&state, place, kubectl, ports.api_server)?,
            Part::KubeControllerManager | Part::KubeScheduler | Part::Kwok => {}
        }
    }
    let joined = kubectl
        .apply(place, &sources.join("node.yaml"))
        .and_then(|()| kubectl.wait(place, "node/node-0", "Ready"));
    joined.with_context(|| format!("no node is Ready; {}", last_words(&state, Part::Kwok)))?;
    // They have no part in that, and may have ended since.
    for process in &state.processes {
        if !process.is_on() {
            bail!("{} has ended; {}", process.part, process.last_words());
        }
    }
    Ok(state)
}

/// Starts one program again that was stopped.
pub(super) fn again(place: &Place, part: Part) -> anyhow::Result<()> {
    let mut state =
        State::read(place)?.context("no cluster is up; hint: `cargo xtask cluster up`")?;
    let process = state
        .process_mut(part)
        .with_context(|| format!("{part} was never started; hint: `cargo xtask cluster up`"))?;
    if process.is_on() {
        bail!("{part} runs; hint: `cargo xtask cluster stop {part}` first");
    }
    process.begin()?;
    state.write(place)?;
    if part == Part::KubeApiserver {
        let kubectl = kubectl::find()
            .found()
            .context("kubectl is no longer on PATH")?;
        let port = state
            .url
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok())
            .with_context(|| format!("{} has no port", state.url))?;
        api_server_answers(&state, place, &kubectl, port)?;
    }
    Ok(())
}

fn api_server_answers(
    state: &State,
    place: &Place,
    kubectl: &Kubectl,
    port: u16,
) -> anyhow::Result<()> {
    let part = Part::KubeApiserver;
    // First without kubectl, which costs more than the API server's own start.
    answers(state, part, || listens(port))?;
    answers(state, part, || kubectl.is_ready(place))
}

/// Waits until a program does what it should, or is gone.
fn answers(state: &State, part: Part, does: impl Fn() -> bool) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !does() {
        if !state.process(part).is_some_and(Process::is_on) {
            bail!(
                "{part} has ended; {}\nhint: its path is above; is it a version that knows the flags of \
                 crates/xtask/src/cluster/flags.rs?",
                last_words(state, part)
            );
        }
        if Instant::now() > deadline {
            bail!(
                "{part} does not answer after {} s; {}",
                PATIENCE.as_secs(),
                last_words(state, part)
            );
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

fn last_words(state: &State, part: Part) -> String {
    state
        .process(part)
        .map(Process::last_words)
        .unwrap_or_default()
}

fn listens(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}

/// Ports that nobody has now. All are held until all are found, so that they differ.
fn free_ports() -> anyhow::Result<Ports> {
    let [one, two, ..] = random()?;
    let mut candidates = candidates(u16::from_le_bytes([one, two]));
    let mut held = Vec::new();
    let mut port = || {
        for port in candidates.by_ref() {
            if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                held.push(listener);
                return Ok(port);
            }
        }
        bail!(
            "no free port on 127.0.0.1 between {} and {}",
            PORTS.start,
            PORTS.end
        )
    };
    Ok(Ports {
        etcd: port()?,
        api_server: port()?,
        controller_manager: port()?,
        scheduler: port()?,
        kwok: port()?,
    })
}

/// Every port of [`PORTS`] once, from somewhere on: two that start at a time rarely try the same.
fn candidates(seed: u16) -> impl Iterator<Item = u16> {
    let first = PORTS.start + seed % (PORTS.end - PORTS.start);
    (first..PORTS.end).chain(PORTS.start..first)
}

/// Tokens nobody can guess, and the files that name them, for their owner alone.
fn credentials(place: &Place, url: &str) -> anyhow::Result<()> {
    let mut tokens = Vec::new();
    for user in User::ALL {
        let token = random_token()?;
        write_private(
            &place.kubeconfig(user),
            &flags::kubeconfig(place, user, &token, url),
        )?;
        tokens.push((user, token));
    }
    write_private(&place.file("tokens.csv"), &flags::tokens(&tokens))
}

fn random_token() -> anyhow::Result<String> {
    Ok(random()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn random() -> anyhow::Result<[u8; 16]> {
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("cannot read /dev/urandom")?;
    Ok(bytes)
}

fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_is_tried_once() {
        for seed in [0, 1, 11_999, 12_000, u16::MAX] {
            let mut all: Vec<u16> = candidates(seed).collect();
            assert_eq!(all.len(), PORTS.len());
            all.sort_unstable();
            assert!(all.into_iter().eq(PORTS));
        }
    }
}
