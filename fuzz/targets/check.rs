//! Python, or what looks like it: an answer always, and changes that leave what can be parsed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_check::{apply, check_source};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let Ok(findings) = check_source("a.py", &text) else { return };
    let edits: Vec<_> = findings.iter().map(|finding| finding.edits.as_slice()).collect();
    let (changed, count) = apply(&text, &edits);
    if count > 0 {
        let again = check_source("a.py", &changed).unwrap_or_default();
        assert!(again.iter().all(|finding| finding.code != "TG000"), "{text}\n---\n{changed}");
    }
});
