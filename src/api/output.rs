//! Output on the wire: the topic and the map of a part of a stream.

use crate::core::log::OutputSource;
use crate::wire::msgpack::Writer;
use std::fmt::Write;

/// Whose output it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speaker<'a> {
    /// The program.
    pub program: &'a str,
    /// Which of its instances.
    pub instance: u32,
    /// Which of the two streams.
    pub source: OutputSource,
}

/// A part of a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part<'a> {
    /// The process, or 0.
    pub pid: i32,
    /// The number of the first byte, since the stream was first opened.
    pub offset: u64,
    /// The bytes.
    pub data: &'a [u8],
    /// When they were read, in seconds since 1970.
    pub time: f64,
}

/// Writes the topic that a stream is published under.
pub fn write_topic(topic: &mut String, of: Speaker<'_>) {
    topic.clear();
    // Writing into a string cannot fail.
    let _ = write!(topic, "output/{}/{}/{}", of.program, of.instance, of.source.as_str());
}

/// Writes the map of a part of it.
pub fn write_part(writer: &mut Writer, of: Speaker<'_>, part: Part<'_>) {
    writer.map(8);
    writer.entry("event", "data");
    writer.entry("time", part.time);
    writer.entry("program", of.program);
    writer.entry("instance", of.instance);
    writer.entry("source", of.source.as_str());
    writer.entry("pid", part.pid);
    writer.entry("offset", part.offset);
    writer.str("data");
    writer.bin(part.data);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::msgpack::decode;
    use crate::wire::value::Value;

    #[test]
    fn a_part_says_whose_it_is_and_where_it_belongs() {
        let of = Speaker { program: "hello world", instance: 3, source: OutputSource::Stderr };
        let (mut topic, mut writer) = (String::from("old"), Writer::new());
        write_topic(&mut topic, of);
        assert_eq!(topic, "output/hello world/3/stderr");
        write_part(&mut writer, of, Part { pid: 7, offset: 1 << 40, data: b"\xff\n", time: 1.5 });
        let expected = Value::map([
            ("event", Value::from("data")),
            ("time", Value::Float(1.5)),
            ("program", Value::from("hello world")),
            ("instance", Value::Int(3)),
            ("source", Value::from("stderr")),
            ("pid", Value::Int(7)),
            ("offset", Value::Int(1 << 40)),
            ("data", Value::Bin(b"\xff\n".to_vec())),
        ]);
        assert_eq!(decode(writer.as_slice()), Ok(expected));
    }
}
