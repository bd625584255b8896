//! One number for all keys of a row.
//!
//! Rows that are to come together, in whatever order, are sorted by it first and by the keys after it: nearly all comparisons
//! end at the first eight bytes, where texts that begin alike would be compared to their ends.

use datafusion::{
    arrow::{array::UInt64Array, datatypes::DataType},
    common::{
        Result,
        hash_utils::{RandomState, create_hashes},
    },
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility},
};
use std::sync::Arc;

/// Any seed but the one by which rows are handed to partitions: within one, hashes of that seed have much in common.
const STATE: RandomState = RandomState::with_seed(0x7469_6465_6761_7465);

#[derive(Debug, PartialEq, Eq, Hash)]
struct KeyHash {
    signature: Signature,
}

/// Returns the function of any keys.
pub(super) fn key_hash() -> ScalarUDF {
    KeyHash { signature: Signature::variadic_any(Volatility::Immutable) }.into()
}

impl ScalarUDFImpl for KeyHash {
    fn name(&self) -> &'static str {
        "key_hash"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::UInt64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let keys = args.args.into_iter().map(|key| key.into_array(args.number_rows)).collect::<Result<Vec<_>>>()?;
        let mut hashes = vec![0; args.number_rows];
        create_hashes(&keys, &STATE, &mut hashes)?;
        Ok(ColumnarValue::Array(Arc::new(UInt64Array::from(hashes))))
    }
}
