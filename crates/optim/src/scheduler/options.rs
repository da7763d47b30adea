//! Options of schedules, and where it stands what is wrong with them.

use crate::group::Group;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where a schedule's complaint stands until the optimizer's next step.
pub(super) struct Complaints {
    number: u64,
    place: Option<Group>,
}

impl Complaints {
    pub(super) fn of(groups: &[Group]) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Complaints { number: NEXT.fetch_add(1, Ordering::Relaxed), place: groups.first().cloned() }
    }

    pub(super) fn set(&self, complaint: Option<String>) {
        if let Some(group) = &self.place {
            group.complain(self.number, complaint);
        }
    }
}

/// A dropped schedule has nothing to complain of.
impl Drop for Complaints {
    fn drop(&mut self) {
        self.set(None);
    }
}

/// One number for all groups, or one for each.
#[derive(Clone, Debug)]
pub enum PerGroup {
    /// The same for all.
    All(f64),
    /// In the order of the groups.
    Each(Vec<f64>),
}

impl PerGroup {
    /// The number of a group.
    pub fn get(&self, group: usize) -> f64 {
        match self {
            PerGroup::All(value) => *value,
            PerGroup::Each(values) => values.get(group).copied().unwrap_or(f64::NAN),
        }
    }

    /// Complains if there is not one for each group.
    pub(super) fn complaint(&self, name: &str, groups: &[Group]) -> Option<String> {
        match self {
            PerGroup::Each(values) if values.len() != groups.len() => {
                Some(format!("{name} has {} values for {} groups", values.len(), groups.len()))
            }
            _ => None,
        }
    }
}

impl From<f64> for PerGroup {
    fn from(value: f64) -> Self {
        PerGroup::All(value)
    }
}

impl From<Vec<f64>> for PerGroup {
    fn from(values: Vec<f64>) -> Self {
        PerGroup::Each(values)
    }
}

impl<const N: usize> From<[f64; N]> for PerGroup {
    fn from(values: [f64; N]) -> Self {
        PerGroup::Each(values.to_vec())
    }
}

/// Complains if a condition does not hold.
pub(super) fn unless(holds: bool, complaint: impl FnOnce() -> String) -> Option<String> {
    (!holds).then(complaint)
}

/// Complains if the momentum cannot be cycled.
pub(super) fn needs_momentum(groups: &[Group]) -> Option<String> {
    let has = groups.iter().all(|g| g.get("momentum").or_else(|| g.get("betas.0")).is_some());
    unless(has, || "the optimizer has neither momentum nor betas; turn off cycle_momentum".into())
}
