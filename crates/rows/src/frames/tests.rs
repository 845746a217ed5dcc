use arrow_array::builder::{Int64Builder, ListBuilder, StringBuilder, StringDictionaryBuilder};
use arrow_array::types::Int8Type;
use arrow_array::{BinaryViewArray, DictionaryArray, StringViewArray, StructArray};
use arrow_schema::Field;

use super::*;

const WORDS: [Option<&str>; 5] = [
    Some("north"),
    None,
    Some("a word that is too long to lie in its view"),
    Some(""),
    Some("north"),
];

fn words() -> ArrayRef {
    Arc::new(WORDS.into_iter().collect::<DictionaryArray<Int8Type>>())
}

fn texts() -> ArrayRef {
    Arc::new(WORDS.into_iter().collect::<StringArray>())
}

/// A structure of two columns, the second of which is flat already.
fn pair(column: ArrayRef) -> ArrayRef {
    let numbers: ArrayRef = Arc::new(UInt32Array::from_iter(0..5));
    let field =
        |name: &str, array: &ArrayRef| Arc::new(Field::new(name, array.data_type().clone(), true));
    Arc::new(StructArray::from(vec![
        (field("text", &column), column),
        (field("number", &numbers), numbers),
    ]))
}

#[test]
fn values_are_the_same_in_their_flat_types() {
    let mut lists = ListBuilder::new(StringDictionaryBuilder::<Int8Type>::new());
    let mut flat_lists = ListBuilder::new(StringBuilder::new());
    for row in 0..5 {
        lists.append_value(WORDS[..row].iter().copied());
        flat_lists.append_value(WORDS[..row].iter().copied());
    }
    let mut same = ListBuilder::new(Int64Builder::new());
    same.append_value([Some(1), None]);
    let same: ArrayRef = Arc::new(same.finish());
    let bytes = || WORDS.into_iter().map(|word| word.map(str::as_bytes));
    let pairs: [(ArrayRef, ArrayRef); 6] = [
        (words(), texts()),
        (Arc::new(WORDS.into_iter().collect::<StringViewArray>()), texts()),
        (
            Arc::new(bytes().collect::<BinaryViewArray>()),
            Arc::new(bytes().collect::<BinaryArray>()),
        ),
        (pair(words()), pair(texts())),
        (Arc::new(lists.finish()), Arc::new(flat_lists.finish())),
        (same.clone(), same),
    ];
    for (shared, own) in pairs {
        let rows = own.len();
        assert_eq!(&flatten(&shared).unwrap(), &own);
        // Some rows of it, as they lie in a larger one.
        let (from, count) = (rows / 2, rows - rows / 2);
        assert_eq!(&flatten(&shared.slice(from, count)).unwrap(), &own.slice(from, count));
    }
}
