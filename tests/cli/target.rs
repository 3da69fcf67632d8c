//! A monitored process: this one, at a port and at a socket.

use crate::support::{alone, builder};
use plimsoll::{Builder, Monitor};
use std::path::{Path, PathBuf};
use std::sync::MutexGuard;
use tempfile::TempDir;

/// A monitor that is served; one at a time, for it counts the whole process.
pub(crate) struct Target {
    pub(crate) monitor: Monitor,
    pub(crate) home: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Target {
    pub(crate) fn start() -> Self {
        // Tests load and unload memory as no program does: what is said of growth is no concern here.
        Target::with(|builder| builder.growth_limits(1 << 50, 1 << 51))
    }

    pub(crate) fn with(change: impl FnOnce(Builder) -> Builder) -> Self {
        let (alone, home) = (alone(), tempfile::tempdir().unwrap());
        let builder = change(builder()).purge(false).http("127.0.0.1:0");
        let monitor = builder.socket_at(home.path().join("monitor.sock")).start().unwrap();
        Target { monitor, home, _alone: alone }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.monitor.http_address().unwrap())
    }

    pub(crate) fn socket(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.monitor.socket_path().unwrap().into()
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs the program with this process as its target.
    pub(crate) fn run(&self, arguments: &[&str]) -> crate::command::Run {
        let mut command = crate::command::program(self.home(), arguments);
        command.env("PLIMSOLL_TARGET", self.socket());
        crate::command::finish(command)
    }
}
