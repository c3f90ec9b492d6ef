//! A live server under load: what it does in a second, and what of its processor that takes.
//!
//! The server is the daemon's own code in a process of its own, on one processor; the load, over
//! loopback, is this process, on another. Each figure is a line of a table. A machine that is slow
//! or busy makes for poor figures, never for a failure: what goes wrong is printed, and the exit
//! status is 0. The latency of single messages is not measured here.

#[path = "../common/descriptors.rs"]
mod descriptors;
#[path = "../common/forms.rs"]
mod forms;
#[path = "../common/house.rs"]
mod house;

mod crowd;
mod report;
mod scenarios;
mod server;
mod system;

use std::collections::HashMap;
use std::time::Duration;

use report::Row;
use scenarios::{Bounds, Scenario};
use server::Server;

/// Descriptors that either process needs besides its connections.
const DESCRIPTORS_RESERVED: usize = 64;

fn main() {
    if server::serve_if_asked() {
        return;
    }
    let options = Options::from_arguments(std::env::args().skip(1));
    let chosen: Vec<Scenario> =
        scenarios::all().into_iter().filter(|scenario| options.wants(&scenario.name())).collect();
    if options.list {
        chosen.iter().for_each(|scenario| println!("{}: benchmark", scenario.name()));
    } else if !chosen.is_empty() {
        run(&chosen, &bounds(options.quick));
    }
}

fn run(chosen: &[Scenario], bounds: &Bounds) {
    let processors = system::two_processors();
    if let Some((_, of_load)) = processors {
        system::pin(None, of_load);
    }
    report::print_head();
    let mut costs = HashMap::new();
    for scenario in chosen {
        let name = scenario.name();
        let (scenario, left_out) = scenario.within(bounds);
        let outcome = Server::start(processors.map(|(of_server, _)| of_server))
            .and_then(|server| scenario.run(&server, bounds));
        let mut row = outcome.unwrap_or_else(|error| Row::failed(error.to_string()));
        if let (Some(cost), Some(measure)) = (row.cpu_us_each(), scenario.measure())
            && let Some(other) = costs.get(&measure).filter(|&&other| other > 0.0)
        {
            row.note(format!("{:.2} × {}", cost / other, measure.trim_start_matches("live/")));
        }
        if let Some(cost) = row.cpu_us_each() {
            costs.insert(name.clone(), cost);
        }
        left_out.into_iter().for_each(|note| row.note(note));
        row.print(&name);
    }
}

fn bounds(quick: bool) -> Bounds {
    // The server inherits the limit.
    let connections_max = descriptors::raise_limit().saturating_sub(DESCRIPTORS_RESERVED);
    if quick {
        return Bounds {
            setup: Duration::from_secs(5),
            warm_up: Duration::from_millis(10),
            measured: Duration::from_millis(100),
            quiet: Duration::from_millis(20),
            connections_max: connections_max.min(100),
            reason: "a quick round",
        };
    }
    Bounds {
        setup: Duration::from_secs(20),
        warm_up: Duration::from_millis(300),
        measured: Duration::from_millis(2500),
        quiet: Duration::from_millis(200),
        connections_max,
        reason: "the limit of open descriptors",
    }
}

/// What the command line asks for. Criterion's options are taken, and without effect, so that one
/// command line does for all benches.
#[derive(Default)]
struct Options {
    quick: bool,
    list: bool,
    exact: bool,
    filter: Option<String>,
}

impl Options {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Options {
        let mut options = Options { quick: true, ..Options::default() };
        let mut tested = false;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" => options.quick = false,
                "--test" => tested = true,
                "--list" => options.list = true,
                "--exact" => options.exact = true,
                option if has_value(option) => drop(arguments.next()),
                option if option.starts_with('-') => {}
                _ => options.filter = Some(argument),
            }
        }
        options.quick |= tested;
        options
    }

    fn wants(&self, name: &str) -> bool {
        match &self.filter {
            Some(filter) if self.exact => name == filter,
            Some(filter) => name.contains(filter.as_str()),
            None => true,
        }
    }
}

/// Whether the argument after this option belongs to it.
fn has_value(option: &str) -> bool {
    const WITH_VALUE: [&str; 17] = [
        "-b",
        "-c",
        "-s",
        "--baseline",
        "--baseline-lenient",
        "--color",
        "--confidence-level",
        "--load-baseline",
        "--measurement-time",
        "--noise-threshold",
        "--nresamples",
        "--output-format",
        "--profile-time",
        "--sample-size",
        "--save-baseline",
        "--significance-level",
        "--warm-up-time",
    ];
    WITH_VALUE.contains(&option)
}
