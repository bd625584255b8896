//! Text from outside, made fit to be shown: nothing in it is invisible, turns the direction of writing, or steers a terminal,
//! and it is as long as there is room for.

/// Returns `text` on one line, of at most `most` characters and a mark where something was left out.
pub(crate) fn line(text: &str, most: usize) -> String {
    clean(text, most, ' ')
}

/// Returns `text` with its line breaks, of at most `most` characters and a mark where something was left out.
pub(crate) fn paragraph(text: &str, most: usize) -> String {
    clean(text.trim(), most, '\n')
}

/// Never looks further than it has room for: a line may be megabytes long.
fn clean(text: &str, most: usize, line_break: char) -> String {
    let mut shown = String::new();
    let mut room = most;
    for c in text.chars() {
        let width = match c {
            '\n' | '\t' | '\r' => 1,
            _ if is_unseen(c) => c.escape_default().count(),
            _ => 1,
        };
        if width > room {
            shown.push('…');
            return shown;
        }
        room -= width;
        match c {
            '\n' => shown.push(line_break),
            '\t' | '\r' => shown.push(' '),
            _ if is_unseen(c) => shown.extend(c.escape_default()),
            _ => shown.push(c),
        }
    }
    shown
}

/// Whether a character cannot be seen, or makes others be seen elsewhere. Joiners are left: letters of some languages and
/// many pictures are made with them.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        let check = |text: &str, shown: &str| assert_eq!(line(text, 40), shown);
        check("plain é 漢", "plain é 漢");
        check("a\u{1b}]0;x\u{7}b\0", "a\\u{1b}]0;x\\u{7}b\\u{0}");
        check("\u{202e}gpj.\u{2066}x\u{200f}", "\\u{202e}gpj.\\u{2066}x\\u{200f}");
        check("two\nlines\tand\rmore", "two lines and more");
        assert_eq!(paragraph("\n a\n b\n", 40), "a\n b");
    }

    #[test]
    fn text_is_as_long_as_there_is_room() {
        assert_eq!(line("12345", 5), "12345");
        assert_eq!(line("123456", 5), "12345…");
        assert_eq!(line("1234\0", 5), "1234…");
        assert_eq!(line(&"\u{202e}".repeat(1 << 20), 20).chars().count(), 17);
    }
}
