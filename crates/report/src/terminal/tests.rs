//! Reports fit the terminal and its lines, and cannot steer it.

use super::{MOST_LINES, Style, run, runs, sheet};
use crate::{record::RunRecord, testing};

fn check_size(text: &str, style: Style) {
    assert!(text.lines().count() <= MOST_LINES, "{} lines:\n{text}", text.lines().count());
    for line in text.lines() {
        assert!(sheet::width(line) <= style.width, "{line}");
    }
    assert!(text.ends_with('\n') && !text.contains(" \n"), "{text}");
}

#[test]
fn every_report_fits_the_terminal() {
    let mut records = testing::morning();
    records.extend([testing::hostile(), RunRecord::default()]);
    for width in [40, 60, 80, 200] {
        let style = Style { width, colored: false };
        for record in &records {
            let text = run(record, style);
            check_size(&text, style);
            assert!(!text.contains(['\u{1b}', '\0', '\u{7}', '\u{202e}']), "{text}");
        }
        check_size(&runs(&records, style), style);
        check_size(&runs(&vec![testing::rich(); 90], style), style);
    }
}

#[test]
fn a_good_run_is_told_on_one_screen() {
    let text = run(&testing::rich(), Style::default());
    for line in [
        "✓ Answered within its limit: 243 MB of 256 MB at the peak, 95 %\n",
        "  2026-07-14 09:12:03 UTC, 18.4 s, 2.41 GB read (131 MB/s), 618 MB spilled\n",
        "    256 MB ┄",
        " limit\n",
        "           spill 13×, purge 2×, pages dropped 3×, refusal 13×, pause 4×\n",
        "  118 MB to 254 MB (95 %), 236 MB expected; actual 243 MB\n",
        "  3.1 % above expected; the bound of 254 MB held; mode: spilling\n",
        "     SpillingGroupByExec, 618 MB spilled         6,871,002    141 MB ██████████\n",
        "  logs/access-2026-07-09.log:771204: the quote of the request is not closed\n",
        "  ✓ Right mode for the size: yes, spilling: 618 MB were spilled; 3.1 % above ex…\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn colours_change_nothing_but_the_colour() {
    for record in [testing::rich(), testing::failed(), testing::ended_at_the_limit()] {
        let colored = run(&record, Style { colored: true, ..Style::default() });
        assert!(colored.contains("\u{1b}["));
        let mut plain = colored;
        for code in ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m"] {
            plain = plain.replace(code, "");
        }
        assert_eq!(plain, run(&record, Style::default()));
    }
}

#[test]
fn a_run_without_a_timeline_has_no_chart() {
    let text = run(&testing::failed(), Style::default());
    assert!(text.contains("✗ Failed with exit code 1") && text.contains("help: did you mean"), "{text}");
    assert!(!text.contains("memory over time") && !text.contains("plan") && !text.contains("forecast and"), "{text}");
}

#[test]
fn wide_letters_take_two_columns() {
    assert_eq!(sheet::fit("漢字漢字", 5), "漢字…");
    assert_eq!(sheet::column("漢字", 6), "漢字  ");
    assert_eq!(sheet::fit("abc", 3), "abc");
}
