//! `demo` in a build that has no server: what it takes.

use super::args::Demo;
use super::fault::Fault;
use super::print::Out;

pub(crate) fn run(_: &Demo, _: &Out) -> Result<u8, Fault> {
    let build = "build it with --features cli,http";
    Err(Fault::new(format!("this build has no demo, whose dashboard needs the server: {build}")))
}
