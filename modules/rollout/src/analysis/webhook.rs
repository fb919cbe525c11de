//! Webhooks: what is POSTed, and what the answer means.

use std::collections::BTreeMap;
use std::time::Duration;

use oarlock_sdk::http::Request;
use oarlock_sdk::{FieldError, Notice};
use serde_json::json;

use super::alert::{News, payload};
use super::answer::{self, Trouble};
use super::caller::Caller;
use super::check::Names;
use super::draft;
use super::duration::GoDuration;
use super::excerpt;
use super::finding::{Finding, Hold, Judgement};
use super::scope::Scope;
use super::spec::{Occasion, StepWebhookSpec, WebhookSpec};
use super::url::{self, Url};
use crate::why::{Input, Verdict};

/// Flagger's, too.
const TIMEOUT: GoDuration = GoDuration(Duration::from_secs(10));

/// Tells simulations and logs which webhook is called.
const HEADER: &str = "x-oarlock-webhook";

/// The webhooks of an object, checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Webhooks(Vec<Webhook>);

/// One webhook, checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Webhook {
    pub(crate) name: String,
    occasion: Occasion,
    url: Url,
    timeout: GoDuration,
    retries: u32,
    metadata: BTreeMap<String, String>,
    dry_run: bool,
    muted: bool,
    pub(crate) warnings: Vec<String>,
}

impl Webhooks {
    /// `analysis.webhooks` of a Canary. `path` is where they stand, such as `spec.analysis.webhooks`.
    ///
    /// # Errors
    ///
    /// Every field that says nothing, with its path.
    pub fn parse(specs: &[WebhookSpec], path: &str) -> Result<Self, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let mut names = Names::default();
        let mut webhooks = Vec::new();
        for (index, spec) in specs.iter().enumerate() {
            let path = format!("{path}[{index}]");
            if spec.name.is_empty() {
                wrong.push(FieldError::new(format!("{path}.name"), "is empty"));
                continue;
            }
            let warning = spec.disable_tls.then(|| {
                format!("{path}.disableTLS: is not followed: certificates are always verified")
            });
            let step = StepWebhookSpec {
                url: spec.url.clone(),
                timeout: spec.timeout,
                retries: spec.retries,
                metadata: spec.metadata.clone(),
            };
            let name = names.unique(&spec.name);
            let webhook = Webhook::parse(&step, name, &path, &mut wrong);
            webhooks.extend(webhook.map(|webhook| Webhook {
                occasion: spec.occasion,
                muted: spec.mute_alert,
                warnings: warning.into_iter().collect(),
                ..webhook
            }));
        }
        match wrong.is_empty() {
            true => Ok(Self(webhooks)),
            false => Err(wrong),
        }
    }

    /// What was accepted and is not followed, with its path. Findings carry it, too.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .flat_map(|webhook| &webhook.warnings)
            .map(String::as_str)
    }

    /// Whether there is one for this occasion.
    pub fn any(&self, occasion: Occasion) -> bool {
        self.of(occasion).next().is_some()
    }

    pub(crate) fn of(&self, occasion: Occasion) -> impl Iterator<Item = &Webhook> {
        self.0
            .iter()
            .filter(move |webhook| webhook.is_for(occasion))
    }

    /// What webhooks of type `event` are sent of some news.
    pub fn event_notices(&self, news: &News<'_>, scope: &Scope) -> Vec<Notice> {
        self.of(Occasion::Event)
            .map(|webhook| {
                let body = payload(scope, news, &webhook.metadata);
                let key = format!("event {}/{}", webhook.name, news.key);
                Notice::json(key, webhook.url.as_str(), &body)
                    .header(HEADER, url::header(&webhook.name))
            })
            .collect()
    }
}

impl Webhook {
    /// One of a step.
    pub(crate) fn step(
        spec: &StepWebhookSpec,
        name: String,
        path: &str,
        dry_run: bool,
        wrong: &mut Vec<FieldError>,
    ) -> Option<Self> {
        let webhook = Self::parse(spec, name, &format!("{path}.webhook"), wrong)?;
        Some(Self { dry_run, ..webhook })
    }

    fn parse(
        spec: &StepWebhookSpec,
        name: String,
        path: &str,
        wrong: &mut Vec<FieldError>,
    ) -> Option<Self> {
        let timeout = draft::duration(spec.timeout, TIMEOUT, &format!("{path}.timeout"), wrong);
        match Url::parse(&spec.url) {
            Ok(url) => Some(Self {
                name,
                occasion: Occasion::Rollout,
                dry_run: false,
                url,
                timeout,
                retries: spec.retries.unwrap_or_default(),
                metadata: spec.metadata.clone().unwrap_or_default(),
                muted: false,
                warnings: Vec::new(),
            }),
            Err(message) => {
                wrong.push(FieldError::new(format!("{path}.url"), message));
                None
            }
        }
    }

    fn is_for(&self, occasion: Occasion) -> bool {
        self.occasion == occasion
    }

    /// Calls it, and says what its answer means on its occasion.
    pub(crate) fn call(&self, caller: &Caller<'_>, scope: &Scope) -> Finding {
        let answer = self.send(caller, scope);
        let finding = match self.occasion {
            Occasion::ConfirmRollout
            | Occasion::ConfirmTrafficIncrease
            | Occasion::ConfirmPromotion => self.gate(answer),
            Occasion::Rollback => self.rollback(answer),
            Occasion::PreRollout | Occasion::Rollout => self.check(answer),
            Occasion::PostRollout | Occasion::Event => self.courtesy(answer),
        };
        Finding {
            warnings: self.warnings.clone(),
            error_limit: self.retries,
            muted: self.muted,
            ..finding.dry(self.dry_run)
        }
    }

    /// The status that answered, or why none did, or none that says yes.
    fn send(&self, caller: &Caller<'_>, scope: &Scope) -> Result<u16, Trouble> {
        let key = self.key(scope);
        let body = json!({
            "name": scope.name,
            "namespace": scope.namespace,
            "phase": scope.phase,
            "checksum": scope.revision,
            "metadata": self.metadata,
        });
        let request = Request::new("POST", self.url.as_str())
            .json(&body)
            .header("idempotency-key", &key)
            .header(HEADER, url::header(&self.name));
        let request = match self.occasion {
            // Questions: a plan may ask them, too.
            Occasion::ConfirmRollout
            | Occasion::ConfirmTrafficIncrease
            | Occasion::ConfirmPromotion
            | Occasion::Rollback => request,
            Occasion::PreRollout | Occasion::Rollout | Occasion::PostRollout | Occasion::Event => {
                request.effect(&key)
            }
        };
        let response = caller.send(request, &self.url, None, self.timeout)?;
        match response.status {
            200..300 => Ok(response.status),
            code => Err(answer::refused(code, &response.body)),
        }
    }

    /// The same for every repetition of a call, and another for every other: a run that is repeated, because the host was
    /// killed or the status was not written, calls with the same key. So do the retries of a `pre-rollout` and a `post-rollout`
    /// webhook within a rollout; what is called at every check has a key per check.
    fn key(&self, scope: &Scope) -> String {
        let occasion = match self.occasion {
            Occasion::ConfirmRollout => "confirm-rollout",
            Occasion::PreRollout => "pre-rollout",
            Occasion::Rollout => "rollout",
            Occasion::ConfirmTrafficIncrease => "confirm-traffic-increase",
            Occasion::ConfirmPromotion => "confirm-promotion",
            Occasion::PostRollout => "post-rollout",
            Occasion::Rollback => "rollback",
            Occasion::Event => "event",
        };
        let part = url::parameter;
        let mut key = format!(
            "{}/{}/{occasion}/{}/{}/{}",
            part(&scope.uid),
            part(&scope.revision),
            part(&self.name),
            part(&scope.phase),
            scope.step
        );
        let once = matches!(self.occasion, Occasion::PreRollout | Occasion::PostRollout);
        let when = if once { scope.began } else { scope.tick };
        key += &format!("/{}", when.as_millis());
        key
    }

    fn finding(
        &self,
        judgement: Judgement,
        value: impl AsRef<str>,
        message: impl AsRef<str>,
    ) -> Finding {
        Finding::new("webhook", &self.name, judgement, value, message).expected("2xx")
    }

    fn passed(&self, code: u16) -> Finding {
        self.finding(
            Judgement::Pass,
            code.to_string(),
            format!("answered {code}"),
        )
    }

    fn blocked(&self, trouble: &Trouble) -> Finding {
        self.finding(
            Judgement::Hold(Hold::Blocked),
            trouble.to_string(),
            format!("cannot be called: {trouble}"),
        )
    }

    fn gate(&self, answer: Result<u16, Trouble>) -> Finding {
        match answer {
            Ok(code) => self.passed(code),
            Err(trouble) if trouble.is_blocked() => self.blocked(&trouble),
            Err(trouble) => self.finding(
                Judgement::Hold(Hold::Gate),
                trouble.to_string(),
                format!("does not let it pass: {trouble}"),
            ),
        }
    }

    fn rollback(&self, answer: Result<u16, Trouble>) -> Finding {
        match answer {
            Ok(code) => {
                let finding = self.finding(
                    Judgement::Fail,
                    code.to_string(),
                    format!("answered {code}: the rollout is to be given up"),
                );
                finding.expected("not 2xx")
            }
            Err(trouble) if trouble.is_blocked() => self.blocked(&trouble).expected("not 2xx"),
            Err(trouble) => {
                let message = format!("asks for no rollback: {trouble}");
                let finding = self.finding(Judgement::Pass, trouble.to_string(), message);
                finding.expected("not 2xx")
            }
        }
    }

    /// 5xx, 408, 429 and no answer may be another time; any other status is meant.
    fn check(&self, answer: Result<u16, Trouble>) -> Finding {
        match answer {
            Ok(code) => self.passed(code),
            Err(trouble) if trouble.is_blocked() => self.blocked(&trouble),
            Err(trouble) => {
                let text = trouble.to_string();
                let judgement = match trouble {
                    Trouble::Status { code, .. } if code < 500 && ![408, 429].contains(&code) => {
                        Judgement::Fail
                    }
                    _ => Judgement::Error,
                };
                self.finding(judgement, &text, &text)
            }
        }
    }

    /// Nothing depends on the answer, but it is told.
    fn courtesy(&self, answer: Result<u16, Trouble>) -> Finding {
        match answer {
            Ok(code) => self.passed(code),
            Err(trouble) => {
                let text = excerpt::line(&trouble.to_string());
                let finding = self.finding(Judgement::Pass, &text, &text);
                let input = Input {
                    verdict: Verdict::Info,
                    ..finding.input
                };
                Finding { input, ..finding }
            }
        }
    }
}
