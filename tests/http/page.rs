//! The page, in a real browser: what it says after some seconds, and how it
//! looks on a wide and on a narrow screen. The pictures stay for whoever wants
//! to look.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::phone::Phone;

/// How long a browser may take, on a machine that has much else to do.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs Chromium on the page, with a profile of its own; `None` where there is
/// no Chromium. Its clock runs ahead of ours: half a minute of the page's.
fn browse(http: SocketAddr, scratch: &Path, flags: &[&str]) -> Option<String> {
    let output = scratch.join("browser.out");
    let profile = format!("--user-data-dir={}", scratch.join("profile").display());
    let mut browser = Command::new("chromium")
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
        ])
        .args([
            "--disable-dev-shm-usage",
            "--virtual-time-budget=30000",
            &profile,
        ])
        .args(flags)
        .arg(format!("http://{http}/"))
        .stdin(Stdio::null())
        .stdout(fs::File::create(&output).expect("a file"))
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let end = Instant::now() + LIMIT;
    while browser.try_wait().expect("a child of ours").is_none() {
        if Instant::now() > end {
            // A child of ours, and nobody else's.
            drop(browser.kill());
            panic!("the browser takes more than {LIMIT:?}");
        }
        thread::sleep(Duration::from_millis(100));
    }
    Some(fs::read_to_string(output).expect("what it wrote"))
}

/// The text of the element of that id.
fn text<'p>(page: &'p str, id: &str) -> &'p str {
    let mark = format!("id=\"{id}\"");
    let rest = page
        .split_once(&mark)
        .unwrap_or_else(|| panic!("no {id}"))
        .1;
    let rest = rest.split_once('>').expect("the end of its tag").1;
    rest.split('<').next().expect("its text")
}

/// Width and height of a PNG.
fn size(picture: &[u8]) -> (u32, u32) {
    assert_eq!(&picture[..8], b"\x89PNG\r\n\x1a\n");
    let number =
        |at: usize| u32::from_be_bytes(picture[at..at + 4].try_into().expect("four bytes"));
    (number(16), number(20))
}

/// Says so at its end.
struct OnEnd<'d>(&'d AtomicBool);

impl Drop for OnEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does `work` while the engine has requests to answer.
fn while_asked<T>(phone: &Phone, work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                let call_id = format!("options-{number}");
                phone.send("OPTIONS", "1001", "1001", &call_id, "");
                thread::sleep(Duration::from_millis(20));
            }
        });
        // Also when `work` panics, or the scope would never end.
        let _end = OnEnd(&done);
        work()
    })
}

#[test]
fn the_page_draws_what_happens() {
    let (engine, http) = crate::engine("http-page", &["--sample", "1"]);
    let phone = Phone::new(&engine);
    for user in ["1001", "1002"] {
        phone.register(user);
    }
    phone.ring("a-call");
    let scratch = engine.scratch.path();
    let seen = while_asked(&phone, || browse(http, scratch, &["--dump-dom"]));
    let Some(page) = seen else {
        eprintln!("NOT TESTED, for lack of chromium: the page of --http");
        return;
    };
    let page = page.split("<script>").next().expect("what is shown");
    assert_eq!((text(page, "calls"), text(page, "contacts")), ("1", "2"));
    assert_eq!(text(page, "ready"), "ready");
    assert!(
        text(page, "busiest").ends_with(" %"),
        "{}",
        text(page, "busiest")
    );
    assert!(page.contains("id=\"silence\" class=\"silence\" role=\"alert\" hidden"));
    let lines = page.matches("<polyline").count();
    assert_eq!(lines, 4, "two shards, calls, contacts");
    let shards = page.split_once("id=\"shards\"").expect("the table").1;
    assert_eq!(shards.matches("<th scope=\"row\">").count(), 2);
    for stage in ["Parse", "Authenticate", "Plan and write"] {
        let row = page
            .split_once(&format!(">{stage}</th>"))
            .expect("its row")
            .1;
        assert!(
            row.starts_with("<td>") && !row.starts_with("<td>–"),
            "{stage}"
        );
    }
    for (width, looks) in [(1280, "light"), (400, "dark")] {
        let picture = scratch
            .parent()
            .expect("a folder")
            .join(format!("page-{width}-{looks}.png"));
        drop(fs::remove_file(&picture));
        let shot = format!("--screenshot={}", picture.display());
        let window = format!("--window-size={width},1500");
        let mut flags = vec![shot.as_str(), &window];
        if looks == "dark" {
            flags.push("--force-dark-mode");
        }
        while_asked(&phone, || browse(http, scratch, &flags));
        let bytes = fs::read(&picture).expect("a picture");
        assert_eq!(size(&bytes), (width, 1500));
        assert!(bytes.len() > 20_000, "an empty page");
        println!(
            "figure: the page, {width} pixels wide: {}",
            picture.display()
        );
    }
}
