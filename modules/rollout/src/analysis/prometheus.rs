//! Asks a Prometheus, or whatever answers `/api/v1/query` as one does.

use oarlock_sdk::Timestamp;
use oarlock_sdk::http::Request;

use super::answer::{self, Answered, Trouble};
use super::caller::Caller;
use super::duration::GoDuration;
use super::settings::Server;
use super::url::{self, Url};

/// Tells simulations and logs which metric asks.
const HEADER: &str = "x-oarlock-metric";

/// One instant query, for now.
pub(crate) fn ask(
    caller: &Caller<'_>,
    server: &Server,
    name: &str,
    query: &str,
    limit: GoDuration,
) -> Result<Answered, Trouble> {
    let request = Request::get(address(&server.address, query, caller.cx.now()))
        .header("accept", "application/json")
        .header(HEADER, url::header(name));
    let more = server.headers.iter();
    let request = more.fold(request, |request, (name, value)| {
        request.header(name, value)
    });
    let response = caller.send(request, &server.address, server.credentials.as_ref(), limit)?;
    answer::prometheus(&response)
}

fn address(server: &Url, query: &str, now: Timestamp) -> String {
    let millis = now.as_millis();
    format!(
        "{server}/api/v1/query?query={}&time={}.{:03}",
        url::parameter(query),
        millis / 1000,
        millis % 1000
    )
}
