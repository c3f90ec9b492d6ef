//! Lists that may have to be cut, so that the answer they stand in stays short enough.

use crate::rpc::json;

/// What follows the last item of a whole list that an answer ends in, brace included.
pub(super) const WHOLE_END: &[u8] = b"]}";

/// What follows it where items are left out.
pub(super) const CUT_END: &[u8] = b"],\"truncated\":true}";

/// Appends an array as the last member of an answer, whose closing brace is left to the caller: for
/// each of `items` what `write` appends. As many are left out at the end as it takes for the answer
/// to end at `end` at the latest, and then it says so.
pub(super) fn write<T>(
    items: impl IntoIterator<Item = T>,
    end: usize,
    out: &mut Vec<u8>,
    mut write: impl FnMut(T, &mut Vec<u8>),
) {
    if end == usize::MAX {
        return json::list(items, out, write);
    }
    out.push(b'[');
    let start = out.len();
    // Where the last item ends behind which there is room for saying that the list was cut.
    let mut cut = start;
    for item in items {
        if out.len() > start {
            out.push(b',');
        }
        write(item, out);
        let left = end.saturating_sub(out.len());
        if left < WHOLE_END.len() {
            out.truncate(cut);
            return out.extend_from_slice(&CUT_END[..CUT_END.len() - 1]);
        }
        if left >= CUT_END.len() {
            cut = out.len();
        }
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(items: &[&str], bytes_max: usize) -> String {
        let mut out = b"{".to_vec();
        write(items, bytes_max, &mut out, |item, out| json::string(item, out));
        out.push(b'}');
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_list_is_cut_where_it_does_not_fit_and_nowhere_else() {
        let items = ["alice", "bob", "carol", "dave", "erin"];
        let whole = r#"{["alice","bob","carol","dave","erin"]}"#;
        assert_eq!(listed(&items, usize::MAX), whole);
        assert_eq!(listed(&items, whole.len()), whole);
        // What is said about the cut takes the place of items that would have fitted.
        let cut = r#"{["alice","bob"],"truncated":true}"#;
        for bytes_max in cut.len()..whole.len() {
            assert_eq!(listed(&items, bytes_max), cut, "{bytes_max}");
        }
        assert_eq!(listed(&items, cut.len() - 1), r#"{["alice"],"truncated":true}"#);
        assert_eq!(listed(&items, 0), r#"{[],"truncated":true}"#);
        assert_eq!(listed(&[], 0), "{[]}");
    }
}
