//! The flight recorder: a file that survives the process, and what it says of the last run.
