//! Link settings that a Node.js addon needs; nothing for the plain Rust library.

fn main() {
    #[cfg(feature = "node")]
    napi_build::setup();
}
