//! `docs/opentelemetry.md` has the names that the code has.

#[test]
fn the_table_in_the_docs_is_the_codes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/opentelemetry.md");
    let docs = std::fs::read_to_string(path).unwrap();
    let mut table =
        String::from("| name | instrument | unit | of | what it is |\n|---|---|---|---|---|\n");
    for [of, name, shape, unit, help] in plimsoll::otel_names() {
        table += &format!("| `{name}` | {shape} | `{unit}` | `{of}` | {help} |\n");
    }
    assert!(docs.contains(&table), "docs/opentelemetry.md should contain:\n{table}");
}
