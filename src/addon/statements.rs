//! What crosses for a statement that a user wrote: values in, rows out.

use napi::bindgen_prelude::{BigInt, Buffer, Either4, Null};
use napi_derive::napi;

use crate::engine::shard::{Rows, Value};

/// A value for a question mark, as `lib/shard-handle.js` has checked it.
pub(super) type SqlParam = Either4<Null, f64, String, BigInt>;

pub(super) fn to_sql(params: Vec<SqlParam>) -> Vec<Value> {
    let value = |param| match param {
        SqlParam::A(Null) => Value::Null,
        SqlParam::B(number) if number.fract() == 0.0 && number.abs() < 2_f64.powi(63) => {
            Value::Integer(number as i64)
        }
        SqlParam::B(number) => Value::Real(number),
        SqlParam::C(text) => Value::Text(text),
        SqlParam::D(number) => Value::Integer(number.get_i64().0),
    };
    params.into_iter().map(value).collect()
}

/// A value of a row: integers become numbers, blobs Node.js buffers.
type Cell = Either4<Null, f64, String, Buffer>;

/// Rows, of which `lib/shard-handle.js` makes objects: that is faster than making them here.
#[napi(object)]
pub struct NativeRows {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The values of all rows, one behind the other.
    pub cells: Vec<Cell>,
}

impl From<Rows> for NativeRows {
    fn from(Rows { columns, rows }: Rows) -> Self {
        NativeRows { columns, cells: rows.into_iter().flatten().map(cell).collect() }
    }
}

fn cell(value: Value) -> Cell {
    match value {
        Value::Null => Cell::A(Null),
        Value::Integer(number) => Cell::B(number as f64),
        Value::Real(number) => Cell::B(number),
        Value::Text(text) => Cell::C(text),
        Value::Blob(bytes) => Cell::D(bytes.into()),
    }
}
