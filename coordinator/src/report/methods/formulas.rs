//! Formulas of the methods, each as plain text and as TeX.

/// A formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Formula {
    /// For formats without mathematics.
    pub plain: &'static str,
    /// Inside of a displayed formula of LaTeX.
    pub tex: &'static str,
}

pub(super) const MEAN_INTERVAL: Formula = Formula {
    plain: "m - t s/√n to m + t s/√n, where t is the quantile of Student's distribution with n - 1 degrees of freedom",
    tex: r"\bar x \mp t_{1-\alpha/2,\,n-1}\, s/\sqrt{n}",
};
pub(super) const PAIRED_T: Formula = Formula {
    plain: "t = mean(d) / (s_d/√n), where d are the differences of the n pairs; n - 1 degrees of freedom",
    tex: r"t = \frac{\bar d}{s_d/\sqrt{n}}, \qquad \nu = n-1",
};
pub(super) const WELCH_T: Formula = Formula {
    plain: "t = (m_a - m_b) / √(v_a + v_b), where v = s²/n; (v_a + v_b)² / (v_a²/(n_a - 1) + v_b²/(n_b - 1)) degrees of freedom",
    tex: r"t = \frac{\bar x_a-\bar x_b}{\sqrt{v_a+v_b}}, \qquad v=\frac{s^2}{n}, \qquad \nu = \frac{(v_a+v_b)^2}{v_a^2/(n_a-1)+v_b^2/(n_b-1)}",
};
pub(super) const HOLM: Formula = Formula {
    plain: "adjusted p(i) = the largest of (m - j + 1) p(j) over j ≤ i, at most 1, where p(1) ≤ … ≤ p(m)",
    tex: r"\tilde p_{(i)} = \max_{j\le i}\,\min\{1,\,(m-j+1)\,p_{(j)}\}",
};
pub(super) const BONFERRONI: Formula =
    Formula { plain: "adjusted p = m p, at most 1", tex: r"\tilde p_i = \min\{1,\,m\,p_i\}" };
pub(super) const MAX_T: Formula = Formula {
    plain: "adjusted p(i) = share of arrangements in which the largest |t| of the comparisons i, …, m reaches |t(i)|, made monotone, where |t(1)| ≥ … ≥ |t(m)|",
    tex: r"\tilde p_{(i)} = \max_{j\le i}\,\Pr\Bigl(\max_{k\ge j}|T^*_{(k)}| \ge |t_{(j)}|\Bigr)",
};
pub(super) const MAX_T_SINGLE: Formula = Formula {
    plain: "adjusted p = share of arrangements in which the largest |t| of the family reaches the one seen",
    tex: r"\tilde p_i = \Pr\Bigl(\max_{k}|T^*_k| \ge |t_i|\Bigr)",
};
pub(super) const DUNNETT: Formula = Formula {
    plain: "adjusted p = P(largest |T| ≥ |t|) with the pooled variance, where comparisons i and j have the correlation λ_i λ_j and λ_i = √(n_i/(n_i + n_0))",
    tex: r"\tilde p_i = \Pr\Bigl(\max_{k}|T_k| \ge |t_i|\Bigr), \qquad \rho_{ij}=\lambda_i\lambda_j, \quad \lambda_i=\sqrt{n_i/(n_i+n_0)}",
};
pub(super) const RANGE: Formula = Formula {
    plain: "adjusted p = P(Q ≥ √2 |t|), where Q is the studentized range of as many means as there are configs",
    tex: r"\tilde p = \Pr\bigl(Q_{k,\nu} \ge \sqrt 2\,|t|\bigr)",
};
pub(super) const BENJAMINI_HOCHBERG: Formula = Formula {
    plain: "adjusted p(i) = the smallest of m p(j)/j over j ≥ i, at most 1, where p(1) ≤ … ≤ p(m)",
    tex: r"\tilde p_{(i)} = \min_{j\ge i}\,\min\{1,\,m\,p_{(j)}/j\}",
};
pub(super) const HEDGES: Formula = Formula {
    plain: "g = J d, where d is the difference over its SD and J = Γ(ν/2) / (√(ν/2) Γ((ν - 1)/2))",
    tex: r"g = J\,\frac{\bar x_a-\bar x_b}{s}, \qquad J = \frac{\Gamma(\nu/2)}{\sqrt{\nu/2}\;\Gamma((\nu-1)/2)}",
};
pub(super) const SUPERIORITY: Formula =
    Formula { plain: "A12 = P(A > B) + P(A = B)/2", tex: r"A_{12} = \Pr(A>B) + \frac{1}{2}\Pr(A=B)" };
pub(super) const TOST: Formula = Formula {
    plain: "p = the larger of P(T ≥ (d + Δ)/se) and P(T ≤ (d - Δ)/se), where d is the difference and se its standard error",
    tex: r"p = \max\Bigl\{\Pr\Bigl(T_\nu \ge \frac{\hat d+\Delta}{\mathrm{se}}\Bigr),\ \Pr\Bigl(T_\nu \le \frac{\hat d-\Delta}{\mathrm{se}}\Bigr)\Bigr\}",
};
pub(super) const UPPER_SD: Formula = Formula {
    plain: "upper limit of the SD = s √(ν / χ²), where χ² is the 0.2 quantile of the chi-squared distribution with ν degrees of freedom",
    tex: r"s_{\mathrm{up}} = s\sqrt{\nu/\chi^2_{0.2,\,\nu}}",
};
pub(super) const E_VALUE: Formula = Formula {
    plain: "E = √(c/(n + c)) (V / (V - S²/(n + c)))^(n/2), where S is the sum of the n differences, V the sum of their squares, c = 1; shown at E ≥ 1/α",
    tex: r"E_n = \sqrt{\frac{c}{n+c}}\Bigl(\frac{V_n}{V_n-S_n^2/(n+c)}\Bigr)^{n/2}",
};
pub(super) const WILSON: Formula = Formula {
    plain: "centre (k + z²/2)/(n + z²), half-width z √(k(n - k)/n + z²/4)/(n + z²)",
    tex: r"\frac{k+z^2/2}{n+z^2} \pm \frac{z}{n+z^2}\sqrt{\frac{k(n-k)}{n}+\frac{z^2}{4}}",
};
pub(super) const CLUSTERS: Formula = Formula {
    plain: "V = K/(K - 1) Σ_k (Σ_i (y_i - mean(y)))² / m², where k are the K clusters, i the images of k, m all images and y_i the mean of image i over trainings",
    tex: r"V = \frac{K}{K-1}\sum_{k=1}^{K}\Bigl(\sum_{i\in k}(y_i-\bar y)\Bigr)^2 / m^2",
};
pub(super) const OMEGA: Formula = Formula {
    plain: "partial ω² = ν (F - 1) / (ν (F - 1) + N)",
    tex: r"\omega_p^2 = \frac{\nu\,(F-1)}{\nu\,(F-1)+N}",
};
pub(super) const RESIDUAL_ERROR: Formula = Formula {
    plain: "standard error = √(Σ e² / ((k - 1)(n - 1) n)), where e = value - its config's mean - its replicate's mean + the mean of all, for k configs and the n replicates that all completed; where configs scatter very differently each has its own, √(k/(k - 1) Σ e² / ((n - 1) n)) over its own e",
    tex: r"\mathrm{se} = \sqrt{\frac{\sum_{ib} e_{ib}^2}{(k-1)(n-1)\,n}}, \qquad e_{ib} = y_{ib}-\bar y_{i\cdot}-\bar y_{\cdot b}+\bar y_{\cdot\cdot}",
};
