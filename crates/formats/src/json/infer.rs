//! Guesses the columns of JSON lines from samples.

use crate::{
    Sample, frame,
    infer::{Guess, Look, ObjectGuess},
    time,
};
use jiter::JsonValue;

/// Returns what the objects in the samples have in common, or nothing if there is no object in them.
///
/// Lines that are no object are passed over, so that samples may begin and end in the middle of a line.
pub(super) fn guess(samples: &[Sample<'_>]) -> Option<ObjectGuess> {
    let mut guess = None;
    for sample in samples {
        let mut rest = sample.whole_lines();
        while !rest.is_empty() {
            let (line, length) = frame::line(rest);
            see_line(&mut guess, line);
            rest = rest.get(length..).unwrap_or_default();
        }
    }
    guess
}

fn see_line(guess: &mut Option<ObjectGuess>, line: &[u8]) {
    // Cheaper than to find out that a line of plain text is no JSON.
    if line.trim_ascii_start().first() != Some(&b'{') {
        return;
    }
    let text = String::from_utf8_lossy(line);
    if let Ok(JsonValue::Object(members)) = JsonValue::parse(text.as_bytes(), false) {
        let object = guess.get_or_insert_default();
        for (key, value) in members.iter() {
            see(object.key(key), value);
        }
    }
}

fn see(guess: Option<&mut Guess>, value: &JsonValue<'_>) {
    let Some(guess) = guess else { return };
    match value {
        JsonValue::Null => {}
        JsonValue::Bool(_) => guess.see(Look::Boolean),
        JsonValue::Int(_) => guess.see(Look::Int64),
        JsonValue::Float(_) => guess.see(Look::Float64),
        JsonValue::Str(text) if time::timestamp(text.as_bytes()).is_some() => guess.see(Look::Timestamp),
        // A whole number above 64 bits is an id: as a float it would lose digits.
        JsonValue::Str(_) | JsonValue::BigInt(_) => guess.see(Look::Text),
        JsonValue::Array(items) => {
            if let Some(item) = guess.items() {
                items.iter().for_each(|value| see(Some(item), value));
            }
        }
        JsonValue::Object(members) => {
            if let Some(object) = guess.object() {
                members.iter().for_each(|(key, value)| see(object.key(key), value));
            }
        }
    }
}
