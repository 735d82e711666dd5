//! `udmill serve` as a process of its own, which ends with the value.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use crate::components::target_folder;
use crate::load;

/// How long a server may take to start: the first time, it compiles its components.
const PATIENCE: Duration = Duration::from_secs(60);

/// The feed and its secret, as in a sender's URL.
pub const FEED: &str = "/v1/feeds/azdo?secret=of-the-benchmark-alone";

const CONFIG: &str = r#"
[feed.azdo]
log_type = "AZURE_DEVOPS"
auth = { secrets = ["{azdo_secret}"] }
destination = "printed"

[destination.printed]
type = "stdout"
"#;

/// A server. What it prints, events and log alike, goes where it costs no more than writing does.
pub struct Served {
    process: Child,
    /// Where it answers.
    pub address: SocketAddr,
    admin: SocketAddr,
}

impl Served {
    /// Serves the receiver, or another component in its place.
    pub fn start(name: &str, component: Option<&Path>) -> io::Result<Served> {
        let folder = target_folder().join("bench").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let config = folder.join("feeds.toml");
        fs::write(&config, CONFIG)?;
        let [address, admin] = [free_address()?, free_address()?];
        let mut command = Command::new(target_folder().join("release/udmill"));
        command.arg("serve").arg("--config").arg(&config);
        command.arg("--state").arg(&folder);
        command.args(["--variable", "azdo_secret=of-the-benchmark-alone"]);
        command.args(["--listen", &address.to_string()]);
        command.args(["--admin-listen", &admin.to_string()]);
        if let Some(component) = component {
            command.arg("--receiver").arg(component);
        }
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut served = Served {
            process: command.stderr(Stdio::null()).spawn()?,
            address,
            admin,
        };
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            if served.process.try_wait()?.is_some() || Instant::now() > end {
                return Err(io::Error::other("expected `udmill serve` to start"));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(served)
    }

    /// The sum of a family of metrics.
    pub fn metric(&self, family: &str) -> io::Result<f64> {
        let text = load::get(self.admin, "/metrics")?;
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().filter_map(|line| line.split_once('{'));
        let values = lines.filter(|(name, _)| *name == family);
        let values = values.filter_map(|(_, rest)| rest.rsplit(' ').next()?.parse::<f64>().ok());
        Ok(values.sum())
    }

    /// The bytes of memory that it holds; none where the system does not tell as Linux does.
    pub fn memory(&self) -> Option<f64> {
        let file = fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let line = file.lines().find_map(|it| it.strip_prefix("VmRSS:"))?;
        let kib: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kib * 1024.0)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that is free now. Somebody may take it before the server does, which then says so.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
