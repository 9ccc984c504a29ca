//! The network.

use serde::{Deserialize, Serialize};

/// The network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Model {
    /// Which.
    pub arch: Arch,
    /// The xresnet family's activation; the other networks always have relu.
    pub activation: Activation,
    /// The xresnet family's down-sampling in identity paths.
    pub pool: Pool,
    /// The xresnet family's first three convolutions.
    pub stem: Stem,
    /// The xresnet family: simple self-attention in the last block of the first stage.
    pub self_attention: bool,
    /// Self-attention with a symmetric matrix.
    pub symmetric: bool,
}

/// An architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arch {
    /// About 29,000 parameters, for 28 × 28 images on one CPU core.
    #[default]
    SmallCnn,
    /// Two residual blocks per stage, plain; study E's network.
    Xresnet18,
    /// 3, 4, 6 and 3 residual blocks per stage.
    Xresnet34,
    /// 3, 4, 6 and 3 bottleneck blocks per stage.
    Xresnet50,
    /// `xresnet18` with squeeze-excitation.
    XseResnet18,
    /// `xresnet18` with 32 groups.
    Xresnext18,
    /// 32 groups and squeeze-excitation; study A's network.
    XseResnext18,
    /// `xresnet50` with 32 groups and squeeze-excitation.
    XseResnext50,
    /// Eight convolutions of growing width, relu before batch norm; study B's network.
    PlainCnn,
    /// Three convolutions with bias and no batch norm; study C's network.
    SimpleCnn,
}

impl Arch {
    /// Every architecture, in the order of this list.
    pub const ALL: [Self; 10] = [
        Self::SmallCnn,
        Self::Xresnet18,
        Self::Xresnet34,
        Self::Xresnet50,
        Self::XseResnet18,
        Self::Xresnext18,
        Self::XseResnext18,
        Self::XseResnext50,
        Self::PlainCnn,
        Self::SimpleCnn,
    ];

    /// As a recipe names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SmallCnn => "small-cnn",
            Self::Xresnet18 => "xresnet18",
            Self::Xresnet34 => "xresnet34",
            Self::Xresnet50 => "xresnet50",
            Self::XseResnet18 => "xse-resnet18",
            Self::Xresnext18 => "xresnext18",
            Self::XseResnext18 => "xse-resnext18",
            Self::XseResnext50 => "xse-resnext50",
            Self::PlainCnn => "plain-cnn",
            Self::SimpleCnn => "simple-cnn",
        }
    }

    /// Whether activation, pool, stem and self-attention can be chosen.
    #[must_use]
    pub fn is_xresnet(self) -> bool {
        !matches!(self, Self::SmallCnn | Self::PlainCnn | Self::SimpleCnn)
    }
}

/// Non-linearity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// max(x, 0).
    #[default]
    Relu,
    /// x·tanh(softplus x).
    Mish,
}

/// 2 × 2 down-sampling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pool {
    /// Mean.
    #[default]
    Average,
    /// Maximum.
    Max,
}

/// Channels after each of the first three convolutions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Stem {
    /// 32, 32, 64: studies A and the library's own.
    #[default]
    #[serde(rename = "32-32-64")]
    Narrow,
    /// 32, 64, 64: study E.
    #[serde(rename = "32-64-64")]
    Wide,
}
