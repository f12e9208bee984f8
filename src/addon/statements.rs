//! What crosses for a statement that a user wrote: values in, rows out.

use napi::{
    Env, ValueType,
    bindgen_prelude::{BigInt, Buffer, Either4, Null, ToNapiValue, TypeName},
    sys,
};
use napi_derive::napi;

use super::{
    error::or_throw,
    raw::{Scope, Value},
};
use crate::engine::shard::{self, Rows};

/// A value for a question mark, as `lib/shard-handle.js` has checked it.
pub(super) type SqlParam = Either4<Null, f64, String, BigInt>;

pub(super) fn to_sql(params: Vec<SqlParam>) -> Vec<shard::Value> {
    let value = |param| match param {
        SqlParam::A(Null) => shard::Value::Null,
        SqlParam::B(number) if number.fract() == 0.0 && number.abs() < 2_f64.powi(63) => {
            shard::Value::Integer(number as i64)
        }
        SqlParam::B(number) => shard::Value::Real(number),
        SqlParam::C(text) => shard::Value::Text(text),
        SqlParam::D(number) => shard::Value::Integer(number.get_i64().0),
    };
    params.into_iter().map(value).collect()
}

/// A value of a row: integers become numbers, blobs Node.js buffers.
type Cell = Either4<Null, f64, CellText, Buffer>;

/// A text of a row. One that no JavaScript string holds is an error that says so.
pub struct CellText(String);

impl TypeName for CellText {
    fn type_name() -> &'static str {
        "string"
    }

    fn value_type() -> ValueType {
        ValueType::String
    }
}

impl ToNapiValue for CellText {
    unsafe fn to_napi_value(env: sys::napi_env, text: Self) -> napi::Result<sys::napi_value> {
        let env = Env::from_raw(env);
        or_throw(&env, Scope::of(&env).string(text.0.as_bytes())).map(Value::raw)
    }
}

/// Rows, of which `lib/shard-handle.js` makes objects: that is faster than making them here.
#[napi(object, object_from_js = false)]
pub struct NativeRows {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The values of all rows, one behind the other.
    #[napi(ts_type = "Array<null | number | string | Buffer>")]
    pub cells: Vec<Cell>,
}

impl From<Rows> for NativeRows {
    fn from(Rows { columns, rows }: Rows) -> Self {
        NativeRows { columns, cells: rows.into_iter().flatten().map(cell).collect() }
    }
}

fn cell(value: shard::Value) -> Cell {
    match value {
        shard::Value::Null => Cell::A(Null),
        shard::Value::Integer(number) => Cell::B(number as f64),
        shard::Value::Real(number) => Cell::B(number),
        shard::Value::Text(text) => Cell::C(CellText(text)),
        shard::Value::Blob(bytes) => Cell::D(bytes.into()),
    }
}
