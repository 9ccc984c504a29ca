//! A 0/1 table held in bits, with the few sums that variance components need.

use crate::degenerate::Degenerate;

/// Bits per word.
const WORD: usize = 64;

/// Which examples each seed's model got right: one row of bits per seed, least significant bit first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BitMatrix {
    rows: Vec<Vec<u64>>,
    examples: usize,
}

impl BitMatrix {
    /// A table of `examples` columns from rows of `ceil(examples / 8)` bytes; bit `i % 8` of byte `i / 8` is example i.
    /// Bits beyond the last example are ignored.
    ///
    /// # Errors
    /// [`Degenerate::LengthMismatch`] (in bytes) for a row of another length.
    pub fn new(rows: &[&[u8]], examples: usize) -> Result<Self, Degenerate> {
        let bytes = examples.div_ceil(8);
        if let Some(row) = rows.iter().find(|row| row.len() != bytes) {
            return Err(Degenerate::LengthMismatch { a: bytes, b: row.len() });
        }
        let word = |chunk: &[u8]| chunk.iter().rev().fold(0, |word: u64, byte| word << 8 | u64::from(*byte));
        let mut rows: Vec<Vec<u64>> = rows.iter().map(|row| row.chunks(WORD / 8).map(word).collect()).collect();
        let used = examples % WORD;
        if used > 0 {
            rows.iter_mut().filter_map(|row| row.last_mut()).for_each(|last| *last &= (1 << used) - 1);
        }
        Ok(Self { rows, examples })
    }

    /// Number of rows.
    #[must_use]
    pub fn seeds(&self) -> usize {
        self.rows.len()
    }

    /// Number of columns.
    #[must_use]
    pub fn examples(&self) -> usize {
        self.examples
    }

    /// The table as numbers, for what has no form in bits.
    #[must_use]
    pub fn to_rows(&self) -> Vec<Vec<f64>> {
        let value = |row: &[u64], i: usize| f64::from((row[i / WORD] >> (i % WORD) & 1) as u32);
        self.rows.iter().map(|row| (0..self.examples).map(|i| value(row, i)).collect()).collect()
    }

    /// Ones in each row.
    pub(crate) fn row_sums(&self) -> Vec<u64> {
        self.rows.iter().map(|row| row.iter().map(|word| u64::from(word.count_ones())).sum()).collect()
    }

    /// Adds to `sums`, row after row of one sum per cluster, `sign` for every one of the table.
    pub(crate) fn add_by_cluster(&self, of_example: &[usize], sign: i64, sums: &mut [i64]) {
        let clusters = sums.len() / self.rows.len().max(1);
        for (row, own) in self.rows.iter().zip(sums.chunks_exact_mut(clusters.max(1))) {
            for (word, of_word) in row.iter().zip(of_example.chunks(WORD)) {
                let mut left = *word;
                while left != 0 {
                    own[of_word[left.trailing_zeros() as usize]] += sign;
                    left &= left - 1;
                }
            }
        }
    }

    /// Cells in which two tables of one size differ.
    pub(crate) fn disagreements(&self, other: &Self) -> u64 {
        let rows = self.rows.iter().zip(&other.rows);
        rows.flat_map(|(a, b)| a.iter().zip(b)).map(|(a, b)| u64::from((a ^ b).count_ones())).sum()
    }

    /// Column sums of 64 columns as binary digits: bit i of plane p is digit p of the sum of column i.
    fn planes(&self, word: usize) -> Vec<u64> {
        let mut planes = Vec::new();
        for row in &self.rows {
            let mut carry = row[word];
            for plane in &mut planes {
                (*plane, carry) = (*plane ^ carry, *plane & carry);
            }
            if carry != 0 {
                planes.push(carry);
            }
        }
        planes
    }

    /// Sum over columns of the product of the two tables' column sums; tables of one size.
    pub(crate) fn column_products(&self, other: &Self) -> i128 {
        let mut sum = 0;
        for word in 0..self.examples.div_ceil(WORD) {
            let (a, b) = (self.planes(word), other.planes(word));
            for (p, plane) in a.iter().enumerate() {
                for (q, digit) in b.iter().enumerate() {
                    sum += i128::from((plane & digit).count_ones()) << (p + q);
                }
            }
        }
        sum
    }
}
