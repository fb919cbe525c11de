//! A library that modules import: behaves, or not, as it is told.

wit_bindgen::generate!({
    path: ["../../../wit", "wit"],
    world: "local:oar/library",
    generate_all,
});

use exports::local::oar::oar::{Deed, Guest, Piece};
use oarlock::reconcile::cluster::ObjectRef;
use oarlock::reconcile::{artifacts, cluster, http, log};

struct Library;

impl Guest for Library {
    fn repeat(text: String, times: u32) -> String {
        text.repeat(times as usize)
    }

    fn turn(mut pieces: Vec<Piece>) -> Result<(Vec<Piece>, u64), String> {
        if pieces.is_empty() {
            return Err("no pieces".to_owned());
        }
        pieces.reverse();
        let count = pieces.len() as u64;
        Ok((pieces, count))
    }

    fn secrets(names: Vec<String>) -> Result<Vec<String>, String> {
        let secret = |name: &String| {
            let target = ObjectRef {
                api_version: "v1".to_owned(),
                kind: "Secret".to_owned(),
                namespace: Some("default".to_owned()),
                name: name.clone(),
            };
            match cluster::get(&target, None) {
                Ok(Some(secret)) => Ok(secret),
                Ok(None) => Err(format!("{name} is missing")),
                Err(error) => Err(format!("{error:?}")),
            }
        };
        names.iter().map(secret).collect()
    }

    fn weigh(digest: String) -> Result<u64, String> {
        match artifacts::read(&digest) {
            Ok(bytes) => Ok(bytes.len() as u64),
            Err(error) => Err(format!("{error:?}")),
        }
    }

    fn call(url: String) -> Result<u16, String> {
        let request = http::Request {
            method: "GET".to_owned(),
            url,
            headers: Vec::new(),
            body: Vec::new(),
            timeout_ms: 0,
            ca_bundle: None,
            insecure_skip_tls_verify: false,
            auth: None,
            effect: None,
        };
        match http::send(&request) {
            Ok(response) => Ok(response.status),
            Err(error) => Err(format!("{error:?}")),
        }
    }

    fn log(text: String) {
        log::write(log::Level::Info, &text, &[]);
    }

    fn clock() -> (u64, u64) {
        let now = wasi::clocks::wall_clock::now();
        (now.seconds, wasi::random::random::get_random_u64())
    }

    fn commit(deed: Deed) {
        match deed {
            Deed::Trap => core::arch::wasm32::unreachable(),
            Deed::Panic => {
                let fields = [("panic".to_owned(), "true".to_owned())];
                log::write(log::Level::Error, "the oar broke", &fields);
                core::arch::wasm32::unreachable()
            }
            Deed::Loop => loop {
                std::hint::black_box(0);
            },
            Deed::Hoard => {
                let mut hoard: Vec<Vec<u8>> = Vec::new();
                loop {
                    hoard.push(vec![1; 1 << 20]);
                    std::hint::black_box(&hoard);
                }
            }
            Deed::Recurse => {
                std::hint::black_box(deeper(0));
            }
        }
    }
}

#[expect(unconditional_recursion, reason = "that is the point")]
#[inline(never)]
fn deeper(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    deeper(depth + 1) + frame[0]
}

export!(Library);
