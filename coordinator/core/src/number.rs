//! Serde form of a number that may be not finite: JSON has no NaN and no infinity, so they are the texts `NaN`, `inf`
//! and `-inf`. For `#[serde(with = "crate::number")]`.

use core::fmt;
use serde::{Deserializer, Serializer, de};

/// Finite numbers as numbers, others as text.
pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    match *value {
        value if value.is_finite() => serializer.serialize_f64(value),
        value if value.is_nan() => serializer.serialize_str("NaN"),
        value if value > 0.0 => serializer.serialize_str("inf"),
        _ => serializer.serialize_str("-inf"),
    }
}

/// The inverse of [`serialize`].
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    deserializer.deserialize_any(Number)
}

struct Number;

impl de::Visitor<'_> for Number {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, `NaN`, `inf` or `-inf`")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    // A JSON number without a fraction arrives as an integer; those that a f64 was printed as convert exactly.
    #[allow(clippy::cast_precision_loss)]
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    #[allow(clippy::cast_precision_loss)]
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<f64, E> {
        match text {
            "NaN" => Ok(f64::NAN),
            "inf" => Ok(f64::INFINITY),
            "-inf" => Ok(f64::NEG_INFINITY),
            other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use crate::record::Metric;
    use alloc::string::String;

    #[test]
    fn every_value_survives_json() {
        for value in [0.0, 5.0, -3.5e-300, 80.1, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            let metric = Metric { name: String::from("loss/train"), epoch: 1, value, is_final: true };
            let text = serde_json::to_string(&metric).unwrap();
            let back: Metric = serde_json::from_str(&text).unwrap();
            assert!(back.value == value || back.value.is_nan() && value.is_nan(), "{value} became {text}");
        }
        assert!(serde_json::from_str::<Metric>(r#"{"name":"a","epoch":1,"value":"many","is_final":true}"#).is_err());
    }
}
