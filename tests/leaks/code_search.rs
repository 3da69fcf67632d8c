//! The code search, of whose caches one forgets to forget.

use super::child::{Leaking, is_first};

const KEEPS: &str = "code_search::trail::step";

#[test]
fn the_cache_that_forgets_to_forget_is_named() {
    let bounds = ["--budget", "256MiB", "--limit-bytes", "8MiB", "--queries", "100000000"];
    let search = Leaking::start("code_search", &[&bounds[..], &["--forget-to-forget"]].concat());
    let leak = search.found("confirmed");
    assert!(is_first(KEEPS, &leak["sites"]), "{leak:#}");
    let told = search.tool("explain_memory").to_string();
    assert!(told.contains("A leak is confirmed") && told.contains(KEEPS), "{told}");
}
