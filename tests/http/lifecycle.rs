//! Start, stop, and what is in the way.

use super::client::{address, connect, get, served};
use super::support::{alone, builder, eventually};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

#[test]
fn it_listens_only_when_asked_and_no_longer_than_the_monitor_runs() {
    let _alone = alone();
    assert_eq!(builder().start().unwrap().http_address(), None);
    let monitor = served(builder());
    let to = address(&monitor);
    assert_eq!(get(to, "/livez").status, 200);
    let idle = TcpStream::connect(to).unwrap();
    monitor.stop();
    assert!(TcpStream::connect(to).is_err(), "nobody listens any more");
    drop(idle);
    monitor.stop();
}

#[test]
fn an_address_that_is_taken_is_an_error_that_names_it() {
    let _alone = alone();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = builder().http(address.clone()).start().unwrap_err();
    assert_eq!(error.category(), "monitoring_error");
    assert!(error.to_string().contains(&address), "{error}");
    drop(taken);
    builder().http(address).start().unwrap();
}

#[test]
fn it_comes_and_goes_many_times_and_leaves_no_thread() {
    let _alone = alone();
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    drop(served(builder()));
    let before = threads();
    for _ in 0..20 {
        let monitor = served(builder());
        assert_eq!(get(address(&monitor), "/livez").status, 200);
    }
    eventually("all threads have ended", || (threads() <= before).then_some(()));
}

#[test]
fn a_task_that_stops_it_is_not_blocked_by_callers_who_are_slow_to_go() {
    let _alone = alone();
    let monitor = served(builder());
    let to = address(&monitor);
    let mut slow = connect(to);
    let head =
        format!("POST /api/v1/purge HTTP/1.1\r\nhost: {to}\r\ncontent-type: application/json\r\n");
    write!(slow, "{head}content-length: 2\r\n\r\n").unwrap();
    assert_eq!(get(to, "/livez").status, 200, "the slow one is being served");
    let mut stop = std::pin::pin!(monitor.stop_async());
    let mut waited = 0;
    while stop.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
        waited += u32::from(!monitor.is_running());
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(waited > 5, "the caller could do something else {waited} times meanwhile");
    assert!(TcpStream::connect(to).is_err());
}

#[test]
fn it_ends_with_a_monitor_that_is_dropped_by_the_users_code_on_its_own_thread() {
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("plimsoll.sock");
    let (last, now) = (Arc::new(Mutex::new(None)), Arc::new(AtomicBool::new(false)));
    let (owner, is_time) = (last.clone(), now.clone());
    let keep = move |_: &plimsoll::Snapshot| {
        if is_time.load(Ordering::SeqCst) {
            drop(owner.lock().unwrap().take());
        }
        true
    };
    let monitor = served(builder().socket_at(&path).keep_if(keep));
    let to = address(&monitor);
    *last.lock().unwrap() = Some(monitor);
    now.store(true, Ordering::SeqCst);
    eventually("nobody listens", || TcpStream::connect(to).is_err().then_some(()));
    eventually("the socket is gone", || (!path.exists()).then_some(()));
}

/// How often the thread of that name has gone to sleep and been woken.
fn naps(name: &str) -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let files = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("status")));
    let status = files.flatten().find(|status| status.starts_with(&format!("Name:\t{name}")));
    let status = status.unwrap_or_else(|| panic!("no thread {name}"));
    let naps = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    naps.unwrap().trim().parse().unwrap()
}

#[test]
fn nobody_asking_wakes_nobody() {
    let _alone = alone();
    let monitor = served(builder());
    assert_eq!(get(address(&monitor), "/livez").status, 200);
    // Its connection's end is noticed.
    std::thread::sleep(Duration::from_secs(1));
    let before = naps("plimsoll-http");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(naps("plimsoll-http"), before);
}

#[test]
fn a_forked_child_that_drops_the_monitor_does_not_wait_for_its_threads() {
    let _alone = alone();
    let monitor = served(builder());
    // SAFETY: the child drops the monitor, which takes no lock that another thread may have held, and exits.
    #[expect(unsafe_code, reason = "fork")]
    let child = unsafe { libc::fork() };
    if child == 0 {
        drop(monitor);
        // SAFETY: ends the child at once, without its parent's exit handlers.
        #[expect(unsafe_code, reason = "fork")]
        unsafe {
            libc::_exit(7)
        };
    }
    let status = eventually("the child ends", || {
        let mut status = 0;
        // SAFETY: asks after our own child, with room for its answer.
        #[expect(unsafe_code, reason = "fork")]
        let ended = unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) };
        (ended == child).then_some(status)
    });
    assert_eq!(libc::WEXITSTATUS(status), 7);
    assert_eq!(get(address(&monitor), "/livez").status, 200, "the parent goes on");
}
