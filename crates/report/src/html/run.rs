//! The page of one run.

use super::{
    checks, environment, forecast, guarded, headline, lines, memory,
    page::{self, MOST_BYTES},
    plan, release,
};
use crate::{record::RunRecord, shown::Shown, text, words};
use maud::{Markup, html};

/// Columns of the charts. If a record is so odd that its page gets too long, the next is tried.
const COLUMNS: [usize; 4] = [150, 80, 30, 0];

/// Characters of the query in the title.
const TITLE: usize = 60;

/// Returns a run as a page of at most [`MOST_BYTES`].
///
/// ```
/// use tidegate_report::{html, record::RunRecord};
/// let record = RunRecord { text: "SELECT '<script>'".into(), ..RunRecord::default() };
/// assert!(html::run_page(&record).contains("SELECT '&lt;script&gt;'"));
/// ```
pub fn run_page(record: &RunRecord) -> String {
    let mut text = String::new();
    for columns in COLUMNS {
        text = draw(&Shown::of(record, columns)).into_string();
        if text.len() <= MOST_BYTES {
            break;
        }
    }
    text
}

fn draw(shown: &Shown) -> Markup {
    let (_, title) = words::title(&shown.record);
    // Many pages are open side by side: what was asked tells them apart.
    let asked = text::line(&shown.record.text, TITLE);
    let title = if asked.is_empty() { title } else { format!("{title}: {asked}") };
    let body = html! {
        (headline::draw(shown))
        (checks::draw(shown))
        (memory::draw(shown))
        (guarded::draw(shown))
        (forecast::draw(shown))
        (plan::draw(shown))
        div.pair {
            (release::draw(shown))
            (lines::draw(shown))
        }
        (environment::draw(shown))
    };
    page::page(&format!("{title} - Tidegate"), &body)
}
