//! `countersign sponsors import`: employees from a CSV file.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, bail};
use countersign_console::plain;
use countersign_model::register::Register;
use serde_json::{Map, Value as Json, json};

use super::Told;
use crate::cli::{ImportArgs, SponsorsCommand};
use crate::client::Client;
use crate::out::{self, Exit};

const FILE_BYTES_MAX: u64 = 32 << 20;
const ROWS_MAX: usize = 100_000;
/// Mistakes and steps that are listed; the rest is counted.
const LISTED_MAX: usize = 200;
const COLUMNS: [&str; 5] = ["id", "name", "email", "employed_from", "employed_until"];

/// What is wrong with the file, by line.
#[derive(Debug, Default)]
struct Mistakes(Vec<(u64, String)>);

impl Mistakes {
    fn push(&mut self, line: u64, text: impl Into<String>) {
        self.0.push((line, text.into()));
    }
}

pub fn run(command: &SponsorsCommand, told: Told) -> Result<Exit> {
    match command {
        SponsorsCommand::Import(args) => import(args, told),
    }
}

fn import(args: &ImportArgs, told: Told) -> Result<Exit> {
    let path = args.file.display();
    let size = fs::metadata(&args.file).with_context(|| format!("could not read `{path}`"))?.len();
    if size > FILE_BYTES_MAX {
        bail!("`{path}` has more than {FILE_BYTES_MAX} bytes; split it");
    }
    let bytes = fs::read(&args.file).with_context(|| format!("could not read `{path}`"))?;
    let mut mistakes = Mistakes::default();
    let people = read(&bytes, &mut mistakes);
    if !mistakes.0.is_empty() {
        mistakes.0.sort();
        for (line, text) in mistakes.0.iter().take(LISTED_MAX) {
            out::say(&plain(&format!("{path}:{line}: {text}")));
        }
        out::say(&format!("{} mistakes in the list; nothing was done", mistakes.0.len()));
        return Ok(Exit::Usage);
    }
    let body = json!({"people": people, "complete": args.complete, "why": args.why});
    let client = Client::of(&args.server)?;
    let route = if args.dry_run { "/v1/directory/plan" } else { "/v1/directory/import" };
    let plan = client.post(route, &body, None)?.good()?;
    show(&plan, told)?;
    let is_drift = args.dry_run && plan["steps"].as_array().is_some_and(|steps| !steps.is_empty());
    Ok(if is_drift { Exit::Found } else { Exit::Ok })
}

/// The rows as the server takes them. Every mistake is found, not the first.
fn read(bytes: &[u8], mistakes: &mut Mistakes) -> Vec<Json> {
    // Spreadsheets begin a file with a mark of its encoding.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .has_headers(false)
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let mut people = Vec::new();
    let mut columns: Option<Vec<String>> = None;
    let mut first_lines: BTreeMap<String, u64> = BTreeMap::new();
    for record in reader.byte_records() {
        let Ok(record) = record else { continue };
        let line = record.position().map_or(0, csv::Position::line);
        let Some(cells) = texts(&record) else {
            mistakes.push(line, "is not UTF-8; save the file as UTF-8");
            continue;
        };
        let Some(columns) = &columns else {
            columns = Some(header(&cells, line, mistakes));
            continue;
        };
        if people.len() >= ROWS_MAX {
            mistakes.push(line, format!("at most {ROWS_MAX} employees; split the file"));
            break;
        }
        if cells.len() != columns.len() {
            let (has, wants) = (cells.len(), columns.len());
            mistakes.push(line, format!("has {has} cells where the header has {wants}"));
            continue;
        }
        let cells = columns.iter().map(String::as_str).zip(cells);
        let row: BTreeMap<&str, &str> = cells.filter(|(_, cell)| !cell.is_empty()).collect();
        check(&row, line, mistakes);
        if let Some(id) = row.get("id") {
            match first_lines.get(*id) {
                Some(first) => mistakes.push(line, format!("`{id}` is in line {first} already")),
                None => drop(first_lines.insert((*id).to_owned(), line)),
            }
        }
        let row = row.into_iter().map(|(key, cell)| (key.to_owned(), cell.into()));
        people.push(Json::Object(row.collect::<Map<String, Json>>()));
    }
    match columns {
        None => mistakes.push(1, format!("has no header; write `{}`", COLUMNS.join(","))),
        Some(_) if people.is_empty() && mistakes.0.is_empty() => {
            mistakes.push(1, "names nobody; nobody arrives or leaves by an empty list");
        }
        Some(_) => (),
    }
    people
}

fn texts(record: &csv::ByteRecord) -> Option<Vec<&str>> {
    record.iter().map(|cell| std::str::from_utf8(cell).ok()).collect()
}

fn header(cells: &[&str], line: u64, mistakes: &mut Mistakes) -> Vec<String> {
    let columns: Vec<String> = cells.iter().map(|cell| cell.to_lowercase()).collect();
    for (at, column) in columns.iter().enumerate() {
        if !COLUMNS.contains(&column.as_str()) {
            let all = COLUMNS.join(", ");
            mistakes.push(line, format!("there is no column `{column}`; there are {all}"));
        } else if columns.iter().take(at).any(|before| before == column) {
            mistakes.push(line, format!("the column `{column}` is there twice"));
        }
    }
    if !columns.iter().any(|column| column == "id") {
        mistakes.push(line, "there is no column `id`; the first line names the columns");
    }
    columns
}

/// By the same shapes as the register's.
fn check(row: &BTreeMap<&str, &str>, line: u64, mistakes: &mut Mistakes) {
    let mut document = json!({});
    for key in ["id", "name", "email"] {
        if let Some(cell) = row.get(key) {
            document[key] = (*cell).into();
        }
    }
    for (column, end) in [("employed_from", "from"), ("employed_until", "until")] {
        if let Some(cell) = row.get(column) {
            document["employed"][end] = (*cell).into();
        }
    }
    let read = countersign_register::read_document(&mut Register::default(), "sponsor", &document);
    for fault in read.err().into_iter().flatten() {
        let column = match fault.pointer.as_str() {
            "/employed/from" => "employed_from",
            "/employed/until" => "employed_until",
            pointer => pointer.trim_start_matches('/'),
        };
        let fix = fault.fix.map_or(String::new(), |fix| format!("; {fix}"));
        let column = if column.is_empty() { String::new() } else { format!("{column}: ") };
        mistakes.push(line, format!("{column}{}{fix}", fault.message));
    }
}

fn show(plan: &Json, told: Told) -> Result<()> {
    if told.json {
        return Ok(out::data(&format!("{plan}\n"))?);
    }
    let none = Vec::new();
    let steps = plan["steps"].as_array().unwrap_or(&none);
    let mut text = String::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, step) in steps.iter().enumerate() {
        let verb = step["verb"].as_str().unwrap_or_default();
        *counts.entry(verb).or_default() += 1;
        if at < LISTED_MAX {
            let id = plain(step["id"].as_str().unwrap_or_default());
            text.push_str(&format!("{:10} {id}\n", plain(verb)));
        }
    }
    if steps.len() > LISTED_MAX {
        text.push_str(&format!("and {} more\n", steps.len() - LISTED_MAX));
    }
    let counts: Vec<String> =
        counts.iter().map(|(verb, count)| format!("{count} {}", plain(verb))).collect();
    let unchanged = &plan["unchanged"];
    text.push_str(&match counts.is_empty() {
        true => format!("The sponsors are what the list says: {unchanged}.\n"),
        false => format!("{}; {unchanged} are the same.\n", counts.join(", ")),
    });
    Ok(out::data(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_said_with_its_line() {
        for (text, expected) in [
            ("", "1 has no header"),
            ("id,name\n", "1 names nobody"),
            ("name\nAnn\n", "1 there is no column `id`|2 a sponsor needs `id`"),
            ("id,id,colour\na,b,c\n", "1 the column `id` is there twice|1 there is no column"),
            ("id,email\nann,nowhere\nbob\nann,a@b.example\n", "2 email|3 has 1 cells|4 `ann`"),
            ("id,employed_from\nann,soon\n,2026-01-01\n", "2 employed_from|3 a sponsor needs `id`"),
            ("id,employed_from,employed_until\n\"ann\",2026-02-01,2026-01-01\n", "2 employed"),
        ] {
            let mut mistakes = Mistakes::default();
            read(text.as_bytes(), &mut mistakes);
            mistakes.0.sort();
            let found: Vec<String> =
                mistakes.0.iter().map(|(line, text)| format!("{line} {text}")).collect();
            let expected: Vec<&str> = expected.split('|').collect();
            assert_eq!(found.len(), expected.len(), "{text:?}: {found:?}");
            for (found, expected) in found.iter().zip(expected) {
                assert!(found.starts_with(expected), "{text:?}: {found}, not {expected}");
            }
        }
    }

    #[test]
    fn a_list_from_a_spreadsheet_is_read() {
        let text =
            b"\xef\xbb\xbfID, Name ,employed_until\r\nann,\"Lee, Ann\",\r\n\r\nbob,,never\r\n";
        let mut mistakes = Mistakes::default();
        let people = read(text, &mut mistakes);
        assert!(mistakes.0.is_empty(), "{mistakes:?}");
        let expected = [
            json!({"id": "ann", "name": "Lee, Ann"}),
            json!({"employed_until": "never", "id": "bob"}),
        ];
        assert_eq!(people, expected);
    }
}
