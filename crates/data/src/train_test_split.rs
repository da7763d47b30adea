//! Tensors split into a training and a test part: scikit-learn's `train_test_split`, drawn from our generator.

use crate::tensor_dataset::{Tensors, rows, take_rows};
use tensor::random::{Generator, with_default};
use tensor::{DType, Error, Result, Tensor};

const OP: &str = "train_test_split";

/// How many rows the test part gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TestSize {
    /// So many.
    Rows(usize),
    /// This part of all, in (0, 1), rounded up.
    Fraction(f64),
}

impl From<usize> for TestSize {
    fn from(rows: usize) -> Self {
        TestSize::Rows(rows)
    }
}

impl From<f64> for TestSize {
    fn from(fraction: f64) -> Self {
        TestSize::Fraction(fraction)
    }
}

impl TestSize {
    /// The number of rows of both parts, neither of them empty.
    #[track_caller]
    fn of(self, n: usize) -> Result<(usize, usize)> {
        let test = match self {
            TestSize::Rows(rows) => rows,
            TestSize::Fraction(f) if f > 0.0 && f < 1.0 => (n as f64 * f).ceil() as usize,
            TestSize::Fraction(f) => {
                return Err(Error::value(
                    OP,
                    format!(
                        "a fraction lies between 0 and 1, found {f}; a number of rows is written without a decimal point"
                    ),
                ));
            }
        };
        if test == 0 || test >= n {
            return Err(Error::value(
                OP,
                format!(
                    "{test} of {n} rows to test on leave nothing to {}",
                    if test == 0 { "test on" } else { "train on" }
                ),
            ));
        }
        Ok((n - test, test))
    }
}

/// Splits the rows of a tensor, or of a tuple of tensors, at random: `(training part, test part)`.
///
/// # Errors
/// If the tensors are not equally long, or a part would be empty.
///
/// ```
/// use data::{load_iris, train_test_split};
/// let iris = load_iris()?;
/// let ((x_train, y_train), (x_test, y_test)) = train_test_split((iris.data, iris.target), 0.2)?;
/// assert_eq!((x_train.size(0)?, x_test.size(0)?), (120, 30));
/// # let _ = (y_train, y_test);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "sklearn.model_selection.train_test_split")]
#[track_caller]
pub fn train_test_split<T: Tensors>(tensors: T, test_size: impl Into<TestSize>) -> Result<(T, T)> {
    let n = rows(OP, &tensors)?;
    let (_, test) = test_size.into().of(n)?;
    let order = with_default(|generator| generator.permutation(n));
    Ok((take_rows(&tensors, &order[test..])?, take_rows(&tensors, &order[..test])?))
}

/// [`train_test_split`] that keeps the share of each class the same in both parts. `classes` has one label for each
/// row.
///
/// # Errors
/// As [`train_test_split`]; and if there are labels of another number, a class with fewer than two rows, or a part that
/// is smaller than the number of classes.
///
/// ```
/// use data::{load_iris, train_test_split_stratified};
/// let iris = load_iris()?;
/// let (_, y_test) = train_test_split_stratified(iris.target.clone(), 30, &iris.target)?;
/// assert_eq!(y_test.eq(2)?.sum().item()?, 10.0);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "stratify")]
#[track_caller]
pub fn train_test_split_stratified<T: Tensors>(
    tensors: T,
    test_size: impl Into<TestSize>,
    classes: &Tensor,
) -> Result<(T, T)> {
    let n = rows(OP, &tensors)?;
    let (train, test) = test_size.into().of(n)?;
    if classes.numel() != n {
        return Err(Error::shape(OP, format!("{n} rows, but labels of shape {:?}", classes.shape())));
    }
    let members = members(&classes.detach().to(DType::F64).to_vec::<f64>()?);
    if let Some(lonely) = members.iter().find(|m| m.len() < 2) {
        return Err(Error::value(
            OP,
            format!("the class of row {} has no other row; both parts need one", lonely[0]),
        ));
    }
    if train.min(test) < members.len() {
        return Err(Error::value(
            OP,
            format!("parts of {train} and {test} rows cannot both hold all {} classes", members.len()),
        ));
    }
    let (train, test) = with_default(|generator| draw(generator, &members, train, test));
    Ok((take_rows(&tensors, &train)?, take_rows(&tensors, &test)?))
}

/// The rows of each class, classes in ascending order.
fn members(labels: &[f64]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|&a, &b| labels[a].total_cmp(&labels[b]));
    order.chunk_by(|&a, &b| labels[a] == labels[b]).map(<[usize]>::to_vec).collect()
}

fn draw(
    generator: &mut Generator,
    members: &[Vec<usize>],
    train: usize,
    test: usize,
) -> (Vec<usize>, Vec<usize>) {
    let counts: Vec<usize> = members.iter().map(Vec::len).collect();
    let train_counts = proportional(generator, &counts, train);
    let left: Vec<usize> = counts.iter().zip(&train_counts).map(|(all, train)| all - train).collect();
    let test_counts = proportional(generator, &left, test);
    let (mut train, mut test) = (Vec::with_capacity(train), Vec::with_capacity(test));
    for (rows, (&n_train, &n_test)) in members.iter().zip(train_counts.iter().zip(&test_counts)) {
        let order = generator.permutation(rows.len());
        let drawn = |range: &[usize]| range.iter().map(|&i| rows[i]).collect::<Vec<_>>();
        train.extend(drawn(&order[..n_train]));
        test.extend(drawn(&order[n_train..n_train + n_test]));
    }
    let mut shuffled =
        |rows: Vec<usize>| generator.permutation(rows.len()).iter().map(|&i| rows[i]).collect();
    (shuffled(train), shuffled(test))
}

/// The most likely numbers in which `draws` of all elements fall into classes of these sizes: the integer parts of
/// their shares, and one more for the largest remainders, ties at random. Source: scikit-learn, `_approximate_mode`.
fn proportional(generator: &mut Generator, counts: &[usize], draws: usize) -> Vec<usize> {
    let all: usize = counts.iter().sum();
    // share = count·draws/all, its integer part and the numerator of its remainder, exactly.
    let share = |count: usize| (count as u128 * draws as u128, all.max(1) as u128);
    let mut drawn: Vec<usize> = counts.iter().map(|&c| (share(c).0 / share(c).1) as usize).collect();
    let missing = draws.saturating_sub(drawn.iter().sum());
    // A random order that the stable sort keeps among ties.
    let mut order = generator.permutation(counts.len());
    order.sort_by_key(|&i| std::cmp::Reverse(share(counts[i]).0 % share(counts[i]).1));
    for &i in order.iter().take(missing) {
        drawn[i] += 1;
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load_wine;
    use tensor::{arange, manual_seed, tensor};

    #[test]
    fn sizes_are_those_of_scikit_learn() -> Result<()> {
        let sizes = |n: i64, size: TestSize| -> Result<(usize, usize)> {
            let (train, test) = train_test_split(arange(0, n, 1)?, size)?;
            let mut all = [train.to_vec::<i64>()?, test.to_vec::<i64>()?].concat();
            all.sort_unstable();
            assert_eq!(all, Vec::from_iter(0..n));
            Ok((train.numel(), test.numel()))
        };
        assert_eq!(sizes(10, 0.25.into())?, (7, 3));
        assert_eq!(sizes(569, 0.2.into())?, (455, 114));
        assert_eq!(sizes(10, 1.into())?, (9, 1));
        for size in
            [TestSize::Rows(0), TestSize::Rows(10), 0.0.into(), 1.0.into(), f64::NAN.into(), 0.95.into()]
        {
            assert!(sizes(10, size).is_err(), "{size:?}");
        }
        Ok(())
    }

    /// Expected: scikit-learn 1.9, `train_test_split(y, test_size=0.25, stratify=y)` on wine, and of 5 rows of
    /// `[0]*6 + [1]*4 + [2]*9`; the counts have no ties.
    #[test]
    fn classes_keep_their_shares() -> Result<()> {
        let counts = |y: &Tensor, size: TestSize| -> Result<Vec<Vec<f64>>> {
            let (train, test) = train_test_split_stratified((y.clone(), y.clone()), size, y)?;
            assert!(train.0.equal(&train.1));
            let count =
                |y: &Tensor| (0..3).map(|class| y.eq(class)?.sum().item()).collect::<Result<Vec<f64>>>();
            Ok(vec![count(&train.0)?, count(&test.0)?])
        };
        manual_seed(1);
        assert_eq!(counts(&load_wine()?.target, 0.25.into())?, [[44.0, 53.0, 36.0], [15.0, 18.0, 12.0]]);
        let y = tensor(vec![0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
        assert_eq!(counts(&y, 5.into())?, [[4.0, 3.0, 7.0], [2.0, 1.0, 2.0]]);
        Ok(())
    }

    #[test]
    fn what_cannot_be_stratified_is_refused() {
        let split = |y: &Tensor, size: usize| train_test_split_stratified(y.clone(), size, y).err();
        assert!(split(&tensor([0, 0, 1]), 2).is_some_and(|e| e.to_string().contains("class of row 2")));
        assert!(
            split(&tensor([0, 0, 1, 1, 2, 2]), 2).is_some_and(|e| e.to_string().contains("all 3 classes"))
        );
        assert!(train_test_split_stratified(tensor([0, 0]), 1, &tensor([0])).is_err());
    }
}
