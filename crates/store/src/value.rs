//! Values as both engines take and give them: integers, texts and bytes. Times are microseconds,
//! truth values 0 or 1, JSON is text.

use postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::StoreError;

/// A parameter of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Val<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

impl<'a> Val<'a> {
    pub fn text(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }

    pub fn int(number: Option<i64>) -> Self {
        number.map_or(Self::Null, Self::Int)
    }

    pub fn blob(bytes: Option<&'a [u8]>) -> Self {
        bytes.map_or(Self::Null, Self::Blob)
    }
}

impl rusqlite::ToSql for Val<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput, ValueRef};
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl ToSql for Val<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut postgres::types::private::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) => number.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Blob(bytes) => bytes.to_sql(kind, out),
        }
    }

    /// Every column of ours is one of these; the server says which a parameter is.
    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::TEXT, Type::BYTEA].contains(kind)
    }

    to_sql_checked!();
}

/// A row as it stands in the engine's buffer.
pub(crate) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a postgres::Row),
}

impl Row<'_> {
    pub fn int(&self, at: usize) -> Result<i64, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.get(at)?,
            Self::Postgres(row) => row.try_get(at)?,
        })
    }

    pub fn maybe_int(&self, at: usize) -> Result<Option<i64>, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.get(at)?,
            Self::Postgres(row) => row.try_get(at)?,
        })
    }

    pub fn text(&self, at: usize) -> Result<&str, StoreError> {
        self.maybe_text(at)?
            .ok_or_else(|| StoreError::Foreign("a text that must be there is not".to_owned()))
    }

    pub fn maybe_text(&self, at: usize) -> Result<Option<&str>, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row
                .get_ref(at)?
                .as_str_or_null()
                .map_err(|_| StoreError::Foreign("a column is not text".to_owned()))?,
            Self::Postgres(row) => row.try_get(at)?,
        })
    }

    pub fn owned(&self, at: usize) -> Result<String, StoreError> {
        self.text(at).map(str::to_owned)
    }

    pub fn maybe_owned(&self, at: usize) -> Result<Option<String>, StoreError> {
        Ok(self.maybe_text(at)?.map(str::to_owned))
    }

    pub fn maybe_blob(&self, at: usize) -> Result<Option<&[u8]>, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row
                .get_ref(at)?
                .as_blob_or_null()
                .map_err(|_| StoreError::Foreign("a column is not bytes".to_owned()))?,
            Self::Postgres(row) => row.try_get(at)?,
        })
    }

    pub fn blob(&self, at: usize) -> Result<&[u8], StoreError> {
        self.maybe_blob(at)?
            .ok_or_else(|| StoreError::Foreign("bytes that must be there are not".to_owned()))
    }
}
