//! The checklist.

use crate::{checklist::Answer, shown::Shown};
use maud::{Markup, html};

pub(super) fn draw(shown: &Shown) -> Markup {
    html! {
        section.plain aria-label="Checklist" {
            ul.checks {
                @for check in &shown.checks {
                    li class=(check.answer.word()) {
                        span.sign aria-hidden="true" { (sign(check.answer)) }
                        div {
                            h3 { (check.question) ": " em { (check.answer.word()) } }
                            p { (check.proof) }
                        }
                    }
                }
            }
        }
    }
}

const fn sign(answer: Answer) -> &'static str {
    match answer {
        Answer::Yes => "✓",
        Answer::No => "✕",
        Answer::Unknown => "?",
    }
}
