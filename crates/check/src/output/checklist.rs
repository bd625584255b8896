//! The four questions for people.

use super::text::printable;
use crate::{Answer, Report};
use std::fmt::Write;

/// Returns the questions of each file, their answers, and the lines that prove them.
pub fn checklist_text(report: &Report) -> String {
    let mut text = String::new();
    for list in &report.checklists {
        // Writing into a string does not fail.
        let _ = writeln!(text, "{}", printable(&list.file));
        for question in &list.questions {
            let answer = match question.answer {
                Answer::Yes => "yes",
                Answer::No => "no",
                Answer::Unknown => "unknown",
            };
            let _ = writeln!(text, "  {:<26} {answer}", question.question);
            for proof in &question.proofs {
                let _ = writeln!(text, "    {}: {}", proof.place, printable(&proof.text));
            }
        }
    }
    text
}
