//! The processes that are recorded: this program again, told by its environment what to do and where to record.

use plimsoll::{Monitor, Recording};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const ROLE: &str = "PLIMSOLL_TEST_ROLE";
const FILE: &str = "PLIMSOLL_TEST_FILE";

/// A process is hung when it has not done its part by then.
const LIMIT: Duration = Duration::from_secs(45);

pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

fn file() -> PathBuf {
    std::env::var_os(FILE).expect("a file to record in").into()
}

/// A monitor that ticks as fast as it can and records.
pub(crate) fn monitor(path: &Path) -> Result<Monitor, plimsoll::Error> {
    monitor_of(path, "4GiB")
}

fn monitor_of(path: &Path, budget: &str) -> Result<Monitor, plimsoll::Error> {
    Monitor::builder()
        .budget(budget.parse()?)
        .interval(Duration::from_millis(1))
        .recorder(path)
        .start()
}

pub(crate) fn wait_for_ticks(monitor: &Monitor, ticks: u64) {
    let give_up = Instant::now() + LIMIT;
    while monitor.metrics().profiler.total_snapshots_taken < ticks {
        assert!(Instant::now() < give_up, "the monitor does not tick");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn ready() {
    println!("ready");
    std::io::stdout().flush().unwrap();
}

/// Goes on until somebody ends it; not for ever.
fn linger() {
    std::thread::sleep(LIMIT);
}

pub(crate) fn play(role: &str) -> ExitCode {
    let budget = if role == "grow" { "75%" } else { "4GiB" };
    let monitor = match monitor_of(&file(), budget) {
        Ok(monitor) => monitor,
        Err(error) => {
            println!("{error}");
            return ExitCode::from(2);
        }
    };
    monitor.register("pages", |_: u64| 0).unwrap();
    wait_for_ticks(&monitor, 3);
    match role {
        "run" => {
            ready();
            linger();
        }
        "busy" => {
            ready();
            busy(&monitor);
        }
        "return" => std::mem::forget(monitor),
        "stop" => drop(monitor),
        "stop_after_a_panic" => {
            assert!(std::thread::spawn(|| panic!("not for the last time")).join().is_err());
            drop(monitor);
        }
        "exec" => {
            ready();
            let error = std::os::unix::process::CommandExt::exec(Command::new("sleep").arg("60"));
            panic!("no exec: {error}");
        }
        "exit" => std::process::exit(3),
        "abort" => std::process::abort(),
        "panic_in_main" => panic!("a fault in main"),
        "panic_in_main_with_a_static_monitor" => {
            std::mem::forget(monitor);
            panic!("a fault in main");
        }
        "panic_is_caught" => {
            let thread = std::thread::Builder::new().name("clumsy".into());
            let thread = thread.spawn(|| panic!("not for the last time")).unwrap();
            assert!(thread.join().is_err());
            // So long a process that lives on may take to show it.
            std::thread::sleep(Duration::from_millis(2500));
            let ticks = monitor.metrics().profiler.total_snapshots_taken;
            wait_for_ticks(&monitor, ticks + 3);
            ready();
            linger();
        }
        "panic_aborts" => {
            std::mem::forget(monitor);
            // As a program built with `panic = "abort"`: after the hook, nothing.
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                before(info);
                std::process::abort();
            }));
            let thread = std::thread::Builder::new().name("last".into());
            let _ = thread.spawn(|| panic!("the last thing")).unwrap().join();
        }
        "fork" => {
            // SAFETY: the child goes on with what it has, and then ends at once.
            let pid = unsafe { libc::fork() };
            if pid == 0 {
                let _ = monitor.set_metadata("who", "the child");
                let _ = monitor.configure([("warning_at", "70")]);
                drop(monitor);
                std::process::exit(0);
            }
            let mut status = 0;
            // SAFETY: waits for the child just made.
            assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
            assert_eq!(status, 0, "the child's status");
            let ticks = monitor.metrics().profiler.total_snapshots_taken;
            wait_for_ticks(&monitor, ticks + 3);
            ready();
            linger();
        }
        "grow" => grow(),
        other => panic!("no such role: {other}"),
    }
    ExitCode::SUCCESS
}

/// Has events written as fast as can be: short ones and long ones.
fn busy(monitor: &Monitor) {
    let give_up = Instant::now() + LIMIT;
    for round in 0u64.. {
        let percent = 60 + round % 10;
        monitor.configure([("warning_at", percent.to_string())]).unwrap();
        if Instant::now() > give_up {
            return;
        }
    }
}

/// Takes memory until the kernel says no.
fn grow() {
    ready();
    let mut held = Vec::new();
    loop {
        held.push(vec![1u8; 1 << 20]);
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A process in a role.
pub(crate) struct Actor(pub(crate) Child);

impl Actor {
    pub(crate) fn start(role: &str, path: &Path) -> Self {
        Self::start_by(Command::new(std::env::current_exe().unwrap()), role, path)
    }

    pub(crate) fn start_by(mut command: Command, role: &str, path: &Path) -> Self {
        let command = command.env(ROLE, role).env(FILE, path).env("RUST_BACKTRACE", "0");
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        Actor(command.spawn().unwrap())
    }

    /// Waits until it says that it is ready.
    pub(crate) fn ready(mut self) -> Self {
        let mut line = String::new();
        BufReader::new(self.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        self
    }

    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Waits for its end; what it said.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let give_up = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > give_up {
                self.0.kill().unwrap();
                panic!("it does not end");
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let mut said = String::new();
        if let Some(mut out) = self.0.stdout.take() {
            std::io::Read::read_to_string(&mut out, &mut said).unwrap();
        }
        (status, said)
    }
}

/// Plays a role to its end; the recording that is left.
pub(crate) fn recording_of(role: &str, path: &Path) -> (ExitStatus, Recording) {
    let (status, _) = Actor::start(role, path).end();
    (status, Recording::open(path).unwrap())
}
