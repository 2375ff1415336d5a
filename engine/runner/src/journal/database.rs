//! The journal's place and its database.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::JournalError;
use crate::RunId;

/// 1 had no connections.
const FORMAT: i64 = 2;
/// How long a writer waits for another process of the same project.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two tries where SQLite itself does not wait: about what the other process needs.
const BUSY_PAUSE: Duration = Duration::from_millis(5);

/// What the engine writes in its folder; the names of runs and contents below them can't be known before.
const WRITTEN: [&str; 8] = [
    ".gitignore",
    "state.db",
    "state.db-wal",
    "state.db-shm",
    "runs",
    "artifacts",
    "artifacts/blobs",
    "artifacts/trees",
];

/// A project's `.tidegate/`. Several engines may use it at once.
#[derive(Debug, Clone)]
pub struct Journal {
    folder: PathBuf,
}

impl Journal {
    /// Makes the folder, with a `.gitignore` of its own, so that no project has to know of it.
    pub fn open(project: &Path) -> Result<Self, JournalError> {
        let journal = Self {
            folder: project.join(".tidegate"),
        };
        let write = |path: &Path, error| JournalError::Write {
            path: path.into(),
            error,
        };
        journal.refuse_links()?;
        std::fs::create_dir_all(&journal.folder).map_err(|error| write(&journal.folder, error))?;
        let ignore = journal.folder.join(".gitignore");
        if !ignore.exists() {
            std::fs::write(&ignore, "*\n").map_err(|error| write(&ignore, error))?;
        }
        journal.connect()?;
        Ok(journal)
    }

    /// None when the project has had no run.
    pub fn existing(project: &Path) -> Result<Option<Self>, JournalError> {
        let folder = project.join(".tidegate");
        let path = folder.join("state.db");
        match path.try_exists() {
            Ok(exists) => Ok(exists.then_some(Self { folder })),
            Err(error) => Err(JournalError::Read { path, error }),
        }
    }

    /// A repository may bring a `.tidegate` of its own: the engine must not be led to write into the user's other files.
    fn refuse_links(&self) -> Result<(), JournalError> {
        let written = WRITTEN.iter().map(|name| self.folder.join(name));
        match written.chain([self.folder.clone()]).find(|path| path.is_symlink()) {
            Some(path) => Err(JournalError::Link { path }),
            None => Ok(()),
        }
    }

    /// SQLite waits for another process by itself, but for two steps: a database gets its write-ahead log by a lock that is not
    /// waited for, and so does whoever opens one that was left by a process that died.
    pub(super) fn connect(&self) -> Result<Connection, JournalError> {
        let deadline = Instant::now() + BUSY_TIMEOUT;
        loop {
            match self.try_to_connect() {
                Err(JournalError::Database(error))
                    if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < deadline =>
                {
                    std::thread::sleep(BUSY_PAUSE);
                }
                connected => return connected,
            }
        }
    }

    fn try_to_connect(&self) -> Result<Connection, JournalError> {
        let connection = Connection::open(self.folder.join("state.db"))?;
        restrict(&connection)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match found {
            FORMAT => {}
            0 | 1 => create(&connection)?,
            found => return Err(JournalError::Newer { found, known: FORMAT }),
        }
        Ok(connection)
    }

    /// For queries: works too where this user may read the journal and not write it.
    pub(super) fn read(&self) -> Result<Connection, JournalError> {
        let path = self.folder.join("state.db");
        let open = |error| JournalError::Open {
            path: path.clone(),
            error,
        };
        let (connection, found) = match open_to_read(&path, "") {
            Ok(opened) => opened,
            // SQLite keeps a lock file beside a database in WAL mode, which it can't make here. It needs none when no engine
            // has the database open: then there is no write-ahead log, and nothing is left out by reading the file alone.
            Err(_) if !self.folder.join("state.db-wal").exists() => {
                open_to_read(&path, "&immutable=1").map_err(open)?
            }
            Err(error) => return Err(open(error)),
        };
        match found {
            // What is new in it is not read yet.
            1 | FORMAT => Ok(connection),
            0 => Err(JournalError::NoRuns),
            found => Err(JournalError::Newer { found, known: FORMAT }),
        }
    }

    /// Where a run's log files lie.
    pub(super) fn run_folder(&self, run: &RunId) -> PathBuf {
        self.folder.join("runs").join(run.as_str())
    }

    /// Where artifacts lie, by digest.
    pub(crate) fn artifact_folder(&self) -> PathBuf {
        self.folder.join("artifacts")
    }
}

/// A connection and the database's format.
fn open_to_read(path: &Path, parameters: &str) -> rusqlite::Result<(Connection, i64)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let path: String = path
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .map(|byte| match byte {
            b'/' | b'.' | b'-' | b'_' => char::from(*byte).to_string(),
            byte if byte.is_ascii_alphanumeric() => char::from(*byte).to_string(),
            byte => format!("%{byte:02x}"),
        })
        .collect();
    let connection = Connection::open_with_flags(format!("file:{path}?mode=ro{parameters}"), flags)?;
    restrict(&connection)?;
    // Opening reads nothing yet.
    let found = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok((connection, found))
}

/// A database that came with a repository may hold more than tables.
fn restrict(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.busy_timeout(BUSY_TIMEOUT)
}

/// Makes what is not there yet. In one transaction, and only if no other process was first.
fn create(connection: &Connection) -> Result<(), JournalError> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found == 0 {
        connection.execute_batch(include_str!("schema.sql"))?;
    }
    if found < FORMAT {
        connection.execute_batch(include_str!("connections.sql"))?;
        connection.pragma_update(None, "user_version", FORMAT)?;
    }
    connection.execute_batch("COMMIT")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_repository_can_not_lead_the_journal_elsewhere() {
        let outside = tempfile::tempdir().unwrap();
        for name in [
            ".tidegate",
            ".tidegate/.gitignore",
            ".tidegate/state.db",
            ".tidegate/artifacts",
        ] {
            let project = tempfile::tempdir().unwrap();
            let link = project.path().join(name);
            std::fs::create_dir_all(link.parent().unwrap()).unwrap();
            symlink(outside.path().join("target"), &link).unwrap();
            let refused = Journal::open(project.path());
            assert!(
                matches!(&refused, Err(JournalError::Link { path }) if *path == link),
                "{name}: {refused:?}"
            );
        }
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_journal_of_the_first_format_is_kept_and_completed() {
        let project = tempfile::tempdir().unwrap();
        std::fs::create_dir(project.path().join(".tidegate")).unwrap();
        let old = Connection::open(project.path().join(".tidegate/state.db")).unwrap();
        old.execute_batch(include_str!("schema.sql")).unwrap();
        old.execute("INSERT INTO state VALUES ('p', 's', 'k', 'v')", [])
            .unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        drop(old);
        for _ in 0..2 {
            let connection = Journal::open(project.path()).unwrap().connect().unwrap();
            let count = |table: &str| -> i64 {
                let sql = format!("SELECT count(*) FROM {table}");
                connection.query_row(&sql, [], |row| row.get(0)).unwrap()
            };
            assert_eq!((count("state"), count("connections")), (1, 0));
        }
    }

    /// It takes luck to meet the moment, so it is tried often.
    #[test]
    fn many_engines_begin_a_journal_at_once() {
        for _ in 0..50 {
            let project = tempfile::tempdir().unwrap();
            std::thread::scope(|scope| {
                let engines: Vec<_> = (0..8)
                    .map(|_| scope.spawn(|| Journal::open(project.path()).map(|_| ())))
                    .collect();
                for engine in engines {
                    engine.join().unwrap().unwrap();
                }
            });
        }
    }

    #[test]
    fn reading_changes_nothing_and_knows_odd_folder_names() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("100% of a project? #1");
        assert!(Journal::existing(&project).unwrap().is_none());
        let journal = Journal::open(&project).unwrap();
        let connection = journal.read().unwrap();
        let refused = connection.execute("DELETE FROM runs", []).unwrap_err().to_string();
        assert!(refused.contains("readonly"), "{refused}");
        std::fs::write(project.join(".tidegate/state.db"), "no database").unwrap();
        for left in ["state.db-wal", "state.db-shm"] {
            let _ = std::fs::remove_file(project.join(".tidegate").join(left));
        }
        assert!(matches!(journal.read(), Err(JournalError::Open { .. })));
    }
}
