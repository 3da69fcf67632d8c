//! Start, stop, and what is in the way.

use super::client::{address, get, served};
use super::support::{alone, builder};
use std::net::{TcpListener, TcpStream};

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
    super::support::eventually("all threads have ended", || (threads() <= before).then_some(()));
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
    std::thread::sleep(std::time::Duration::from_secs(1));
    let before = naps("plimsoll-http");
    std::thread::sleep(std::time::Duration::from_secs(3));
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
    let status = super::support::eventually("the child ends", || {
        let mut status = 0;
        // SAFETY: asks after our own child, with room for its answer.
        #[expect(unsafe_code, reason = "fork")]
        let ended = unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) };
        (ended == child).then_some(status)
    });
    assert_eq!(libc::WEXITSTATUS(status), 7);
    assert_eq!(get(address(&monitor), "/livez").status, 200, "the parent goes on");
}
