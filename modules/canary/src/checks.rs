//! What is asked of metrics and webhooks, what the answers come to, and who is told of it.

use oarlock_sdk::{Context, Event, Notice, Timestamp};
use rollout::analysis::{
    Alerts, Assessment, Decision, Finding, Hold, Inquiry, Judgement, News, Occasion, Ruling, Scope,
    Severity, Tally,
};

use crate::machine::{Answer, Question, Said, Situation};
use crate::plan::Plan;
use crate::state::State;

/// Whether somebody is asked before the promotion.
pub(crate) fn asks_for_promotion(plan: &Plan) -> bool {
    plan.webhooks.any(Occasion::ConfirmPromotion)
}

/// Whether somebody is told when it is over.
pub(crate) fn asks_afterwards(plan: &Plan) -> bool {
    plan.webhooks.any(Occasion::PostRollout)
}

/// Whether somebody is asked before the new revision gets requests.
pub(crate) fn asks_before_the_first_step(plan: &Plan) -> bool {
    plan.webhooks.any(Occasion::PreRollout)
}

/// Whether somebody is asked before anything moves.
pub(crate) fn asks_before(plan: &Plan) -> bool {
    plan.webhooks.any(Occasion::ConfirmRollout)
}

/// Who is asked about.
pub(crate) fn scope(plan: &Plan, state: &State, now: Timestamp) -> Scope {
    let mark = state.stage.mark();
    let since = mark
        .and_then(|mark| mark.since)
        .or(state.started_at)
        .unwrap_or(now);
    let service = plan.services().map(|services| services.apex);
    Scope {
        namespace: plan.namespace.clone(),
        name: plan.name.clone(),
        uid: plan.uid.clone(),
        target: plan.target.clone(),
        pods: plan.target.clone(),
        service: service.unwrap_or_default(),
        ingress: String::new(),
        revision: state.target.clone(),
        phase: format!("{:?}", state.phase()),
        step: mark
            .and_then(|mark| u32::try_from(mark.index + 1).ok())
            .unwrap_or_default(),
        began: state.started_at.unwrap_or(now),
        since,
        tick: state.checks.at.unwrap_or(since),
    }
}

/// Asks.
pub(crate) fn ask(cx: &Context, question: Question, state: &State, at: &Situation<'_>) -> Answer {
    let round = Round {
        plan: at.plan,
        inquiry: Inquiry::new(cx),
        scope: scope(at.plan, state, at.now),
        tally: state.checks.tally.clone(),
        young: false,
        heard: Vec::new(),
    };
    round.ask(question)
}

/// The questions of one run, one after the other until one is not answered well.
struct Round<'a> {
    plan: &'a Plan,
    inquiry: Inquiry<'a>,
    scope: Scope,
    tally: Tally,
    young: bool,
    heard: Vec<Assessment>,
}

impl Round<'_> {
    fn ask(mut self, question: Question) -> Answer {
        let webhooks = &self.plan.webhooks;
        match question {
            Question::ConfirmRollout => {
                let gate = self
                    .inquiry
                    .gate(webhooks, Occasion::ConfirmRollout, &self.scope);
                let said = self.hear(gate);
                self.answer(said)
            }
            Question::ConfirmPromotion => {
                let rollback = self.inquiry.rollback(webhooks, &self.scope);
                if let Some(answer) = self.rolled_back(rollback) {
                    return self.end(answer);
                }
                let gate = self
                    .inquiry
                    .gate(webhooks, Occasion::ConfirmPromotion, &self.scope);
                let said = self.hear(gate);
                self.answer(said)
            }
            Question::PostRollout => {
                let after = self
                    .inquiry
                    .call(webhooks, Occasion::PostRollout, &self.scope);
                let (_, because, _) = self.hear(after);
                self.answer((Said::Pass, because, None))
            }
            Question::PreRollout => {
                let rollback = self.inquiry.rollback(webhooks, &self.scope);
                if let Some(answer) = self.rolled_back(rollback) {
                    return self.end(answer);
                }
                let before = self
                    .inquiry
                    .call(webhooks, Occasion::PreRollout, &self.scope);
                let said = self.hear(before);
                self.answer(said)
            }
            Question::Checks { onward } => {
                let rollback = self.inquiry.rollback(webhooks, &self.scope);
                if let Some(answer) = self.rolled_back(rollback) {
                    return self.end(answer);
                }
                let checks = self
                    .inquiry
                    .checks(&self.plan.checks, webhooks, &self.scope);
                let said = self.hear(checks);
                if said.0 != Said::Pass || !onward {
                    return self.answer(said);
                }
                let gate =
                    self.inquiry
                        .gate(webhooks, Occasion::ConfirmTrafficIncrease, &self.scope);
                let confirmed = self.hear(gate);
                match confirmed.0 {
                    Said::Pass => self.answer(said),
                    _ => self.answer(confirmed),
                }
            }
        }
    }

    /// Counts what was said.
    fn hear(&mut self, assessment: Assessment) -> (Said, String, Option<Timestamp>) {
        let (tally, ruling) = self.tally.count(&assessment, self.plan.threshold);
        let Ruling {
            decision,
            because,
            wake,
            ..
        } = ruling;
        self.tally = tally;
        let young = |finding: &&Finding| finding.judgement == Judgement::Hold(Hold::TooYoung);
        let obstacles = assessment.obstacles();
        self.young = !obstacles.is_empty() && obstacles.iter().all(young);
        self.heard.push(assessment);
        let said = match decision {
            Decision::Advance => Said::Pass,
            Decision::Hold => Said::Hold,
            Decision::Failed => Said::Fail,
            Decision::GiveUp => Said::GiveUp,
        };
        (said, because, wake)
    }

    /// Whether somebody wants it given up, whatever was counted.
    fn rolled_back(&mut self, assessment: Assessment) -> Option<String> {
        let wants = assessment.fails().then(|| {
            assessment
                .obstacles()
                .first()
                .map(|finding| finding.message.clone())
                .unwrap_or_default()
        });
        self.heard.push(assessment);
        wants
    }

    fn end(self, because: String) -> Answer {
        self.answer((Said::RollBack, because, None))
    }

    fn answer(self, (said, because, wake): (Said, String, Option<Timestamp>)) -> Answer {
        Answer {
            said,
            because,
            inputs: self.heard.iter().flat_map(Assessment::inputs).collect(),
            warnings: self.heard.iter().flat_map(Assessment::warnings).collect(),
            young: self.young,
            wake,
            tally: self.tally,
        }
    }
}

/// What is sent of Events: to alert providers, and to webhooks of type `event`. Providers are read only where there is something
/// to tell; what cannot be read is told as Events.
pub(crate) fn notices(
    cx: &Context,
    plan: &Plan,
    scope: &Scope,
    events: &mut Vec<Event>,
) -> Vec<Notice> {
    let tells = plan.webhooks.any(Occasion::Event) || !plan.alerts.is_empty();
    if events.is_empty() || !tells {
        return Vec::new();
    }
    let path = format!("{}.alerts", plan.analysis_path);
    let (alerts, problems) = match Alerts::read(cx, &plan.alerts, &path, &plan.namespace) {
        Ok(alerts) => {
            let problems = alerts.problems().to_vec();
            (alerts, problems)
        }
        Err(wrong) => (
            Alerts::default(),
            wrong
                .iter()
                .map(|error| format!("{}: {}", error.path, error.message))
                .collect(),
        ),
    };
    let mut notices = Vec::new();
    for event in events.iter() {
        let news = News {
            key: &event.key,
            severity: match (event.warning, event.reason.as_str()) {
                (false, _) => Severity::Info,
                (true, "Aborted" | "Failed") => Severity::Error,
                (true, _) => Severity::Warn,
            },
            reason: &event.reason,
            message: &event.message,
            at: cx.now(),
        };
        notices.extend(alerts.notices(&news, scope));
        notices.extend(plan.webhooks.event_notices(&news, scope));
    }
    events.extend(problems.into_iter().enumerate().map(|(index, problem)| {
        Event::warning(
            format!("alerts-{}-{index}", scope.revision),
            "AlertNotSent",
            problem,
        )
    }));
    notices
}
