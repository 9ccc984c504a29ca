//! Where randomness comes from: the domains of this crate, and the numbers of one draw.
//!
//! A draw is one arrangement or one resample. Its numbers depend on (seed, domain, part, draw) alone, so that it does
//! not matter which thread makes it.

use std::ops::Add;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sweeper_counter::Stream;

/// Label permutations of two samples.
pub(crate) const LABEL_PERMUTATION: u32 = 1010;
/// Signs of paired differences.
pub(crate) const SIGN_FLIP: u32 = 1011;
/// Signs of whole replicates.
pub(crate) const MAX_T_PAIRED: u32 = 1012;
/// Label permutations over a control and its family.
pub(crate) const MAX_T_UNPAIRED: u32 = 1013;
/// Resamples of one or two samples.
pub(crate) const BOOTSTRAP: u32 = 1014;
/// Resamples of runs within tasks, and of tasks.
pub(crate) const STRATA: u32 = 1015;

/// Draws made in one go; their results are combined in order of the draw.
const BLOCK: u64 = 512;
/// Generator blocks that one draw may use: 2^24, each at least two numbers.
const BLOCKS_PER_DRAW: u32 = 24;

/// Which random numbers a test uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Draws {
    /// Seed of the whole analysis.
    pub seed: u64,
    /// Number of the comparison within it: comparisons with different parts use independent numbers.
    pub part: u32,
}

impl Draws {
    pub(crate) fn stream(self, domain: u32) -> Stream {
        Stream::new(self.seed, domain, self.part)
    }
}

/// Numbers that are uniform in 0 … `n` − 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Below {
    n: usize,
    per_word: usize,
}

impl Below {
    pub(crate) fn new(n: usize) -> Self {
        Self { n, per_word: numbers_per_word(n) }
    }
}

/// The random numbers of one draw, in order.
pub(crate) struct Cursor<'a> {
    stream: &'a Stream,
    next: u64,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(stream: &'a Stream, draw: u64) -> Self {
        Self { stream, next: draw << BLOCKS_PER_DRAW }
    }

    /// 128 uniform bits in two words.
    #[inline]
    pub(crate) fn words(&mut self) -> [u64; 2] {
        let [a, b, c, d] = self.stream.block(self.next);
        self.next += 1;
        [u64::from(b) << 32 | u64::from(a), u64::from(d) << 32 | u64::from(c)]
    }

    /// Hands `count` independent numbers, uniform in 0 … `n` − 1, to `take`.
    ///
    /// Several come of one word: its product with `n` has a number in the high half and the randomness that is left
    /// over in the low half (Brackett-Rozinsky and Lemire, "Batched ranged random integer generation", Software:
    /// Practice and Experience 55, 2025, without rejection). No probability is off by more than 2^-32 of itself.
    #[inline]
    pub(crate) fn indices(&mut self, Below { n, per_word }: Below, count: usize, mut take: impl FnMut(usize)) {
        let mut left = count;
        while left > 0 {
            for mut word in self.words() {
                let here = per_word.min(left);
                for _ in 0..here {
                    take(split(&mut word, n));
                }
                left -= here;
            }
        }
    }

    /// The numbers of [`Cursor::indices`], two at a time, added up: of i and then j there is `pair(n i + j)`, of what is
    /// left over in a word `single(i)`. `n` is at most 2^16.
    #[inline]
    pub(crate) fn sum_pairs<T: Copy + Default + Add<Output = T>>(
        &mut self,
        below: Below,
        count: usize,
        pair: impl Fn(usize) -> T,
        single: impl Fn(usize) -> T,
    ) -> T {
        // What is known at compile time is unrolled: the sizes of most samples, 9 to 128.
        match below.per_word {
            8 => self.sum_words::<8, T>(below, count, pair, single),
            6 => self.sum_words::<6, T>(below, count, pair, single),
            5 => self.sum_words::<5, T>(below, count, pair, single),
            4 => self.sum_words::<4, T>(below, count, pair, single),
            _ => self.sum_words::<0, T>(below, count, pair, single),
        }
    }

    /// [`Cursor::sum_pairs`] with `WORD` numbers in a word, or as many as `below` says for 0. Sums go from value to value,
    /// word by word: then they stay in registers, and no word waits for another.
    #[inline]
    fn sum_words<const WORD: usize, T: Copy + Default + Add<Output = T>>(
        &mut self,
        Below { n, per_word }: Below,
        count: usize,
        pair: impl Fn(usize) -> T,
        single: impl Fn(usize) -> T,
    ) -> T {
        let per_word = if WORD == 0 { per_word } else { WORD };
        let squared = n * n;
        let of_word = |mut word: u64, here: usize| {
            let mut sum = T::default();
            for _ in 0..here / 2 {
                // The whole part of word n^2 has both digits, exactly as one after the other.
                sum = sum + pair(split(&mut word, squared));
            }
            if here % 2 == 1 {
                sum = sum + single(split(&mut word, n));
            }
            sum
        };
        let (mut left, mut total) = (count, T::default());
        while left >= 2 * per_word {
            let [first, second] = self.words();
            total = total + (of_word(first, per_word) + of_word(second, per_word));
            left -= 2 * per_word;
        }
        if left > 0 {
            let [first, second] = self.words();
            let here = per_word.min(left);
            total = total + (of_word(first, here) + of_word(second, left - here));
        }
        total
    }

    /// Moves a uniformly chosen subset of `k` elements, in random order, to the front (Fisher and Yates).
    pub(crate) fn shuffle_front<T>(&mut self, items: &mut [T], k: usize) {
        let n = items.len();
        let k = k.min(n);
        let per_word = numbers_per_word(n);
        let mut done = 0;
        while done < k {
            for mut word in self.words() {
                for _ in 0..per_word.min(k - done) {
                    items.swap(done, done + split(&mut word, n - done));
                    done += 1;
                }
            }
        }
    }
}

/// A number in 0 … `n` − 1 from the top of `word`, which keeps the rest.
#[inline]
fn split(word: &mut u64, n: usize) -> usize {
    let product = u128::from(*word) * n as u128;
    *word = product as u64;
    (product >> 64) as usize
}

/// How many numbers below `n` come of 64 bits: as many as 32 bits would hold.
#[inline]
fn numbers_per_word(n: usize) -> usize {
    let bits = usize::BITS - n.saturating_sub(1).leading_zeros();
    (32 / bits.max(1)).max(1) as usize
}

/// `f(draw, scratch)` for every draw below `count`, in order of the draw; in parallel.
pub(crate) fn each_draw<S, T: Send>(
    count: u64,
    scratch: impl Fn() -> S + Sync,
    f: impl Fn(u64, &mut S) -> T + Sync,
) -> Vec<T> {
    let blocks: Vec<Vec<T>> = blocks(count)
        .map(|(first, end)| {
            let mut scratch = scratch();
            (first..end).map(|draw| f(draw, &mut scratch)).collect()
        })
        .collect();
    blocks.into_iter().flatten().collect()
}

/// Adds up `f(draw, scratch, counts)`, which increments `width` counts, over every draw below `count`; in parallel.
pub(crate) fn count_draws<S>(
    count: u64,
    width: usize,
    scratch: impl Fn() -> S + Sync,
    f: impl Fn(u64, &mut S, &mut [u64]) + Sync,
) -> Vec<u64> {
    blocks(count)
        .map(|(first, end)| {
            let (mut scratch, mut counts) = (scratch(), vec![0; width]);
            (first..end).for_each(|draw| f(draw, &mut scratch, &mut counts));
            counts
        })
        .reduce(
            || vec![0; width],
            |mut sum, counts| {
                sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
                sum
            },
        )
}

fn blocks(count: u64) -> impl IndexedParallelIterator<Item = (u64, u64)> {
    let number = usize::try_from(count.div_ceil(BLOCK)).unwrap_or(usize::MAX);
    (0..number).into_par_iter().map(move |block| {
        let first = block as u64 * BLOCK;
        (first, (first + BLOCK).min(count))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_uniform_and_independent() {
        let stream = Draws { seed: 5, part: 1 }.stream(BOOTSTRAP);
        for n in [2, 3, 30, 100_000] {
            assert!(numbers_per_word(n) >= 1);
        }
        assert_eq!((numbers_per_word(2), numbers_per_word(30), numbers_per_word(1 << 16)), (32, 6, 2));
        // Neighbours as pairs of digits: 49 cells with 1,000 each.
        let mut cells = [0_u32; 49];
        for draw in 0..49_000 {
            let mut digits = [0; 2];
            let mut at = 0;
            Cursor::new(&stream, draw).indices(Below::new(7), 2, |digit| {
                digits[at] = digit;
                at += 1;
            });
            cells[digits[0] * 7 + digits[1]] += 1;
        }
        let chi2: f64 = cells.iter().map(|&c| (f64::from(c) - 1000.0).powi(2) / 1000.0).sum();
        assert!(chi2 < 95.0, "chi-square {chi2} with 48 degrees of freedom");
    }

    #[test]
    fn numbers_are_the_same_two_at_a_time() {
        let stream = Draws { seed: 7, part: 0 }.stream(BOOTSTRAP);
        for n in [2, 20, 30, 90, 1000] {
            for count in [1, 2, 30, 41] {
                let (mut singly, pairs) = (Vec::new(), std::cell::RefCell::new(Vec::new()));
                Cursor::new(&stream, 3).indices(Below::new(n), count, |i| singly.push(i));
                let add = |all: &[usize]| {
                    pairs.borrow_mut().extend_from_slice(all);
                    all.iter().sum::<usize>()
                };
                let pair = |both: usize| add(&[both / n, both % n]);
                let sum = Cursor::new(&stream, 3).sum_pairs(Below::new(n), count, pair, |i| add(&[i]));
                assert_eq!((singly.iter().sum::<usize>(), &singly), (sum, &pairs.into_inner()));
                assert_eq!(singly.len(), count);
            }
        }
    }

    #[test]
    fn subsets_are_uniform() {
        let stream = Draws { seed: 6, part: 0 }.stream(LABEL_PERMUTATION);
        let mut seen = std::collections::BTreeMap::new();
        for draw in 0..20_000 {
            let mut items = [0, 1, 2, 3, 4, 5];
            Cursor::new(&stream, draw).shuffle_front(&mut items, 3);
            let mut subset = items[..3].to_vec();
            subset.sort_unstable();
            *seen.entry(subset).or_insert(0_u32) += 1;
        }
        assert_eq!(seen.len(), 20);
        let chi2: f64 = seen.values().map(|&c| (f64::from(c) - 1000.0).powi(2) / 1000.0).sum();
        assert!(chi2 < 55.0, "chi-square {chi2} with 19 degrees of freedom");
    }

    #[test]
    fn draws_are_combined_in_order_and_counted_once() {
        let seen = each_draw(1_300, || (), |draw, ()| draw);
        assert!(seen.iter().copied().eq(0..1_300));
        assert_eq!(count_draws(1_300, 2, || (), |draw, (), counts| counts[(draw % 2) as usize] += 1), [650, 650]);
    }
}
