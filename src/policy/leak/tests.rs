//! Verdicts on made-up services: how they come and end, across restarts, and how often they are right.

mod course;
mod rates;
mod restarts;
mod traces;
