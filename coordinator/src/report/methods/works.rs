//! Works that methods rest on. A report lists those that it cites, and no others.

/// A published work.
#[derive(Debug, PartialEq, Eq)]
pub struct Work {
    /// Key of its BibTeX entry.
    pub key: &'static str,
    /// Authors and year, as a text cites it.
    pub cited: &'static str,
    /// Kind of its BibTeX entry.
    pub kind: &'static str,
    /// Fields of its BibTeX entry: author, title and year first, then where it appeared, and last its DOI if it has one.
    pub fields: &'static [(&'static str, &'static str)],
}

impl Work {
    fn field(&self, name: &str) -> Option<&'static str> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| *value)
    }

    /// Its digital object identifier, without a prefix; none for most books and for what its publisher gave none.
    #[must_use]
    pub fn doi(&self) -> Option<&'static str> {
        self.field("doi")
    }

    /// The entry of a list of references, as plain text. No full stop follows a DOI, for it would seem a part of it.
    #[must_use]
    pub fn reference(&self) -> String {
        let of = |name| self.field(name).unwrap_or_default();
        let authors = of("author").replace(" and ", "; ");
        let place = match (self.field("journal").or(self.field("booktitle")), self.field("publisher")) {
            (Some(journal), _) => {
                let pages =
                    self.field("pages").map_or_else(String::new, |pages| format!(", {}", pages.replace("--", "–")));
                let volume = self.field("volume").map_or_else(String::new, |volume| format!(" {volume}"));
                format!("{journal}{volume}{pages}")
            }
            (None, Some(publisher)) => publisher.to_owned(),
            (None, None) => of("note").to_owned(),
        };
        let doi = self.doi().map_or_else(String::new, |doi| format!(" doi:{doi}"));
        format!("{authors} ({}). {}. {place}.{doi}", of("year"), of("title"))
    }

    /// Its BibTeX entry.
    #[must_use]
    pub fn bibtex(&self) -> String {
        let mut out = format!("@{}{{{},\n", self.kind, self.key);
        for (name, value) in self.fields {
            // Braces inside keep the capitals of a title.
            let value = if *name == "title" { format!("{{{value}}}") } else { (*value).to_owned() };
            out.push_str(&format!("  {name} = {{{value}}},\n"));
        }
        out.push_str("}\n");
        out
    }
}

macro_rules! works {
    ($($name:ident = $kind:ident $key:literal, $cited:literal, $author:literal, $title:literal, $year:literal { $($field:ident: $value:literal),* })+) => {$(
        pub(super) const $name: Work = Work {
            key: $key,
            cited: $cited,
            kind: stringify!($kind),
            fields: &[("author", $author), ("title", $title), ("year", $year) $(, (stringify!($field), $value))*],
        };
    )+
        /// All of them.
        #[cfg(test)]
        pub(in crate::report) static ALL: &[&Work] = &[$(&$name),+];
    };
}

works! {
    AGARWAL = inproceedings "agarwal2021", "Agarwal et al. 2021",
        "Agarwal, Rishabh and Schwarzer, Max and Castro, Pablo Samuel and Courville, Aaron and Bellemare, Marc G.",
        "Deep reinforcement learning at the edge of the statistical precipice", "2021"
        { booktitle: "Advances in Neural Information Processing Systems", volume: "34", pages: "29304--29320", doi: "10.48550/arXiv.2108.13264" }
    BENJAMINI_HOCHBERG = article "benjamini1995", "Benjamini and Hochberg 1995", "Benjamini, Yoav and Hochberg, Yosef",
        "Controlling the false discovery rate: a practical and powerful approach to multiple testing", "1995"
        { journal: "Journal of the Royal Statistical Society: Series B (Methodological)", volume: "57", pages: "289--300", doi: "10.1111/j.2517-6161.1995.tb02031.x" }
    BERGSMA = article "bergsma2013", "Bergsma 2013", "Bergsma, Wicher", "A bias-correction for Cramér's V and Tschuprow's T", "2013"
        { journal: "Journal of the Korean Statistical Society", volume: "42", pages: "323--328", doi: "10.1016/j.jkss.2012.10.002" }
    BOSCHLOO = article "boschloo1970", "Boschloo 1970", "Boschloo, R. D.",
        "Raised conditional level of significance for the 2 x 2-table when testing the equality of two probabilities", "1970"
        { journal: "Statistica Neerlandica", volume: "24", pages: "1--9", doi: "10.1111/j.1467-9574.1970.tb00104.x" }
    BROWN_FORSYTHE = article "brown1974", "Brown and Forsythe 1974", "Brown, Morton B. and Forsythe, Alan B.",
        "Robust tests for the equality of variances", "1974"
        { journal: "Journal of the American Statistical Association", volume: "69", pages: "364--367", doi: "10.1080/01621459.1974.10482955" }
    BROWNE = article "browne1995", "Browne 1995", "Browne, Richard H.",
        "On the use of a pilot sample for sample size determination", "1995"
        { journal: "Statistics in Medicine", volume: "14", pages: "1933--1940", doi: "10.1002/sim.4780141709" }
    BRUNNER_MUNZEL = article "brunner2000", "Brunner and Munzel 2000", "Brunner, Edgar and Munzel, Ullrich",
        "The nonparametric Behrens-Fisher problem: asymptotic theory and a small-sample approximation", "2000"
        { journal: "Biometrical Journal", volume: "42", pages: "17--25", doi: "10.1002/(SICI)1521-4036(200001)42:1<17::AID-BIMJ17>3.0.CO;2-U" }
    CHERNOZHUKOV = article "chernozhukov2013", "Chernozhukov et al. 2013",
        "Chernozhukov, Victor and Chetverikov, Denis and Kato, Kengo",
        "Gaussian approximations and multiplier bootstrap for maxima of sums of high-dimensional random vectors", "2013"
        { journal: "The Annals of Statistics", volume: "41", pages: "2786--2819", doi: "10.1214/13-AOS1161" }
    COCHRAN = book "cochran1977", "Cochran 1977", "Cochran, William G.", "Sampling techniques", "1977"
        { publisher: "Wiley" }
    CRAMER = book "cramer1946", "Cramér 1946", "Cramér, Harald", "Mathematical methods of statistics", "1946"
        { publisher: "Princeton University Press" }
    DEL_BARRIO = unpublished "delbarrio2017", "del Barrio et al. 2017",
        "del Barrio, Eustasio and Cuesta-Albertos, Juan A. and Matrán, Carlos",
        "An optimal transportation approach for assessing almost stochastic order", "2017"
        { note: "arXiv:1705.01788" }
    DUNN = article "dunn1961", "Dunn 1961", "Dunn, Olive Jean", "Multiple comparisons among means", "1961"
        { journal: "Journal of the American Statistical Association", volume: "56", pages: "52--64", doi: "10.1080/01621459.1961.10482090" }
    DUNNETT = article "dunnett1955", "Dunnett 1955", "Dunnett, Charles W.",
        "A multiple comparison procedure for comparing several treatments with a control", "1955"
        { journal: "Journal of the American Statistical Association", volume: "50", pages: "1096--1121", doi: "10.1080/01621459.1955.10501294" }
    EDWARDS_HSU = article "edwards1983", "Edwards and Hsu 1983", "Edwards, D. G. and Hsu, Jason C.",
        "Multiple comparisons with the best treatment", "1983"
        { journal: "Journal of the American Statistical Association", volume: "78", pages: "965--971", doi: "10.1080/01621459.1983.10477047" }
    EFRON = article "efron1987", "Efron 1987", "Efron, Bradley", "Better bootstrap confidence intervals", "1987"
        { journal: "Journal of the American Statistical Association", volume: "82", pages: "171--185", doi: "10.1080/01621459.1987.10478410" }
    FAGERLAND = article "fagerland2013", "Fagerland et al. 2013",
        "Fagerland, Morten W. and Lydersen, Stian and Laake, Petter",
        "The McNemar test for binary matched-pairs data: mid-p and asymptotic are better than exact conditional", "2013"
        { journal: "BMC Medical Research Methodology", volume: "13", pages: "Article 91", doi: "10.1186/1471-2288-13-91" }
    FISHER = book "fisher1935", "Fisher 1935", "Fisher, Ronald A.", "The design of experiments", "1935"
        { publisher: "Oliver and Boyd" }
    GAMES_HOWELL = article "games1976", "Games and Howell 1976", "Games, Paul A. and Howell, John F.",
        "Pairwise multiple comparison procedures with unequal n's and/or variances: a Monte Carlo study", "1976"
        { journal: "Journal of Educational Statistics", volume: "1", pages: "113--125", doi: "10.3102/10769986001002113" }
    HEDGES = article "hedges1981", "Hedges 1981", "Hedges, Larry V.",
        "Distribution theory for Glass's estimator of effect size and related estimators", "1981"
        { journal: "Journal of Educational Statistics", volume: "6", pages: "107--128", doi: "10.3102/10769986006002107" }
    HOENIG = article "hoenig2001", "Hoenig and Heisey 2001", "Hoenig, John M. and Heisey, Dennis M.",
        "The abuse of power: the pervasive fallacy of power calculations for data analysis", "2001"
        { journal: "The American Statistician", volume: "55", pages: "19--24", doi: "10.1198/000313001300339897" }
    HOLM = article "holm1979", "Holm 1979", "Holm, Sture", "A simple sequentially rejective multiple test procedure", "1979"
        { journal: "Scandinavian Journal of Statistics", volume: "6", pages: "65--70" }
    HOTELLING = article "hotelling1931", "Hotelling 1931", "Hotelling, Harold", "The generalization of Student's ratio", "1931"
        { journal: "The Annals of Mathematical Statistics", volume: "2", pages: "360--378", doi: "10.1214/aoms/1177732979" }
    HSU = book "hsu1996", "Hsu 1996", "Hsu, Jason C.", "Multiple comparisons: theory and methods", "1996"
        { publisher: "Chapman and Hall" }
    JENNISON = article "jennison1989", "Jennison and Turnbull 1989", "Jennison, Christopher and Turnbull, Bruce W.",
        "Interim analyses: the repeated confidence interval approach", "1989"
        { journal: "Journal of the Royal Statistical Society: Series B (Methodological)", volume: "51", pages: "305--361" }
    JOHANSEN = article "johansen1980", "Johansen 1980", "Johansen, Søren",
        "The Welch-James approximation to the distribution of the residual sum of squares in a weighted linear regression", "1980"
        { journal: "Biometrika", volume: "67", pages: "85--92", doi: "10.1093/biomet/67.1.85" }
    JORDAN = inproceedings "jordan2024", "Jordan 2024", "Jordan, Keller",
        "On the variance of neural network training with respect to test sets and distributions", "2024"
        { booktitle: "International Conference on Learning Representations", doi: "10.48550/arXiv.2304.01910" }
    KONIETSCHKE = article "konietschke2012", "Konietschke and Pauly 2012", "Konietschke, Frank and Pauly, Markus",
        "A studentized permutation test for the nonparametric Behrens-Fisher problem in paired data", "2012"
        { journal: "Electronic Journal of Statistics", volume: "6", pages: "1358--1372" }
    KRAMER = article "kramer1956", "Kramer 1956", "Kramer, Clyde Young",
        "Extension of multiple range tests to group means with unequal numbers of replications", "1956"
        { journal: "Biometrics", volume: "12", pages: "307--310", doi: "10.2307/3001469" }
    LAKENS = article "lakens2017", "Lakens 2017", "Lakens, Daniël",
        "Equivalence tests: a practical primer for t tests, correlations, and meta-analyses", "2017"
        { journal: "Social Psychological and Personality Science", volume: "8", pages: "355--362", doi: "10.1177/1948550617697177" }
    LAN_DEMETS = article "lan1983", "Lan and DeMets 1983", "Lan, K. K. Gordon and DeMets, David L.",
        "Discrete sequential boundaries for clinical trials", "1983"
        { journal: "Biometrika", volume: "70", pages: "659--663", doi: "10.1093/biomet/70.3.659" }
    LANGSRUD = article "langsrud2003", "Langsrud 2003", "Langsrud, Øyvind",
        "ANOVA for unbalanced data: use type II instead of type III sums of squares", "2003"
        { journal: "Statistics and Computing", volume: "13", pages: "163--167", doi: "10.1023/A:1023260610025" }
    MANN_WHITNEY = article "mann1947", "Mann and Whitney 1947", "Mann, Henry B. and Whitney, Donald R.",
        "On a test of whether one of two random variables is stochastically larger than the other", "1947"
        { journal: "The Annals of Mathematical Statistics", volume: "18", pages: "50--60", doi: "10.1214/aoms/1177730491" }
    MCNEMAR = article "mcnemar1947", "McNemar 1947", "McNemar, Quinn",
        "Note on the sampling error of the difference between correlated proportions or percentages", "1947"
        { journal: "Psychometrika", volume: "12", pages: "153--157", doi: "10.1007/BF02295996" }
    MILLER = misc "miller2024", "Miller 2024", "Miller, Evan",
        "Adding error bars to evals: a statistical approach to language model evaluations", "2024"
        { note: "arXiv:2411.00640", doi: "10.48550/arXiv.2411.00640" }
    MOGSTAD = article "mogstad2024", "Mogstad et al. 2024",
        "Mogstad, Magne and Romano, Joseph P. and Shaikh, Azeem M. and Wilhelm, Daniel",
        "Inference for ranks with applications to mobility across neighbourhoods and academic achievement across countries", "2024"
        { journal: "The Review of Economic Studies", volume: "91", pages: "476--518", doi: "10.1093/restud/rdad006" }
    MONTIEL_OLEA = article "montielolea2019", "Montiel Olea and Plagborg-Møller 2019",
        "Montiel Olea, José Luis and Plagborg-Møller, Mikkel",
        "Simultaneous confidence bands: theory, implementation, and an application to SVARs", "2019"
        { journal: "Journal of Applied Econometrics", volume: "34", pages: "1--17", doi: "10.1002/jae.2656" }
    MORGAN = article "morgan1939", "Morgan 1939", "Morgan, W. A.",
        "A test for the significance of the difference between the two variances in a sample from a normal bivariate population", "1939"
        { journal: "Biometrika", volume: "31", pages: "13--19" }
    MORRIS = article "morris1983", "Morris 1983", "Morris, Carl N.",
        "Parametric empirical Bayes inference: theory and applications", "1983"
        { journal: "Journal of the American Statistical Association", volume: "78", pages: "47--55", doi: "10.1080/01621459.1983.10477920" }
    MUNZEL = article "munzel1999", "Munzel 1999", "Munzel, Ullrich", "Nonparametric methods for paired samples", "1999"
        { journal: "Statistica Neerlandica", volume: "53", pages: "277--286" }
    OWEN = article "owen2007", "Owen 2007", "Owen, Art B.", "The pigeonhole bootstrap", "2007"
        { journal: "The Annals of Applied Statistics", volume: "1", pages: "386--411", doi: "10.1214/07-AOAS122" }
    PAULE_MANDEL = article "paule1982", "Paule and Mandel 1982", "Paule, Robert C. and Mandel, John",
        "Consensus values and weighting factors", "1982"
        { journal: "Journal of Research of the National Bureau of Standards", volume: "87", pages: "377--385", doi: "10.6028/jres.087.022" }
    PHILLIPS = article "phillips1990", "Phillips 1990", "Phillips, K. F.",
        "Power of the two one-sided tests procedure in bioequivalence", "1990"
        { journal: "Journal of Pharmacokinetics and Biopharmaceutics", volume: "18", pages: "137--144", doi: "10.1007/BF01063556" }
    PHIPSON = article "phipson2010", "Phipson and Smyth 2010", "Phipson, Belinda and Smyth, Gordon K.",
        "Permutation p-values should never be zero: calculating exact p-values when permutations are randomly drawn", "2010"
        { journal: "Statistical Applications in Genetics and Molecular Biology", volume: "9", pages: "Article 39", doi: "10.2202/1544-6115.1585" }
    PITMAN = article "pitman1937", "Pitman 1937", "Pitman, E. J. G.",
        "Significance tests which may be applied to samples from any populations", "1937"
        { journal: "Supplement to the Journal of the Royal Statistical Society", volume: "4", pages: "119--130", doi: "10.2307/2984124" }
    PITMAN_CORRELATION = article "pitman1939", "Pitman 1939", "Pitman, E. J. G.", "A note on normal correlation", "1939"
        { journal: "Biometrika", volume: "31", pages: "9--12" }
    ROMANO_WOLF = article "romano2005", "Romano and Wolf 2005", "Romano, Joseph P. and Wolf, Michael",
        "Exact and approximate stepdown methods for multiple hypothesis testing", "2005"
        { journal: "Journal of the American Statistical Association", volume: "100", pages: "94--108", doi: "10.1198/016214504000000539" }
    SATTERTHWAITE = article "satterthwaite1946", "Satterthwaite 1946", "Satterthwaite, F. E.",
        "An approximate distribution of estimates of variance components", "1946"
        { journal: "Biometrics Bulletin", volume: "2", pages: "110--114", doi: "10.2307/3002019" }
    SCHUIRMANN = article "schuirmann1987", "Schuirmann 1987", "Schuirmann, Donald J.",
        "A comparison of the two one-sided tests procedure and the power approach for assessing the equivalence of average bioavailability", "1987"
        { journal: "Journal of Pharmacokinetics and Biopharmaceutics", volume: "15", pages: "657--680", doi: "10.1007/BF01068419" }
    SEARLE = book "searle1992", "Searle et al. 1992", "Searle, Shayle R. and Casella, George and McCulloch, Charles E.",
        "Variance components", "1992"
        { publisher: "Wiley", doi: "10.1002/9780470316856" }
    STUDENT = article "student1908", "Student 1908", "Student", "The probable error of a mean", "1908"
        { journal: "Biometrika", volume: "6", pages: "1--25", doi: "10.1093/biomet/6.1.1" }
    TUKEY = unpublished "tukey1953", "Tukey 1953", "Tukey, John W.", "The problem of multiple comparisons", "1953"
        { note: "Princeton University" }
    VARGHA = article "vargha2000", "Vargha and Delaney 2000", "Vargha, András and Delaney, Harold D.",
        "A critique and improvement of the CL common language effect size statistics of McGraw and Wong", "2000"
        { journal: "Journal of Educational and Behavioral Statistics", volume: "25", pages: "101--132", doi: "10.3102/10769986025002101" }
    WANG_RAMDAS = article "wang2025", "Wang and Ramdas 2025", "Wang, Hongjian and Ramdas, Aaditya",
        "Anytime-valid t-tests and confidence sequences for Gaussian means with unknown variance", "2025"
        { journal: "Sequential Analysis", volume: "44", pages: "56--110", doi: "10.1080/07474946.2024.2428245" }
    WELCH = article "welch1947", "Welch 1947", "Welch, B. L.",
        "The generalization of 'Student's' problem when several different population variances are involved", "1947"
        { journal: "Biometrika", volume: "34", pages: "28--35", doi: "10.1093/biomet/34.1-2.28" }
    WESTFALL_YOUNG = book "westfall1993", "Westfall and Young 1993", "Westfall, Peter H. and Young, S. Stanley",
        "Resampling-based multiple testing: examples and methods for p-value adjustment", "1993"
        { publisher: "Wiley" }
    WILCOXON = article "wilcoxon1945", "Wilcoxon 1945", "Wilcoxon, Frank", "Individual comparisons by ranking methods", "1945"
        { journal: "Biometrics Bulletin", volume: "1", pages: "80--83", doi: "10.2307/3001968" }
    WILSON = article "wilson1927", "Wilson 1927", "Wilson, Edwin B.",
        "Probable inference, the law of succession, and statistical inference", "1927"
        { journal: "Journal of the American Statistical Association", volume: "22", pages: "209--212", doi: "10.1080/01621459.1927.10502953" }
    YUEN = article "yuen1974", "Yuen 1974", "Yuen, Karen K.",
        "The two-sample trimmed t for unequal population variances", "1974"
        { journal: "Biometrika", volume: "61", pages: "165--170", doi: "10.1093/biomet/61.1.165" }
}
