//! By which steps a new revision gets its requests.

use std::time::Duration;

use rollout::analysis::duration::GoDuration;

use super::audit::Audit;
use crate::spec::{Analysis, CanarySpec, IntOrText};

/// By which steps a new revision gets its requests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Course {
    /// More and more of them.
    Weights {
        /// At least one; weights strictly ascending, but for steps of one weight that follow each other.
        steps: Vec<Step>,
        /// Weights of the promotion, one per interval, strictly ascending, below 100. None: at once.
        promotion: Vec<u32>,
    },
    /// None until so many checks have passed, then all. At least 1.
    BlueGreen { iterations: u32 },
    /// All of them as soon as there are Pods: `skipAnalysis` where there are no steps.
    AtOnce,
}

/// One step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Step {
    /// Percent, 0 to 100.
    pub(crate) weight: u32,
    pub(crate) hold: Hold,
}

/// When a step ends. Checks are made every interval whatever it says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Hold {
    /// With the first checks that pass, an interval after it began.
    Checks,
    /// After a while.
    For(Duration),
    /// When somebody promotes.
    Promotion,
}

impl Course {
    /// The steps, where there are any.
    pub(crate) fn steps(&self) -> &[Step] {
        match self {
            Self::Weights { steps, .. } => steps,
            Self::BlueGreen { .. } | Self::AtOnce => &[],
        }
    }
}

impl Audit {
    /// The analysis and its path: `spec.analysis`, or `spec.canaryAnalysis`.
    pub(super) fn analysis(&mut self, spec: &CanarySpec) -> (&'static str, Analysis) {
        match (&spec.analysis, &spec.canary_analysis) {
            (Some(analysis), None) => ("spec.analysis", analysis.clone()),
            (None, Some(analysis)) => ("spec.canaryAnalysis", analysis.clone()),
            (Some(analysis), Some(_)) => {
                self.refuse(
                    "spec.canaryAnalysis",
                    "must not stand beside spec.analysis: it is the same in its first version\nhint: remove it",
                );
                ("spec.analysis", analysis.clone())
            }
            (None, None) => {
                if spec.steps.is_empty() && !spec.skip_analysis {
                    self.refuse(
                        "spec.analysis",
                        "is required\nhint: at least {interval: 1m, threshold: 5, stepWeight: 10}, or spec.skipAnalysis: true",
                    );
                }
                ("spec.analysis", Analysis::default())
            }
        }
    }

    pub(super) fn course(&mut self, spec: &CanarySpec, path: &str, analysis: &Analysis) -> Course {
        let iterations = analysis.iterations.filter(|iterations| *iterations != 0);
        let step_weight = analysis.step_weight.filter(|weight| *weight != 0);
        let step_weights = analysis
            .step_weights
            .as_deref()
            .filter(|weights| !weights.is_empty());
        if !spec.steps.is_empty() {
            let given = [
                ("iterations", iterations.is_some()),
                ("stepWeight", step_weight.is_some()),
                ("stepWeights", step_weights.is_some()),
            ];
            for (field, _) in given.iter().filter(|(_, given)| *given) {
                self.refuse(
                    format!("{path}.{field}"),
                    "must not stand beside spec.steps\nhint: remove one of the two",
                );
            }
            return Course::Weights {
                steps: self.own_steps(spec),
                promotion: Vec::new(),
            };
        }
        if let Some(iterations) = iterations {
            for (field, given) in [
                ("stepWeight", step_weight.is_some()),
                ("stepWeights", step_weights.is_some()),
            ] {
                if given {
                    self.warn(
                        format!("{path}.{field}"),
                        "not used: iterations say that requests are switched over at once",
                    );
                }
            }
            return match u32::try_from(iterations) {
                Ok(iterations) => Course::BlueGreen { iterations },
                Err(_) => {
                    self.refuse(format!("{path}.iterations"), "must be at least 1");
                    Course::AtOnce
                }
            };
        }
        let weights = match (step_weights, step_weight) {
            (Some(weights), step_weight) => {
                for (field, given) in [
                    ("stepWeight", step_weight.is_some()),
                    ("maxWeight", analysis.max_weight.is_some_and(|max| max != 0)),
                ] {
                    if given {
                        self.warn(
                            format!("{path}.{field}"),
                            "not used: stepWeights say every step",
                        );
                    }
                }
                self.listed(path, weights)
            }
            (None, Some(step)) => self.counted(path, step, analysis.max_weight),
            (None, None) => {
                if !spec.skip_analysis
                    && (spec.analysis.is_some() || spec.canary_analysis.is_some())
                {
                    self.refuse(
                        path,
                        "has no steps, expected one of stepWeight, stepWeights and iterations, or spec.steps",
                    );
                }
                return Course::AtOnce;
            }
        };
        let promotion = self.promotion(path, analysis.step_weight_promotion, weights.last());
        Course::Weights {
            steps: weights
                .into_iter()
                .map(|weight| Step {
                    weight,
                    hold: Hold::Checks,
                })
                .collect(),
            promotion,
        }
    }

    /// `stepWeights`.
    fn listed(&mut self, path: &str, weights: &[i64]) -> Vec<u32> {
        let mut before = 0;
        let mut listed = Vec::new();
        for (index, &weight) in weights.iter().enumerate() {
            let path = format!("{path}.stepWeights[{index}]");
            match u32::try_from(weight) {
                Ok(weight @ 1..=100) if weight > before => {
                    before = weight;
                    listed.push(weight);
                }
                Ok(weight @ 1..=100) => self.refuse(
                    path,
                    format!("must be more than the {before} of the step before, not {weight}"),
                ),
                _ => self.refuse(path, format!("must be between 1 and 100, not {weight}")),
            }
        }
        listed
    }

    /// `stepWeight` and `maxWeight`. Unlike Flagger no step is above the maximum.
    fn counted(&mut self, path: &str, step: i64, max: Option<i64>) -> Vec<u32> {
        let mut percent = |field: &str, number: i64| match u32::try_from(number) {
            Ok(number @ 1..=100) => Some(number),
            _ => {
                self.refuse(
                    format!("{path}.{field}"),
                    format!("must be between 1 and 100, not {number}"),
                );
                None
            }
        };
        let step = percent("stepWeight", step);
        let max = match max.filter(|max| *max != 0) {
            Some(max) => percent("maxWeight", max),
            None => Some(100),
        };
        let (Some(step), Some(max)) = (step, max) else {
            return Vec::new();
        };
        (1..=max.div_ceil(step))
            .map(|count| (count * step).min(max))
            .collect()
    }

    /// `stepWeightPromotion`: from where the steps ended.
    fn promotion(&mut self, path: &str, step: Option<i64>, from: Option<&u32>) -> Vec<u32> {
        let Some(step) = step.filter(|step| *step != 0) else {
            return Vec::new();
        };
        match u32::try_from(step) {
            Ok(step @ 1..=100) => {
                let from = from.copied().unwrap_or_default();
                (1..)
                    .map(|count| from + count * step)
                    .take_while(|weight| *weight < 100)
                    .collect()
            }
            _ => {
                self.refuse(
                    format!("{path}.stepWeightPromotion"),
                    format!("must be between 1 and 100, not {step}"),
                );
                Vec::new()
            }
        }
    }

    /// `spec.steps`: weights, and pauses that belong to the weight before them.
    fn own_steps(&mut self, spec: &CanarySpec) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        let mut paused = true;
        for (index, step) in spec.steps.iter().enumerate() {
            let path = format!("spec.steps[{index}]");
            match (step.set_weight, &step.pause) {
                (Some(weight), None) => {
                    let before = steps.last().map(|step| step.weight);
                    if weight > 100 {
                        self.refuse(
                            format!("{path}.setWeight"),
                            format!("must be between 0 and 100, not {weight}"),
                        );
                    } else if let Some(before) = before.filter(|before| *before >= weight) {
                        self.refuse(
                            format!("{path}.setWeight"),
                            format!("must be more than the {before} of the step before"),
                        );
                    } else {
                        steps.push(Step {
                            weight,
                            hold: Hold::Checks,
                        });
                        paused = false;
                    }
                }
                (None, Some(pause)) => {
                    let hold = match &pause.duration {
                        None => Some(Hold::Promotion),
                        Some(IntOrText::Int(seconds)) => u64::try_from(*seconds)
                            .ok()
                            .map(Duration::from_secs)
                            .map(Hold::For),
                        Some(IntOrText::Text(text)) => text
                            .parse::<GoDuration>()
                            .ok()
                            .map(|wait| Hold::For(wait.0)),
                    };
                    let Some(hold) = hold else {
                        self.refuse(
                            format!("{path}.pause.duration"),
                            "must be seconds, or a text such as 90s, 10m or 1h",
                        );
                        continue;
                    };
                    let weight = steps.last().map_or(0, |step| step.weight);
                    match steps.last_mut() {
                        Some(last) if !paused => last.hold = hold,
                        _ => steps.push(Step { weight, hold }),
                    }
                    paused = true;
                }
                (None, None) => {
                    self.refuse(
                        path,
                        "must be one of {setWeight: 10} and {pause: {duration: 10m}}",
                    );
                }
                (Some(_), Some(_)) => self.refuse(
                    path,
                    "must be one of setWeight and pause\nhint: write two steps, the weight first",
                ),
            }
        }
        steps
    }
}
