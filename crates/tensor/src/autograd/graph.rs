//! A picture of the graph behind a tensor: as text for graphviz, or as SVG.
//!
//! ```
//! use tensor::{Parameter, tensor};
//!
//! let w = Parameter::new(&tensor([[0.5, -0.5]]));
//! let loss = tensor([[1.0, 2.0]]).linear(&w.tensor(), None)?.sigmoid().sum();
//! let dot = loss.to_dot(&[("weight".into(), w)]);
//! assert!(dot.contains(r#"label="weight\n[1, 2]""#), "{dot}");
//! assert!(dot.contains(r#"label="Sigmoid\n[1, 1]""#), "{dot}");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::node::Node;
use super::walk::walk;
use crate::layout::Shape;
use crate::parameter::Parameter;
use crate::tensor::Tensor;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::Arc;

/// What one node is drawn as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Parameter,
    Leaf,
    Operation,
    /// The tensor that was asked.
    Root,
}

/// The nodes by age, and the edges from inputs to results.
struct Picture {
    nodes: BTreeMap<u64, (Kind, String, String)>,
    edges: Vec<(u64, u64)>,
}

impl Picture {
    fn of(root: &Tensor, parameters: &[(String, Parameter)]) -> Picture {
        let names: HashMap<u64, &str> = parameters.iter().map(|(name, p)| (p.id(), name.as_str())).collect();
        let shapes = shapes(root);
        let mut picture = Picture { nodes: BTreeMap::new(), edges: Vec::new() };
        let mut stack: Vec<&Arc<Node>> = root.node().into_iter().collect();
        while let Some(node) = stack.pop() {
            if picture.nodes.contains_key(&node.seq) {
                continue;
            }
            let name = names.get(&node.seq);
            let kind = match (name, node.is_leaf()) {
                (Some(_), _) => Kind::Parameter,
                (None, true) => Kind::Leaf,
                (None, false) if picture.nodes.is_empty() => Kind::Root,
                (None, false) => Kind::Operation,
            };
            let mut label = name.map_or_else(
                || if node.is_leaf() { "leaf".to_string() } else { node.name().to_string() },
                |name| (*name).to_string(),
            );
            if let Some(shape) = shapes.get(&node.seq) {
                let _ = write!(label, "\n{:?}", shape.as_slice());
            }
            picture.nodes.insert(node.seq, (kind, label, node.location().to_string()));
            for input in node.inputs().flatten() {
                picture.edges.push((input.seq, node.seq));
                stack.push(input);
            }
        }
        picture.edges.sort_unstable();
        picture
    }
}

/// The shape of each node's result. Nodes do not know them, but a gradient has the shape of what it is the gradient of:
/// a walk back finds all. None are known after a walk has released the values.
fn shapes(root: &Tensor) -> HashMap<u64, Shape> {
    let mut shapes = HashMap::new();
    if let Some(node) = root.node() {
        let everywhere = |_: &Node| true;
        let seeds = vec![(Arc::clone(node), root.detach().ones_like())];
        let walked = walk(seeds, true, false, Some([&everywhere, &everywhere]), None, false, |node, grad| {
            shapes.insert(node.seq, Shape::from(grad.shape()));
            Ok(())
        });
        // Cut short by released values, the picture has fewer shapes.
        drop(walked);
    }
    shapes
}

impl Tensor {
    /// The graph behind this tensor as text for graphviz: inputs above, this tensor at the bottom. Operations bear
    /// their names and the shapes of their results, parameters the names that are given for them
    /// (`model.named_parameters()`), and each node the line that made it, as its tooltip. Constants are not part of the
    /// graph.
    ///
    /// Shapes are found by a walk back, so they are missing after [`backward`](Tensor::backward) has released the
    /// graph.
    #[doc(alias = "torchviz.make_dot")]
    pub fn to_dot(&self, parameters: &[(String, Parameter)]) -> String {
        let picture = Picture::of(self, parameters);
        let mut dot = String::from(
            "digraph {\n  rankdir=TB;\n  node [fontname=\"sans-serif\", fontsize=11, shape=box, style=\"rounded,filled\"];\n",
        );
        for (seq, (kind, label, line)) in &picture.nodes {
            let color = kind.color();
            let (label, line) = (quoted(label), quoted(line));
            let _ = writeln!(dot, "  n{seq} [label={label}, tooltip={line}, fillcolor=\"{color}\"];");
        }
        for (from, to) in &picture.edges {
            let _ = writeln!(dot, "  n{from} -> n{to};");
        }
        dot.push_str("}\n");
        dot
    }
}

impl Kind {
    fn color(self) -> &'static str {
        match self {
            Kind::Parameter => "#cfe2ff",
            Kind::Leaf => "#d9f2e3",
            Kind::Operation => "#f2f2f2",
            Kind::Root => "#ffe3bf",
        }
    }
}

/// A string of the DOT language.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(feature = "svg")]
mod svg {
    use super::{Kind, Picture};
    use crate::error::{Error, Result};
    use crate::parameter::Parameter;
    use crate::tensor::Tensor;
    use layout::backends::svg::SVGWriter;
    use layout::core::base::Orientation;
    use layout::core::color::Color;
    use layout::core::geometry::Point;
    use layout::core::style::StyleAttr;
    use layout::std_shapes::shapes::{Arrow, Element, ShapeKind};
    use layout::topo::layout::VisualGraph;
    use std::collections::{HashMap, HashSet};

    /// More than this makes no picture that a person reads, and takes minutes to lay out: nodes, and the rows that edges
    /// pass by.
    const MOST_NODES: usize = 1000;
    const MOST_BENDS: usize = 600;
    const FONT_SIZE: usize = 14;

    impl Tensor {
        /// The graph behind this tensor as a picture, drawn like [`to_dot`](Tensor::to_dot) without graphviz. Needs the
        /// feature `svg`.
        ///
        /// ```
        /// use tensor::tensor;
        /// let x = tensor([1.0, 2.0]).requires_grad();
        /// let svg = x.square().sum().to_svg(&[])?;
        /// assert!(svg.contains("<svg"));
        /// # Ok::<(), tensor::Error>(())
        /// ```
        ///
        /// In a graph with many long edges, such as a recurrent network, a parameter is drawn beside each of its uses.
        ///
        /// # Errors
        /// If this tensor is not part of a graph, or the graph has more than some hundred nodes.
        #[track_caller]
        pub fn to_svg(&self, parameters: &[(String, Parameter)]) -> Result<String> {
            let mut picture = Picture::of(self, parameters);
            if picture.nodes.is_empty() {
                return Err(Error::graph("to_svg", "this tensor is not part of a graph"));
            }
            if picture.bends() > MOST_BENDS {
                picture.draw_leaves_apart();
            }
            let (nodes, bends) = (picture.nodes.len(), picture.bends());
            if nodes > MOST_NODES || bends > MOST_BENDS {
                return Err(Error::size(
                    "to_svg",
                    format!(
                        "{nodes} nodes whose edges pass by {bends} rows are more than {MOST_NODES} and {MOST_BENDS}: \
                         use to_dot and graphviz, or draw a part"
                    ),
                ));
            }
            let mut graph = VisualGraph::new(Orientation::TopToBottom);
            let mut handles = HashMap::new();
            for (&seq, (kind, label, _)) in &picture.nodes {
                let width = label.lines().map(|l| l.chars().count()).max().unwrap_or(0) as f64 * 8.5 + 24.0;
                let height = label.lines().count() as f64 * 14.0 + 12.0;
                let shape = ShapeKind::new_box(label);
                let element =
                    Element::create(shape, kind.style(), Orientation::TopToBottom, Point::new(width, height));
                handles.insert(seq, graph.add_node(element));
            }
            // The layout looks for cycles along every path that is there already, and of those there may be more than
            // one can count. Where inputs come before what is made of them, there is no path yet.
            graph.dag.set_validate(false);
            picture.edges.sort_unstable_by_key(|&(from, to)| (to, from));
            for (from, to) in &picture.edges {
                if let (Some(&from), Some(&to)) = (handles.get(from), handles.get(to)) {
                    graph.add_edge(Arrow { look: line(None), ..Arrow::default() }, from, to);
                }
            }
            let mut writer = SVGWriter::new();
            graph.do_it(false, false, false, &mut writer);
            // Not every viewer knows a baseline in the middle: a shift by a third of the letters' height is the same.
            let shift = format!("<text transform=\"translate(0 {})\"", FONT_SIZE / 3);
            let svg = writer.finalize().replace("<text dominant-baseline=\"middle\"", &shift);
            Ok(svg.replace("Times, serif", "sans-serif"))
        }
    }

    impl Picture {
        /// How many rows of the drawing are passed by edges that lead further than to the next one.
        fn bends(&self) -> usize {
            let mut rows: HashMap<u64, usize> = HashMap::new();
            for &(from, to) in &self.edges {
                // Sorted by age: the row of `from` is known.
                let below = rows.get(&from).map_or(1, |row| row + 1);
                let row = rows.entry(to).or_default();
                *row = below.max(*row);
            }
            // A leaf stands right above its first use.
            let mut leaves: HashMap<u64, usize> = HashMap::new();
            for (from, to) in self.edges.iter().filter(|e| !rows.contains_key(&e.0)) {
                let row = leaves.entry(*from).or_insert(usize::MAX);
                *row = rows[to].saturating_sub(1).min(*row);
            }
            let row = |node: &u64| rows.get(node).or_else(|| leaves.get(node)).copied().unwrap_or(0);
            self.edges.iter().map(|(from, to)| row(to).saturating_sub(row(from) + 1)).sum()
        }

        /// Gives each use of a leaf a box of its own.
        fn draw_leaves_apart(&mut self) {
            let mut next = self.nodes.keys().next_back().map_or(0, |last| last + 1);
            let mut used = HashSet::new();
            for (from, _) in &mut self.edges {
                let node = &self.nodes[from];
                if matches!(node.0, Kind::Parameter | Kind::Leaf) && !used.insert(*from) {
                    self.nodes.insert(next, node.clone());
                    *from = next;
                    next += 1;
                }
            }
        }
    }

    fn line(fill: Option<Color>) -> StyleAttr {
        StyleAttr::new(Color::fast("dimgray"), 1, fill, 6, FONT_SIZE)
    }

    impl Kind {
        fn style(self) -> StyleAttr {
            let rgb = u32::from_str_radix(&self.color()[1..], 16).unwrap_or(0xff_ff_ff);
            line(Some(Color::new(rgb << 8 | 0xff)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::literal::tensor;

    fn model() -> (Tensor, Vec<(String, Parameter)>) {
        let weight = Parameter::new(&tensor([[0.5, -0.5]]));
        let bias = Parameter::new(&tensor([0.1]));
        let x = tensor([[1.0, 2.0], [3.0, 4.0]]);
        let y = x.linear(&weight.tensor(), Some(&bias.tensor())).unwrap().sigmoid();
        (y.square().mean(), vec![("0.weight".into(), weight), ("0.bias".into(), bias)])
    }

    #[test]
    fn every_node_has_its_name_its_shape_and_its_line() {
        let (loss, names) = model();
        let dot = loss.to_dot(&names);
        for part in [
            r#"label="0.weight\n[1, 2]""#,
            r#"label="0.bias\n[1]""#,
            r#"label="Sigmoid\n[2, 1]""#,
            r#"label="Mean\n[]""#,
            "graph.rs:",
            "#ffe3bf",
        ] {
            assert!(dot.contains(part), "{part} in\n{dot}");
        }
        assert_eq!(dot.matches(" -> ").count(), 5, "{dot}");
        // The walk for the shapes has neither released nor collected anything.
        assert!(names[0].1.grad().is_none());
        loss.backward().unwrap();
        let after = loss.to_dot(&names);
        assert!(after.contains(r#"label="Sigmoid""#), "{after}");
    }

    #[test]
    fn names_are_quoted_and_constants_are_not_drawn() {
        let w = Parameter::new(&tensor([1.0]));
        let dot = (w.tensor() * 2.0).to_dot(&[("a \"b\"\\".into(), w)]);
        assert!(dot.contains(r#"label="a \"b\"\\\n[1]""#), "{dot}");
        assert_eq!(tensor([1.0]).to_dot(&[]).matches("label").count(), 0);
    }

    #[test]
    fn hooks_do_not_see_the_walk_for_the_shapes() {
        let x = tensor([1.0]).requires_grad();
        let _handle = x.register_hook(|_| Err(crate::Error::value("hook", "was called"))).unwrap();
        assert!(x.square().sum().to_dot(&[]).contains(r#"label="leaf\n[1]""#));
    }

    #[test]
    fn a_tensor_used_twice_is_one_node() {
        let x = tensor([1.0]).requires_grad();
        let y = &x * &x;
        let dot = y.to_dot(&[]);
        assert_eq!(dot.matches("label").count(), 2, "{dot}");
        assert_eq!(dot.matches(" -> ").count(), 2, "{dot}");
    }

    #[test]
    #[cfg(feature = "svg")]
    fn the_picture_has_all_labels() {
        let (loss, names) = model();
        let svg = loss.to_svg(&names).unwrap();
        for label in ["0.weight", "0.bias", "Sigmoid", "[2, 1]", "Mean"] {
            assert!(svg.contains(label), "{label} in\n{svg}");
        }
        assert!(tensor([1.0]).to_svg(&[]).is_err());
        let x = tensor([1.0]).requires_grad();
        let deep = (0..2000).fold(x.clone(), |x, _| x.sin());
        assert!(deep.to_svg(&[]).unwrap_err().to_string().contains("2001 nodes"));
        // A hundred uses of one leaf, each a step further down.
        let recurrent = (0..100).fold(x.clone(), |y, _| (&y * &x).sin());
        let svg = recurrent.to_svg(&[]).unwrap();
        assert!(svg.matches("leaf").count() > 90);
    }
}
