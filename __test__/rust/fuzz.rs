//! The fuzz targets of `fuzz/`, over their seeds and so many mutations of them: what libFuzzer does without
//! end, and with a nightly compiler.
//!
//! `FUZZ_SEED` repeats a run, `FUZZ_CASES` sets how many mutations there are for each target.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../fuzz/targets.rs"]
#[allow(dead_code, reason = "some of it is for libFuzzer alone")]
mod targets;

use fastrand::Rng;
use targets::Target;

/// Mutations for each target.
const CASES: usize = 3_000;

/// Mutations of one input at most.
const STEPS_MAX: usize = 8;

const INPUT_BYTES_MAX: usize = 4_096;

/// What decoders trip over: ends of ranges of numbers, and of lengths.
const ODD_BYTES: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, 10, b'[', b'"'];

#[test]
fn seeds_and_mutations_of_them_harm_nothing() {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse().expect("a number"));
    let seed = number("FUZZ_SEED").unwrap_or_else(|| fastrand::u64(..));
    let cases = number("FUZZ_CASES").map_or(CASES, |cases| cases as usize);
    println!("FUZZ_SEED={seed}");
    for target in targets::ALL {
        let seeds = (target.seeds)();
        seeds.iter().for_each(|seed| run(target, seed, seed.len()));
        let mut rng = Rng::with_seed(seed);
        for case in 0..cases {
            let input = mutated(&mut rng, &seeds);
            run(target, &input, case);
        }
    }
}

/// Runs one input; if it fails, says which it was.
fn run(target: &Target, input: &[u8], case: usize) {
    struct Told<'a>(&'a Target, &'a [u8], usize);
    impl Drop for Told<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("case {} of the target {}: {:02x?}", self.2, self.0.name, self.1);
            }
        }
    }
    let told = Told(target, input, case);
    (target.run)(input);
    drop(told);
}

fn mutated(rng: &mut Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = seeds[rng.usize(..seeds.len())].clone();
    for _ in 0..rng.usize(1..=STEPS_MAX) {
        let at = rng.usize(..=input.len());
        let to = rng.usize(at..=input.len().min(at + 16));
        match rng.u8(..6) {
            0 if at < input.len() => input[at] = rng.u8(..),
            1 if at < input.len() => input[at] = ODD_BYTES[rng.usize(..ODD_BYTES.len())],
            2 => drop(input.drain(at..to)),
            3 => input.insert(at, ODD_BYTES[rng.usize(..ODD_BYTES.len())]),
            4 => {
                let piece = input[at..to].to_vec();
                let into = rng.usize(..=input.len());
                input.splice(into..into, piece);
            }
            _ => {
                let other = &seeds[rng.usize(..seeds.len())];
                let from = rng.usize(..=other.len());
                input.splice(at..to, other[from..].iter().copied().take(64));
            }
        }
    }
    input.truncate(INPUT_BYTES_MAX);
    input
}
