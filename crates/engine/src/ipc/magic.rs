//! How Arrow IPC data begin.

/// How data of the file format begin.
pub(super) const FILE: &[u8] = b"ARROW1";

/// How a message begins, and so data of the stream format.
pub(super) const CONTINUATION: [u8; 4] = [0xff; 4];

/// As many first bytes tell Arrow IPC data from others.
pub(crate) const MAGIC: usize = 8;

/// Returns whether data that begin with these bytes are Arrow IPC.
pub(crate) fn is_arrow(first: &[u8]) -> bool {
    let length = first.strip_prefix(&CONTINUATION).and_then(<[u8]>::first_chunk);
    // The length of the first metadata.
    length.is_some_and(|length| i32::from_le_bytes(*length) > 0) || first.starts_with(b"ARROW1\0\0")
}

#[cfg(test)]
mod tests {
    use super::is_arrow;

    #[test]
    fn arrow_is_told_by_its_first_bytes() {
        for arrow in [
            &b"ARROW1\0\0"[..],
            b"ARROW1\0\0\xff\xff",
            b"\xff\xff\xff\xff\x10\x01\0\0",
            b"\xff\xff\xff\xff\x08\0\0\0\x10",
        ] {
            assert!(is_arrow(arrow), "{arrow:?}");
        }
        for other in [&b""[..], b"ARROW1", b"ARROW1 is text", b"\xff\xff\xff\xff", b"\xff\xff\xff\xff\xff\xff\xff\xff"]
        {
            assert!(!is_arrow(other), "{other:?}");
        }
    }
}
