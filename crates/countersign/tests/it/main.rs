//! The program as somebody at a terminal, or a pipeline, meets it.

mod formats;
mod grades;
mod hostile;
mod program;
mod raw_cases;
mod resume;
mod scripts;
mod worlds;
