//! A reactor that has already started.
//!
//! The Go runtime and the packages of a large guest take tens of milliseconds to initialise, always to the same state.
//! So it is done once, here: the core module starts with the very adapter that it will be linked with, warms up, and what
//! its memory and globals are then becomes what they are from the first.

use std::collections::BTreeSet;
use std::pin::pin;
use std::task::{Context as Task, Poll, Waker};

use anyhow::{Context as _, bail, ensure};
use wasm_encoder::{ConstExpr, DataSection, RawSection};
use wasmparser::{DataKind, DataSectionReader, Operator, Parser, Payload};
use wasmtime::{
    AsContextMut, Caller, Config, Engine, Func, Instance, Linker, Memory, Module, OptLevel, Store,
    Val,
};
use wasmtime_wizer::{InstanceState, SnapshotVal, ValType, Wizer};

/// The name under which guests import the adapter.
const PREVIEW1: &str = "wasi_snapshot_preview1";
/// The adapter's clock, which must not go back for a guest that has seen it.
const CLOCK: &str = "oarlock_clock";

/// A module that goes on where it was stopped.
pub(super) struct Snapshot {
    pub(super) core: Vec<u8>,
    /// Where the adapter's clock stood, in nanoseconds.
    pub(super) clock: i64,
}

/// The adapter's instance: it needs the guest's memory, so it comes with the guest's first call.
#[derive(Default)]
struct Adapter(Option<Instance>);

/// Runs `_initialize` and then the export `warm_up`, which is gone from the result.
pub(super) fn take(core: &[u8], adapter: &[u8], warm_up: &str) -> anyhow::Result<Snapshot> {
    let mut config = Config::new();
    // It runs once.
    config.cranelift_opt_level(OptLevel::None);
    let engine = Engine::new(&config)?;
    let mut wizer = Wizer::new();
    wizer.init_func(warm_up);
    let core = with_one_segment(core)?;
    let (context, instrumented) = wizer.instrument(&core)?;
    let module = Module::new(&engine, &instrumented)?;
    let mut store = Store::new(&engine, Adapter::default());
    let mut linker = Linker::new(&engine);
    link_adapter(
        &mut store,
        &mut linker,
        &module,
        Module::new(&engine, adapter)?,
    )?;
    linker.define_unknown_imports_as_traps(&module)?;
    let instance = linker.instantiate(&mut store, &module)?;
    for start in ["_initialize", warm_up] {
        instance
            .get_typed_func::<(), ()>(&mut store, start)?
            .call(&mut store, ())
            .map_err(anyhow::Error::from)
            .with_context(|| format!("{start} of the guest failed"))?;
    }
    let clock = clock(&mut store)?;
    let core = at_once(wizer.snapshot(&context, &mut State { store, instance }))??;
    Ok(Snapshot { core, clock })
}

/// Puts all data into one segment. Go writes one for every stretch without zeros, close to as many as a module may have,
/// and a snapshot adds its own to them.
fn with_one_segment(core: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut module = wasm_encoder::Module::new();
    for payload in Parser::new(0).parse_all(core) {
        match payload? {
            // Only instructions that name a segment need the count, and those would miss theirs.
            Payload::DataCountSection { .. } => bail!("the guest uses its data segments by number"),
            Payload::DataSection(segments) => {
                let (start, bytes) = flat(segments)?;
                let mut data = DataSection::new();
                data.active(0, &ConstExpr::i32_const(start), bytes);
                module.section(&data);
            }
            other => {
                if let Some((id, range)) = other.as_section() {
                    module.section(&RawSection {
                        id,
                        data: &core[range],
                    });
                }
            }
        }
    }
    Ok(module.finish())
}

/// What the segments make of the memory, from the first byte that they touch to the last.
fn flat(segments: DataSectionReader<'_>) -> anyhow::Result<(i32, Vec<u8>)> {
    let mut placed = Vec::new();
    for segment in segments {
        let segment = segment?;
        let DataKind::Active {
            memory_index: 0,
            offset_expr,
        } = segment.kind
        else {
            bail!("a data segment is not of the guest's one memory");
        };
        let Operator::I32Const { value } = offset_expr.get_operators_reader().read()? else {
            bail!("a data segment has no constant address");
        };
        placed.push((value.cast_unsigned() as usize, segment.data));
    }
    let start = placed.iter().map(|(at, _)| *at).min().unwrap_or(0);
    let end = placed
        .iter()
        .map(|(at, data)| at + data.len())
        .max()
        .unwrap_or(0);
    ensure!(end <= 1 << 31, "data segments reach to {end:#x}");
    let mut bytes = vec![0; end - start];
    for (at, data) in placed {
        bytes[at - start..][..data.len()].copy_from_slice(data);
    }
    Ok((i32::try_from(start)?, bytes))
}

/// Answers the guest's imports of WASI with the adapter's exports.
fn link_adapter(
    store: &mut Store<Adapter>,
    linker: &mut Linker<Adapter>,
    guest: &Module,
    adapter: Module,
) -> anyhow::Result<()> {
    // The runtime and the packages import the same function each for itself.
    let mut linked = BTreeSet::new();
    for import in guest.imports().filter(|import| import.module() == PREVIEW1) {
        if !linked.insert(import.name()) {
            continue;
        }
        let name = import.name().to_owned();
        let ty = import
            .ty()
            .func()
            .cloned()
            .with_context(|| format!("the guest imports {name}, which is no function"))?;
        let adapter = adapter.clone();
        let called = name.clone();
        let answer = Func::new(&mut *store, ty, move |mut caller, params, results| {
            let function = started(&mut caller, &adapter)?
                .get_func(&mut caller, &called)
                .ok_or_else(|| wasmtime::format_err!("the adapter has no {called}"))?;
            function.call(&mut caller, params, results)
        });
        linker.define(&mut *store, PREVIEW1, &name, answer)?;
    }
    Ok(())
}

fn started(caller: &mut Caller<'_, Adapter>, adapter: &Module) -> wasmtime::Result<Instance> {
    if let Some(instance) = caller.data().0 {
        return Ok(instance);
    }
    let memory = caller
        .get_export("memory")
        .ok_or_else(|| wasmtime::format_err!("the guest exports no memory"))?;
    let instance = Instance::new(&mut *caller, adapter, &[memory])?;
    caller.data_mut().0 = Some(instance);
    Ok(instance)
}

fn clock(store: &mut Store<Adapter>) -> anyhow::Result<i64> {
    let Some(adapter) = store.data().0 else {
        return Ok(0);
    };
    match adapter.get_global(store.as_context_mut(), CLOCK) {
        Some(global) => match global.get(store) {
            Val::I64(nanoseconds) => Ok(nanoseconds),
            other => bail!("{CLOCK} is {other:?}, expected an i64"),
        },
        None => bail!("the adapter exports no global {CLOCK}"),
    }
}

/// The result of a future that has nothing to wait for.
fn at_once<T>(future: impl Future<Output = T>) -> anyhow::Result<T> {
    match pin!(future).poll(&mut Task::from_waker(Waker::noop())) {
        Poll::Ready(value) => Ok(value),
        Poll::Pending => bail!("reading an instance's state waits"),
    }
}

/// The state of a guest that has started.
struct State {
    store: Store<Adapter>,
    instance: Instance,
}

impl State {
    fn memory(&mut self, name: &str) -> Option<Memory> {
        self.instance.get_memory(&mut self.store, name)
    }
}

impl InstanceState for State {
    async fn global_get(&mut self, name: &str, _: ValType) -> SnapshotVal {
        let value = self
            .instance
            .get_global(&mut self.store, name)
            .map(|global| global.get(&mut self.store));
        match value {
            Some(Val::I32(value)) => SnapshotVal::I32(value),
            Some(Val::I64(value)) => SnapshotVal::I64(value),
            Some(Val::F32(value)) => SnapshotVal::F32(value),
            Some(Val::F64(value)) => SnapshotVal::F64(value),
            Some(Val::V128(value)) => SnapshotVal::V128(value.as_u128()),
            other => unreachable!("instrumenting exports {name} as a number, not {other:?}"),
        }
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        match self.memory(name) {
            Some(memory) => contents(memory.data(&self.store)),
            None => unreachable!("instrumenting exports {name} as a memory"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const ADAPTER: &str = r#"(module
        (import "env" "memory" (memory 0))
        (global $clock (export "oarlock_clock") (mut i64) (i64.const 0))
        (func (export "tick") (param $out i32)
          (global.set $clock (i64.add (global.get $clock) (i64.const 7)))
          (i64.store (local.get $out) (global.get $clock))))"#;

    /// It notes in its memory that it has started and what time it was, and traps when it starts twice.
    const CORE: &str = r#"(module
        (import "wasi_snapshot_preview1" "tick" (func $tick (param i32)))
        (import "world" "other" (func $other))
        (memory (export "memory") 1)
        (data (i32.const 24) "far") (data (i32.const 64) "away")
        (global $starts (mut i32) (i32.const 0))
        (func (export "_initialize")
          (if (global.get $starts) (then unreachable))
          (global.set $starts (i32.const 1))
          (call $tick (i32.const 8)))
        (func (export "warm") (drop (memory.grow (i32.const 2))) (call $tick (i32.const 16)))
        (func (export "state") (result i32 i64 i64 i32)
          (global.get $starts) (i64.load (i32.const 8)) (i64.load (i32.const 16)) (memory.size)))"#;

    #[test]
    fn snapshot_goes_on_where_the_guest_was_stopped() {
        let snapshot = take(
            &wat::parse_str(CORE).unwrap(),
            &wat::parse_str(ADAPTER).unwrap(),
            "warm",
        )
        .unwrap();
        assert_eq!(snapshot.clock, 14);

        let engine = Engine::default();
        let module = Module::new(&engine, &snapshot.core).unwrap();
        let exports: Vec<_> = module
            .exports()
            .map(|export| export.name().to_owned())
            .collect();
        assert_eq!(exports, ["memory", "state"]);
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&module).unwrap();
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let state = instance
            .get_typed_func::<(), (i32, i64, i64, i32)>(&mut store, "state")
            .unwrap();
        assert_eq!(state.call(&mut store, ()).unwrap(), (1, 7, 14, 3));
    }

    #[test]
    fn warm_up_that_leaves_the_guest_fails() {
        let core = CORE.replace(
            "(func (export \"warm\")",
            "(func (export \"warm\") (call $other)",
        );
        let failed = take(
            &wat::parse_str(core).unwrap(),
            &wat::parse_str(ADAPTER).unwrap(),
            "warm",
        );
        assert!(
            failed.is_err_and(|error| format!("{error:#}").contains("warm of the guest failed"))
        );
    }
}
