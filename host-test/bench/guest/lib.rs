//! A component that scans or does nothing, built as the project's own components are.

mod bindings {
    wit_bindgen::generate!({ path: "world.wit" });

    #[cfg(target_family = "wasm")]
    export!(Component with_types_in self);

    #[cfg(target_family = "wasm")]
    use super::Component;
}

mod scan;

/// The exports of the world `yardsticks`.
pub struct Component;

impl bindings::Guest for Component {
    fn scan(bytes: Vec<u8>) -> u64 {
        scan::scan(&bytes)
    }

    fn nothing() {}
}
