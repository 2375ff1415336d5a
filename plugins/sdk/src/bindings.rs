//! Generated from `wit/`. Outside of WebAssembly these functions compile and must not be called.

wit_bindgen::generate!({
    path: "../../wit",
    world: "stage",
    pub_export_macro: true,
    default_bindings_module: "tidegate_sdk::bindings",
});
