//! A recorded death with heap profiles beside it: who held it, as text, as JSON and as a page.

use super::{BEGAN, MIB, check, recording};
use crate::export::autopsy::Autopsy;
use crate::export::autopsy::sites::Kept;
use serde_json::json;

fn kept() -> Kept {
    use crate::export::autopsy::KeptProfile;
    use crate::profile::HeapProfile;
    let estimate = |value: u64| {
        let (value, error) = ((value * MIB) as f64, (MIB / 2) as f64);
        json!({"value": value, "standard_error": error, "low": value - error, "high": value + error})
    };
    let site = |key: &str, name: &str, live: u64, stack: [u32; 2]| {
        json!({"key": key, "name": name, "via": null, "tag": null, "thread": null, "live_objects": estimate(0),
            "live_bytes": estimate(live), "allocated_objects": estimate(0), "allocated_bytes": estimate(live),
            "live_samples": 1, "samples": 1, "stack": stack, "is_cut": false})
    };
    let location = |name: &str| json!({"address": 1, "mapping": null, "functions": [{"name": name, "file": "src/main.rs", "line": 7}]});
    let profile = |second: f64, leaked: u64| -> HeapProfile {
        let sites = [
            site("a", "search::sessions::remember", leaked - 1, [0, 2]),
            site("b", "search::pages::render", 8, [1, 2]),
            site("c", "search::sessions::remember", 1, [0, 1]),
        ];
        let json = json!({"schema_version": 1, "timestamp": BEGAN + second, "is_running": true, "mean_bytes": MIB / 2,
            "live_objects": estimate(0), "live_bytes": estimate(leaked + 8), "allocated_objects": estimate(0),
            "allocated_bytes": estimate(leaked + 8), "live_samples": 2,
            "lost": {"table_full": 0, "sites_full": 0, "refused": 0, "busy": 0}, "has_symbols": true, "sites": sites,
            "locations": [location("search::sessions::remember"), location("search::pages::render"), location("search::serve")],
            "mappings": []});
        serde_json::from_value(json).expect("a profile")
    };
    let told = KeptProfile {
        path: "run.profiles/2".into(),
        kind: crate::recorder::ProfileKind::Leak,
        timestamp: BEGAN + 52.0,
        since: Some(BEGAN + 1.0),
        mean_bytes: MIB / 2,
        live_bytes: 50e6,
        live_standard_error: 1e6,
        lost: 0,
        symbols: "process",
    };
    Kept {
        latest: Some((told, profile(52.0, 44))),
        earlier: Some(profile(1.0, 2)),
        damage: Vec::new(),
    }
}

#[test]
fn the_screen_of_a_recorded_death() {
    let autopsy = Autopsy::with(&recording(), kept());
    let text = autopsy.text(80);
    check("autopsy.txt", &text);
    assert!(text.lines().count() <= 40, "it is more than a screen: {text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80));
    let first: String = text.split("search, pid").next().expect("a verdict").replace('\n', " ");
    for words in [
        "Killed by the kernel for want of memory",
        "killed 1 in its control group",
        "leak is confirmed",
        "search::sessions::remember",
    ] {
        assert!(first.contains(words), "{words}: {first}");
    }
}

#[test]
fn the_json_is_the_model_and_the_page_shows_it() {
    let autopsy = Autopsy::with(&recording(), kept());
    let json = serde_json::to_value(&autopsy).expect("JSON");
    assert_eq!(json["verdict"], "oom_kill_confirmed");
    assert_eq!(json["sites"][0]["name"], "search::sessions::remember");
    let sites = json["sites"].as_array().expect("sites");
    assert_eq!((sites.len(), &sites[0]["stacks"], &sites[0]["key"]), (2, &json!(2), &json!("a")));
    assert_eq!(sites[0]["live_bytes"], (44 * MIB) as f64);
    let error = sites[0]["live_standard_error"].as_f64().expect("an error");
    assert!((error - (MIB as f64 / 2.0).hypot(MIB as f64 / 2.0)).abs() < 1.0, "{error}");
    assert_eq!(sites[0]["grown_bytes"], (42 * MIB) as f64);
    assert_eq!(json["unexplained"]["change_bytes"], (40 * MIB) as i64);
    let page = autopsy.html();
    check("autopsy.html", &page);
    for told in
        ["search::sessions::remember", "Used of the budget", "Who held the live bytes", "checksum"]
    {
        assert!(page.contains(told), "{told}");
    }
    assert!(!page.contains("<script") && !page.contains("http"), "it needs something else");
}

#[test]
fn a_function_has_grown_by_what_all_of_its_stacks_have() {
    let mut kept = kept();
    // What one stack of the pages held is gone, and another holds it.
    let earlier = kept.earlier.as_mut().expect("an earlier profile");
    earlier.sites[1].key = "gone".into();
    let page =
        |autopsy: &Autopsy| autopsy.sites.iter().find(|it| it.name.contains("render")).cloned();
    let (_, profile) = kept.latest.as_mut().expect("a profile");
    profile.live_samples = 3;
    let held = page(&Autopsy::with(&recording(), kept)).expect("the pages");
    assert_eq!((held.live_bytes, held.grown_bytes), ((8 * MIB) as f64, Some(0.0)));
    // Where not all of the sites are there, what is missing may still hold what it held.
    let mut kept = self::kept();
    kept.earlier.as_mut().expect("an earlier profile").sites[1].key = "cut".into();
    kept.latest.as_mut().expect("a profile").1.live_samples = 9;
    let held = page(&Autopsy::with(&recording(), kept)).expect("the pages");
    assert_eq!(held.grown_bytes, Some((8 * MIB) as f64));
}

#[test]
fn sites_that_nobody_could_name_are_not_one_function() {
    let mut kept = kept();
    let (_, profile) = kept.latest.as_mut().expect("a profile");
    for location in &mut profile.locations {
        location.functions.clear();
    }
    // What starts threads has a name, and all of them.
    profile.locations[2].functions.push(crate::profile::Function {
        name: "start_thread".into(),
        file: None,
        line: None,
    });
    profile.name_sites();
    let autopsy = Autopsy::with(&recording(), kept);
    assert_eq!(autopsy.sites.len(), 3, "{:?}", autopsy.sites);
    assert!(autopsy.sites.iter().all(|site| site.stacks == 1 && site.name.ends_with(&site.key)));
}
