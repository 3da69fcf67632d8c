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
