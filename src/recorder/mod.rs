//! The flight recorder: a file that survives the process, and what it says of the last run.
//!
//! ```text
//! recorder.rs                 what the monitor calls: begins, writes, ends
//! recording.rs  judgement.rs  what is read back, and what became of the run
//! format.rs                   where everything lies in the file, and how each piece shows that it is whole
//! moment.rs  small.rs  identity.rs  the pieces as bytes, and back
//! place.rs                    the file: locked, reserved, what lay there moved aside
//! writer.rs                   puts pieces into it
//! desk.rs  exit.rs            the last words: of a panic, of an exit                              [unsafe]
//! reader.rs  open.rs          reads it, whatever it is
//! judge.rs                    from the file and the machine to a verdict; pure
//! album.rs  stored.rs         the heap profiles beside it: when one is taken and which are kept; their names
//! ```

#[cfg_attr(not(feature = "profile"), path = "no_album.rs")]
mod album;
mod desk;
mod exit;
mod format;
mod identity;
mod judge;
mod judgement;
mod moment;
mod open;
mod place;
mod reader;
#[expect(clippy::module_inception, reason = "the type that the module is named after")]
mod recorder;
mod recording;
mod small;
mod stored;
mod writer;

pub(crate) use judge::SURVIVED_AFTER;
pub use judgement::{Exhibit, Judgement, LastRun};
pub(crate) use moment::Beat;
pub use recorder::PreviousRun;
pub(crate) use recorder::{Findings, Recorder};
pub use recording::{
    EndKind, Heartbeat, ProfileKind, RecordedEnd, RecordedEvent, RecordedPanic, RecordedProfile,
    RecordedRun, Recording, TimePoint,
};
