//! WASI 0.2 for guests whose toolchain insists on it: there, and without any news of the world.
//!
//! The clocks stand still at the request's `now`; a wait ends at once and moves the monotonic clock by as much. Random numbers
//! are a function of the request's `seed`. Standard output and error are log lines. There are no arguments, no environment,
//! no files, and every socket is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};
use wasmtime_wasi::p2::{DynPollable, OutputStream, Pollable, StreamResult, subscribe};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView, async_trait};

use crate::capability::log::{LogSink, Stream};
use crate::store::RunState;

/// Most random bytes that one call gives.
const MAX_RANDOM_BYTES: u64 = 1 << 20;

/// Bytes that one write may bring.
const WRITE_PERMIT: usize = 64 << 10;

/// The WASI of one run.
pub(crate) struct Wasi {
    now_millis: u64,
    seed: u64,
    monotonic: Arc<AtomicU64>,
    random: SplitMix,
    log: Arc<LogSink>,
    /// Made when it is first asked for: most guests never do.
    ctx: Option<Box<Ctx>>,
}

struct Ctx {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl Wasi {
    pub(crate) fn new(now_millis: u64, seed: u64, log: Arc<LogSink>) -> Self {
        Self {
            now_millis,
            seed,
            monotonic: Arc::new(AtomicU64::new(now_millis.saturating_mul(1_000_000))),
            random: SplitMix(seed),
            log,
            ctx: None,
        }
    }

    fn ctx(&mut self) -> &mut Ctx {
        self.ctx.get_or_insert_with(|| {
            let output = |stream| Output {
                stream,
                log: Arc::clone(&self.log),
            };
            let mut wasi = WasiCtx::builder();
            wasi.stdout(output(Stream::Stdout))
                .stderr(output(Stream::Stderr))
                .allow_tcp(false)
                .allow_udp(false)
                .allow_ip_name_lookup(false);
            Box::new(Ctx {
                wasi: wasi.build(),
                table: ResourceTable::new(),
            })
        })
    }
}

/// Adds WASI to `linker`.
pub(crate) fn add_to_linker(linker: &mut Linker<RunState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    // What would tell one run from another is replaced.
    linker.allow_shadowing(true);
    wall_clock::add_to_linker::<_, Own>(linker, |state| &mut state.wasi)?;
    monotonic_clock::add_to_linker::<_, Own>(linker, |state| &mut state.wasi)?;
    random::add_to_linker::<_, Own>(linker, |state| &mut state.wasi)?;
    insecure::add_to_linker::<_, Own>(linker, |state| &mut state.wasi)?;
    insecure_seed::add_to_linker::<_, Own>(linker, |state| &mut state.wasi)?;
    linker.allow_shadowing(false);
    Ok(())
}

impl WasiView for RunState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let ctx = self.wasi.ctx();
        WasiCtxView {
            ctx: &mut ctx.wasi,
            table: &mut ctx.table,
        }
    }
}

struct Own;

impl HasData for Own {
    type Data<'a> = &'a mut Wasi;
}

impl wall_clock::Host for Wasi {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(wall_clock::Datetime {
            seconds: self.now_millis / 1_000,
            nanoseconds: u32::try_from(self.now_millis % 1_000)? * 1_000_000,
        })
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(wall_clock::Datetime {
            seconds: 0,
            nanoseconds: 1_000_000,
        })
    }
}

impl monotonic_clock::Host for Wasi {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.monotonic.load(Ordering::Relaxed))
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let nap = Nap {
            until: when,
            clock: Arc::clone(&self.monotonic),
        };
        let table = &mut self.ctx().table;
        let nap = table.push(nap)?;
        subscribe(table, nap)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let until = self
            .monotonic
            .load(Ordering::Relaxed)
            .saturating_add(duration);
        self.subscribe_instant(until)
    }
}

/// A wait. Waiting for it ends at once, with the clock where it would be.
struct Nap {
    until: u64,
    clock: Arc<AtomicU64>,
}

#[async_trait]
impl Pollable for Nap {
    async fn ready(&mut self) {
        self.clock.fetch_max(self.until, Ordering::Relaxed);
    }
}

impl random::Host for Wasi {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.random.bytes(len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.random.next())
    }
}

impl insecure::Host for Wasi {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.random.bytes(len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.random.next())
    }
}

impl insecure_seed::Host for Wasi {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        // Asked for again it is the same, as the interface says.
        let mut seed = SplitMix(!self.seed);
        Ok((seed.next(), seed.next()))
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
struct SplitMix(u64);

impl SplitMix {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        if len > MAX_RANDOM_BYTES {
            return Err(wasmtime::format_err!(
                "{len} random bytes in one call, at most {MAX_RANDOM_BYTES} are given"
            ));
        }
        let len = usize::try_from(len)?;
        let mut bytes = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(len);
        Ok(bytes)
    }
}

/// A standard stream that ends in the log.
#[derive(Clone)]
struct Output {
    stream: Stream,
    log: Arc<LogSink>,
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Asked for by WASI 0.3 only, which is not linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.log.stream(self.stream, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_PERMIT)
    }
}
