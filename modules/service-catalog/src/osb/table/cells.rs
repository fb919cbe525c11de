//! The table itself.

use super::super::Operation;
use super::{Call, Class, Rule};

/// The calls, in the order of the table.
pub const CALLS: [Call; 10] = [
    Call::Begin(Operation::Provision),
    Call::Begin(Operation::Bind),
    Call::Begin(Operation::Update),
    Call::Begin(Operation::Deprovision),
    Call::Begin(Operation::Unbind),
    Call::Poll(Operation::Provision),
    Call::Poll(Operation::Bind),
    Call::Poll(Operation::Update),
    Call::Poll(Operation::Deprovision),
    Call::Poll(Operation::Unbind),
];

macro_rules! cells {
    ($($class:ident: $($rule:ident)+;)+) => {
        /// Every kind of answer, with what follows from it for each of the calls.
        pub const CELLS: &[(Class, [Rule; 10])] = &[$((Class::$class, [$(Rule::$rule),+])),+];
    };
}

// Columns as in CALLS: five calls that begin something, then five polls.
cells! {
    Ok:                      Done Done Done Gone Gone
                             Done Done Done Gone Gone;
    OkUnreadable:            Fail Fail Fail Slowly Slowly
                             KeepPolling KeepPolling KeepPolling KeepPolling KeepPolling;
    InProgress:              Never Never Never Never Never
                             KeepPolling KeepPolling KeepPolling KeepPolling KeepPolling;
    Failed:                  Never Never Never Never Never
                             Mitigate Mitigate FailOrRetry MitigateRetry MitigateRetry;
    Created:                 Done Done Fail Retry Retry
                             KeepPolling KeepPolling KeepPolling KeepPolling KeepPolling;
    CreatedUnreadable:       Mitigate Mitigate Fail Slowly Slowly
                             KeepPolling KeepPolling KeepPolling KeepPolling KeepPolling;
    Accepted:                Poll Poll Poll Poll Poll
                             KeepPolling KeepPolling KeepPolling KeepPolling KeepPolling;
    AcceptedUnreadable:      Mitigate Mitigate Fail Slowly Slowly
                             KeepPolling KeepPolling KeepPolling KeepPolling KeepPolling;
    OtherSuccess:            Mitigate Mitigate Fail Retry Retry
                             KeepPolling KeepPolling KeepPolling KeepPolling KeepPolling;
    Redirect:                Denied Denied Denied Slowly Slowly
                             KeepPolling KeepPolling KeepPolling KeepPolling KeepPolling;
    BadRequest:              Refused Refused Refused Slowly Slowly
                             KeepPolling KeepPolling KeepPolling KeepPolling KeepPolling;
    Denied:                  Denied Denied Denied Slowly Slowly
                             KeepPolling KeepPolling KeepPolling KeepPolling KeepPolling;
    OtherRefusal:            Refused Refused Refused Slowly Slowly
                             KeepPolling KeepPolling KeepPolling KeepPolling KeepPolling;
    RequestTimeout:          Retry Retry Retry Retry Retry
                             KeepPolling KeepPolling KeepPolling KeepPolling KeepPolling;
    Gone:                    Refused Refused Refused Gone Gone
                             KeepPolling KeepPolling KeepPolling Gone Gone;
    Concurrency:             Wait Wait Wait Wait Wait
                             KeepPolling KeepPolling KeepPolling KeepPolling KeepPolling;
    AsyncRequired:           Refused Refused Refused Slowly Slowly
                             KeepPolling KeepPolling KeepPolling KeepPolling KeepPolling;
    RequiresApp:             Refused Refused Refused Slowly Slowly
                             KeepPolling KeepPolling KeepPolling KeepPolling KeepPolling;
    MaintenanceInfoConflict: Refetch Refetch Refetch Slowly Slowly
                             KeepPolling KeepPolling KeepPolling KeepPolling KeepPolling;
    TooMany:                 Retry Retry Retry Retry Retry
                             KeepPolling KeepPolling KeepPolling KeepPolling KeepPolling;
    Server:                  MitigateRetry MitigateRetry FailOrRetry Retry Retry
                             KeepPolling KeepPolling KeepPolling KeepPolling KeepPolling;
    Lost:                    MitigateRetry MitigateRetry Retry Retry Retry
                             KeepPolling KeepPolling KeepPolling KeepPolling KeepPolling;
    Unsent:                  Retry Retry Retry Retry Retry
                             KeepPolling KeepPolling KeepPolling KeepPolling KeepPolling;
    Expired:                 Never Never Never Never Never
                             Mitigate Mitigate Fail Slowly Slowly;
}

/// What is done where a call is answered so.
#[must_use]
pub fn rule(call: Call, class: Class) -> Rule {
    let column = CALLS.iter().position(|at| *at == call);
    let row = CELLS.iter().find(|(at, _)| *at == class);
    match (column, row) {
        (Some(column), Some((_, rules))) => rules[column],
        // A test counts the cells: every call and every class are there.
        _ => Rule::Never,
    }
}
