//! Connections that wait for work.

use std::sync::{Condvar, Mutex, PoisonError};

use super::Connection;
use crate::StoreError;

type Open = Box<dyn Fn() -> Result<Connection, StoreError> + Send + Sync>;

pub(crate) struct Pool {
    open: Open,
    idle: Mutex<Idle>,
    returned: Condvar,
}

struct Idle {
    connections: Vec<Connection>,
    /// How many more may be opened.
    room: usize,
}

impl Pool {
    /// At most `size` connections at a time.
    pub fn new(size: usize, open: Open) -> Self {
        let idle = Mutex::new(Idle { connections: Vec::new(), room: size });
        Self { open, idle, returned: Condvar::new() }
    }

    /// Lends a connection. One that broke, or whose work failed and that may still be inside a
    /// transaction, is closed.
    pub fn with<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let connection = self.take().map_or_else(|| (self.open)(), Ok);
        let mut lent = Lent { pool: self, connection: None };
        let mut connection = connection?;
        let result = work(&mut connection);
        if result.is_ok() && !connection.is_broken() {
            lent.connection = Some(connection);
        }
        result
    }

    /// Those that wait are perhaps as broken as the one that was just found to be.
    pub fn close_idle(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let closed = std::mem::take(&mut idle.connections);
        idle.room += closed.len();
        drop(idle);
        self.returned.notify_all();
    }

    /// `None`: there is room to open one.
    fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = idle.connections.pop() {
                return Some(connection);
            }
            if idle.room > 0 {
                idle.room -= 1;
                return None;
            }
            idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Gives back its connection, or the room for one, also when the work panicked.
struct Lent<'a> {
    pool: &'a Pool,
    connection: Option<Connection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut idle = self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        match self.connection.take() {
            Some(connection) => idle.connections.push(connection),
            None => idle.room += 1,
        }
        self.pool.returned.notify_one();
    }
}
