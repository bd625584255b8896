//! Sizes as plain numbers of bytes in JSON: `#[serde(with = "size")]`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tidegate_memory::ByteCount;

/// What holds sizes, and the plain form of it.
pub(crate) trait Sizes: Sized {
    /// The same in numbers.
    type Plain: Serialize + for<'de> Deserialize<'de>;

    /// Returns the numbers.
    fn plain(&self) -> Self::Plain;

    /// Returns the sizes of these numbers.
    fn of(plain: Self::Plain) -> Self;
}

impl Sizes for ByteCount {
    type Plain = u64;

    fn plain(&self) -> u64 {
        self.bytes()
    }

    fn of(plain: u64) -> Self {
        Self::new(plain)
    }
}

impl Sizes for Option<ByteCount> {
    type Plain = Option<u64>;

    fn plain(&self) -> Option<u64> {
        self.map(ByteCount::bytes)
    }

    fn of(plain: Option<u64>) -> Self {
        plain.map(ByteCount::new)
    }
}

impl Sizes for Vec<ByteCount> {
    type Plain = Vec<u64>;

    fn plain(&self) -> Vec<u64> {
        self.iter().map(|size| size.bytes()).collect()
    }

    fn of(plain: Vec<u64>) -> Self {
        plain.into_iter().map(ByteCount::new).collect()
    }
}

pub(crate) fn serialize<T: Sizes, S: Serializer>(sizes: &T, serializer: S) -> Result<S::Ok, S::Error> {
    sizes.plain().serialize(serializer)
}

pub(crate) fn deserialize<'de, T: Sizes, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::Plain::deserialize(deserializer).map(T::of)
}
