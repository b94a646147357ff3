//! A MariaDB server in a directory of its own, with a socket and a port that
//! nobody else uses; ended by its process id. What is in it is others' matter.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// The longest a start may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server; it may be frozen, killed and started again. Ends with this value.
pub struct MariaDb {
    directory: PathBuf,
    arguments: Vec<String>,
    port: u16,
    child: Mutex<Option<Child>>,
}

impl MariaDb {
    /// Makes an empty data directory, without passwords. Takes seconds.
    pub fn install(data: &Path) -> Result<()> {
        run(Command::new("mariadb-install-db")
            .arg("--no-defaults")
            .arg(format!("--datadir={}", data.display()))
            .args(["--auth-root-authentication-method=normal", "--skip-test-db"])
            .arg("--innodb-log-file-size=16M")
            .stdout(Stdio::null())
            .stderr(Stdio::null()))
    }

    /// Starts one in `directory`, whose data are in `data` there, and waits
    /// until it takes connections. `arguments` are mariadbd's, after ours.
    pub fn start(directory: &Path, arguments: Vec<String>) -> Result<MariaDb> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
        let server = MariaDb {
            directory: directory.into(),
            arguments,
            port: listener.local_addr()?.port(),
            child: Mutex::new(None),
        };
        drop(listener);
        server.launch()?;
        Ok(server)
    }

    /// Starts it again after [`MariaDb::kill`].
    pub fn launch(&self) -> Result<()> {
        let user = Command::new("id").arg("-un").output().context("id")?;
        let child = Command::new("mariadbd")
            .arg("--no-defaults")
            .arg(format!("--user={}", String::from_utf8(user.stdout)?.trim()))
            .arg(format!("--datadir={}", self.data().display()))
            .arg(format!("--socket={}", self.socket().display()))
            .arg(format!("--port={}", self.port))
            .args(["--bind-address=127.0.0.1", "--skip-name-resolve"])
            .args(["--skip-log-bin", "--performance-schema=OFF"])
            .args(["--innodb-buffer-pool-size=64M", "--pid-file=pid"])
            .arg("--innodb-log-file-size=16M")
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(File::create(self.directory.join("log"))?)
            .spawn()
            .context("cannot start mariadbd (on Debian: apt-get install mariadb-server)")?;
        *self.child() = Some(child);
        let until = Instant::now() + PATIENCE;
        while UnixStream::connect(self.socket()).is_err() {
            if Instant::now() > until {
                let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
                bail!("mariadbd does not come up: {log}");
            }
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Kills it (SIGKILL).
    pub fn kill(&self) {
        if let Some(mut child) = self.child().take() {
            // Both fail only where it is gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sends it a signal, such as `-STOP`; returns its process id.
    pub fn signal(&self, signal: &str) -> Result<u32> {
        let id = self.child().as_ref().map(Child::id);
        let id = id.context("the server does not run")?;
        run(Command::new("kill").arg(signal).arg(id.to_string()))?;
        Ok(id)
    }

    /// Runs statements as the administrator, from a file or a text; returns
    /// what they print, without headings.
    pub fn sql(&self, database: Option<&str>, text: &str) -> Result<String> {
        let script = self.directory.join("script.sql");
        fs::write(&script, text)?;
        let output = Command::new("mariadb")
            .arg("--no-defaults")
            .args(["--user=root", "--batch", "--skip-column-names"])
            .arg(format!("--socket={}", self.socket().display()))
            .args(database)
            .stdin(File::open(&script)?)
            .output()
            .context("mariadb (on Debian: apt-get install mariadb-client)")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "mariadb: {said}");
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Its socket. Paths of sockets are short; directories may not be.
    pub fn socket(&self) -> PathBuf {
        PathBuf::from(format!("/tmp/pinion-mariadb-{}.sock", self.port))
    }

    /// Its TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        self.kill();
        // It is there unless the server never started.
        let _ = fs::remove_file(self.socket());
    }
}

/// Runs a command that must succeed.
fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("{command:?} (package mariadb-server)"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}
