//! `oarlock:reconcile/cluster`: handed to the host of the run, which checks the grants.

use oarlock_core::json::Json;
use oarlock_core::reconciler::ReadError;

use crate::bindings::oarlock::reconcile::{cluster, types};
use crate::convert::reads;
use crate::store::RunState;

type Answer<T> = wasmtime::Result<Result<T, cluster::ReadError>>;

fn text(json: &Json) -> String {
    json.as_str().to_owned()
}

fn answer<T, U>(answer: Result<T, ReadError>, wit: impl FnOnce(T) -> U) -> Answer<U> {
    Ok(answer.map(wit).map_err(reads::read_error))
}

impl cluster::Host for RunState {
    async fn get(
        &mut self,
        target: types::ObjectRef,
        act_as: Option<String>,
    ) -> Answer<Option<String>> {
        let found = match (reads::target(target), reads::account(act_as)) {
            (Ok(target), Ok(act_as)) => self.host.get(target, act_as).await,
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        answer(found, |found| found.as_ref().map(text))
    }

    async fn get_live(
        &mut self,
        target: types::ObjectRef,
        act_as: Option<String>,
    ) -> Answer<Option<String>> {
        let found = match (reads::target(target), reads::account(act_as)) {
            (Ok(target), Ok(act_as)) => self.host.get_live(target, act_as).await,
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        answer(found, |found| found.as_ref().map(text))
    }

    async fn query(&mut self, selection: cluster::Selection) -> Answer<Vec<String>> {
        let found = match reads::selection(selection) {
            Ok(selection) => self.host.query(selection).await,
            Err(error) => Err(error),
        };
        answer(found, |found| found.iter().map(text).collect())
    }

    async fn children(&mut self) -> Answer<Vec<String>> {
        let found = self.host.children().await;
        answer(found, |found| found.iter().map(text).collect())
    }

    async fn observe(&mut self, targets: Vec<types::ObjectRef>) -> Answer<Vec<cluster::State>> {
        let targets: Result<_, ReadError> = targets.into_iter().map(reads::target).collect();
        let states = match targets {
            Ok(targets) => self.host.observe(targets).await,
            Err(error) => Err(error),
        };
        answer(states, |states| {
            states.into_iter().map(reads::state).collect()
        })
    }

    async fn kinds(&mut self) -> Answer<Vec<cluster::KindInfo>> {
        let kinds = self.host.kinds().await;
        answer(kinds, |kinds| {
            kinds.into_iter().map(reads::kind_info).collect()
        })
    }

    async fn server_version(&mut self) -> Answer<String> {
        answer(self.host.server_version().await, |version| version)
    }
}

// The interface has types only.
impl types::Host for RunState {}
