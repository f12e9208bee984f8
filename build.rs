//! Sets the linker flags that a Node-API addon needs; a plain engine build needs none.

fn main() {
    #[cfg(feature = "addon")]
    napi_build::setup();
}
