//! PostgreSQL: a few connections, shared.

use std::collections::HashMap;
use std::str::FromStr;

use postgres::config::SslMode;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::ToSql;
use postgres::{Client, NoTls, Statement};

use super::tls;
use crate::StoreError;
use crate::value::{Row, Val};

/// Statements remembered on each connection.
const STATEMENTS_MAX: usize = 256;

pub(crate) struct Postgres {
    client: Client,
    statements: HashMap<String, Statement>,
}

impl Postgres {
    pub fn open(url: &str) -> Result<Self, StoreError> {
        let (url, roots) = tls::split(url);
        let mut config = postgres::Config::from_str(&url)
            .map_err(|_| StoreError::Url("it is no PostgreSQL connection string"))?;
        if config.get_application_name().is_none() {
            config.application_name("countersign");
        }
        // `prefer` would be no protection: whoever is in between says that there is no TLS.
        let mut client = match (config.get_ssl_mode(), &roots) {
            (SslMode::Require, _) => config.connect(tls::connector(roots.as_deref())?)?,
            (_, Some(_)) => {
                return Err(StoreError::Url("with `sslrootcert`, write `sslmode=require` too"));
            }
            _ => config.connect(NoTls)?,
        };
        // A transaction that is forgotten must not hold up the feed, and a machine that is gone must not
        // lead any longer.
        client.batch_execute(
            "set idle_in_transaction_session_timeout = '30s'; set timezone = 'UTC'; \
             set synchronous_commit = on; \
             set tcp_keepalives_idle = 15; set tcp_keepalives_interval = 5; \
             set tcp_keepalives_count = 3",
        )?;
        Ok(Self { client, statements: HashMap::new() })
    }

    pub fn is_broken(&self) -> bool {
        self.client.is_closed()
    }

    pub fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        Ok(self.client.batch_execute(sql)?)
    }

    pub fn execute(&mut self, sql: &str, values: &[Val<'_>]) -> Result<u64, StoreError> {
        let statement = self.prepare(sql)?;
        Ok(self.client.execute(&statement, &parameters(values))?)
    }

    pub fn each(
        &mut self,
        sql: &str,
        values: &[Val<'_>],
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let statement = self.prepare(sql)?;
        let mut rows = self.client.query_raw(&statement, parameters(values))?;
        while let Some(row) = rows.next()? {
            each(&Row::Postgres(&row))?;
        }
        Ok(())
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement, StoreError> {
        if let Some(known) = self.statements.get(sql) {
            return Ok(known.clone());
        }
        let statement = self.client.prepare(sql)?;
        if self.statements.len() >= STATEMENTS_MAX {
            self.statements.clear();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

fn parameters<'a>(values: &'a [Val<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}
