//! The two phases of a run: read everything, then answer every row in order.

pub mod answer;
pub mod evidence;
pub mod read;
