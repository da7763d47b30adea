//! The nodes that a walk has yet to visit, each with the sum of the gradients that have reached it.
//!
//! In nearly all graphs only a few nodes wait at the same time: a chain has one, and whatever is left over from before.
//! A list of these, looked through from its newest end, answers without asking for memory; more than a few wait in a map.

use super::node::Node;
use crate::error::Result;
use crate::ops::arithmetic::accumulate;
use crate::tensor::Tensor;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many stand in the list.
const FEW: usize = 8;

pub(super) struct Pending {
    /// From old to new.
    few: SmallVec<[(Arc<Node>, Tensor); FEW]>,
    /// The others, whatever their age, by creation order.
    many: BTreeMap<u64, (Arc<Node>, Tensor)>,
}

impl Pending {
    pub(super) fn new() -> Self {
        Pending { few: SmallVec::new(), many: BTreeMap::new() }
    }

    /// Adds a gradient to what the node has been given before.
    pub(super) fn add(&mut self, node: &Arc<Node>, grad: Tensor) -> Result<()> {
        let older = self.few.iter().rposition(|(waiting, _)| waiting.seq <= node.seq);
        if let Some(i) = older
            && self.few[i].0.seq == node.seq
        {
            return accumulate(&mut self.few[i].1, grad);
        }
        if let Some((_, sum)) = self.many.get_mut(&node.seq) {
            return accumulate(sum, grad);
        }
        if self.few.len() < FEW {
            self.few.insert(older.map_or(0, |i| i + 1), (Arc::clone(node), grad));
        } else {
            self.many.insert(node.seq, (Arc::clone(node), grad));
        }
        Ok(())
    }

    /// What has reached the node so far.
    pub(super) fn sum(&mut self, node: &Node) -> Option<&mut Tensor> {
        match self.few.iter_mut().find(|(waiting, _)| waiting.seq == node.seq) {
            Some((_, sum)) => Some(sum),
            None => self.many.get_mut(&node.seq).map(|(_, sum)| sum),
        }
    }

    /// The newest node: whatever uses it is newer still, so its gradient is complete.
    pub(super) fn pop(&mut self) -> Option<(Arc<Node>, Tensor)> {
        let few = self.few.last().map(|(node, _)| node.seq);
        match self.many.last_key_value() {
            Some((&seq, _)) if few.is_none_or(|few| few < seq) => {
                self.many.pop_last().map(|(_, entry)| entry)
            }
            _ => self.few.pop(),
        }
    }

    /// The node of this number, if it waits: its gradient is known to be complete.
    pub(super) fn remove(&mut self, seq: u64) -> Option<(Arc<Node>, Tensor)> {
        match self.few.iter().position(|(node, _)| node.seq == seq) {
            Some(i) => Some(self.few.remove(i)),
            None => self.many.remove(&seq),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_comes_first_and_gradients_add_up() {
        let nodes: Vec<Arc<Node>> = (0..40).map(|_| Node::leaf()).collect();
        let one = || Tensor::scalar(1.0, crate::DType::F64);
        // Shuffled by a stride that meets all of them, several times.
        for stride in [1, 3, 7, 39] {
            let mut pending = Pending::new();
            for i in 0..120 {
                pending.add(&nodes[i * stride % 40], one()).unwrap();
            }
            // One of the oldest, and one of the newest, out of turn.
            for i in [1, 37] {
                let (found, sum) = pending.remove(nodes[i].seq).unwrap();
                assert!(found.seq == nodes[i].seq && sum.item().unwrap() == 3.0);
                assert!(pending.remove(nodes[i].seq).is_none());
            }
            for (_, node) in nodes.iter().enumerate().rev().filter(|(i, _)| ![1, 37].contains(i)) {
                let (found, sum) = pending.pop().unwrap();
                assert!(found.seq == node.seq && sum.item().unwrap() == 3.0);
            }
            assert!(pending.pop().is_none());
        }
    }
}
