//! The interface, as `bindgen!` reads it from `modules/helm/wit`.
#![expect(missing_docs, reason = "the WIT says what its names do not")]

wasmtime::component::bindgen!({
    path: ["../../wit", "../../modules/helm/wit"],
    inline: "
        package oarlock:helm-face;

        world face {
            export oarlock:helm/engine@0.1.0;
        }
    ",
    world: "oarlock:helm-face/face",
    exports: { default: async },
    additional_derives: [PartialEq],
});
