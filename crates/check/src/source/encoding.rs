//! Bytes to text, by the rules of PEP 263: UTF-8 unless one of the first two lines names another encoding.

use super::Refusal;

/// What a byte order mark of UTF-8 is.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Returns the text of a Python file.
///
/// # Errors
/// If Python would not read it either, or if it names an encoding that is not known here.
pub(super) fn decode(mut bytes: Vec<u8>) -> Result<String, Refusal> {
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(Refusal::at_byte(&bytes, at, "a NUL byte: Python does not read this file"));
    }
    if bytes.starts_with(MARK) {
        bytes.drain(..MARK.len());
    }
    match declared(&bytes).as_deref() {
        None | Some("utf-8" | "utf8" | "ascii" | "us-ascii") => String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            Refusal::at_byte(error.as_bytes(), at, "not UTF-8, and no other encoding is declared")
        }),
        // Each byte is the character of its number.
        Some("latin-1" | "latin1" | "iso-8859-1" | "iso8859-1") => Ok(bytes.into_iter().map(char::from).collect()),
        Some(other) => Err(Refusal::whole(format!("the encoding `{other}` is not read: save the file as UTF-8"))),
    }
}

/// Returns the encoding that a comment in one of the first two lines names, in lower case with dashes.
fn declared(bytes: &[u8]) -> Option<String> {
    for line in bytes.split(|byte| *byte == b'\n').take(2) {
        let line = String::from_utf8_lossy(line);
        let text = line.trim_start();
        let Some(comment) = text.strip_prefix('#') else {
            // A first line of code ends the search; an empty one does not.
            if text.trim().is_empty() {
                continue;
            }
            return None;
        };
        if let Some((_, rest)) = comment.split_once("coding") {
            let name = rest.strip_prefix([':', '='])?.trim_start();
            let end = name.find(|c: char| !(c.is_alphanumeric() || "-_.".contains(c))).unwrap_or(name.len());
            return name.get(..end).filter(|name| !name.is_empty()).map(|name| name.to_lowercase().replace('_', "-"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, String> {
        decode(bytes.to_vec()).map_err(|refusal| refusal.message)
    }

    #[test]
    fn text_is_read_as_python_reads_it() {
        assert_eq!(read(b"x = 1\n").as_deref(), Ok("x = 1\n"));
        assert_eq!(read(b"\xef\xbb\xbfx = 1\n").as_deref(), Ok("x = 1\n"));
        assert_eq!(
            read(b"# -*- coding: latin-1 -*-\nx = '\xe4'\n").as_deref(),
            Ok("# -*- coding: latin-1 -*-\nx = 'ä'\n")
        );
        assert_eq!(read(b"#!/usr/bin/python\n# vim: fileencoding=UTF_8\n").as_deref().map(str::len), Ok(44));
    }

    #[test]
    fn what_python_refuses_is_refused() {
        assert!(read(b"x = '\xe4'\n").unwrap_err().starts_with("not UTF-8"));
        assert!(read(b"x = '\0'\n").unwrap_err().starts_with("a NUL byte"));
        assert!(read(b"# coding: koi8-r\n").unwrap_err().contains("koi8-r"));
    }
}
