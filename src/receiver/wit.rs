//! The types of the imported interfaces, and on WebAssembly their functions.

/// What `wit-bindgen` makes of `wit/world.wit`.
mod bindings {
    spin_sdk::wit_bindgen::generate!({
        path: "../../wit",
        world: "receiver",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
        additional_derives: [Clone, PartialEq],
    });
}

pub use bindings::udmill::normalizer::{transform, webhook};
