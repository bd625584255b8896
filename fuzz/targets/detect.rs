//! Which format a file has, whatever it holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_formats::detect;

fuzz_target!(|input: (&str, &[u8])| {
    let (name, bytes) = input;
    let _ = detect(bytes, name);
});
