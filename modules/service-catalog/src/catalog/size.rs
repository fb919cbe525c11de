//! How large classes and plans are, and how they are made to fit.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::{Class, Oversized, Plan};

/// What all may have together, in bytes: an outcome may have 8 MiB.
const ALL: usize = 7 << 20;

/// What one may have, in bytes: an API server takes 1.5 MiB.
const ONE: usize = 1 << 20;

/// What an object has besides its `spec`, in bytes: names, labels, and how a child is written.
const AROUND: usize = 1_000;

/// What had to be left out.
#[derive(Debug, Default)]
pub(super) struct Fitted {
    /// Whose schemas and metadata are left out, for people.
    pub(super) trimmed: Vec<String>,
    /// Classes that are too large without them, too: names of objects.
    pub(super) classes: Vec<String>,
    /// Plans that are too large without them, too: names of objects.
    pub(super) plans: Vec<String>,
}

/// Leaves schemas and metadata out, the largest first, until all fits; what does not fit by itself is only named.
pub(super) fn fit(
    classes: &mut BTreeMap<String, Class>,
    plans: &mut BTreeMap<String, Plan>,
) -> Result<Fitted, Oversized> {
    let mut fitted = Fitted::default();
    let mut parts: Vec<Part<'_>> = classes.values_mut().map(Part::of_class).collect();
    parts.extend(plans.values_mut().map(Part::of_plan));
    parts.retain(|part| {
        let fits = part.fixed <= ONE;
        if !fits {
            match &part.what {
                What::Class(class) => fitted.classes.push(class.name.clone()),
                What::Plan(plan) => fitted.plans.push(plan.name.clone()),
            }
        }
        fits
    });
    let mut total: usize = parts.iter().map(|part| part.fixed + part.loose).sum();
    // The largest first; of equal ones in their order, so that the same catalog always gives the same objects.
    parts.sort_by(|a, b| b.loose.cmp(&a.loose).then_with(|| a.name.cmp(&b.name)));
    for part in parts {
        let fits = part.fixed + part.loose <= ONE && total <= ALL;
        if part.loose > 0 && !fits {
            total -= part.loose;
            fitted.trimmed.push(part.name.clone());
            part.trim();
        }
    }
    if total > ALL {
        return Err(Oversized {
            size: total,
            limit: ALL,
        });
    }
    Ok(fitted)
}

/// One object.
struct Part<'a> {
    /// For people.
    name: String,
    what: What<'a>,
    /// Bytes that have to be.
    fixed: usize,
    /// Bytes of schemas and metadata.
    loose: usize,
}

enum What<'a> {
    Class(&'a mut Class),
    Plan(&'a mut Plan),
}

impl<'a> Part<'a> {
    fn of_class(class: &'a mut Class) -> Self {
        let loose = class.spec.external_metadata.as_ref().map_or(0, size);
        Self {
            name: format!(
                "class {:?} (ID {:?})",
                class.spec.external_name, class.spec.external_id
            ),
            fixed: AROUND + size(&class.spec).saturating_sub(loose),
            loose,
            what: What::Class(class),
        }
    }

    fn of_plan(plan: &'a mut Plan) -> Self {
        let spec = &plan.spec;
        let schemas = [
            &spec.instance_create_parameter_schema,
            &spec.instance_update_parameter_schema,
            &spec.service_binding_create_parameter_schema,
        ];
        let schemas = schemas.into_iter().flatten().map(size).sum::<usize>();
        let loose = schemas + spec.external_metadata.as_ref().map_or(0, size);
        Self {
            name: format!("plan {:?} (ID {:?})", spec.external_name, spec.external_id),
            fixed: AROUND + size(spec).saturating_sub(loose),
            loose,
            what: What::Plan(plan),
        }
    }

    fn trim(self) {
        match self.what {
            What::Class(class) => class.spec.external_metadata = None,
            What::Plan(plan) => {
                plan.spec.external_metadata = None;
                plan.spec.instance_create_parameter_schema = None;
                plan.spec.instance_update_parameter_schema = None;
                plan.spec.service_binding_create_parameter_schema = None;
            }
        }
    }
}

/// Bytes of its JSON text.
fn size(value: &impl Serialize) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // Counting never fails, and what cannot be written is told where it is written.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}
