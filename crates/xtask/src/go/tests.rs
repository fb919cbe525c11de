#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

/// A guest that uses the clock inside `cabi_realloc`, as Go does.
const CORE: &str = r#"(module
    (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
      (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 0)))
      (i32.const 64))
    (func (export "greet") (param i32 i32)))"#;

/// The adapter with a page of memory, its functions to be called by name.
struct Running {
    store: wasmtime::Store<()>,
    adapter: wasmtime::Instance,
    memory: wasmtime::Memory,
}

impl Running {
    fn start() -> Self {
        let engine = wasmtime::Engine::default();
        let module = wasmtime::Module::new(&engine, adapter(0).unwrap()).unwrap();
        let mut store = wasmtime::Store::new(&engine, ());
        let memory = wasmtime::Memory::new(&mut store, wasmtime::MemoryType::new(1, None)).unwrap();
        let adapter = wasmtime::Instance::new(&mut store, &module, &[memory.into()]).unwrap();
        Self {
            store,
            adapter,
            memory,
        }
    }

    fn call<P: wasmtime::WasmParams, R: wasmtime::WasmResults>(
        &mut self,
        name: &str,
        with: P,
    ) -> R {
        self.adapter
            .get_typed_func::<P, R>(&mut self.store, name)
            .unwrap()
            .call(&mut self.store, with)
            .unwrap()
    }

    fn random(&mut self, bytes: usize) -> Vec<u8> {
        let wanted = i32::try_from(bytes).unwrap();
        self.memory.data_mut(&mut self.store)[1000..1200].fill(0);
        assert_eq!(self.call::<_, i32>("random_get", (1000, wanted)), 0);
        let written = &self.memory.data(&self.store)[1000..];
        assert!(written[bytes..bytes + 64].iter().all(|byte| *byte == 0));
        written[..bytes].to_vec()
    }

    fn time(&mut self, clock: i32) -> u64 {
        assert_eq!(self.call::<_, i32>("clock_time_get", (clock, 0_i64, 8)), 0);
        let data = self.memory.data(&self.store);
        u64::from_le_bytes(data[8..16].try_into().unwrap())
    }
}

#[test]
fn random_numbers_are_chacha20() {
    let mut running = Running::start();
    // RFC 8439, A.1, test vectors 1 and 2: key and nonce of zeros, blocks 0 and 1.
    let drawn = running.random(65);
    assert_eq!(drawn[..8], [0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90]);
    assert_eq!(drawn[60..], [0xb2, 0xee, 0x65, 0x86, 0x9f]);

    let key: Vec<u8> = (0..32).collect();
    running.memory.data_mut(&mut running.store)[100..132].copy_from_slice(&key);
    running.call::<_, ()>("oarlock_random_seed", 100);
    let first = running.random(7);
    let second = running.random(7);
    assert_ne!(first, second);
    running.call::<_, ()>("oarlock_random_seed", 100);
    assert_eq!(running.random(7), first);
    assert_eq!(running.call::<_, i64>("oarlock_random_draws", ()), 4);
}

#[test]
fn wall_clock_stands_where_it_is_set() {
    let mut running = Running::start();
    assert_eq!((running.time(0), running.time(1)), (1000, 2000));
    running.call::<_, ()>("oarlock_clock_set", 1_700_000_000_000_000_000_i64);
    assert_eq!(running.time(0), 1_700_000_000_000_000_000);
    assert_eq!(running.time(0), 1_700_000_000_000_000_000);
    assert_eq!(running.time(1), 5000);
}

#[test]
fn component_has_no_imports_but_those_of_its_world() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("world.wit"),
        "package test:greet; world greeter { export greet: func(name: string); }",
    )
    .unwrap();
    let core = wat::parse_str(CORE).unwrap();
    let component = componentize(core, &adapter(0).unwrap(), &[dir.path()], "greeter").unwrap();

    let decoded = wit_component::decode(&component).unwrap();
    let (_, world) = decoded.resolve().worlds.iter().next().unwrap();
    assert_eq!(world.imports.len(), 0);
    assert_eq!(world.exports.len(), 1);
}
