//! What tables are read as.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::reader::tests::read_bytes;
use super::*;
use crate::FieldNames;

fn read_all(input: &[u8], delimiter: u8) -> Vec<Result<Record, String>> {
    read_bytes(&TableReader { delimiter }, input)
}

fn messages(input: &[u8], delimiter: u8) -> Vec<String> {
    read_all(input, delimiter).into_iter().filter_map(Result::err).collect()
}

#[test]
fn rows_are_records_with_their_names_in_the_first_and_empty_cells_left_out() {
    let input = b"\xef\xbb\xbfid, text ,note\r\n1,\"Bees,\r\nthey \"\"dance\"\"\",\r\n2,b,end\r\n";
    let records: Vec<_> = read_all(input, b',').into_iter().map(Result::unwrap).collect();
    assert_eq!(Value::from(records[0].fields.clone()), json!({"id": "1", "text": "Bees,\r\nthey \"dance\""}));
    assert_eq!(Value::from(records[1].fields.clone()), json!({"id": "2", "text": "b", "note": "end"}));
    assert_eq!((records[0].place.line, records[1].place.line, records.len()), (Some(2), Some(4), 2));
}

#[test]
fn metadata_are_numbers_where_those_are_written_the_same_and_id_title_and_text_are_always_strings() {
    let rows = b"id\ttitle\ttext\tyear\tcode\tok\n7\t1984\t12\t1990\t007\ttrue\n";
    let document = FieldNames::default().document(read_all(rows, b'\t').remove(0).unwrap()).unwrap();
    assert_eq!((document.id.as_str(), document.title.as_deref(), document.text.as_str()), ("7", Some("1984"), "12"));
    assert_eq!(Value::from(document.metadata), json!({"year": 1990, "code": "007", "ok": true}));
}

#[test]
fn a_column_has_one_type_in_a_file_and_in_a_stream() {
    let table = b"text,price,code,ok\na,12.50,1,true\nb,8,007,false\nc,,3,true\n";
    let expected = [
        json!({"price": 12.5, "code": "1", "ok": true}),
        json!({"price": 8, "code": "007", "ok": false}),
        json!({"code": "3", "ok": true}),
    ];
    let metadata = |records: Vec<Result<Record, String>>| -> Vec<Value> {
        let document = |record: Result<Record, String>| FieldNames::default().document(record.unwrap()).unwrap();
        records.into_iter().map(|record| document(record).metadata.into()).collect()
    };
    assert_eq!(metadata(read_all(table, b',')), expected);
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    std::fs::write(file.path(), table).unwrap();
    let from_file = crate::records(&[crate::Input::File(file.path().into())], crate::Format::Auto).unwrap();
    assert_eq!(metadata(from_file.map(|record| record.map_err(|error| error.to_string())).collect()), expected);
}

#[test]
fn semicolons_and_tabs_are_found_by_looking() {
    let fields = |table: &[u8]| Value::from(read_all(table, b',')[0].as_ref().unwrap().fields.clone());
    for table in
        [&b"id;text\n1;a, b\n"[..], b"id\ttext\n1\ta, b\n", b"id;\"text\"\n1;\"a, b\"\n", b"id,text\n1,\"a, b\"\n"]
    {
        assert_eq!(fields(table), json!({"id": "1", "text": "a, b"}));
    }
    assert_eq!(fields(b"text\na;b\n"), json!({"text": "a;b"}));
}

#[test]
fn an_empty_cell_in_the_column_of_texts_is_a_blank_text() {
    let rows = read_all(b"id,text,note\n1,,x\n,b,y\n", b',');
    let document = |row: &Result<Record, String>| FieldNames::default().document(row.clone().unwrap()).unwrap();
    assert!(document(&rows[0]).is_blank());
    assert!(!document(&rows[1]).own_id);
    let no_text = read_all(b"id,note\n1,x\n", b',');
    assert!(FieldNames::default().document(no_text[0].clone().unwrap()).unwrap_err().to_string().contains("no text"));
}

#[test]
fn a_bad_row_is_named_by_its_line_and_the_next_one_read() {
    let all = read_all(b"text\tn\n\"two\nlines\"\t1\nshort\n1\tab\xff\n1\t2\t3\nlast\t3\n", b'\t');
    assert_eq!(all[0].as_ref().unwrap().fields["text"], "two\nlines");
    assert_eq!(all[1].as_ref().unwrap_err(), "in:4: the number of cells is 1, the first row has 2");
    assert_eq!(all[2].as_ref().unwrap_err(), "in:5: invalid UTF-8 at byte 3 of cell 2");
    assert_eq!(all[3].as_ref().unwrap_err(), "in:6: the number of cells is 3, the first row has 2");
    assert_eq!(all[4].as_ref().unwrap().place.line, Some(7));
}

#[test]
fn a_hundred_thousand_columns_are_read_and_more_than_a_record_has_values_are_not() {
    let table = |columns: usize| {
        let names: Vec<String> = (1..columns).map(|number| number.to_string()).collect();
        format!("text,{}\n{}a\n", names.join(","), "a,".repeat(columns - 1))
    };
    assert_eq!(read_all(table(100_000).as_bytes(), b',')[0].as_ref().unwrap().fields.len(), 100_000);
    let message = messages(table(MOST_VALUES + 1).as_bytes(), b',').remove(0);
    assert!(message.ends_with("500001 columns, the maximum is 500000"), "{message}");
}

#[test]
fn columns_need_names_of_their_own() {
    let not = "in:1: not a table with a name for each column";
    assert_eq!(messages(b"a, a\n1,2\n", b','), [format!("{not}: columns 1 and 2 are both called \"a\"")]);
    assert_eq!(messages(b"a,\n1,2\n", b','), [format!("{not}: column 2 has no name")]);
    assert_eq!(messages(b"\na,\xff\n1,2\n", b','), ["in:2: invalid UTF-8 at byte 1 of cell 2"]);
}

#[test]
fn a_table_without_rows_has_no_records() {
    for input in ["", "\n", "\r\n\r\n", "a,b", "a,b\r\n\r\n"] {
        assert!(read_all(input.as_bytes(), b',').is_empty(), "{input:?}");
    }
}

type Cells = (String, String, String);

fn cells(record: &Record) -> Cells {
    ["a", "b", "c"].map(|name| record.fields.get(name).map_or("", |cell| cell.as_str().unwrap()).to_owned()).into()
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        rows in prop::collection::vec(("\\PC{1,9}", "[\\PC\r\n\t\",]{0,9}", "\\PC{0,3}"), 0..9),
        tab: bool,
    ) {
        let delimiter = if tab { b'\t' } else { b',' };
        let mut table = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
        table.write_record(["a", "b", "c"]).unwrap();
        rows.iter().for_each(|(a, b, c)| table.write_record([a, b, c]).unwrap());
        let read = read_all(&table.into_inner().unwrap(), delimiter);
        let found: Vec<Cells> = read.iter().map(|record| cells(record.as_ref().unwrap())).collect();
        prop_assert_eq!(found, rows);
    }

    #[test]
    fn no_bytes_make_it_panic(input: Vec<u8>, table in "[a\",\r\n\t]{0,40}") {
        read_all(&input, b',');
        read_all(table.as_bytes(), b'\t');
    }
}
