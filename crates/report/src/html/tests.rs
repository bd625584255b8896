//! Pages are bounded, whole, and hold nothing of a record that is not escaped.

use super::{MOST_BYTES, MOST_RUNS, run_page, runs_page};
use crate::{
    record::{Event, EventKind, RunRecord, Sample},
    testing::{self, ATTACK},
};
use tidegate_memory::ByteCount;

/// Puts a text somewhere into a record.
type Change = fn(&mut RunRecord, String);

/// Tags that never have an end.
const VOID: [&str; 3] = ["meta", "br", "!DOCTYPE"];

fn all_runs() -> Vec<RunRecord> {
    let mut records = testing::morning();
    records.extend([testing::rich(), RunRecord::default()]);
    records
}

/// Fails unless every tag is closed in order, and every attribute is well-formed.
fn check_markup(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        assert!(!rest[..start].contains('>') || open.last() == Some(&"style"), "a bracket in {}", &rest[..start]);
        let tag = &rest[start + 1..];
        let end = tag.find('>').expect("a tag ends");
        let name = tag[..end].split([' ', '/']).find(|name| !name.is_empty()).unwrap();
        assert_eq!(tag[..end].matches('"').count() % 2, 0, "{}", &tag[..end]);
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !VOID.contains(&name) {
            open.push(name);
        }
        rest = &tag[end + 1..];
    }
    assert_eq!(open, [""; 0]);
}

#[test]
fn pages_are_well_formed_and_fetch_nothing() {
    let mut pages: Vec<String> = all_runs().iter().map(run_page).collect();
    pages.push(runs_page(&all_runs(), 3));
    pages.push(runs_page(&[], 0));
    for page in pages {
        check_markup(&page);
        for forbidden in ["<script", "src=", "href=", "url(", "@import", "http:", "https:", "onload=\"", "javascript:"]
        {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("default-src 'none'"));
    }
}

#[test]
fn the_longest_page_is_bounded() {
    let page = run_page(&testing::longest());
    assert!(page.len() <= MOST_BYTES, "{}", page.len());
    check_markup(&page);
}

#[test]
fn a_hostile_record_does_no_harm() {
    let record = testing::hostile();
    for page in [run_page(&record), runs_page(&vec![record; 3], 3)] {
        check_markup(&page);
        assert!(page.len() <= MOST_BYTES, "{}", page.len());
        assert!(!page.contains("<script") && !page.contains(ATTACK));
        for unseen in ['\0', '\u{1b}', '\u{7}', '\u{202e}', '\u{2066}'] {
            assert!(!page.contains(unseen), "{unseen:?}");
        }
    }
}

/// Each text of a record, and a change that puts an attack there.
#[test]
fn every_text_of_a_record_is_escaped() {
    let changes: [(&str, Change); 16] = [
        ("id", |record, text| record.id = text),
        ("text", |record, text| record.text = text),
        ("message", |record, text| record.ended.message = Some(text)),
        ("help", |record, text| record.ended.help = Some(text)),
        ("input", |record, text| record.inputs[0].path = text),
        ("reason", |record, text| record.forecast.as_mut().unwrap().reason = Some(text)),
        ("row", |record, text| record.forecast.as_mut().unwrap().table[0].name = text),
        ("derived", |record, text| record.forecast.as_mut().unwrap().table[0].derived = text),
        ("reject file", |record, text| record.rejects.samples[0].file = text),
        ("reject reason", |record, text| record.rejects.samples[0].reason = text),
        ("reject raw", |record, text| record.rejects.samples[0].raw = text),
        ("operator", |record, text| record.memory.operators[3].name = text),
        ("details", |record, text| record.memory.operators[3].details = text),
        ("event", |record, text| record.events[0].text = text),
        ("host", |record, text| record.environment.host = Some(text)),
        ("temp folder", |record, text| record.environment.temp_folder = Some(text)),
    ];
    for (name, change) in changes {
        let mut record = testing::rich();
        change(&mut record, "<b id='x\"&amp;\u{202e}".to_owned());
        let page = run_page(&record);
        check_markup(&page);
        assert!(page.contains("&lt;b id='x&quot;&amp;amp;\\u{202e}"), "{name} is shown");
        assert!(!page.contains("<b id=") && !page.contains('\u{202e}'), "{name}");
    }
}

#[test]
fn a_page_of_many_runs_is_bounded() {
    let mut run = testing::rich();
    run.text = "\"".repeat(10_000);
    let records = vec![run; MOST_RUNS + 50];
    let page = runs_page(&records, 12_345);
    check_markup(&page);
    assert!(page.len() <= MOST_BYTES, "{}", page.len());
    let shown = page.matches("<td class=\"what\">").count();
    assert!(shown > 100, "{shown}");
    assert!(page.contains(&format!("… and {}.", crate::words::counted(12_345 - shown as u64, "more run"))));
}

#[test]
fn runs_are_newest_first() {
    let page = runs_page(&all_runs(), 0);
    let places: Vec<_> = ["09:30:00", "09:15:30", "09:12:03", "09:00:01", "08:50:00"].map(|at| page.find(at)).into();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
}

#[test]
fn sections_without_data_say_so() {
    let page = run_page(&testing::failed());
    for text in ["No sample was taken", "There was no forecast", "No line was read", "did you mean `logs/access.log`?"]
    {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("class=\"plot\"") && !page.contains("class=\"plan\""));
    let page = run_page(&RunRecord::default());
    assert!(page.contains("how it ended is not recorded") && !page.contains("class=\"bar\"><span class=\"fill\""));
}

#[test]
fn the_chart_shows_limit_peak_and_every_kind_of_event() {
    let mut record = testing::rich();
    record.events = EventKind::ALL.map(|kind| Event { ms: 50, kind, text: String::new() }).into();
    let page = run_page(&record);
    for text in
        ["limit 256 MB", "the kernel's peak, 243 MB", "pages dropped", "new plan", "class=\"cut\"", "pressure rising"]
    {
        assert!(page.contains(text), "{text}");
    }
    record.limit = Some(ByteCount::new(64_000_000_000));
    assert!(run_page(&record).contains("limit 64.0 GB ↑"));
}

#[test]
fn odd_timelines_are_drawn() {
    let mut record = testing::rich();
    record.memory.timeline = vec![Sample { ms: u64::MAX, resident: ByteCount::new(u64::MAX), ..Sample::default() }];
    record.seconds = -1.0;
    check_markup(&run_page(&record));
    record.memory.timeline = vec![Sample::default(); 3];
    record.events.clear();
    record.seconds = f64::NAN;
    let page = run_page(&record);
    check_markup(&page);
    assert!(!page.contains("NaN"));
}
