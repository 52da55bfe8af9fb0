//! The data of requests, replies and events: a tree of MessagePack's types.
//!
//! Invariants: maps keep the order in which their entries were written, and [`Value::Uint`] holds only
//! numbers above `i64::MAX`, so that equal integers are equal values. The constructors (`From`) and the
//! decoders keep to that.

/// One value, of any of the types that MessagePack has.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Nil,
    /// True or false.
    Bool(bool),
    /// An integer that an `i64` can hold.
    Int(i64),
    /// An integer above `i64::MAX`.
    Uint(u64),
    /// A number with a fraction; what came as 32 bits is widened.
    Float(f64),
    /// Text.
    Str(String),
    /// Bytes that are not known to be text.
    Bin(Vec<u8>),
    /// Values in order.
    Array(Vec<Value>),
    /// Keys and values in order. Keys may be of any type, and may occur more than once.
    Map(Vec<(Value, Value)>),
    /// An application's type number, and its bytes.
    Ext(i8, Vec<u8>),
}

impl Value {
    /// A map of the given entries, in the given order.
    pub fn map<K: Into<Value>>(entries: impl IntoIterator<Item = (K, Value)>) -> Value {
        Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// The value under a key of a map: the first, if the key occurs more than once. The key may have come as
    /// a string or as bytes. `None` for what is not a map.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let (_, value) = self.as_map()?.iter().find(|(candidate, _)| candidate.text() == Some(key))?;
        Some(value)
    }

    /// The text of a string, or of bytes that are UTF-8: older MessagePack encoders send text as either.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            Value::Bin(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The bytes of a string or of binary data.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Str(text) => Some(text.as_bytes()),
            Value::Bin(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// An integer that an `i64` can hold. A float is none, even without a fraction.
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            Value::Int(number) => Some(number),
            Value::Uint(number) => i64::try_from(number).ok(),
            _ => None,
        }
    }

    /// An integer that is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Value::Int(number) => u64::try_from(number).ok(),
            Value::Uint(number) => Some(number),
            _ => None,
        }
    }

    /// A number of any kind; an integer beyond 2^53 is rounded to the nearest float.
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Value::Int(number) => Some(number as f64),
            Value::Uint(number) => Some(number as f64),
            Value::Float(number) => Some(number),
            _ => None,
        }
    }

    /// True or false; no other type stands for either.
    pub fn as_bool(&self) -> Option<bool> {
        match *self {
            Value::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    /// The elements of an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The entries of a map.
    pub fn as_map(&self) -> Option<&[(Value, Value)]> {
        match self {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The type's name, for messages such as "'timeout' must be a float, not a string".
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Nil => "nil",
            Value::Bool(_) => "boolean",
            Value::Int(_) | Value::Uint(_) => "integer",
            Value::Float(_) => "float",
            Value::Str(_) => "string",
            Value::Bin(_) => "binary",
            Value::Array(_) => "array",
            Value::Map(_) => "map",
            Value::Ext(..) => "extension",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Str(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Str(text)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Value {
        Value::Bool(truth)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Int(number)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Value {
        Value::Int(i64::from(number))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Value {
        Value::Int(i64::from(number))
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        i64::try_from(number).map_or(Value::Uint(number), Value::Int)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Float(number)
    }
}

impl From<Vec<Value>> for Value {
    fn from(elements: Vec<Value>) -> Value {
        Value::Array(elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn get_takes_the_first_entry_and_keys_of_either_kind() {
        let map = Value::Map(vec![
            (Value::Int(1), Value::Int(10)),
            (Value::Bin(b"id".to_vec()), Value::Int(11)),
            (Value::from("id"), Value::Int(12)),
            (Value::Bin(vec![0xff]), Value::Int(13)),
        ]);
        assert_eq!(map.get("id"), Some(&Value::Int(11)));
        assert_eq!(map.get("1"), None);
        assert_eq!(Value::from("id").get("id"), None);
    }

    #[test]
    fn map_keeps_order_and_takes_keys_of_other_types() {
        let named = Value::map([("b", Value::Nil), ("a", Value::Bool(true))]);
        assert_eq!(named.as_map().unwrap()[0].0, Value::from("b"));
        let numbered = Value::map([(7, Value::Nil)]);
        assert_eq!(numbered, Value::Map(vec![(Value::Int(7), Value::Nil)]));
    }

    #[test]
    fn text_is_a_string_or_bytes_that_are_utf8() {
        assert_eq!(Value::from("é").text(), Some("é"));
        assert_eq!(Value::Bin("é".as_bytes().to_vec()).text(), Some("é"));
        assert_eq!(Value::Bin(vec![0xc3]).text(), None);
        assert_eq!(Value::Int(1).text(), None);
    }

    #[test]
    fn integers_convert_only_where_they_fit() {
        let big = i64::MAX.unsigned_abs() + 1;
        assert_eq!(Value::from(big), Value::Uint(big));
        assert_eq!(Value::from(big - 1), Value::Int(i64::MAX));
        assert_eq!(Value::from(big).as_i64(), None);
        assert_eq!(Value::from(big).as_u64(), Some(big));
        assert_eq!(Value::Uint(5).as_i64(), Some(5));
        assert_eq!(Value::Int(-1).as_u64(), None);
        assert_eq!(Value::Int(-1).as_i64(), Some(-1));
        assert_eq!(Value::Float(1.0).as_i64(), None);
    }

    #[test]
    fn any_number_is_a_float_and_nothing_else_is() {
        assert_eq!(Value::Int(-2).as_f64(), Some(-2.0));
        assert_eq!(Value::Uint(u64::MAX).as_f64(), Some(18_446_744_073_709_551_615.0));
        assert_eq!(Value::Float(0.5).as_f64(), Some(0.5));
        assert_eq!(Value::from("1").as_f64(), None);
        assert_eq!(Value::Int(1).as_bool(), None);
        assert_eq!(Value::Bool(true).as_bool(), Some(true));
    }

    #[test]
    fn containers_and_names() {
        let array = Value::from(vec![Value::Nil]);
        assert_eq!(array.as_array(), Some(&[Value::Nil][..]));
        assert_eq!(array.as_map(), None);
        let names: Vec<&str> = [
            Value::Nil,
            Value::Bool(false),
            Value::Int(0),
            Value::Uint(u64::MAX),
            Value::Float(0.0),
            Value::from(""),
            Value::Bin(vec![]),
            array,
            Value::Map(vec![]),
            Value::Ext(1, vec![]),
        ]
        .iter()
        .map(Value::type_name)
        .collect();
        let expected = [
            "nil",
            "boolean",
            "integer",
            "integer",
            "float",
            "string",
            "binary",
            "array",
            "map",
            "extension",
        ];
        assert_eq!(names, expected);
    }
}
