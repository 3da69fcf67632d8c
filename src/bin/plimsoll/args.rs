//! The command line: commands, options and what their help says.

use super::client::Client;
use super::fault::Fault;
use super::target::Target;
use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

const EXIT_CODES: &str = "\
Exit codes:
  0  done; `health`: healthy
  1  `health`: a warning; `evict`: less than four fifths was freed; `purge`: the allocator did not do all it was told;
     `autopsy`: the file is damaged
  2  `health`: critical; `autopsy`: the file cannot be read
  3  the process cannot be reached or refused, or the command line makes no sense

A TARGET is a URL (http://127.0.0.1:9464), host:port, a socket's path, or a process's id; when it is left out,
PLIMSOLL_TARGET, or else the only monitored process of this machine. A process is found by its id when it runs with
PLIMSOLL_SOCKET=on, or with .socket() in its code.";

const HEALTH_CODES: &str = "\
Exit codes:
  0  healthy
  1  warning
  2  critical
  3  the process cannot be reached or refused, or the command line makes no sense";

const AUTOPSY_CODES: &str = "\
Exit codes:
  0  the file was read, whole
  1  parts of it cannot be read: what can be is shown
  2  it is no recording that can be read
  3  the output cannot be written, or the command line makes no sense";

/// Looks at a process that runs plimsoll's monitor: how full its memory budget is, what fills it, and where it is going.
#[derive(Debug, Parser)]
#[command(name = "plimsoll", version, after_long_help = EXIT_CODES, after_help = EXIT_CODES)]
pub(crate) struct Line {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// One screen: level, budget, ledger, caches, growth, the last events.
    Status(Reach),
    /// Every figure of this moment.
    Snapshot(Reach),
    /// Every check, and an exit code for scripts and probes.
    #[command(after_help = HEALTH_CODES, after_long_help = HEALTH_CODES)]
    Health(Reach),
    /// Why memory grows, or what fills it: a verdict and what to do next.
    Explain(Reach),
    /// Follows the process: a line a second, and one for each event.
    Watch(Watch),
    /// The process in a terminal, as it is each second, with keys for evictions and the heap profile.
    Top(Reach),
    /// The figures as Prometheus reads them; as one report with --json.
    Metrics(Reach),
    /// What happened lately.
    Events(Events),
    /// Figures over time.
    History(History),
    /// Asks the caches to free so much. The process must allow it: PLIMSOLL_HTTP_ACTIONS=on.
    Evict(Evict),
    /// Gives unused pages back to the system. The process must allow it: PLIMSOLL_HTTP_ACTIONS=on.
    Purge(Reach),
    /// Changes settings while the process runs. It must allow it: PLIMSOLL_HTTP_ACTIONS=on.
    Configure(Configure),
    /// Which functions hold the memory: a table, or files for pprof and browsers. Starts and stops the sampling.
    Profile(Profile),
    /// The process's tools for agents over stdin and stdout (Model Context Protocol).
    Mcp(Reach),
    /// The monitored processes of this machine.
    List(List),
    /// A small service that leaks on purpose, watched by all there is: what happens is told in plain lines.
    Demo(Demo),
    /// What became of a run, from its recorder's file: the verdict, what grew, who held it, how it went.
    #[command(after_help = AUTOPSY_CODES, after_long_help = AUTOPSY_CODES)]
    Autopsy(Autopsy),
    /// Writes what a shell needs to complete this program's commands.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Writes the manual page.
    Man {
        /// Writes all pages, one a command, into this directory.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

/// Which process, and how it is asked.
#[derive(Debug, Args)]
pub(crate) struct Reach {
    /// URL, host:port, socket's path or process id; left out: PLIMSOLL_TARGET, or the only monitored process.
    #[arg(value_name = "TARGET", conflicts_with = "attach")]
    target: Option<String>,
    #[command(flatten)]
    pub(crate) options: Options,
}

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The same as TARGET.
    #[arg(short, long, value_name = "TARGET")]
    attach: Option<String>,
    /// The process's token, if it wants one. Others see it in the list of processes: the variable is better.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "PLIMSOLL_HTTP_TOKEN",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    token: Option<String>,
    /// How long to wait for an answer: 5s, and a minute for what changes something.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
    /// JSON, as the process sent it: exact bytes, null for what is unknown.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// Ends after this time.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(crate) lasts: Option<Duration>,
    /// Ends after so many lines.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Events {
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// From this number on, or of so long: 10m.
    #[arg(long, value_name = "NUMBER|DURATION", value_parser = since)]
    pub(crate) since: Option<Since>,
    /// Only those that matter so much.
    #[arg(long, value_name = "SEVERITY", value_enum, default_value_t = Severity::Debug)]
    pub(crate) severity: Severity,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Since {
    Number(u64),
    Last(Duration),
}

/// From the least on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Severity {
    Debug,
    Info,
    Warning,
    Error,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// Which figures: any that `snapshot` shows.
    #[arg(
        long,
        value_name = "A,B",
        value_delimiter = ',',
        default_value = "usage_bytes,usage_percent,live_bytes,live_objects,process_rss_bytes"
    )]
    pub(crate) figures: Vec<String>,
    /// How many points at most.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) points: u32,
    /// Of how long: 1h. All that is remembered when left out.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) since: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct Evict {
    /// How much: 64MiB, 1GiB. (64M is decimal; a bare number is bytes.)
    #[arg(value_name = "SIZE", value_parser = amount)]
    pub(crate) size: u64,
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// Only from this cache.
    #[arg(long, value_name = "NAME")]
    pub(crate) cache: Option<String>,
    /// Says what would be asked of whom, and asks nobody.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Configure {
    /// A setting and its new value: budget=512MiB, warning_at=75, interval=10s.
    #[arg(value_name = "NAME=VALUE", required = true, value_parser = change)]
    pub(crate) changes: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) options: Options,
}

#[derive(Debug, Args)]
#[cfg_attr(not(feature = "http"), allow(dead_code, reason = "there is no demo then"))]
pub(crate) struct Demo {
    /// How long it runs.
    #[arg(long, value_name = "N", default_value_t = 45, value_parser = clap::value_parser!(u64).range(15..=600))]
    pub(crate) seconds: u64,
    /// Kills itself at the end (SIGKILL), as the kernel would.
    #[arg(long, requires = "recorder")]
    pub(crate) die: bool,
    /// Records the run in this file, for `plimsoll autopsy FILE`.
    #[arg(long, value_name = "FILE")]
    pub(crate) recorder: Option<PathBuf>,
    /// Where the dashboard is served; any free port unless given.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) port: u16,
}

#[derive(Debug, Args)]
pub(crate) struct Autopsy {
    /// The recorder's file: what PLIMSOLL_RECORDER or .recorder() named. The run before lies at FILE.previous.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// JSON: all that is known, exact bytes, null for what is unknown.
    #[arg(long)]
    pub(crate) json: bool,
    /// Writes one page with charts, which needs nothing else.
    #[arg(long, value_name = "OUT")]
    pub(crate) html: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Profile {
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// How many functions, the largest first.
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// What changes within so many seconds, in place of what is live: 1 to 60.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=60))]
    pub(crate) seconds: Option<u32>,
    /// Writes it as pprof reads it: `pprof -top FILE`.
    #[arg(long, value_name = "FILE")]
    pub(crate) pprof: Option<PathBuf>,
    /// Writes a flame graph, to be opened in a browser.
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) flamegraph: Option<PathBuf>,
    /// Writes collapsed stacks: a line each, with its live bytes.
    #[arg(long, value_name = "FILE")]
    pub(crate) collapsed: Option<PathBuf>,
    /// Addresses in place of names: the process looks nothing up.
    #[arg(long)]
    pub(crate) no_symbols: bool,
    /// Starts the sampling, with one sample every SIZE on average (512KiB). The process must allow it:
    /// PLIMSOLL_HTTP_ACTIONS=on.
    #[arg(
        long,
        value_name = "SIZE",
        num_args = 0..=1,
        require_equals = true,
        value_parser = amount,
        conflicts_with_all = ["stop", "pprof", "flamegraph", "collapsed", "seconds"]
    )]
    pub(crate) start: Option<Option<u64>>,
    /// With --start: keeps threads apart.
    #[arg(long, requires = "start")]
    pub(crate) by_thread: bool,
    /// Stops the sampling; what was sampled stays. The process must allow it: PLIMSOLL_HTTP_ACTIONS=on.
    #[arg(long, conflicts_with_all = ["pprof", "flamegraph", "collapsed", "seconds"])]
    pub(crate) stop: bool,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// JSON: one object a socket.
    #[arg(long)]
    pub(crate) json: bool,
    /// How long to wait for each.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "2s")]
    pub(crate) timeout: Duration,
}

impl Reach {
    /// Whom to ask; `usually` is how long an answer may take unless that is said.
    pub(crate) fn client(&self, usually: Duration) -> Result<Client, Fault> {
        self.options.of(self.target.as_deref(), usually)
    }
}

impl Options {
    pub(crate) fn client(&self, usually: Duration) -> Result<Client, Fault> {
        self.of(None, usually)
    }

    fn of(&self, target: Option<&str>, usually: Duration) -> Result<Client, Fault> {
        let variable = std::env::var("PLIMSOLL_TARGET").ok();
        let target = target.or(self.attach.as_deref()).or(variable.as_deref());
        let token = self.token.as_deref().filter(|token| !token.is_empty());
        Ok(Client {
            target: Target::parse(target)?,
            token: token.map(Client::bearer).transpose()?,
            timeout: self.timeout.unwrap_or(usually),
        })
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = |_| "a time and its unit are wanted: 5s, 10m, 1h".to_owned();
    let duration = humantime::parse_duration(text).map_err(wrong)?;
    if duration.is_zero() { Err("must be more than nothing".into()) } else { Ok(duration) }
}

fn since(text: &str) -> Result<Since, String> {
    if let Ok(number) = text.parse() {
        return Ok(Since::Number(number));
    }
    let wrong = |_| "an event's number or a time is wanted: 12, 10m".to_owned();
    duration(text).map(Since::Last).map_err(wrong)
}

fn amount(text: &str) -> Result<u64, String> {
    let size = text.parse::<ByteSize>().map(|size| size.as_u64());
    size.ok().filter(|bytes| *bytes > 0).ok_or("a size is wanted: 64MiB, 1GiB".into())
}

fn change(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = pair.ok_or(
        "a setting and its value are wanted: budget=512MiB (the process is named by --attach)",
    )?;
    Ok((name.to_owned(), value.to_owned()))
}
