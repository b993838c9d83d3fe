//! The one way for text from outside into the page.

use maud::Render;

use crate::plain::plain;

/// Longer texts are cut: the page stays readable whatever a log holds.
const CHARS_MAX: usize = 2_000;

/// Hidden characters written out, then escaped for HTML, in content and in attributes alike.
pub(super) struct Text<'t>(pub(super) &'t str);

impl Render for Text<'_> {
    fn render_to(&self, buffer: &mut String) {
        let end = self.0.char_indices().nth(CHARS_MAX).map(|(at, _)| at);
        let (kept, cut) = self.0.split_at(end.unwrap_or(self.0.len()));
        plain(kept).as_ref().render_to(buffer);
        if !cut.is_empty() {
            buffer.push('…');
        }
    }
}
