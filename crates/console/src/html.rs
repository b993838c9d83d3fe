//! placeholder
/// placeholder
#[derive(Debug)]
pub struct Stylesheet;
/// placeholder
pub fn render_html(_: &crate::TraceView, _: &[crate::StripView]) -> String {
    String::new()
}
