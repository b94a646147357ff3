//! The floor: what the kernel takes for the packets alone. An echo of bare
//! recvmmsg and sendmmsg on the servers' CPU, flooded from the generators'.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use pinion_runtime::bench::Exchange;

use crate::generator::CPU;
use crate::running::Running;

/// Datagrams one system call may move, as in the engine.
const BATCH: usize = 32;

/// Datagrams on their way at once.
const WINDOW: usize = 200;

/// The echo's part: tells its address and echoes for ever.
pub fn echo() -> Result<()> {
    let mut exchange = Exchange::bind("127.0.0.1:0".parse()?, BATCH)?;
    println!("{}", exchange.local()?);
    Ok(exchange.echo(&AtomicBool::new(false))?)
}

/// The flood's part: tells at its end how many datagrams of `bytes` came back.
pub fn flood(target: SocketAddr, bytes: usize, time: Duration) -> Result<()> {
    let mut exchange = Exchange::bind("127.0.0.1:0".parse()?, BATCH)?;
    let stop = std::sync::Arc::new(AtomicBool::new(false));
    let bell = std::sync::Arc::clone(&stop);
    std::thread::spawn(move || {
        sleep(time);
        bell.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let returned = exchange.flood(target, &vec![b'x'; bytes], WINDOW, &stop)?;
    println!("{returned}");
    Ok(())
}

/// CPU time for one packet of `bytes` in and one out.
pub fn measure(bytes: usize, time: Duration) -> Result<Duration> {
    let program = std::env::current_exe()?;
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    let echo = Running::start("0", &program, ["echo"], path, &path.join("echo"))?;
    let target = first_line(&path.join("echo"))?;
    let arguments = [
        "flood".into(),
        target,
        bytes.to_string(),
        time.as_millis().to_string(),
    ];
    let before = echo.cpu();
    let flood = Running::start(CPU, &program, arguments, path, &path.join("flood"))?;
    let finished = flood.finish(time + Duration::from_secs(20))?;
    let used = echo.cpu() - before;
    let returned: f64 = first_line(&path.join("flood"))?.parse()?;
    ensure!(
        finished.status.success() && returned > 1000.0,
        "the floor's flood failed"
    );
    Ok(used.div_f64(returned))
}

fn first_line(path: &Path) -> Result<String> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        if let Some((line, _)) = text.split_once('\n') {
            return Ok(line.into());
        }
        ensure!(Instant::now() < deadline, "{} stays empty", path.display());
        sleep(Duration::from_millis(10));
    }
}
