//! libFuzzer around [`targets::update`].

#![no_main]

#[path = "../targets.rs"]
#[allow(dead_code, reason = "some of it is for the other targets")]
mod targets;

libfuzzer_sys::fuzz_target!(init: targets::let_contained_panics_pass(), |data: &[u8]| targets::update(data));
