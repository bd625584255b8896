//! Findings as orders to a workflow of GitHub, which shows them at their lines.

use crate::{Finding, Report};

/// Returns a line for each finding.
pub fn github(report: &Report) -> String {
    report.findings.iter().map(line).collect()
}

fn line(finding: &Finding) -> String {
    let (place, end) = (finding.place, finding.end);
    let kind = if finding.code == "TG000" { "error" } else { "warning" };
    let saving = finding.saving_text();
    let more = if saving.is_empty() { String::new() } else { format!(" (saves {saving})") };
    let fix = if finding.fix.is_empty() { String::new() } else { format!("; fix: {}{more}", finding.fix) };
    format!(
        "::{kind} file={},line={},col={},endLine={},endColumn={},title={} {}::{}\n",
        property(&finding.file),
        place.line,
        place.column,
        end.line,
        end.column,
        finding.code,
        finding.name,
        data(&format!("{}{fix}", finding.message)),
    )
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
