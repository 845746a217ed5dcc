//! A tree that knows its root at every size it went through.

use super::tree::{Hash, empty_root, node_hash};

/// The roots of all complete subtrees, two hashes a leaf: from them follows the root at any size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subtrees {
    /// By height: at 0 the leaves, at `h` the roots of each 2^h leaves, from the left.
    levels: Vec<Vec<Hash>>,
}

impl Subtrees {
    /// Adds a leaf, given by its hash.
    pub(crate) fn push(&mut self, leaf: Hash) {
        let mut subtree = leaf;
        for height in 0.. {
            if self.levels.len() == height {
                self.levels.push(Vec::new());
            }
            let level = &mut self.levels[height];
            level.push(subtree);
            match level.as_chunks::<2>() {
                (pairs, []) => {
                    let [left, right] = pairs[pairs.len() - 1];
                    subtree = node_hash(&left, &right);
                }
                _ => break,
            }
        }
    }

    /// The hashes of the leaves.
    pub(crate) fn leaves(&self) -> &[Hash] {
        self.levels.first().map_or(&[], Vec::as_slice)
    }

    /// The root over the first `size` leaves, if there are so many.
    pub(crate) fn root_at(&self, size: usize) -> Option<Hash> {
        if size > self.leaves().len() {
            return None;
        }
        let complete = self.levels.iter().enumerate().filter_map(|(height, level)| {
            let subtrees = size >> height;
            (subtrees % 2 == 1).then(|| level[subtrees - 1])
        });
        // The smallest subtree is the one furthest to the right.
        let root = complete.reduce(|right, left| node_hash(&left, &right));
        Some(root.unwrap_or_else(empty_root))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::*;

    #[test]
    fn the_root_at_every_size_is_the_one_that_the_tree_had() {
        let (mut subtrees, mut tree, mut roots) = (Subtrees::default(), Tree::new(), Vec::new());
        for number in 0..=130 {
            assert_eq!(subtrees.leaves().len(), number);
            roots.push(tree.root());
            let known: Vec<_> = (0..=number).filter_map(|size| subtrees.root_at(size)).collect();
            assert_eq!(known, roots);
            assert_eq!(subtrees.root_at(number + 1), None);
            let leaf = cstatns_base::name::Hex([number as u8; 32]);
            subtrees.push(leaf);
            tree.push(leaf);
        }
    }
}
