//! Tables for people, JSON for scripts.

use serde_json::Value;

/// Prints columns as wide as their contents.
pub fn table(header: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &[&str]| {
        let mut text = String::new();
        for (cell, width) in cells.iter().zip(&widths) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 2));
        }
        println!("{}", text.trim_end());
    };
    line(header);
    for row in rows {
        line(&row.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

/// Prints JSON, indented.
pub fn json(value: &Value) {
    println!("{value:#}");
}

/// A time as people read it, to the second, in UTC.
pub fn time(microseconds: i64) -> String {
    let timestamp = jiff::Timestamp::from_microsecond(microseconds).unwrap_or_default();
    timestamp.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A time in JSON; absent is null.
pub fn json_time(microseconds: Option<i64>) -> Value {
    microseconds.map_or(Value::Null, |at| scim::representation::date_time(at).into())
}
