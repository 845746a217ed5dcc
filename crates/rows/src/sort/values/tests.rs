use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    BinaryArray, BooleanArray, FixedSizeBinaryArray, FixedSizeListArray, Int64Array,
    LargeStringArray, NullArray, StringArray, StructArray,
};
use arrow_schema::Field;

use super::*;
use crate::effort::Effort;

/// Columns of many types, of which the lengths of text are `long`.
fn columns(long: usize) -> Vec<ArrayRef> {
    let text = ["".to_owned(), "z".repeat(long), "é".to_owned()];
    let mut list = ListBuilder::new(StringBuilder::new());
    for row in 0..3 {
        (0..row).for_each(|_| list.values().append_value(&text[1]));
        list.append(true);
    }
    let texts: ArrayRef = Arc::new(StringArray::from(text.to_vec()));
    let field = Arc::new(Field::new("inner", DataType::Utf8, false));
    vec![
        texts.clone(),
        Arc::new(LargeStringArray::from(text.to_vec())),
        Arc::new(BinaryArray::from_iter_values(text.iter().map(String::as_bytes))),
        Arc::new(Int64Array::from(vec![1, 2, 3])),
        Arc::new(BooleanArray::from(vec![true, false, true])),
        Arc::new(NullArray::new(3)),
        Arc::new(FixedSizeBinaryArray::try_from_iter([[1; 5], [2; 5], [3; 5]].iter()).unwrap()),
        Arc::new(list.finish()),
        Arc::new(FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(
            (0..3).map(|row| Some(vec![Some(row), None])),
            2,
        )),
        Arc::new(StructArray::from(vec![(field, texts)])),
    ]
}

#[test]
fn rows_come_beside_nulls() {
    let columns = columns(7);
    let kinds: Vec<DataType> = columns.iter().map(|column| column.data_type().clone()).collect();
    let names = (0..).map(|number: usize| number.to_string());
    let batch = RecordBatch::try_from_iter(names.zip(columns.clone())).unwrap();
    let (sort, _) = Sort::<RecordBatch>::new(
        Extent::default(),
        std::iter::once(0..columns.len()).collect(),
        Path::new("r"),
        &Effort::default(),
    );
    let mut heads = Heads::default();
    // In another order, in units of their own.
    [1, 2, 0].iter().for_each(|key: &u8| heads.keyed(&[*key; 16], b"rest"));
    sort.deal(&[batch], &heads, &mut Dealer::new(b',')).unwrap();
    let pages = sort.take(0).unwrap();
    let sorted = sort.sorted(&pages).unwrap();
    let [last, first, second] = sorted.places() else { panic!("three rows") };
    let picks = [None, Some(*first), Some(*last), None, Some(*second), Some(*first)];
    let found = sorted.kept_or_null(picks.into_iter(), &kinds).unwrap();
    for ((found, column), kind) in found.iter().zip(&columns).zip(&kinds) {
        assert_eq!(found.data_type(), kind);
        assert_eq!(found.len(), picks.len());
        for (at, row) in [None, Some(0), Some(2), None, Some(1), Some(0)].into_iter().enumerate() {
            match row {
                Some(row) => assert_eq!(&found.slice(at, 1), &column.slice(row, 1), "{kind}"),
                None => assert!(found.is_null(at) || *kind == DataType::Null, "{kind}"),
            }
        }
    }
    let full = sorted.kept_or_null([Some(*first)].into_iter(), &kinds).unwrap();
    assert_eq!(full[0].null_count(), 0);
    // Where there are no rows at all.
    let empty = sort.sorted(&[]).unwrap();
    let none = empty.kept_or_null([None, None].into_iter(), &kinds).unwrap();
    assert!(
        none.iter()
            .zip(&kinds)
            .all(|(column, kind)| column.len() == 2 && column.data_type() == kind)
    );
    assert_eq!(empty.kept_or_null(std::iter::empty(), &kinds).unwrap()[0].len(), 0);
    // The second row has the long texts, in five columns, and lists of one of them.
    let weight = sorted.weight(*second);
    assert!((5 * 7 + 22..5 * 7 + 40).contains(&weight), "{weight}");
    assert!(sorted.weight(*first) < 30);
}

#[test]
fn a_row_weighs_what_is_in_it() {
    for column in columns(10_000) {
        let weigh = |row| weight(column.as_ref(), row, 1);
        let is_long = matches!(
            column.data_type(),
            DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Binary
                | DataType::List(_)
                | DataType::Struct(_)
        );
        assert!(weigh(0) < 30, "{}: {}", column.data_type(), weigh(0));
        assert_eq!(
            (10_000..10_100).contains(&weigh(1)),
            is_long,
            "{}: {}",
            column.data_type(),
            weigh(1)
        );
        assert_eq!(weight(column.as_ref(), 0, 3), (0..3).map(weigh).sum::<usize>());
    }
}
