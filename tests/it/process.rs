//! A server in a process of its own, for tests that look at a whole process: its memory, its time,
//! its descriptors.
//!
//! The process is this test binary again, told by its environment to serve.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use crate::house::Plan;
use crate::peer::Peer;

/// What tells the process to serve: how many descriptors it may have.
const SERVE: &str = "PARLANCE_IT_SERVE";

/// What stands before the address on its output.
const LISTENING: &str = "listening on ";

/// The other process.
pub(crate) struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    /// Starts a house in a process that may have so many descriptors.
    pub(crate) fn start(descriptors: u64) -> Process {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "process::serve_if_asked_to", "--nocapture", "--test-threads=1"])
            .env(SERVE, descriptors.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let address = output
            .lines()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once(LISTENING)?.1.parse().unwrap()))
            .expect("the process listens");
        Process { child, address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    #[track_caller]
    pub(crate) fn peer(&self) -> Peer {
        Peer::connect(self.address).speaking("jsonrpc")
    }

    /// How many of the descriptors below `limit` are taken. (It may have inherited others above.)
    pub(crate) fn descriptors_below(&self, limit: u64) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id()))
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u64>().ok())
            .filter(|&descriptor| descriptor < limit)
            .count()
    }

    /// The time it has used a processor, in hundredths of a second.
    pub(crate) fn processor_time(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // The name, in brackets, may hold anything; behind it stand fields 3 and on.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// The most memory it ever had, in KiB.
    pub(crate) fn memory_peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, and then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The other process's side; among the other tests it does nothing.
#[test]
fn serve_if_asked_to() {
    let Ok(descriptors) = std::env::var(SERVE) else { return };
    // Should the test that started this die, its end of the pipe closes.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    let limit = Some(descriptors.parse().unwrap());
    let limit = rustix::process::Rlimit { current: limit, maximum: limit };
    let (mut server, addresses) = Plan::default().build();
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    println!("{LISTENING}{}", addresses[0]);
    server.run().unwrap();
}
