//! NDJSON, by a layout that is given and by the one that the bytes suggest.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::Arc;
use tidegate_formats::{
    Format, Sample,
    json::JsonLayout,
    testing::{check, check_prefilter, json},
};

const GIVEN: &str = r#"{"n":1,"t":"x","o":{"f":1.5,"l":[true]},"ls":[{"at":"2026-03-01T00:00:00Z"}]}"#;

fuzz_target!(|input: ([u8; 6], &[u8])| {
    let ([a, b, c, d, e, f], bytes) = input;
    let [a, b, c, d, e, f] = [a, b, c, d, e, f].map(usize::from);
    let sample = Sample { bytes, at_start: true };
    let suggested = JsonLayout::infer(&[sample], &[]).map(|layout| Format::Json(Arc::new(layout)));
    for format in [Some(json(GIVEN)), suggested.ok()].into_iter().flatten() {
        check(&format, bytes, &[a, b], &[c % 2, 2 + d % 3]);
        check_prefilter(&format, bytes, &[a, b], (c, d), (e, 1 + f));
    }
});
