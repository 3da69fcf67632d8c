//! `Reader`: server-sent events out of the pieces in which they arrive.

use super::fault::Fault;

/// The most that one event may have: a status of a thousand caches is some 400 KiB.
const MOST_BYTES: usize = 8 << 20;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// `message` when the server gave it no name.
    pub(crate) event: String,
    pub(crate) data: String,
    pub(crate) id: Option<String>,
}

/// What has arrived of an event that is not whole yet.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    bytes: Vec<u8>,
    message: Message,
}

impl Reader {
    /// The events that are whole with this piece.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<Vec<Message>, Fault> {
        self.bytes.extend_from_slice(piece);
        let (bytes, mut whole) = (std::mem::take(&mut self.bytes), Vec::new());
        let mut rest = bytes.as_slice();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end + 1);
            let line = String::from_utf8_lossy(line);
            whole.extend(self.line(line.trim_end_matches(['\n', '\r'])));
            rest = after;
        }
        let used = bytes.len() - rest.len();
        self.bytes = bytes;
        self.bytes.drain(..used);
        if self.bytes.len() + self.message.data.len() > MOST_BYTES {
            return Err(Fault::new("an event of more than 8 MiB was sent"));
        }
        Ok(whole)
    }

    /// An empty line ends an event; one that begins with a colon is a comment that keeps the connection alive.
    fn line(&mut self, line: &str) -> Option<Message> {
        if line.is_empty() {
            let message = std::mem::take(&mut self.message);
            let named = |event: String| if event.is_empty() { "message".into() } else { event };
            return (message != Message::default())
                .then(|| Message { event: named(message.event.clone()), ..message });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.message.event = value.to_owned(),
            "id" => self.message.id = Some(value.to_owned()),
            "data" => self.data(value),
            _ => {}
        }
        None
    }

    fn data(&mut self, value: &str) {
        let data = &mut self.message.data;
        if !data.is_empty() {
            data.push('\n');
        }
        data.push_str(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_whole_however_they_are_cut() {
        let stream = ": hello\n\nevent: status\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\nid: 7\nevent: event\ndata:é\n\n";
        let expected = [
            Message { event: "status".into(), data: "{\"a\":\n1}".into(), id: None },
            Message { event: "event".into(), data: "é".into(), id: Some("7".into()) },
        ];
        for size in 1..stream.len() {
            let mut reader = Reader::default();
            let read = |piece| reader.push(piece).expect("events");
            let messages: Vec<_> = stream.as_bytes().chunks(size).flat_map(read).collect();
            assert_eq!(messages, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut reader = Reader::default();
        let line = format!("data: {}\n", "x".repeat(1 << 20));
        let refused = (0..20).find_map(|_| reader.push(line.as_bytes()).err());
        assert!(refused.expect("a refusal").to_string().contains("8 MiB"));
    }
}
