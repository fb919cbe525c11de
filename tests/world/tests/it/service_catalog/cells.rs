//! Every cell of the response table, from the broker's answer to what is left in the end: `cells.txt` has them, one line each, and
//! `tests/SERVICE-CATALOG.md` tells what was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use oarlock_broker::{Behaviour, Catalog, Op};
use oarlock_devcluster::resource::ResourceId;
use serde_json::json;

use super::report;
use super::site::{A_WHILE, BINDINGS, CLUSTER_BROKERS, INSTANCES, Mark, Site, binding, instance};
use crate::components::text;

const CELLS: &str = "tests/world/tests/it/service_catalog/cells.txt";

static TABLE: LazyLock<Vec<Cell>> = LazyLock::new(|| {
    let text = text(CELLS);
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(Cell::read).collect()
});

/// One line.
#[derive(Clone, Debug)]
struct Cell {
    call: String,
    /// The row of the table, and which of its ways.
    answer: String,
    follows: String,
    broker: String,
    requests: String,
    left: String,
}

/// How the call is treated.
enum Treatment {
    By(Behaviour),
    /// There is no connection.
    Unsent,
    /// The operation never ends.
    Expired,
}

/// What was seen.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) requests: String,
    pub(crate) left: String,
    /// What `Ready` said.
    pub(crate) ready: String,
    /// What `Failed` says in the end.
    pub(crate) failed: String,
}

impl Cell {
    fn read(line: &str) -> Self {
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        let [call, answer, follows, broker, requests, left] = parts[..] else {
            panic!("not six columns: {line}");
        };
        let [call, answer, follows, broker, requests, left] =
            [call, answer, follows, broker, requests, left].map(str::to_owned);
        Self {
            call,
            answer,
            follows,
            broker,
            requests,
            left,
        }
    }

    fn of(call: &str, test: &str) -> Self {
        let found = TABLE
            .iter()
            .find(|cell| cell.call == call && cell.test() == test);
        let found = found.unwrap_or_else(|| panic!("{CELLS} has no {call} {test}"));
        found.clone()
    }

    /// The name of its test, within its call.
    fn test(&self) -> String {
        self.answer.replace(' ', "_")
    }

    /// The row of the table.
    fn row(&self) -> &str {
        self.answer.split(' ').next().unwrap_or_default()
    }

    fn treatment(&self) -> Treatment {
        match self.broker.as_str() {
            "unsent" => Treatment::Unsent,
            "expired" => Treatment::Expired,
            text => Treatment::By(serde_json::from_str(text).unwrap()),
        }
    }

    /// What is asked for, and whether it is polled.
    fn operation(&self) -> (Op, bool) {
        let (name, polled) = match self.call.strip_prefix("poll_") {
            Some(name) => (name, true),
            None => (self.call.as_str(), false),
        };
        let op = match name {
            "provision" => Op::Provision,
            "bind" => Op::Bind,
            "update" => Op::Update,
            "deprovision" => Op::Deprovision,
            "unbind" => Op::Unbind,
            other => panic!("no call: {other}"),
        };
        (op, polled)
    }
}

/// The object that asks for it.
const fn subject(op: Op) -> (ResourceId, &'static str) {
    match op {
        Op::Bind | Op::Unbind => (BINDINGS, "web"),
        _ => (INSTANCES, "db"),
    }
}

/// Everything up to the operation.
async fn before(op: Op) -> Site {
    let mut catalog = Catalog::demo();
    for plan in ["plan-small", "plan-large"] {
        catalog.plan_mut(plan).unwrap().maximum_polling_duration = Some(60);
    }
    let mut site = Site::offering(catalog, None).await;
    site.connect().await;
    if op != Op::Provision {
        site.provision().await;
    }
    if op == Op::Unbind {
        site.bind().await;
    }
    site
}

/// What a user does for it.
fn act(site: &Site, op: Op) {
    match op {
        Op::Provision => drop(site.apply(instance("db", &json!({}))).unwrap()),
        Op::Bind => drop(site.apply(binding("web", "db", &json!({}))).unwrap()),
        Op::Update => site.set(&INSTANCES, "db", &json!({"parameters": {"size": 2}})),
        Op::Deprovision | Op::Unbind => {
            let (resource, name) = subject(op);
            site.delete(&resource, name);
        }
        other => panic!("no call: {other:?}"),
    }
}

fn treat(site: &Site, op: Op, polled: bool, treatment: Treatment) {
    let treated = if polled { Op::LastOperation } else { op };
    match treatment {
        Treatment::By(behaviour) => {
            if polled {
                site.broker.next(op, Behaviour::Async { polls: 0 });
            }
            site.broker.next(treated, behaviour);
        }
        Treatment::Unsent => {
            if polled {
                site.broker.next(op, Behaviour::Async { polls: 0 });
            }
            site.wire.cut(treated);
        }
        Treatment::Expired => site.broker.next(op, Behaviour::NeverFinishAsync),
    }
}

async fn see(site: &Site, mark: Mark, op: Op) -> Seen {
    let (resource, name) = subject(op);
    let failed = site.said(&resource, name, "Failed");
    let failed = match failed.strip_prefix("True ") {
        Some(told) => told.split(':').next().unwrap_or_default().to_owned(),
        None => String::new(),
    };
    Seen {
        requests: site.calls(mark),
        left: site.left(),
        ready: site.course(mark, &resource, name, "Ready").await,
        failed,
    }
}

async fn tell(call: &str, test: &str) {
    let cell = Cell::of(call, test);
    let (op, polled) = cell.operation();
    let mut site = before(op).await;
    let mark = site.mark();
    treat(&site, op, polled, cell.treatment());
    act(&site, op);
    site.pass(A_WHILE).await;
    let seen = see(&site, mark, op).await;
    let told = format!("{}\n{}", site.story(mark).await, site.told());
    match cell.requests.strip_suffix('…') {
        Some(beginning) => assert!(
            seen.requests.starts_with(beginning.trim_end()),
            "{}\n{told}",
            seen.requests
        ),
        None => assert_eq!(seen.requests, cell.requests, "{told}"),
    }
    if cell.left != "any" {
        assert_eq!(seen.left, cell.left, "{told}");
    }
    // What is refused or failed for good says so, and nothing else does.
    let ends = ["fail", "refused", "mitigate"].contains(&cell.follows.as_str());
    assert_eq!(!seen.failed.is_empty(), ends, "{told}");
    assert_eq!(site.broker.unused(), 0, "{told}");
    site.check().await;
    site.clear().await;
    let line = report::Line {
        call: cell.call.clone(),
        answer: cell.answer.clone(),
        test: format!("{}::{}", cell.call, cell.test()),
        broker: cell.broker.clone(),
        follows: cell.follows.clone(),
        seen,
    };
    report::check(&line);
}

macro_rules! cells {
    ($($call:ident: $($test:ident)+;)+) => {
        const TOLD: &[(&str, &[&str])] = &[$((stringify!($call), &[$(stringify!($test)),+])),+];

        $(
            mod $call {
                $(
                    #[tokio::test(start_paused = true)]
                    async fn $test() {
                        super::tell(stringify!($call), stringify!($test)).await;
                    }
                )+
            }
        )+
    };
}

cells! {
    provision:
        ok ok_unreadable ok_unreadable_array created created_unreadable created_unreadable_empty accepted
        accepted_nameless accepted_unreadable other_success redirect bad_request denied_401 denied_403 denied_407
        denied_412 other_refusal_404 other_refusal_409 other_refusal_418 other_refusal_422 request_timeout gone
        concurrency async_required requires_app maintenance_info_conflict too_many server_500 server_500_done server_503
        lost_timeout lost_answer lost_crash lost_cut lost_half lost_garbage lost_huge lost_slow unsent;
    bind:
        ok ok_unreadable ok_unreadable_array created created_unreadable created_unreadable_empty accepted
        accepted_nameless accepted_unreadable other_success redirect bad_request denied_401 denied_403 denied_407
        denied_412 other_refusal_404 other_refusal_409 other_refusal_418 other_refusal_422 request_timeout gone
        concurrency async_required requires_app maintenance_info_conflict too_many server_500 server_500_done server_503
        lost_timeout lost_answer lost_crash lost_cut lost_half lost_garbage lost_huge lost_slow unsent;
    update:
        ok ok_unreadable ok_unreadable_array created created_unreadable created_unreadable_empty accepted
        accepted_nameless accepted_unreadable other_success redirect bad_request denied_401 denied_403 denied_407
        denied_412 other_refusal_404 other_refusal_409 other_refusal_418 other_refusal_422 request_timeout gone
        concurrency async_required requires_app maintenance_info_conflict too_many server_500 server_500_done server_503
        lost_timeout lost_answer lost_crash lost_cut lost_half lost_garbage lost_huge lost_slow unsent;
    deprovision:
        ok ok_unreadable ok_unreadable_array created created_unreadable created_unreadable_empty accepted
        accepted_nameless accepted_unreadable other_success redirect bad_request denied_401 denied_403 denied_407
        denied_412 other_refusal_404 other_refusal_409 other_refusal_418 other_refusal_422 request_timeout gone
        concurrency async_required requires_app maintenance_info_conflict too_many server_500 server_500_done server_503
        lost_timeout lost_answer lost_crash lost_cut lost_half lost_garbage lost_huge lost_slow unsent;
    unbind:
        ok ok_unreadable ok_unreadable_array created created_unreadable created_unreadable_empty accepted
        accepted_nameless accepted_unreadable other_success redirect bad_request denied_401 denied_403 denied_407
        denied_412 other_refusal_404 other_refusal_409 other_refusal_418 other_refusal_422 request_timeout gone
        concurrency async_required requires_app maintenance_info_conflict too_many server_500 server_500_done server_503
        lost_timeout lost_answer lost_crash lost_cut lost_half lost_garbage lost_huge lost_slow unsent;
    poll_provision:
        ok ok_unreadable ok_unreadable_state ok_unreadable_array in_progress failed created created_unreadable accepted
        accepted_unreadable other_success redirect bad_request denied_401 denied_403 denied_407 denied_412
        other_refusal_404 other_refusal_409 other_refusal_418 other_refusal_422 request_timeout gone concurrency
        async_required requires_app maintenance_info_conflict too_many server_500 server_503 lost_timeout lost_cut
        lost_half lost_garbage lost_slow unsent expired;
    poll_bind:
        ok ok_unreadable ok_unreadable_state ok_unreadable_array in_progress failed created created_unreadable accepted
        accepted_unreadable other_success redirect bad_request denied_401 denied_403 denied_407 denied_412
        other_refusal_404 other_refusal_409 other_refusal_418 other_refusal_422 request_timeout gone concurrency
        async_required requires_app maintenance_info_conflict too_many server_500 server_503 lost_timeout lost_cut
        lost_half lost_garbage lost_slow unsent expired;
    poll_update:
        ok ok_unreadable ok_unreadable_state ok_unreadable_array in_progress failed created created_unreadable accepted
        accepted_unreadable other_success redirect bad_request denied_401 denied_403 denied_407 denied_412
        other_refusal_404 other_refusal_409 other_refusal_418 other_refusal_422 request_timeout gone concurrency
        async_required requires_app maintenance_info_conflict too_many server_500 server_503 lost_timeout lost_cut
        lost_half lost_garbage lost_slow unsent expired;
    poll_deprovision:
        ok ok_unreadable ok_unreadable_state ok_unreadable_array in_progress failed created created_unreadable accepted
        accepted_unreadable other_success redirect bad_request denied_401 denied_403 denied_407 denied_412
        other_refusal_404 other_refusal_409 other_refusal_418 other_refusal_422 request_timeout gone concurrency
        async_required requires_app maintenance_info_conflict too_many server_500 server_503 lost_timeout lost_cut
        lost_half lost_garbage lost_slow unsent expired;
    poll_unbind:
        ok ok_unreadable ok_unreadable_state ok_unreadable_array in_progress failed created created_unreadable accepted
        accepted_unreadable other_success redirect bad_request denied_401 denied_403 denied_407 denied_412
        other_refusal_404 other_refusal_409 other_refusal_418 other_refusal_422 request_timeout gone concurrency
        async_required requires_app maintenance_info_conflict too_many server_500 server_503 lost_timeout lost_cut
        lost_half lost_garbage lost_slow unsent expired;
}

#[test]
fn every_line_is_a_test() {
    let lines: BTreeSet<(String, String)> = TABLE
        .iter()
        .map(|cell| (cell.call.clone(), cell.test()))
        .collect();
    assert_eq!(lines.len(), TABLE.len(), "a line is there twice");
    let tests: BTreeSet<(String, String)> = TOLD
        .iter()
        .flat_map(|(call, tests)| {
            let pair = |test: &&str| ((*call).to_owned(), (*test).to_owned());
            tests.iter().map(pair)
        })
        .collect();
    assert_eq!(lines, tests);
    let names = TABLE
        .iter()
        .map(|cell| format!("{}::{}", cell.call, cell.test()));
    report::check_tests(&names.collect::<Vec<_>>());
}

/// The table of the module, as it is printed there: every cell that can be is a line here, and says the same.
#[test]
fn every_cell_of_the_table_is_a_line() {
    let calls = ["provision", "bind", "update", "deprovision", "unbind"];
    let printed = text("modules/service-catalog/RESPONSES.md");
    let mut table = BTreeMap::new();
    let mut prefix = "";
    for line in printed.lines() {
        if line.starts_with("## ") {
            prefix = if line.contains("last_operation") {
                "poll_"
            } else {
                ""
            };
        }
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", _, answer, words @ .., ""] = parts.as_slice() else {
            continue;
        };
        let answer = answer.trim_matches('`');
        if words.len() != calls.len() || answer == "ANSWER" || answer.starts_with("---") {
            continue;
        }
        for (call, word) in calls.iter().zip(words) {
            let word = word.trim_matches('*');
            if word != "–" {
                table.insert(
                    (format!("{prefix}{call}"), answer.to_owned()),
                    word.to_owned(),
                );
            }
        }
    }
    assert!(table.len() > 200, "only {} cells", table.len());
    let mut lines = BTreeMap::new();
    for cell in TABLE.iter() {
        let at = (cell.call.clone(), cell.row().to_owned());
        let before = lines.insert(at.clone(), cell.follows.clone());
        assert!(before.is_none_or(|before| before == cell.follows), "{at:?}");
    }
    assert_eq!(lines, table);
}

/// What a catalog is answered with never takes away what is there.
#[tokio::test(start_paused = true)]
async fn a_catalog_that_cannot_be_read_leaves_what_is_there() {
    let site = Site::with_binding().await;
    let all = [
        Behaviour::THIRTEEN.to_vec(),
        vec![
            Behaviour::CrashBeforeAccept,
            Behaviour::HalfAnswer,
            Behaviour::GarbageChunks,
            Behaviour::HugeBody(20_000_000),
            Behaviour::Redirect("http://elsewhere.example/".to_owned()),
            Behaviour::status(401),
            Behaviour::status(429).retry_after(30),
        ],
    ]
    .concat();
    for (index, behaviour) in all.into_iter().enumerate() {
        let mark = site.mark();
        let told = format!("{behaviour:?}");
        // These two are nothing to a catalog.
        let is_well = matches!(
            behaviour,
            Behaviour::FailAsync | Behaviour::NeverFinishAsync
        );
        site.broker.catalog(|_| {});
        site.broker.next(Op::Catalog, behaviour);
        site.set(
            &CLUSTER_BROKERS,
            "acme",
            &json!({"relistRequests": index + 1}),
        );
        site.seconds(900).await;
        let asked = site.calls(mark);
        let ready = site.course(mark, &CLUSTER_BROKERS, "acme", "Ready").await;
        if is_well {
            assert_eq!(asked, "catalog", "{told}: {ready}");
        } else {
            assert!(asked.starts_with("catalog x"), "{told}: {asked}, {ready}");
        }
        let said = site.said(&CLUSTER_BROKERS, "acme", "Ready");
        assert!(said.starts_with("True"), "{told}: {said}");
        assert!(site.said(&INSTANCES, "db", "Ready").starts_with("True"));
        assert!(site.said(&BINDINGS, "web", "Ready").starts_with("True"));
        assert_eq!(
            site.list_all(&super::site::CLUSTER_CLASSES).len(),
            2,
            "{told}"
        );
    }
    site.check().await;
}
