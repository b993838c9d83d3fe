//! When grants and credentials were used, as decisions count it.

use crate::batch::Micros;
use crate::value::Val;
use crate::{Store, StoreError};

/// How often something was used, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    pub id: String,
    pub first: Micros,
    pub last: Micros,
    pub count: i64,
}

impl Store {
    /// Of a noun, what has ids from the first to the last of a page; what was never used is not there.
    pub fn used(&self, noun: &str, (first, last): (&str, &str)) -> Result<Vec<Used>, StoreError> {
        let sql = "select id, first, last, count from used \
                   where noun = $1 and id >= $2 and id <= $3 order by id";
        let values = [Val::Text(noun), Val::Text(first), Val::Text(last)];
        self.read(|connection| {
            connection.all(sql, &values, |row| {
                Ok(Used {
                    id: row.owned(0)?,
                    first: row.int(1)?,
                    last: row.int(2)?,
                    count: row.int(3)?,
                })
            })
        })
    }
}
