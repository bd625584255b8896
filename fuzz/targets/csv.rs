//! Delimited text, by a layout that is given and by the one that the bytes suggest.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::Arc;
use tidegate_formats::{
    Format, Sample,
    csv::{CsvLayout, CsvOptions},
    testing::{check, check_prefilter, csv},
};

const GIVEN: &str = "n,t,f,at,b\n1,x,1.5,2026-03-01T00:00:00Z,true\n";

fuzz_target!(|input: ([u8; 6], &[u8])| {
    let ([a, b, c, d, e, f], bytes) = input;
    let [a, b, c, d, e, f] = [a, b, c, d, e, f].map(usize::from);
    let sample = Sample { bytes, at_start: true };
    let suggested = CsvLayout::infer(&[sample], &CsvOptions::default()).map(|layout| Format::Csv(Arc::new(layout)));
    for format in [Some(csv(GIVEN)), suggested.ok()].into_iter().flatten() {
        check(&format, bytes, &[a, b], &[c % 2, 2 + d % 3]);
        check_prefilter(&format, bytes, &[a, b], (c, d), (e, 1 + f));
    }
});
