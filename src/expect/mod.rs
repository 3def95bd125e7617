//! What an answer or a file must be.

mod condition;
mod json_pointer;
mod status_set;

pub(crate) use self::condition::{Condition, Content, Extent, SIZE_MAX, check, contains};
pub(crate) use self::json_pointer::JsonPointer;
pub(crate) use self::status_set::StatusSet;
