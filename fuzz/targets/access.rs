//! Access logs: the same rows and rejects however the bytes are cut, and none lost to a prefilter.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_formats::{
    Format,
    testing::{check, check_prefilter},
};

fuzz_target!(|input: ([u8; 6], &[u8])| {
    let ([a, b, c, d, e, f], bytes) = input;
    let [a, b, c, d, e, f] = [a, b, c, d, e, f].map(usize::from);
    check(&Format::Access, bytes, &[a, b], &[c % 4, 4 + d % 6]);
    check_prefilter(&Format::Access, bytes, &[a, b], (c, d), (e, 1 + f));
});
