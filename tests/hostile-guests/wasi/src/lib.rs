//! Behaves, but sees the world through WASI as other languages' runtimes do: wall clock, monotonic clock, a nap, random
//! numbers, standard error.

use contract::nothing;

wit_bindgen::generate!({
    inline: r#"
        package local:wasi;

        world wasi {
            import wasi:clocks/wall-clock@0.2.0;
            import wasi:clocks/monotonic-clock@0.2.0;
            import wasi:random/random@0.2.0;
            import wasi:random/insecure-seed@0.2.0;
            import wasi:cli/stderr@0.2.0;
            import wasi:cli/environment@0.2.0;
        }

        package wasi:io@0.2.0 {
            interface error { resource error; }
            interface poll { resource pollable { block: func(); } }
            interface streams {
                use error.{error};
                variant stream-error { last-operation-failed(error), closed }
                resource output-stream {
                    blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
                }
            }
        }
        package wasi:clocks@0.2.0 {
            interface wall-clock {
                record datetime { seconds: u64, nanoseconds: u32 }
                now: func() -> datetime;
            }
            interface monotonic-clock {
                use wasi:io/poll@0.2.0.{pollable};
                type instant = u64;
                type duration = u64;
                now: func() -> instant;
                subscribe-duration: func(when: duration) -> pollable;
            }
        }
        package wasi:random@0.2.0 {
            interface random {
                get-random-u64: func() -> u64;
                get-random-bytes: func(len: u64) -> list<u8>;
            }
            interface insecure-seed { insecure-seed: func() -> tuple<u64, u64>; }
        }
        package wasi:cli@0.2.0 {
            interface stderr {
                use wasi:io/streams@0.2.0.{output-stream};
                get-stderr: func() -> output-stream;
            }
            interface environment { get-environment: func() -> list<tuple<string, string>>; }
        }
    "#,
    generate_all,
});

use self::wasi::{cli, clocks, random};

contract::module!("wasi", |request| {
    let wall = clocks::wall_clock::now();
    let before = clocks::monotonic_clock::now();
    clocks::monotonic_clock::subscribe_duration(3_600_000_000_000).block();
    let slept = clocks::monotonic_clock::now() - before;
    let stderr = cli::stderr::get_stderr();
    let line = "thread 'main' panicked at src/lib.rs:1:1:\nno more oars\nnote: none\nhalf a line";
    if stderr.blocking_write_and_flush(line.as_bytes()).is_err() {
        return Err(contract::Failure::Terminal("stderr is closed".to_owned()));
    }
    if request.settings.contains("trap") {
        core::arch::wasm32::unreachable();
    }
    let mut outcome = nothing();
    outcome.tag = format!(
        "wall={}.{:09} monotonic={before} slept={slept} random={} bytes={:?} seed={:?} environment={:?}",
        wall.seconds,
        wall.nanoseconds,
        random::random::get_random_u64(),
        random::random::get_random_bytes(5),
        random::insecure_seed::insecure_seed(),
        cli::environment::get_environment(),
    );
    Ok(outcome)
});
