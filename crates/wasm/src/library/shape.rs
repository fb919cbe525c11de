//! Whether a function is the same on both sides, and where not.

use wasmtime::component::Type;
use wasmtime::component::types::ComponentFunc;

/// The first difference between the function that a module imports and the one that a library exports, for people.
pub(super) fn difference(wanted: &ComponentFunc, given: &ComponentFunc) -> Option<String> {
    if wanted.async_() || given.async_() {
        return Some("it is asynchronous, libraries are called and answer".to_owned());
    }
    let (wanted_params, given_params) = (wanted.params(), given.params());
    if wanted_params.len() != given_params.len() {
        return Some(format!(
            "the module has {} parameters, the library {}",
            wanted_params.len(),
            given_params.len()
        ));
    }
    for ((name, wanted), (given_name, given)) in wanted_params.zip(given_params) {
        if name != given_name {
            return Some(names("parameter", name, given_name));
        }
        if let Some(difference) = types(name, &wanted, &given) {
            return Some(difference);
        }
    }
    // A function has one result or none.
    payloads(
        "the result",
        wanted.results().next().as_ref(),
        given.results().next().as_ref(),
    )
}

/// The first difference below `place`. Types are at most a hundred deep, the engine sees to that.
fn types(place: &str, wanted: &Type, given: &Type) -> Option<String> {
    match (wanted, given) {
        (Type::List(wanted), Type::List(given)) => {
            types(&format!("{place}[]"), &wanted.ty(), &given.ty())
        }
        (Type::FixedLengthList(wanted), Type::FixedLengthList(given))
            if wanted.len() == given.len() =>
        {
            types(&format!("{place}[]"), &wanted.ty(), &given.ty())
        }
        (Type::Map(wanted), Type::Map(given)) => {
            types(&format!("{place}[key]"), &wanted.key(), &given.key())
                .or_else(|| types(&format!("{place}[]"), &wanted.value(), &given.value()))
        }
        (Type::Record(wanted), Type::Record(given)) => members(
            place,
            "fields",
            wanted
                .fields()
                .map(|field| (field.name.to_owned(), Some(field.ty))),
            given
                .fields()
                .map(|field| (field.name.to_owned(), Some(field.ty))),
        ),
        (Type::Tuple(wanted), Type::Tuple(given)) => members(
            place,
            "fields",
            wanted.types().enumerate().map(numbered),
            given.types().enumerate().map(numbered),
        ),
        (Type::Variant(wanted), Type::Variant(given)) => members(
            place,
            "cases",
            wanted.cases().map(|case| (case.name.to_owned(), case.ty)),
            given.cases().map(|case| (case.name.to_owned(), case.ty)),
        ),
        (Type::Enum(wanted), Type::Enum(given)) => members(
            place,
            "cases",
            wanted.names().map(|name| (name.to_owned(), None)),
            given.names().map(|name| (name.to_owned(), None)),
        ),
        (Type::Flags(wanted), Type::Flags(given)) => members(
            place,
            "flags",
            wanted.names().map(|name| (name.to_owned(), None)),
            given.names().map(|name| (name.to_owned(), None)),
        ),
        (Type::Option(wanted), Type::Option(given)) => types(place, &wanted.ty(), &given.ty()),
        (Type::Result(wanted), Type::Result(given)) => payloads(
            &format!("{place}.ok"),
            wanted.ok().as_ref(),
            given.ok().as_ref(),
        )
        .or_else(|| {
            payloads(
                &format!("{place}.err"),
                wanted.err().as_ref(),
                given.err().as_ref(),
            )
        }),
        (wanted, _) if !is_data(wanted) => Some(format!(
            "{place}: it is {}, and only data can be passed to a library",
            name(wanted)
        )),
        (wanted, given) if wanted == given => None,
        (wanted, given) => Some(differ(place, name(wanted), name(given))),
    }
}

fn numbered((index, ty): (usize, Type)) -> (String, Option<Type>) {
    (index.to_string(), Some(ty))
}

/// Fields, cases or flags: their number, their names in order, and what is in them.
fn members(
    place: &str,
    what: &str,
    wanted: impl ExactSizeIterator<Item = (String, Option<Type>)>,
    given: impl ExactSizeIterator<Item = (String, Option<Type>)>,
) -> Option<String> {
    if wanted.len() != given.len() {
        return Some(differ(
            place,
            &format!("{} {what}", wanted.len()),
            &given.len().to_string(),
        ));
    }
    wanted
        .zip(given)
        .find_map(|((name, wanted), (other, given))| {
            if name == other {
                return payloads(&format!("{place}.{name}"), wanted.as_ref(), given.as_ref());
            }
            Some(differ(place, &name, &other))
        })
}

fn payloads(place: &str, wanted: Option<&Type>, given: Option<&Type>) -> Option<String> {
    match (wanted, given) {
        (None, None) => None,
        (Some(wanted), Some(given)) => types(place, wanted, given),
        (wanted, given) => Some(differ(
            place,
            wanted.map_or("nothing", name),
            given.map_or("nothing", name),
        )),
    }
}

fn differ(place: &str, wanted: &str, given: &str) -> String {
    format!("{place}: the module has {wanted}, the library {given}")
}

fn names(what: &str, wanted: &str, given: &str) -> String {
    format!("the module has a {what} {wanted}, the library {given}")
}

const fn is_data(ty: &Type) -> bool {
    !matches!(
        ty,
        Type::Own(_) | Type::Borrow(_) | Type::Future(_) | Type::Stream(_) | Type::ErrorContext
    )
}

/// A type in one word, as WIT writes it.
const fn name(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::S8 => "s8",
        Type::U8 => "u8",
        Type::S16 => "s16",
        Type::U16 => "u16",
        Type::S32 => "s32",
        Type::U32 => "u32",
        Type::S64 => "s64",
        Type::U64 => "u64",
        Type::Float32 => "f32",
        Type::Float64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::List(_) => "a list",
        Type::Map(_) => "a map",
        Type::Record(_) => "a record",
        Type::Tuple(_) => "a tuple",
        Type::Variant(_) => "a variant",
        Type::Enum(_) => "an enum",
        Type::Option(_) => "an option",
        Type::Result(_) => "a result",
        Type::Flags(_) => "flags",
        Type::Own(_) | Type::Borrow(_) => "a resource",
        Type::Future(_) => "a future",
        Type::Stream(_) => "a stream",
        Type::ErrorContext => "an error context",
        Type::FixedLengthList(_) => "a list of fixed length",
    }
}
