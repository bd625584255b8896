//! Findings as SARIF 2.1.0.

use crate::{Finding, RULES, Report};
use serde_json::{Value, json};

/// Returns the findings as a SARIF log of one run.
pub fn sarif(report: &Report) -> Value {
    let rules: Vec<Value> = RULES
        .iter()
        .map(|rule| {
            json!({
                "id": rule.code,
                "name": rule.name,
                "shortDescription": { "text": rule.title },
                "fullDescription": { "text": rule.why },
                "help": { "text": rule.fix, "markdown": rule.page() },
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "tidegate", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": report.findings.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

fn result(finding: &Finding) -> Value {
    let (place, end) = (finding.place, finding.end);
    let saving = finding.saving_text();
    let saves = if saving.is_empty() { String::new() } else { format!(" (saves {saving})") };
    let fix = if finding.fix.is_empty() { String::new() } else { format!(" Fix: {}{saves}.", finding.fix) };
    json!({
        "ruleId": finding.code,
        "level": if finding.code == "TG000" { "error" } else { "warning" },
        "message": { "text": format!("{}.{fix}", finding.message) },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": uri(&finding.file) },
                "region": {
                    "startLine": place.line,
                    "startColumn": place.column,
                    "endLine": end.line,
                    "endColumn": end.column,
                },
            },
        }],
        "properties": { "bytes": finding.saving.bytes, "measured": finding.measured, "cell": place.cell },
    })
}

/// A path as a part of an address.
fn uri(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    path.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
