//! The contract, as `bindgen!` reads it from `wit/`. The widest world is bound: a module that imports less links as well.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "external",
    imports: {
        // Never waits: a log line is handed over or dropped.
        "oarlock:reconcile/log.write": trappable,
        default: async | trappable,
    },
    exports: { default: async },
});
