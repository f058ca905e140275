//! What programs write on a terminal, as it is recorded: players read every line, and nothing depends on where it was cut.

use serde_json::Value;

use crate::chosen;

/// See the module.
pub fn recordings(data: &[u8]) {
    let (length, shown) = chosen(data, 16);
    let lines = platform::fuzzing::recorded(shown.chunks(usize::from(length) + 1));
    for (line, text) in &lines {
        assert_eq!(line.bytes().filter(|byte| *byte == b'\n').count(), 1, "{line:?} is more than one line");
        let read: Value = serde_json::from_str(line).expect("a line is JSON");
        assert!(read[0].is_number() && read[1] == "o" && read[2].as_str() == Some(text), "{line:?}");
    }
    let together: String = lines.into_iter().map(|(_, text)| text).collect();
    let whole: String = platform::fuzzing::recorded([shown]).into_iter().map(|(_, text)| text).collect();
    assert_eq!(together, whole);
}
