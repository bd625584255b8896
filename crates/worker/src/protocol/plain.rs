//! How our quantities stand in JSON: sizes as numbers of bytes, a missing limit as `null`, pressure by its name.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tidegate_memory::{ByteCount, Limit, pressure::Pressure};

/// A size.
pub mod bytes {
    use super::{ByteCount, Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
    pub fn serialize<S: Serializer>(bytes: &ByteCount, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(bytes.bytes())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ByteCount, D::Error> {
        u64::deserialize(from).map(ByteCount::new)
    }
}

/// A size that may be missing.
pub mod some_bytes {
    use super::{ByteCount, Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "the form that serde asks for")]
    pub fn serialize<S: Serializer>(bytes: &Option<ByteCount>, to: S) -> Result<S::Ok, S::Error> {
        bytes.map(ByteCount::bytes).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ByteCount>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(ByteCount::new))
    }
}

/// A limit.
pub mod limit {
    use super::{ByteCount, Deserialize, Deserializer, Limit, Serialize, Serializer};

    pub fn serialize<S: Serializer>(limit: &Limit, to: S) -> Result<S::Ok, S::Error> {
        limit.bytes().map(ByteCount::bytes).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Limit, D::Error> {
        let bytes = Option::<u64>::deserialize(from)?;
        Ok(bytes.map_or(Limit::Unlimited, |bytes| Limit::Bytes(ByteCount::new(bytes))))
    }
}

/// Pressure. A name that is not known reads as calm: it is shown, nobody acts by it.
pub mod pressure {
    use super::{Deserialize, Deserializer, Pressure, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
    pub fn serialize<S: Serializer>(pressure: &Pressure, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(name(*pressure))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Pressure, D::Error> {
        let text = String::deserialize(from)?;
        Ok(Pressure::ALL.into_iter().find(|pressure| name(*pressure) == text).unwrap_or_default())
    }

    fn name(pressure: Pressure) -> &'static str {
        match pressure {
            Pressure::Calm => "calm",
            Pressure::Rising => "rising",
            Pressure::High => "high",
            Pressure::Critical => "critical",
        }
    }
}
