//! The engine in a simulated world, over and over: rooms, the store's writer and the clock are the product's
//! own, everything around them is a double that does what it can to harm. One thread, a clock that stands
//! still unless it is moved, and chance from one seed: a seed is a run, the same each time.
//!
//! - [`world`]: what happens, by chance; [`settling`]: until nothing happens any more
//! - [`rights`]: who may edit, which the host changes meanwhile
//! - [`room_for_more`]: documents at their largest size
//! - [`server`]: one life of the process: registry, rooms, store; ends in a crash or a shutdown
//! - [`peer`]: somebody with a document of their own; [`line`]: their connection
//! - [`disk`], [`host`]: doubles of what the process leans on, which outlive it
//! - [`ledger`]: what was written, deleted and promised; [`checks`]: whether that is so
//! - [`mutant`]: faults that are built in to see them found
//! - [`trace`], [`watchdog`]: what happens in a run, and which one hangs
//!
//! `SIMULATION_SEEDS=50000` plays so many runs; `SIMULATION_SEED=123` plays one and prints what happens in it.

mod checks;
mod disk;
mod host;
mod ledger;
mod line;
mod mutant;
mod peer;
mod rights;
mod room_for_more;
mod server;
mod settling;
mod trace;
mod watchdog;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use self::mutant::Mutant;
use self::trace::Trace;
use self::watchdog::Watchdog;
use self::world::World;

/// Runs of a normal test: about 50 s of one core of a busy machine.
const SEEDS: u64 = 3_000;

/// A built-in fault must be found within so many runs.
const SEEDS_PER_MUTANT_MAX: u64 = 300;

/// Runs that are played twice to see that they are the same.
const SEEDS_TWICE: u64 = 50;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn any_seed() -> u64 {
    fastrand::u64(..1 << 48)
}

/// Panics that are part of the play need no word on the terminal, nor a backtrace, which takes its time.
fn keep_quiet_about_scripted_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let is_scripted = |text: &str| text.starts_with("scripted") || text == "as the test asked";
            if !panic.payload_as_str().is_some_and(is_scripted) {
                tell(panic);
            }
        }));
    });
}

/// Plays one run; what went wrong, if something did.
fn play(seed: u64, mutant: Option<Mutant>, trace: Trace) -> (Result<(), String>, Trace) {
    keep_quiet_about_scripted_panics();
    let mut world = World::new(seed, mutant, trace);
    let outcome = catch_unwind(AssertUnwindSafe(|| world.play()));
    let outcome = outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word");
        Err(format!("a panic: {text}"))
    });
    (outcome, world.into_trace())
}

#[test]
fn whatever_happens_nothing_is_lost_doubled_or_different() {
    let given = number("SIMULATION_SEED");
    let seeds = number("SIMULATION_SEEDS").unwrap_or(if given.is_some() { 1 } else { SEEDS });
    let first = given.unwrap_or_else(any_seed);
    let watchdog = Watchdog::start();
    for seed in first..first + seeds {
        watchdog.watch(seed);
        let trace = if given.is_some() && seeds == 1 { Trace::Printed } else { Trace::Off };
        if let (Err(problem), _) = play(seed, None, trace) {
            panic!(
                "SIMULATION_SEED={seed}: {problem}\nwhat happens in it is printed by: \
                 SIMULATION_SEED={seed} cargo test --lib --no-default-features whatever_happens -- --nocapture"
            );
        }
    }
}

#[test]
fn every_built_in_fault_is_found() {
    let first = number("SIMULATION_SEED").unwrap_or_else(any_seed);
    for mutant in Mutant::ALL {
        let found = (0..SEEDS_PER_MUTANT_MAX)
            .find_map(|n| Some((n, play(first + n, Some(mutant), Trace::Off).0.err()?)));
        let Some((n, problem)) = found else {
            panic!("{mutant:?} is not found in {SEEDS_PER_MUTANT_MAX} runs from SIMULATION_SEED={first}");
        };
        println!("{mutant:?}: found in run {} (seed {}): {problem}", n + 1, first + n);
    }
}

#[test]
fn a_seed_is_the_same_run_each_time() {
    let first = number("SIMULATION_SEED").unwrap_or_else(any_seed);
    for seed in first..first + SEEDS_TWICE {
        let [one, other] = [(); 2].map(|()| play(seed, None, Trace::kept()).1.lines());
        let differs_at = one.iter().zip(&other).position(|(one, other)| one != other);
        if let Some(at) = differs_at {
            panic!("SIMULATION_SEED={seed} differs in step {at}:\n{}\n{}", one[at], other[at]);
        }
        assert!(one.len() == other.len() && one.len() > 100, "SIMULATION_SEED={seed}");
    }
}
