//! Sums of products, by index notation: Einstein's summation, and `tensordot`.
//!
//! ```
//! use tensor::{einsum, tensor};
//! let (x, y) = (tensor([[1.0, 2.0], [3.0, 4.0]]), tensor([[1.0, 0.0], [0.0, 2.0]]));
//! assert_eq!(einsum("ij,jk->ik", &[&x, &y])?.to_string(), "tensor([[1., 4.],\n        [3., 8.]])");
//! assert_eq!(einsum("ii", &[&x])?.to_string(), "tensor(5.)"); // the trace
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::autograd::check::{Case, case, float64};
use crate::error::{AtCaller, Error, Result};
use crate::layout::{Ints, Shape};
use crate::tensor::Tensor;

/// A letter, or a dimension that an ellipsis stands for: those have numbers from `ELLIPSIS` on, counted from the left of
/// the longest one.
type Label = usize;

const ELLIPSIS: Label = 256;

/// What an equation says: the labels of each operand, and of the result.
struct Equation {
    operands: Vec<Vec<Label>>,
    out: Vec<Label>,
}

#[cold]
#[track_caller]
fn misread(equation: &str, why: impl std::fmt::Display) -> Error {
    Error::value("einsum", format!("\"{equation}\": {why}"))
}

/// The labels of one term; `None` stands for the ellipsis.
#[track_caller]
fn term(equation: &str, text: &str) -> Result<Vec<Option<Label>>> {
    let mut labels = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("...") {
            if labels.contains(&None) {
                return Err(misread(equation, format!("\"{text}\" has more than one ellipsis")));
            }
            labels.push(None);
            rest = after.trim_start();
        } else if c.is_ascii_alphabetic() {
            labels.push(Some(c as Label));
            rest = rest[1..].trim_start();
        } else {
            return Err(misread(
                equation,
                format!("expected letters, \"...\", \",\" and \"->\", found '{c}'"),
            ));
        }
    }
    Ok(labels)
}

impl Equation {
    #[track_caller]
    fn read(equation: &str, operands: &[&Tensor]) -> Result<Equation> {
        let (left, right) = match equation.split_once("->") {
            Some((left, right)) => (left, Some(right)),
            None => (equation, None),
        };
        let terms = left.split(',').map(|text| term(equation, text)).collect::<Result<Vec<_>>>()?;
        if terms.len() != operands.len() {
            return Err(misread(equation, format!("{} terms for {} tensors", terms.len(), operands.len())));
        }
        // How many dimensions each ellipsis stands for.
        let mut hidden = Vec::with_capacity(terms.len());
        for (term, x) in terms.iter().zip(operands) {
            let letters = term.iter().flatten().count();
            match x.dim().checked_sub(letters) {
                Some(0) => hidden.push(0),
                Some(more) if term.contains(&None) => hidden.push(more),
                _ => {
                    return Err(misread(
                        equation,
                        format!("a term names {letters} dimensions of a tensor of shape {:?}", x.shape()),
                    ));
                }
            }
        }
        let longest = hidden.iter().copied().max().unwrap_or(0);
        let spell = |term: &[Option<Label>], hidden: usize| -> Vec<Label> {
            let dots = || ELLIPSIS + longest - hidden..ELLIPSIS + longest;
            term.iter().flat_map(|label| label.map_or(dots(), |l| l..l + 1)).collect()
        };
        let operands: Vec<Vec<Label>> =
            terms.iter().zip(&hidden).map(|(term, &hidden)| spell(term, hidden)).collect();
        let out = match right {
            Some(text) => spell(&term(equation, text)?, longest),
            None => {
                // Whatever occurs once, in alphabetical order, behind what the ellipsis stands for.
                let mut all: Vec<Label> = operands.iter().flatten().copied().collect();
                all.sort_unstable();
                let once = all.chunk_by(|a, b| a == b).filter(|run| run.len() == 1 && run[0] < ELLIPSIS);
                (ELLIPSIS..ELLIPSIS + longest).chain(once.map(|run| run[0])).collect()
            }
        };
        for (i, label) in out.iter().enumerate() {
            let known = operands.iter().any(|labels| labels.contains(label));
            if out[..i].contains(label) || !known && *label < ELLIPSIS {
                let letter = char::from_u32(*label as u32).unwrap_or('.');
                let why = if known { "occurs twice in the result" } else { "occurs in no tensor" };
                return Err(misread(equation, format!("'{letter}' {why}")));
            }
        }
        Ok(Equation { operands, out })
    }
}

/// A tensor with the names of its dimensions, each of which it has once.
struct Named {
    x: Tensor,
    labels: Vec<Label>,
}

impl Named {
    /// A label that occurs twice means the diagonal.
    fn new(x: &Tensor, labels: &[Label]) -> Named {
        let (mut x, mut labels) = (x.clone(), labels.to_vec());
        while let Some((i, j)) = twice(&labels) {
            x = x.strided("Diagonal", |layout| layout.diagonal(0, i, j));
            labels.push(labels[i]);
            labels.remove(j);
            labels.remove(i);
        }
        Named { x, labels }
    }

    fn has(&self, label: Label) -> bool {
        self.labels.contains(&label)
    }

    fn place(&self, label: Label) -> Option<usize> {
        self.labels.iter().position(|l| *l == label)
    }

    fn size(&self, label: Label) -> usize {
        self.place(label).map_or(1, |d| self.x.shape()[d])
    }

    /// Summed over what `keep` does not want.
    fn summed(self, keep: impl Fn(Label) -> bool) -> Result<Named> {
        let gone: Vec<usize> = (0..self.labels.len()).filter(|&d| !keep(self.labels[d])).collect();
        if gone.is_empty() {
            return Ok(self);
        }
        let x = self.x.sum_dim(&gone, false)?;
        Ok(Named { x, labels: self.labels.into_iter().filter(|&l| keep(l)).collect() })
    }

    /// The dimensions in this order; what is missing has size 1.
    fn arranged(&self, labels: &[Label]) -> Result<Tensor> {
        let order: Vec<usize> = labels.iter().filter_map(|&l| self.place(l)).collect();
        self.x.permute(order)?.reshape(labels.iter().map(|&l| self.size(l)).collect::<Shape>())
    }

    /// The sum of products with another over all that both have and `keep` does not want.
    fn times(self, other: Named, keep: impl Fn(Label) -> bool) -> Result<Named> {
        let x = self.summed(|l| other.has(l) || keep(l))?;
        let y = other.summed(|l| x.has(l) || keep(l))?;
        let shared = |l: &Label| y.has(*l);
        let (both, mine): (Vec<Label>, Vec<Label>) = x.labels.iter().partition(|l| shared(l));
        let (batch, summed): (Vec<Label>, Vec<Label>) = both.into_iter().partition(|&l| keep(l));
        let theirs: Vec<Label> = y.labels.iter().copied().filter(|&l| !x.has(l)).collect();
        let labels = [&batch[..], &mine, &theirs].concat();
        if summed.is_empty() {
            return Ok(Named { x: x.arranged(&labels)?.mul(&y.arranged(&labels)?)?, labels });
        }
        let size = |l: &Label| common(x.size(*l), y.size(*l));
        let product = |labels: &[Label]| labels.iter().map(size).product::<usize>();
        let matrices = |t: &Named, labels: &[&[Label]; 3], full: [usize; 2]| -> Result<Tensor> {
            let arranged = t.arranged(&labels.concat())?;
            // A size of 1 counts for every number of terms.
            let mut shape: Shape = arranged.shape().into();
            let from = batch.len();
            labels.concat()[from..].iter().zip(&mut shape[from..]).for_each(|(l, n)| *n = size(l));
            let mut flat: Shape = arranged.shape()[..from].into();
            flat.extend(full);
            arranged.expand(&shape)?.reshape(flat)
        };
        let (n, k, m) = (product(&mine), product(&summed), product(&theirs));
        let left = matrices(&x, &[&batch, &mine, &summed], [n, k])?;
        let right = matrices(&y, &[&batch, &summed, &theirs], [k, m])?;
        let out = left.matmul(&right)?.reshape(labels.iter().map(size).collect::<Shape>())?;
        Ok(Named { x: out, labels })
    }
}

/// What two sizes become, which are equal unless one of them is 1.
fn common(a: usize, b: usize) -> usize {
    if a == 1 { b } else { a }
}

/// The first two places of equal labels.
fn twice(labels: &[Label]) -> Option<(usize, usize)> {
    labels.iter().enumerate().find_map(|(j, l)| labels[..j].iter().position(|k| k == l).map(|i| (i, j)))
}

/// Multiplies tensors and sums over indices, as the equation says: letters name dimensions, those of the result come
/// behind `->`, all others are summed. A letter that occurs twice in a term means the diagonal, `...` stands for any
/// dimensions, which are broadcast, and without `->` the result has the letters that occur once.
///
/// # Errors
/// If the equation cannot be read, or sizes of one name differ and none is 1.
#[doc(alias = "torch.einsum")]
#[track_caller]
pub fn einsum(equation: &str, operands: &[&Tensor]) -> Result<Tensor> {
    let Equation { operands: labels, out } = Equation::read(equation, operands)?;
    let mut sizes: Vec<(Label, usize)> = Vec::new();
    for (labels, x) in labels.iter().zip(operands) {
        for (i, (&label, &size)) in labels.iter().zip(x.shape()).enumerate() {
            // On a diagonal, even a size of 1 must be the same.
            let own = labels[..i].iter().position(|l| *l == label).map(|j| x.shape()[j]);
            match sizes.iter_mut().find(|s| s.0 == label) {
                None => sizes.push((label, size)),
                Some((_, known)) if own.is_none_or(|own| own == size) && (*known == 1 || size == 1) => {
                    *known = common(*known, size);
                }
                Some((_, known)) if own.is_none_or(|own| own == size) && *known == size => {}
                Some((_, known)) => {
                    let shapes: Vec<_> = operands.iter().map(|x| x.shape()).collect();
                    return Err(Error::shape(
                        "einsum",
                        format!(
                            "\"{equation}\" gives one name to sizes {known} and {size} of shapes {shapes:?}"
                        ),
                    ));
                }
            }
        }
    }
    let mut terms = operands.iter().zip(&labels).map(|(x, labels)| Named::new(x, labels)).enumerate();
    let Some((_, mut result)) = terms.next() else {
        return Err(misread(equation, "there is no tensor"));
    };
    for (i, next) in terms {
        let later = &labels[i + 1..];
        result =
            result.times(next, |l| out.contains(&l) || later.iter().any(|labels| labels.contains(&l)))?;
    }
    result.summed(|l| out.contains(&l))?.arranged(&out)
}

/// Which dimensions [`Tensor::tensordot`] sums over: a number `n` means the last `n` of the left and the first `n` of the
/// right operand, a pair of lists names them.
pub trait Contraction {
    /// The dimensions of both operands, the left one of which has `rank`.
    fn dims(&self, rank: usize) -> [Vec<i64>; 2];
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Contraction for $number {
            fn dims(&self, rank: usize) -> [Vec<i64>; 2] {
                // More than there are, and less than none, are refused by their places.
                let n = usize::try_from(*self).unwrap_or(usize::MAX).min(rank + 1) as i64;
                [(rank as i64 - n..rank as i64).collect(), (0..n).collect()]
            }
        }
    )*};
}
numbers!(i32 usize);

impl<A: Ints, B: Ints> Contraction for (A, B) {
    fn dims(&self, _: usize) -> [Vec<i64>; 2] {
        [self.0.ints().to_vec(), self.1.ints().to_vec()]
    }
}

impl Tensor {
    /// Sums of products over some dimensions of both tensors; the others follow each other.
    ///
    /// # Errors
    /// If there are no such dimensions, or their sizes or the types differ.
    ///
    /// ```
    /// use tensor::ones;
    /// let (x, y) = (ones([2, 3, 4])?, ones([4, 3, 5])?);
    /// assert_eq!(x.tensordot(&y, ([1, 2], [1, 0]))?.shape(), [2, 5]);
    /// assert_eq!(x.tensordot(&y, 1)?.shape(), [2, 3, 3, 5]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.tensordot")]
    #[track_caller]
    pub fn tensordot(&self, other: &Tensor, dims: impl Contraction) -> Result<Tensor> {
        let [a, b] = dims.dims(self.dim());
        // A size of 1 is broadcast, as elsewhere: the other side is summed.
        let [x, y] = [(self, &a, other, &b), (other, &b, self, &a)].map(|(x, mine, y, theirs)| {
            let sizes = mine.iter().zip(theirs.iter()).filter(|&(&m, &t)| {
                let sizes = (x.size(m as isize), y.size(t as isize));
                matches!(sizes, (Ok(size), Ok(1)) if size != 1)
            });
            let summed: Vec<i64> = sizes.map(|(&m, _)| m).collect();
            if summed.is_empty() { Ok(x.clone()) } else { x.sum_dim(summed, true) }
        });
        let (this, other) = (&x.at_caller()?, &y.at_caller()?);
        this.contract(other, a, b)
    }

    #[track_caller]
    fn contract(&self, other: &Tensor, a: Vec<i64>, b: Vec<i64>) -> Result<Tensor> {
        let place = |x: &Tensor, list: &[i64]| {
            let one = |&d: &i64| match x.layout.dim("tensordot", d as isize)? {
                place if place < x.dim() => Ok(place),
                _ => Err(Error::dim_out_of_range("tensordot", d as isize, 0)),
            };
            list.iter().map(one).collect::<Result<Vec<usize>>>()
        };
        let (a, b) = (place(self, &a).at_caller()?, place(other, &b).at_caller()?);
        let sizes = |x: &Tensor, dims: &[usize]| dims.iter().map(|&d| x.shape()[d]).collect::<Shape>();
        let once = |dims: &[usize]| dims.iter().enumerate().all(|(i, d)| !dims[..i].contains(d));
        if a.len() != b.len() || !once(&a) || !once(&b) || sizes(self, &a) != sizes(other, &b) {
            return Err(Error::shape(
                "tensordot",
                format!(
                    "dimensions {a:?} of shape {:?} do not match dimensions {b:?} of shape {:?}",
                    self.shape(),
                    other.shape()
                ),
            ));
        }
        let rest =
            |x: &Tensor, dims: &[usize]| (0..x.dim()).filter(|d| !dims.contains(d)).collect::<Vec<_>>();
        let (mine, theirs) = (rest(self, &a), rest(other, &b));
        let (rows, columns) = (sizes(self, &mine), sizes(other, &theirs));
        let k: usize = sizes(self, &a).iter().product();
        let left = self.permute([mine, a].concat())?.reshape([rows.iter().product(), k])?;
        let right = other.permute([b, theirs].concat())?.reshape([k, columns.iter().product()])?;
        left.matmul(&right)?.reshape([rows, columns].concat())
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let a = || float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]);
    let b = || float64([[0.4, -1.3], [2.0, 0.1], [0.7, -0.9]]);
    let square = || float64([[0.4, -1.3], [2.0, 0.1]]);
    vec![
        case("einsum, product", |x| einsum("ij,jk->ik", &[&x[0], &x[1]]), vec![a(), b()]),
        case("einsum, diagonal", |x| Ok(einsum("ii->i", &[&x[0]])?.sin()), vec![square()]),
        case(
            "einsum, trace of three",
            |x| einsum("ij,jk,ki", &[&x[0], &x[1], &x[2]]),
            vec![a(), b(), square()],
        ),
        case("einsum, outer", |x| einsum("i...,j->ij...", &[&x[0], &x[1]]), vec![a(), float64([0.5, -0.2])]),
        case("tensordot", |x| x[0].tensordot(&x[1], ([0], [1])), vec![a(), b()]),
    ]
}

#[cfg(test)]
mod tests {
    use super::einsum;
    use crate::{Tensor, arange, ones, tensor};

    fn numbers(shape: &[usize]) -> Tensor {
        arange(1, 1 + shape.iter().product::<usize>() as i64, 1).unwrap().reshape(shape).unwrap()
    }

    /// The definition, over all values of all letters.
    fn definition(out: &str, terms: &[&str], operands: &[&Tensor], sizes: &[(char, usize)]) -> Tensor {
        let shape: Vec<usize> = out.chars().map(|c| sizes.iter().find(|s| s.0 == c).unwrap().1).collect();
        let mut sums = vec![0i64; shape.iter().product()];
        let total: usize = sizes.iter().map(|s| s.1).product();
        for mut step in 0..total {
            let mut at = std::collections::HashMap::new();
            for (letter, size) in sizes {
                at.insert(*letter, step % size);
                step /= size;
            }
            let place = |letters: &str, shape: &[usize]| {
                letters.chars().zip(shape).fold(0, |p, (c, n)| p * n + if *n == 1 { 0 } else { at[&c] })
            };
            let product: i64 = terms
                .iter()
                .zip(operands)
                .map(|(term, x)| x.to_vec::<i64>().unwrap()[place(term, x.shape())])
                .product();
            sums[place(out, &shape)] += product;
        }
        Tensor::from_vec(sums, shape).unwrap()
    }

    #[test]
    fn agrees_with_the_definition() {
        let sizes = [('a', 2), ('b', 3), ('c', 4), ('d', 2)];
        let size = |c: char| sizes.iter().find(|s| s.0 == c).unwrap().1;
        let equations = [
            "ab->ba",
            "ab->",
            "ab,b->a",
            "ab,bc->ac",
            "ab,bc->",
            "ab,ab->ab",
            "ab,c->cab",
            "abc,bd->acd",
            "ad,da->a",
            "ab,bc,cd->da",
            "abc,abc,b->c",
            "aa->a",
            "aba,bc->ca",
            "ab,ab,ab->",
            "a,b,c->bca",
            "dab,dbc->dac",
        ];
        for equation in equations {
            let (left, out) = equation.split_once("->").unwrap();
            let terms: Vec<&str> = left.split(',').collect();
            let operands: Vec<Tensor> =
                terms.iter().map(|t| numbers(&t.chars().map(size).collect::<Vec<_>>())).collect();
            let operands: Vec<&Tensor> = operands.iter().collect();
            let used: Vec<_> = sizes.iter().copied().filter(|s| left.contains(s.0)).collect();
            let expected = definition(out, &terms, &operands, &used);
            assert!(einsum(equation, &operands).unwrap().equal(&expected), "{equation}");
        }
        // A size of 1 is broadcast, be it summed or not.
        let (x, y) = (numbers(&[2, 1]), numbers(&[3, 4]));
        let used = [('a', 2), ('b', 3), ('c', 4)];
        for (out, equation) in [("ac", "ab,bc->ac"), ("abc", "ab,bc->abc")] {
            let expected = definition(out, &["ab", "bc"], &[&x, &y], &used);
            assert!(einsum(equation, &[&x, &y]).unwrap().equal(&expected), "{equation}");
        }
    }

    #[test]
    fn ellipses_and_implied_results() {
        let (x, y) = (ones([5, 1, 2, 3]).unwrap(), ones([4, 3, 2]).unwrap());
        assert_eq!(einsum("...ij,...jk->...ik", &[&x, &y]).unwrap().shape(), [5, 4, 2, 2]);
        assert_eq!(einsum("...ij, ...jk", &[&x, &y]).unwrap().shape(), [5, 4, 2, 2]);
        assert_eq!(einsum("i...j->ji", &[&x]).unwrap().shape(), [3, 5]);
        assert_eq!(einsum("ba", &[&ones([2, 3]).unwrap()]).unwrap().shape(), [3, 2]);
        assert_eq!(einsum("aB", &[&ones([2, 3]).unwrap()]).unwrap().shape(), [3, 2]);
        assert_eq!(einsum(",->", &[&tensor(2.0), &tensor(3.0)]).unwrap().item().unwrap(), 6.0);
    }

    #[test]
    fn what_cannot_be_read_is_explained() {
        let x = ones([2, 3]).unwrap();
        for (equation, why) in [
            ("ij,jk->ik", "2 terms for 1 tensors"),
            ("i->i", "names 1 dimensions"),
            ("ij->k", "'k' occurs in no tensor"),
            ("ij->ii", "'i' occurs twice"),
            ("i.j->i", "found '.'"),
            ("i1->i", "found '1'"),
            ("ii->i", "sizes 2 and 3"),
        ] {
            let error = einsum(equation, &[&x]).unwrap_err().to_string();
            assert!(error.contains(why), "{equation}: {error}");
        }
    }
}
