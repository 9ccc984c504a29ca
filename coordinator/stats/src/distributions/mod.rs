//! Distribution functions that keep their relative accuracy in the tails.
//!
//! | Module | Holds |
//! |---|---|
//! | `gamma` | ratios and remainders of the gamma function |
//! | `beta` | expansions of the incomplete beta function |
//! | `student` | Student's t: tails, logarithm of the tail, quantiles |
//! | `normal` | normal tails and their logarithm |
//! | `quadrature` | adaptive Gauss-Kronrod integration |
//! | `root` | root of an increasing function |
//! | `noncentral` | noncentral t: tails, and the noncentrality that gives a tail |

mod beta;
pub(crate) mod gamma;
mod noncentral;
mod normal;
mod quadrature;
mod root;
mod student;

pub(crate) use noncentral::lower_tail;
pub use noncentral::{noncentral_t_cdf, noncentral_t_sf, noncentrality_interval};
pub use normal::{normal_cdf, normal_sf};
pub(crate) use root::increasing_root;
pub use student::{
    MAX_DF, Tail, student_t_cdf, student_t_critical, student_t_quantile, student_t_sf, student_t_two_sided,
};
