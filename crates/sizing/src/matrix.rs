//! Dense arrays: rows times columns times the size of an item, and messages of NumPy that say how much they asked for.

use crate::{Range, Room, look::count};
use tidegate_memory::ByteCount;

/// An array of NumPy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Array {
    /// Its length in each dimension.
    pub shape: Vec<u64>,
    /// The name of its type.
    pub dtype: String,
    /// Bytes of an item.
    pub item: u64,
}

/// A message of NumPy, computed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The array that the message names.
    pub array: Array,
    /// What it really takes; none if that is more than 64 bits count.
    pub bytes: Option<ByteCount>,
    /// What the message says that it takes, as it says so.
    pub claimed: String,
    /// Whether the message says something else than what the array takes.
    pub is_wrong: bool,
}

impl Array {
    /// Returns an array of a type of NumPy's, such as `float64`, `datetime64[ns]`, `<U10` or `S5`; none of an unknown one.
    pub fn new(shape: Vec<u64>, dtype: &str) -> Option<Self> {
        Some(Self { shape, item: item(dtype)?, dtype: dtype.to_owned() })
    }

    /// Returns what it takes; none if that is more than 64 bits count.
    pub fn bytes(&self) -> Option<ByteCount> {
        let items = self.shape.iter().try_fold(1_u64, |items, length| items.checked_mul(*length));
        items?.checked_mul(self.item).map(ByteCount::new)
    }

    /// Says what it takes and whether that fits.
    pub fn sentence(&self, room: Option<&Room>) -> String {
        let array = format!("an array of shape {} and data type {}", shape(&self.shape), self.dtype);
        let Some(bytes) = self.bytes() else { return format!("{array} is more than any machine has") };
        let size = format!("{array} is {} ({bytes})", binary(bytes));
        let narrower = self.narrower();
        match room {
            None => format!("{size}{narrower}"),
            Some(room) => {
                let verdict = room.verdict_of_request(bytes);
                format!("{size}{narrower}; {}", verdict.sentence(Range::exact(bytes.bytes()), room.available))
            }
        }
    }

    fn narrower(&self) -> String {
        let halved = ["float64", "int64", "complex128"].contains(&self.dtype.as_str());
        let half = self.bytes().filter(|_| halved).map(|bytes| ByteCount::new(bytes.bytes() / 2));
        half.map_or(String::new(), |half| {
            format!(", half of it ({}) with items of {} bytes", binary(half), self.item / 2)
        })
    }
}

impl Explained {
    /// Says what the message means.
    pub fn sentence(&self, room: Option<&Room>) -> String {
        let size = self.array.sentence(room);
        if !self.is_wrong {
            return size;
        }
        format!("{size}. The message says {}: it was shortened or changed on its way", self.claimed)
    }
}

/// Reads a message such as `Unable to allocate 74.5 GiB for an array with shape (1000000, 10000) and data type float64`,
/// whatever stands before and after it. Returns nothing if it is none.
pub fn explain(message: &str) -> Option<Explained> {
    let (_, rest) = message.split_once("Unable to allocate ")?;
    let (claimed, rest) = rest.split_once(" for an array with shape (")?;
    let (lengths, rest) = rest.split_once(')')?;
    let (_, rest) = rest.split_once("data type ")?;
    let dtype = rest.split(['\n', ' ', '\'', '"']).next()?.trim_end_matches(['.', ',', ')']);
    let mut shape = Vec::new();
    for length in lengths.split(',').map(str::trim).filter(|length| !length.is_empty()) {
        shape.push(length.parse().ok()?);
    }
    let array = Array::new(shape, dtype)?;
    let bytes = array.bytes();
    let is_wrong = bytes.is_none_or(|bytes| !is_about(claimed, bytes));
    Some(Explained { array, bytes, claimed: claimed.to_owned(), is_wrong })
}

/// Returns the size of an item.
fn item(dtype: &str) -> Option<u64> {
    let plain = dtype.trim_start_matches(['<', '>', '=', '|']);
    let bits = |text: &str, kind: &str| {
        let bits: u64 = text.strip_prefix(kind)?.parse().ok()?;
        bits.is_multiple_of(8).then_some(bits / 8)
    };
    match plain {
        "bool" => return Some(1),
        "object" | "O" | "float" | "int" => return Some(8),
        "complex" => return Some(16),
        _ if plain.starts_with("datetime64") || plain.starts_with("timedelta64") => return Some(8),
        _ => {}
    }
    let number = ["float", "int", "uint", "complex"].iter().find_map(|kind| bits(plain, kind));
    let text = |kind: char, size: u64| plain.strip_prefix(kind)?.parse::<u64>().ok()?.checked_mul(size);
    let coded = ["f", "i", "u", "c"].iter().find_map(|kind| plain.strip_prefix(kind)?.parse().ok());
    number.or_else(|| text('U', 4)).or_else(|| text('S', 1)).or(coded)
}

/// Returns whether a size as NumPy prints it, with three digits, is that of so many bytes.
fn is_about(claimed: &str, bytes: ByteCount) -> bool {
    let Some((number, unit)) = claimed.trim().split_once(' ') else { return false };
    let place = UNITS.iter().position(|known| *known == unit);
    let (Ok(number), Some(place)) = (number.parse::<f64>(), place) else { return false };
    let claimed = number * 1024_f64.powi(i32::try_from(place).unwrap_or_default());
    let real = crate::range::ratio(bytes.bytes(), 1);
    (claimed - real).abs() <= real * 0.01 + 1.0
}

/// The units of NumPy's messages.
const UNITS: [&str; 7] = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// Returns a size in NumPy's units, with three digits as NumPy prints them.
pub(crate) fn binary(bytes: ByteCount) -> String {
    let mut value = crate::range::ratio(bytes.bytes(), 1);
    let mut units = UNITS.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    for next in units {
        if value < 1023.5 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    match () {
        () if unit == "bytes" => format!("{value:.0} {unit}"),
        () if value < 9.995 => format!("{value:.2} {unit}"),
        () if value < 99.95 => format!("{value:.1} {unit}"),
        () => format!("{value:.0} {unit}"),
    }
}

fn shape(lengths: &[u64]) -> String {
    let inside: Vec<String> = lengths.iter().map(u64::to_string).collect();
    let comma = if count(lengths.len()) == 1 { "," } else { "" };
    format!("({}{comma})", inside.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ending;

    #[test]
    fn the_well_known_message_is_wrong() {
        let message = "numpy.core._exceptions.MemoryError: Unable to allocate 1.5 GiB for an array with shape \
                       (1000000, 10000) and data type float64";
        let explained = explain(message).unwrap();
        assert_eq!(explained.bytes, Some(ByteCount::new(80_000_000_000)));
        assert!(explained.is_wrong);
        let expected = "an array of shape (1000000, 10000) and data type float64 is 74.5 GiB (80.0 GB), half of it \
                        (37.3 GiB) with items of 4 bytes. The message says 1.5 GiB: it was shortened or changed on its way";
        assert_eq!(explained.sentence(None), expected);
    }

    #[test]
    fn true_messages_are_confirmed() {
        // As NumPy 2.4.6 raises them in 4 GB of address space; what is around the last is ours.
        for (message, bytes) in [
            (
                "Unable to allocate 74.5 GiB for an array with shape (1000000, 10000) and data type float64",
                80_000_000_000,
            ),
            (
                "Unable to allocate 7.28 TiB for an array with shape (1000000000000,) and data type int64",
                8_000_000_000_000,
            ),
            (
                "Unable to allocate 3.64 TiB for an array with shape (100000000000,) and data type <U10",
                4_000_000_000_000,
            ),
            (
                "Unable to allocate 931. GiB for an array with shape (1000000000000,) and data type bool",
                1_000_000_000_000,
            ),
            (
                "x: Unable to allocate 8.00 EiB for an array with shape (1, 9223372036854775807) and data type |S1\nx",
                i64::MAX as u64,
            ),
        ] {
            let explained = explain(message).unwrap();
            assert_eq!(explained.bytes, Some(ByteCount::new(bytes)), "{message}");
            assert!(!explained.is_wrong, "{message}");
        }
        for other in
            ["", "Unable to allocate", "Unable to allocate 1 GiB for an array with shape (x) and data type int8"]
        {
            assert_eq!(explain(other), None, "{other}");
        }
        let beyond = "Unable to allocate 1 EiB for an array with shape (9223372036854775807, 9) and data type float64";
        assert_eq!(explain(beyond).unwrap().bytes, None);
    }

    #[test]
    fn items_have_the_sizes_of_numpy() {
        let sizes =
            ["float16", "float32", "float64", "complex128", "int8", "uint32", "datetime64[ns]", "object", "<U3", "S7"];
        assert_eq!(sizes.map(|name| item(name).unwrap()), [2, 4, 8, 16, 1, 4, 8, 8, 12, 7]);
        assert_eq!(["<f4", "|b1x", "floaty", ""].map(item), [Some(4), None, None, None]);
    }

    #[test]
    fn a_matrix_is_held_against_what_is_there() {
        let available = ByteCount::new(20_000_000_000);
        let room = Room { available, largest_request: Some(ByteCount::new(25_000_000_000)), ending: Ending::Killed };
        let matrix = Array::new(vec![1_000_000, 10_000], "float64").unwrap();
        let sentence = matrix.sentence(Some(&room));
        assert!(
            sentence.ends_with("will raise MemoryError: the process needs 80.0 GB at least, 20.0 GB are available")
        );
        let small = Array::new(vec![1000], "int8").unwrap();
        assert!(
            small
                .sentence(Some(&room))
                .starts_with("an array of shape (1000,) and data type int8 is 1000 bytes (1.00 kB); fits")
        );
    }
}
