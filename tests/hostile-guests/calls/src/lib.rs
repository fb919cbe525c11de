//! Calls libraries, as its settings say: `do` names the function, `with` is its argument. Tells the answer as its tag.

use contract::nothing;

wit_bindgen::generate!({
    path: ["../../../wit", "../library/wit"],
    world: "local:oar/caller",
    generate_all,
});

use local::oar::oar;
use local::other::greeter;
use oar::{Deed, Fitting, Piece, Rigging, Side};

/// A field of the settings whose value is a text without escapes.
fn field<'a>(settings: &'a str, name: &str) -> &'a str {
    let start = format!("\"{name}\":\"");
    let rest = settings.split_once(&start).map_or("", |(_, rest)| rest);
    rest.split('"').next().unwrap_or("")
}

fn pieces() -> Vec<Piece> {
    let blade = Piece {
        name: "blade".to_owned(),
        side: Side::Starboard,
        rigging: Rigging::MAST | Rigging::BOOM,
        fitting: Fitting::Blade((7, -1, 0.5)),
        weight: None,
        initial: 'b',
        marks: vec![1, 2, 3],
    };
    let lock = Piece {
        name: "lock".to_owned(),
        side: Side::Port,
        rigging: Rigging::empty(),
        fitting: Fitting::Lock("brass".to_owned()),
        weight: Some(1.5),
        initial: 'l',
        marks: Vec::new(),
    };
    let rope = Piece {
        fitting: Fitting::None,
        ..lock.clone()
    };
    vec![blade, lock, rope]
}

fn deed(name: &str) -> Deed {
    match name {
        "trap" => Deed::Trap,
        "panic" => Deed::Panic,
        "loop" => Deed::Loop,
        "hoard" => Deed::Hoard,
        _ => Deed::Recurse,
    }
}

contract::module!("calls", |request| {
    let settings = request.settings.as_str();
    let with = field(settings, "with");
    let number = || with.parse().unwrap_or(0);
    let mut outcome = nothing();
    outcome.tag = match field(settings, "do") {
        "repeat" => oar::repeat("oar ", number()),
        // Far more than this module may compute itself, unless the library's time is its own.
        "repeat-often" => {
            let calls = (0..number()).map(|_| oar::repeat("0123456789abcdef", 1 << 16).len());
            calls.sum::<usize>().to_string()
        }
        "turn" => format!("{:?}", oar::turn(&pieces())),
        "turn-nothing" => format!("{:?}", oar::turn(&[])),
        "secrets" => {
            let names: Vec<String> = with.split(',').map(str::to_owned).collect();
            format!("{:?}", oar::secrets(&names))
        }
        "weigh" => format!("{:?}", oar::weigh(with)),
        "call" => format!("{:?}", oar::call(with)),
        "log" => {
            oar::log(with);
            String::new()
        }
        "clock" => format!("{:?}", oar::clock()),
        "greet" => greeter::greet(&oar::repeat(with, 2)),
        "argument" => oar::repeat(&"x".repeat(16 << 20), 1),
        _ => {
            oar::commit(deed(with));
            "nothing happened".to_owned()
        }
    };
    Ok(outcome)
});
