//! What engines say of a file's columns in its metadata, said of the columns that an attached file
//! has.

use arrow_schema::{DataType, FieldRef};
use serde_json::{Value, json};

/// Spark's schema of the rows, which it reads before that of the file.
const SPARK: &str = "org.apache.spark.sql.parquet.row.metadata";
const PANDAS: &str = "pandas";
/// Avro's, in which its readers look for each column. Without it they take those of the file.
pub(super) const AVRO: [&str; 2] = ["parquet.avro.schema", "avro.schema"];

/// The value of a pair where the own columns come first and others are gone. A value that is not of
/// its form stays.
pub(super) fn described(key: &str, value: &str, own: &[FieldRef], gone: &[&str]) -> String {
    let is_gone = |name: &Value| name.as_str().is_some_and(|name| gone.contains(&name));
    let edited = match key {
        SPARK => edited(value, |said| {
            let fields = said["fields"].as_array_mut()?;
            fields.retain(|field| !is_gone(&field["name"]));
            fields.splice(..0, own.iter().map(spark_field));
            Some(())
        }),
        PANDAS => edited(value, |said| {
            let columns = said["columns"].as_array_mut()?;
            columns.retain(|column| !is_gone(column.get("field_name").unwrap_or(&column["name"])));
            // Names of columns, and descriptions of an index that is none.
            said["index_columns"].as_array_mut()?.retain(|name| !is_gone(name));
            Some(())
        }),
        _ => None,
    };
    edited.unwrap_or_else(|| value.to_owned())
}

fn edited(value: &str, edit: impl FnOnce(&mut Value) -> Option<()>) -> Option<String> {
    let mut said: Value = serde_json::from_str(value).ok()?;
    said.is_object().then(|| edit(&mut said)).flatten()?;
    Some(said.to_string())
}

fn spark_field(field: &FieldRef) -> Value {
    let kind = match field.data_type() {
        DataType::FixedSizeBinary(_) => "binary",
        DataType::Float64 => "double",
        _ => "string",
    };
    json!({ "name": field.name(), "type": kind, "nullable": true, "metadata": {} })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::Field;

    use super::*;

    fn own() -> Vec<FieldRef> {
        let field = |name, kind| Arc::new(Field::new(name, kind, true));
        vec![
            field("code", DataType::FixedSizeBinary(32)),
            field("quality", DataType::Utf8),
            field("score", DataType::Float64),
        ]
    }

    fn of(key: &str, value: &Value) -> Value {
        let found = described(key, &value.to_string(), &own(), &["nir", "payer"]);
        serde_json::from_str(&found).unwrap()
    }

    #[test]
    fn spark_finds_the_columns_of_the_attached_file() {
        let field = |name, kind: &str| json!({ "name": name, "type": kind, "nullable": true, "metadata": {} });
        let kept = json!({ "name": "c", "type": "string", "nullable": false,
            "metadata": { "__CHAR_VARCHAR_TYPE_STRING": "char(3)" } });
        let said = json!({ "type": "struct", "fields": [field("nir", "string"), kept, field("payer", "long")] });
        let found = json!({ "type": "struct", "fields":
            [field("code", "binary"), field("quality", "string"), field("score", "double"), kept] });
        assert_eq!(of(SPARK, &said), found);
    }

    #[test]
    fn pandas_is_not_sent_for_an_index_that_is_gone() {
        let range = json!({ "kind": "range", "name": null, "start": 0, "stop": 3, "step": 1 });
        let column = |name, field| json!({ "name": name, "field_name": field });
        let said = json!({ "index_columns": ["nir", "k", range], "creator": { "library": "x" },
            "columns": [column(Value::Null, "nir"), column("nir".into(), "k"), { "name": "payer" }] });
        let found = json!({ "index_columns": ["k", range], "creator": { "library": "x" },
            "columns": [column("nir".into(), "k")] });
        assert_eq!(of(PANDAS, &said), found);
    }

    #[test]
    fn other_pairs_stay_as_they_are() {
        let same = |key: &str, value: &str| {
            assert_eq!(described(key, value, &own(), &["nir"]), value);
        };
        same("source", "nir");
        for key in [SPARK, PANDAS] {
            for value in ["", "nir", "[\"nir\"]", "{\"fields\": 1, \"columns\": {}}"] {
                same(key, value);
            }
        }
    }
}
