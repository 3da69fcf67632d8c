//! What is answered, to each question.

use super::client::{Listener, address, ask, get, served};
use super::support::{BUDGET, Boxes, MIB, alone, ballast, builder, eventually, ticks};
use plimsoll::{Check, Level, METRICS, OwnMetric, Unit};
use serde_json::json;
use std::time::Duration;

#[test]
fn the_status_has_everything_and_adds_up() {
    let _alone = alone();
    let queue = OwnMetric::gauge("queue_depth", Unit::Count, "Requests that wait.", || Some(7.0));
    let monitor = served(builder().metric(queue).memory_source("gpu", || Some(4096)));
    monitor.register("boxes", Boxes::filled(MIB).closure()).unwrap();
    ticks(&monitor, 3);
    // By a thread of their own, which a tick wakes.
    eventually("own figures", || {
        monitor.own_metrics()[0].value.zip(monitor.ledger().sources[0].reported_bytes)
    });
    let status = get(address(&monitor), "/api/v1/status");
    assert_eq!(status.header("content-type"), Some("application/json"));
    let status = status.json();
    assert_eq!(status["process"]["pid"], std::process::id());
    assert_eq!(status["budget"]["bytes"], BUDGET);
    assert_eq!(status["thresholds"][2]["name"], "emergency");
    assert_eq!(status["thresholds"][0]["leave_bytes"], (BUDGET as f64 * 0.73) as u64);
    assert_eq!(status["caches"][0]["name"], "boxes");
    assert_eq!(status["own_metrics"][0]["value"], 7.0);
    assert_eq!(status["ledger"]["sources"], json!([{"name": "gpu", "reported_bytes": 4096}]));
    assert_eq!(status["surfaces"]["actions"], false);
    assert!(METRICS.iter().all(|metric| status["snapshot"].get(metric.name).is_some()));
    let mut total = 0;
    for line in status["ledger"]["lines"].as_array().unwrap() {
        let bytes = line["bytes"].as_i64().unwrap();
        match line["kind"].as_str().unwrap() {
            "part" => total += bytes,
            _ => assert_eq!(total, bytes, "{line}"),
        }
    }
    assert!(total > 0);
}

#[test]
fn the_parts_are_the_parts_of_the_status() {
    let _alone = alone();
    let monitor = served(builder());
    ticks(&monitor, 2);
    let to = address(&monitor);
    let status = get(to, "/api/v1/status").json();
    for part in ["ledger", "caches", "forecast", "settings", "evictions"] {
        let answer = get(to, &format!("/api/v1/{part}")).json();
        let keys = |value: &serde_json::Value| {
            value.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>())
        };
        assert_eq!(keys(&answer), keys(&status[part]), "{part}");
    }
    assert_eq!(get(to, "/api/v1/settings").json(), status["settings"]);
    assert_eq!(get(to, "/api/v1/metrics").json()["monitor_running"], true);
    assert_eq!(get(to, "/api/v1/snapshot").json()["schema_version"], 1);
}

#[test]
fn the_history_comes_as_columns() {
    let _alone = alone();
    let monitor = served(builder());
    ticks(&monitor, 20);
    let to = address(&monitor);
    let history = get(to, "/api/v1/history?figures=live_bytes,cgroup_limit_bytes&points=5").json();
    let column = |name: &str| history["figures"][name].as_array().unwrap().len();
    assert_eq!(column("timestamp"), column("live_bytes"));
    assert!((2..=7).contains(&column("timestamp")), "{history}");
    assert_eq!((&history["thinned"], &history["capacity"]), (&json!(true), &json!(1000)));
    assert_eq!(history["run"], get(to, "/api/v1/status").json()["process"]["run"]);
    let later = history["figures"]["timestamp"].as_array().unwrap().last().unwrap().clone();
    let rest = get(to, &format!("/api/v1/history?since={later}")).json();
    assert!(rest["figures"]["timestamp"][0].as_f64() >= later.as_f64());
    for (query, word) in
        [("figures=heap", "heap"), ("points=-1", "points"), ("colour=red", "colour")]
    {
        let refused = get(to, &format!("/api/v1/history?{query}"));
        assert_eq!(refused.status, 400, "{query}");
        let error = refused.json();
        assert!(error["error"].as_str().unwrap().contains(word), "{error}");
        assert_eq!(error["success"], false);
    }
}

#[test]
fn events_have_numbers_and_can_be_asked_for_from_one_on() {
    let _alone = alone();
    let monitor = served(builder());
    let to = address(&monitor);
    let all = get(to, "/api/v1/events").json();
    assert_eq!(all["events"][0]["event_type"], "monitor_started");
    assert_eq!(all["events"][0]["sequence"], 0);
    let next = all["next"].as_u64().unwrap();
    monitor.configure([("budget", "128MiB")]).unwrap();
    let since = |next| get(to, &format!("/api/v1/events?since={next}")).json();
    let found = eventually("the changes are told", || {
        let found = since(next)["events"].as_array().unwrap().clone();
        (found.len() >= 2).then_some(found)
    });
    assert_eq!(found[0]["event_type"], "settings_changed");
    assert_eq!(found[0]["updated_fields"], json!(["budget"]));
    assert_eq!(found[1]["event_type"], "budget_changed");
    assert_eq!(found[0]["sequence"], next);
}

#[test]
fn the_probes_say_alive_ready_and_well() {
    let _alone = alone();
    let monitor = served(builder().check("disk", || Check::warning("nearly full")));
    ticks(&monitor, 2);
    let to = address(&monitor);
    assert_eq!((get(to, "/livez").status, get(to, "/readyz").status), (200, 200));
    let health = get(to, "/health");
    assert_eq!(health.header("content-type"), Some("application/health+json"));
    assert_eq!(health.json()["status"], "warn");
    assert_eq!(health.json()["checks"]["disk"][0]["output"], "nearly full");
    let checks = get(to, "/api/v1/health").json();
    assert_eq!(checks["failed_checks"], json!(["disk"]));
    let ballast = ballast(99.0);
    eventually("critical", || (monitor.level() == Level::Critical).then_some(()));
    assert_eq!(get(to, "/readyz").status, 503);
    assert_eq!(get(to, "/livez").status, 200, "memory never fails liveness");
    assert_eq!(get(to, "/health").status, 503);
    drop(ballast);
    monitor.stop();
    assert!(!monitor.is_ticking());
}

#[test]
fn many_who_ask_for_the_health_at_a_time_are_no_finding() {
    let _alone = alone();
    let slow = || {
        std::thread::sleep(Duration::from_millis(2));
        Check::healthy("in order")
    };
    for builder in [builder(), builder().check("slow", slow)] {
        let monitor = served(builder);
        ticks(&monitor, 2);
        let to = address(&monitor);
        let ask = || (0..20).map(|_| get(to, "/health").status).collect::<Vec<_>>();
        let answers = std::thread::scope(|scope| {
            let askers: Vec<_> = (0..6).map(|_| scope.spawn(ask)).collect();
            askers.into_iter().flat_map(|asker| asker.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(answers, [200; 120]);
    }
}

#[test]
fn what_is_asked_between_ticks_is_as_of_now() {
    let _alone = alone();
    let depth = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(1));
    let shared = depth.clone();
    let read = move || Some(shared.load(std::sync::atomic::Ordering::Relaxed) as f64);
    let metric = OwnMetric::gauge("depth", Unit::Count, "How deep.", read);
    let monitor = served(builder().metric(metric).interval(Duration::from_secs(3600)));
    eventually("the first look", || monitor.own_metrics()[0].value);
    depth.store(2, std::sync::atomic::Ordering::Relaxed);
    let to = address(&monitor);
    eventually("the second look", || {
        let status = get(to, "/api/v1/status").json();
        (status["own_metrics"][0]["value"] == 2.0).then_some(())
    });
}

#[test]
fn what_this_build_lacks_is_said() {
    let _alone = alone();
    let monitor = served(builder());
    let to = address(&monitor);
    let of_the_profile = ["/debug/pprof/heap", "/debug/flamegraph", "/api/v1/profile"];
    for path in of_the_profile.into_iter().filter(|_| cfg!(not(feature = "profile"))) {
        let answer = get(to, path);
        assert_eq!(answer.status, 501);
        assert!(answer.json()["error"].as_str().unwrap().contains("feature `profile`"));
    }
    assert_eq!((get(to, "/nothing").status, get(to, "/api/v1/nothing").status), (404, 404));
}

/// Serves `app` until `asking` has asked.
fn serve<T: Send>(app: axum::Router, asking: impl FnOnce(std::net::SocketAddr) -> T + Send) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let to = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = async {
        axum::serve(listener, app).with_graceful_shutdown(async { drop(stopped.await) }).await
    };
    std::thread::scope(|scope| {
        let asking = scope.spawn(move || {
            let answers = asking(to);
            drop(stop);
            answers
        });
        runtime.block_on(serving).unwrap();
        asking.join().unwrap()
    })
}

#[test]
fn a_program_that_runs_axum_can_nest_it() {
    let _alone = alone();
    let monitor = builder().http_token("mast").start().unwrap();
    serve(axum::Router::new().nest("/plimsoll", monitor.router()), |to| {
        assert_eq!(get(to, "/plimsoll/livez").status, 200);
        assert_eq!(get(to, "/plimsoll/api/v1/status").status, 401);
        let token = "authorization: Bearer mast\r\n";
        let status = ask(to, "/plimsoll/api/v1/status", token).json();
        assert_eq!(status["budget"]["bytes"], BUDGET);
        // The page's files are beside it, wherever it is nested.
        let there = get(to, "/plimsoll");
        assert_eq!((there.status, there.header("location")), (307, Some("./plimsoll/index.html")));
        let page = get(to, "/plimsoll/index.html");
        assert!(page.body.contains("src=\"assets/app.js\""), "{page:?}");
        assert_eq!(get(to, "/plimsoll/assets/app.js").status, 200);
        assert_eq!((get(to, "/").status, get(to, "/plimsoll/nothing").status), (404, 401));
    });
}

#[test]
fn a_listener_at_another_server_hears_of_the_monitors_end() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    serve(axum::Router::new().merge(monitor.router()), |to| {
        let mut listener = Listener::new(to, "connection: close\r\n");
        listener.next_of("status");
        monitor.stop();
        listener.next_of("end");
        assert!(listener.next().is_none(), "and nothing after it");
    });
}
