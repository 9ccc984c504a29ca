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
//! | `scale` | sample standard deviation over the true one, chi-squared quantiles |
//! | `noncentral` | noncentral t: tails, and the noncentrality that gives a tail |
//! | `halves` | both tails of a distribution by their logarithms, and the inversion of either |
//! | `incomplete_beta` | beta distribution: both tails |
//! | `f`, `chi_squared` | tails and quantiles |
//! | `noncentral_f` | noncentral F: tails, and the noncentrality that gives a tail |
//! | `discrete` | binomial and hypergeometric probabilities and tails |
//! | `trapezoid` | integrals over the whole line; studentizing |
//! | `chebyshev` | interpolation of a function that many integrals share |
//! | `studentized_range` | studentized range: upper tail and quantile |
//! | `dunnett` | largest of several correlated t: upper tail and quantile |

pub(crate) mod beta;
mod chebyshev;
mod chi_squared;
mod discrete;
mod dunnett;
mod f;
pub(crate) mod gamma;
mod halves;
mod incomplete_beta;
mod noncentral;
mod noncentral_f;
mod normal;
mod quadrature;
mod root;
mod scale;
mod student;
mod studentized_range;
mod trapezoid;

pub use chi_squared::{
    chi_squared_lower_tail, chi_squared_quantile, chi_squared_upper_quantile, chi_squared_upper_tail,
};
pub use discrete::{Urn, binomial_at_least, binomial_at_most, binomial_pmf};
pub(crate) use dunnett::Dunnett;
pub use dunnett::{Sides, dunnett_upper_quantile, dunnett_upper_tail};
pub use f::{f_lower_tail, f_quantile, f_upper_quantile, f_upper_tail};
pub use incomplete_beta::{beta_lower_tail, beta_upper_tail};
pub(crate) use noncentral::{lower_tail, probit};
pub use noncentral::{noncentral_t_cdf, noncentral_t_sf, noncentrality_interval};
pub use noncentral_f::{noncentral_f_cdf, noncentral_f_interval, noncentral_f_sf};
pub(crate) use normal::{ln_normal_cdf, normal_upper_quantile_of_ln};
pub use normal::{normal_cdf, normal_quantile, normal_sf, normal_two_sided, normal_upper_quantile, normal_upper_tail};
pub(crate) use quadrature::composite_rule;
pub(crate) use root::increasing_root;
pub(crate) use scale::expected_below;
pub use student::{
    MAX_DF, Tail, student_t_cdf, student_t_critical, student_t_quantile, student_t_sf, student_t_two_sided,
    student_t_upper_tail,
};
pub(crate) use studentized_range::StudentizedRange;
pub use studentized_range::{studentized_range_upper_quantile, studentized_range_upper_tail};
