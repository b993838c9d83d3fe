//! Assurance: for people IAL, AAL and FAL of NIST SP 800-63-4 and resistance to phishing, for
//! machines the workload level. Each axis is compared on its own; none is traded for another.

/// What was accepted, or what is required. `None` on an axis: nothing is claimed, or nothing asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Assurance {
    /// Identity assurance level, 1 to 3.
    pub ial: Option<u8>,
    /// Authentication assurance level, 1 to 3.
    pub aal: Option<u8>,
    /// Federation assurance level, 1 to 3.
    pub fal: Option<u8>,
    /// Whether the authenticator resists phishing. Unknown counts as no for a permit.
    pub phishing_resistant: Option<bool>,
    /// Workload level W0 to W4 (Countersign's own scale, not a standard).
    pub workload: Option<u8>,
}

impl Assurance {
    /// The floor: nothing is accepted.
    pub const NONE: Self =
        Self { ial: None, aal: None, fal: None, phishing_resistant: None, workload: None };

    /// On each axis the better of both.
    #[must_use]
    pub fn or_better(self, other: Self) -> Self {
        Self {
            ial: self.ial.max(other.ial),
            aal: self.aal.max(other.aal),
            fal: self.fal.max(other.fal),
            phishing_resistant: self.phishing_resistant.max(other.phishing_resistant),
            workload: self.workload.max(other.workload),
        }
    }

    /// The axes of `required` that `self` does not reach, by name. Empty means it suffices.
    pub fn lacks(&self, required: &Self) -> Vec<&'static str> {
        let below = |have: Option<u8>, want: Option<u8>| want.is_some_and(|want| have < Some(want));
        let mut axes = Vec::new();
        if below(self.ial, required.ial) {
            axes.push("ial");
        }
        if below(self.aal, required.aal) {
            axes.push("aal");
        }
        if below(self.fal, required.fal) {
            axes.push("fal");
        }
        if required.phishing_resistant == Some(true) && self.phishing_resistant != Some(true) {
            axes.push("phishing_resistant");
        }
        if below(self.workload, required.workload) {
            axes.push("workload");
        }
        axes
    }
}
