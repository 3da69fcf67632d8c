//! The flight recorder: a file that survives the process, and what it says of the last run.
//!
//! ```text
//! recording.rs  judgement.rs  what is read back, and what became of the run
//! ```

mod judgement;
mod recording;

pub use judgement::{Exhibit, Judgement, LastRun};
pub use recording::{
    EndKind, Heartbeat, ProfileKind, RecordedEnd, RecordedEvent, RecordedPanic, RecordedProfile,
    RecordedRun, Recording, TimePoint,
};
