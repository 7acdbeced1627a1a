//! Link settings that a Node.js addon needs; nothing for the plain Rust library.

fn main() {
    // Without a word from here, cargo would run this again, and build everything anew, for any file that changes.
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "node")]
    napi_build::setup();
}
