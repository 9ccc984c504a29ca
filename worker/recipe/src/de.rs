//! Tree to settings: a serde deserializer whose errors are [`RecipeError`]s. Serde's own errors are text; these keep
//! what a message needs (key path, expectation, nearest valid name) as data.

use crate::{RecipeError, Value, error::nearest};
use serde::de::{self, DeserializeSeed, Error as _, Expected, IntoDeserializer, Unexpected, Visitor};
use std::{collections::btree_map, fmt, slice};

impl de::Error for RecipeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Conflict { paths: Vec::new(), why: message.to_string() }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::WrongType { path: String::new(), found: found.to_string(), expected: expected.to_string() }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let value = match found {
            Unexpected::Signed(i) => i.to_string(),
            Unexpected::Unsigned(u) => u.to_string(),
            Unexpected::Float(x) => x.to_string(),
            other => other.to_string(),
        };
        Self::OutOfRange { path: String::new(), value, range: expected.to_string() }
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let found = format!("an array of length {length}");
        Self::WrongType { path: String::new(), found, expected: expected.to_string() }
    }

    fn unknown_field(key: &str, expected: &'static [&'static str]) -> Self {
        Self::UnknownKey {
            path: String::new(),
            key: key.to_string(),
            expected: expected.to_vec(),
            nearest: nearest(key, expected.iter().copied()).map(str::to_string),
        }
    }

    fn unknown_variant(value: &str, expected: &'static [&'static str]) -> Self {
        Self::UnknownName {
            path: String::new(),
            value: value.to_string(),
            expected: expected.to_vec(),
            nearest: nearest(value, expected.iter().copied()).map(str::to_string),
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing { path: field.to_string() }
    }
}

/// Reads one value of the tree.
pub(crate) struct Reader<'a>(pub(crate) &'a Value);

impl<'a> Reader<'a> {
    fn wrong<T>(&self, expected: &str) -> Result<T, RecipeError> {
        Err(RecipeError::WrongType {
            path: String::new(),
            found: self.0.kind().to_string(),
            expected: expected.to_string(),
        })
    }

    fn integer(&self) -> Result<i64, RecipeError> {
        match self.0 {
            Value::Int(i) => Ok(*i),
            _ => self.wrong("an integer"),
        }
    }
}

/// One method per integer width: serde's visitors check that the number fits.
macro_rules! integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, RecipeError> {
            visitor.visit_i64(self.integer()?)
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Reader<'de> {
    type Error = RecipeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, RecipeError> {
        match self.0 {
            Value::Bool(b) => visitor.visit_bool(*b),
            Value::Int(i) => visitor.visit_i64(*i),
            Value::Float(_) => self.deserialize_f64(visitor),
            Value::Str(s) => visitor.visit_borrowed_str(s),
            Value::Array(items) => {
                let expected = (&visitor as &dyn Expected).to_string();
                let mut rest = Items(items.iter(), 0);
                let value = visitor.visit_seq(&mut rest)?;
                // A visitor of a fixed length stops when it has enough.
                if rest.0.len() > 0 {
                    return Err(RecipeError::invalid_length(items.len(), &expected.as_str()));
                }
                Ok(value)
            }
            Value::Table(table) => visitor.visit_map(Entries { rest: table.iter(), value: None }),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, RecipeError> {
        match self.0 {
            Value::Bool(b) => visitor.visit_bool(*b),
            _ => self.wrong("a boolean"),
        }
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, RecipeError> {
        self.deserialize_f64(visitor)
    }

    /// Integers are numbers too. NaN and infinities are not settings, and zero has one sign.
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, RecipeError> {
        let x = match self.0 {
            #[allow(clippy::cast_precision_loss)]
            Value::Int(i) => *i as f64,
            Value::Float(x) => *x,
            _ => return self.wrong("a number"),
        };
        if !x.is_finite() {
            return Err(RecipeError::invalid_value(Unexpected::Float(x), &"a finite number"));
        }
        visitor.visit_f64(if x == 0.0 { 0.0 } else { x })
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, RecipeError> {
        match self.0 {
            Value::Str(s) => visitor.visit_borrowed_str(s),
            _ => self.wrong("a string"),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, RecipeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, RecipeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, RecipeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, RecipeError> {
        match self.0 {
            Value::Array(_) => self.deserialize_any(visitor),
            _ => self.wrong("an array"),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, RecipeError> {
        match self.0 {
            Value::Table(_) => self.deserialize_any(visitor),
            _ => self.wrong("a table"),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, RecipeError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, RecipeError> {
        match self.0 {
            Value::Str(name) => {
                let name: de::value::StrDeserializer<'_, RecipeError> = name.as_str().into_deserializer();
                visitor.visit_enum(name)
            }
            _ => self.wrong(&format!("a string, {}", one_of(variants))),
        }
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

fn one_of(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    if quoted.len() == 1 { quoted.concat() } else { format!("one of {}", quoted.join(", ")) }
}

struct Entries<'a> {
    rest: btree_map::Iter<'a, String, Value>,
    value: Option<(&'a str, &'a Value)>,
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = RecipeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, RecipeError> {
        let Some((key, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some((key, value));
        // An unknown key fails here, and is an error of the table around it.
        seed.deserialize(de::value::BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, RecipeError> {
        let (key, value) = self.value.take().ok_or_else(|| RecipeError::custom("a value without a key"))?;
        seed.deserialize(Reader(value)).map_err(|e| e.inside(key))
    }
}

struct Items<'a>(slice::Iter<'a, Value>, usize);

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = RecipeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, RecipeError> {
        let Some(value) = self.0.next() else { return Ok(None) };
        let index = self.1;
        self.1 += 1;
        seed.deserialize(Reader(value)).map(Some).map_err(|e| e.inside(&index.to_string()))
    }
}
