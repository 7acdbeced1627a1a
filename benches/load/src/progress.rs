//! How far a reader is with what one writer sends.

/// How many pieces beyond a gap are remembered; more are as good as lost, and counted so.
const BEYOND_MAX: usize = 4_096;

/// What has come of a row of numbers: all up to one, and pieces beyond a gap.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    end: u64,
    /// Start and end, in the order in which they came.
    beyond: Vec<(u64, u64)>,
}

impl Progress {
    /// All before this has come.
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// The numbers from `start` to before `end` have come.
    pub fn add(&mut self, start: u64, end: u64) {
        if start > self.end {
            if self.beyond.len() < BEYOND_MAX {
                self.beyond.push((start, end));
            }
            return;
        }
        self.end = self.end.max(end);
        while let Some(at) = self.beyond.iter().position(|(start, _)| *start <= self.end) {
            self.end = self.end.max(self.beyond.swap_remove(at).1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_in_any_order_are_whole_in_the_end_and_not_before() {
        let mut pieces: Vec<(u64, u64)> = (0..20).map(|n| (n * 5, n * 5 + 7)).collect();
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        fastrand::Rng::with_seed(seed).shuffle(&mut pieces);
        let first = pieces.iter().position(|piece| piece.0 == 0).expect("one begins");
        let mut progress = Progress::default();
        for &(start, end) in &pieces[..first] {
            progress.add(start, end);
            assert_eq!(progress.end(), 0);
        }
        for &(start, end) in &pieces[first..] {
            progress.add(start, end);
        }
        assert_eq!(progress.end(), 102);
    }
}
