//! The heap profile: what was live at one moment, by the place that allocated it, estimated from samples.
