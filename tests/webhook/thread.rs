//! The thread behind it: what it costs an idle process, a stop while a receiver hangs, and a forked child.

use crate::receiver::Receiver;
use crate::support::{alone, ballast, builder, eventually};
use std::net::TcpListener;
use std::time::Duration;

/// How often the thread of that name was switched to; `None` unless there is exactly one, since another test may have left one.
#[cfg(target_os = "linux")]
fn switches(name: &str) -> Option<u64> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten().filter(|task| {
        let comm = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        comm.trim_end() == name
    });
    let tasks: Vec<_> = tasks.collect();
    let [task] = tasks.as_slice() else { return None };
    let status = std::fs::read_to_string(task.path().join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
    line.trim().parse().ok()
}

/// A day between ticks: whatever wakes the thread meanwhile is a clock of its own.
#[test]
#[cfg(target_os = "linux")]
fn an_idle_process_is_not_woken() {
    let _alone = alone();
    let receiver = Receiver::new();
    let monitor = builder(receiver.url()).interval(Duration::from_secs(24 * 3600)).start().unwrap();
    // Names of threads have 15 bytes.
    let name = "plimsoll-webhook".get(..15).unwrap();
    let settled = eventually("the first look is over", || {
        let before = switches(name)?;
        // Longer than a tick that follows the start closely is put off.
        std::thread::sleep(Duration::from_millis(1500));
        (switches(name)? == before && monitor.latest().is_some()).then_some(before)
    });
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(switches(name), Some(settled));
}

/// The receiver takes the connection and says nothing: a stop leaves the thread with it rather than wait for its end.
#[test]
fn a_stop_does_not_wait_for_a_receiver_that_hangs() {
    let _alone = alone();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let monitor = builder(url).start().unwrap();
    let _weight = ballast();
    let (stream, _) = listener.accept().unwrap();
    monitor.stop();
    stream.set_nonblocking(true).unwrap();
    let mut all = vec![0; 1 << 20];
    let end = loop {
        match std::io::Read::read(&mut (&stream), &mut all) {
            Ok(0) => break "closed",
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break "open",
            Err(_) => break "reset",
        }
    };
    assert_eq!(end, "open", "the stop came back before the request had ended");
}

/// A runtime's thread has other things to do than to wait for the receiver.
#[test]
fn an_asynchronous_stop_blocks_nobody_while_a_receiver_hangs() {
    let _alone = alone();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let monitor = builder(url).start().unwrap();
    let _weight = ballast();
    let _stream = listener.accept().unwrap();
    let mut stop = std::pin::pin!(monitor.stop_async());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut pending = 0;
    eventually("the stop is over", || {
        let is_over = stop.as_mut().poll(&mut context).is_ready();
        pending += u32::from(!is_over && !monitor.status().monitor_running);
        is_over.then_some(())
    });
    assert!(
        pending > 5,
        "between the monitor's end and that of its thread it was asked {pending} times"
    );
}

/// In a forked child the thread does not exist: nothing may wait for it.
#[test]
#[cfg(unix)]
#[expect(unsafe_code, reason = "fork and wait")]
fn a_forked_child_can_drop_its_monitor() {
    let _alone = alone();
    let receiver = Receiver::new();
    let monitor = builder(receiver.url()).start().unwrap();
    let _weight = ballast();
    eventually("it fires", || (!receiver.requests().is_empty()).then_some(()));
    // SAFETY: the child calls only what is under test, and leaves by `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        drop(monitor);
        // SAFETY: ends the child without running the parent's exit handlers.
        unsafe { libc::_exit(0) };
    }
    let status = eventually("the child ends", || {
        let mut status = 0;
        // SAFETY: `child` is this process's own child, `status` a valid place.
        (unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == child).then_some(status)
    });
    assert_eq!(status, 0);
    assert_eq!(receiver.requests().len(), 1, "the child told nobody");
    drop(monitor);
    assert_eq!(receiver.requests().len(), 2);
}
