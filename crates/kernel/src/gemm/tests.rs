use super::*;

/// Knuth's MMIX generator: the same numbers on every run and machine.
struct Lcg(u64);
impl Lcg {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % n
    }
    fn unit<T: Float>(&mut self) -> T {
        T::from_f64(self.below(2001) as f64 / 1000.0 - 1.0)
    }
}

/// A matrix of any layout: row-major, transposed, with gaps, or expanded along one or both directions.
fn random<T: Float>(lcg: &mut Lcg, rows: usize, columns: usize) -> (Vec<T>, usize, usize) {
    let gap = 1 + lcg.below(3);
    let (row_stride, column_stride) = match lcg.below(8) {
        0 | 1 => (columns, 1),
        2 | 3 => (1, rows),
        4 => (columns + gap, 1),
        5 => (gap, gap * rows + 1),
        6 => (0, gap),
        _ => (gap, 0),
    };
    let len = rows.max(1) * row_stride.max(1) + columns.max(1) * column_stride.max(1);
    ((0..len).map(|_| lcg.unit()).collect(), row_stride, column_stride)
}

/// Against a sum in f64, within the bound of any order of additions: `k·ε·Σ|a·b|`.
fn check<T: Float>(lcg: &mut Lcg, [m, k, n]: [usize; 3], epsilon: f64) {
    let (a, ars, acs) = random::<T>(lcg, m, k);
    let (b, brs, bcs) = random::<T>(lcg, k, n);
    let a = Matrix { data: &a, row_stride: ars, column_stride: acs };
    let b = Matrix { data: &b, row_stride: brs, column_stride: bcs };
    for accumulate in [false, true] {
        let before: Vec<T> =
            (0..m * n).map(|_| if accumulate { lcg.unit() } else { T::from_f64(f64::NAN) }).collect();
        let mut c = before.clone();
        gemm([m, k, n], a, b, &mut c, accumulate);
        for i in 0..m {
            for j in 0..n {
                let mut sum = if accumulate { before[i * n + j].to_f64() } else { 0.0 };
                let mut size = sum.abs();
                for l in 0..k {
                    let term = a.at(i, l).to_f64() * b.at(l, j).to_f64();
                    sum += term;
                    size += term.abs();
                }
                let found = c[i * n + j].to_f64();
                assert!(
                    (found - sum).abs() <= epsilon * (k as f64 + 1.0) * size,
                    "{m}×{k}×{n} strides {ars} {acs} {brs} {bcs} accumulate {accumulate} at {i} {j}: {found} {sum}"
                );
            }
        }
        let mut again = before;
        gemm([m, k, n], a, b, &mut again, accumulate);
        assert!(c.iter().zip(&again).all(|(x, y)| x.to_f64().to_bits() == y.to_f64().to_bits()));
    }
}

#[test]
fn any_shape_and_strides() {
    let mut lcg = Lcg(1);
    for _ in 0..600 {
        let shape = [lcg.below(41), lcg.below(41), lcg.below(41)];
        check::<f32>(&mut lcg, shape, f64::from(f32::EPSILON));
        check::<f64>(&mut lcg, shape, f64::EPSILON);
    }
    for shape in [[1, 1, 1], [1, 300, 50], [50, 300, 1], [77, 1, 33], [5, 2, 1], [2, 2, 2]] {
        for _ in 0..8 {
            check::<f32>(&mut lcg, shape, f64::from(f32::EPSILON));
            check::<f64>(&mut lcg, shape, f64::EPSILON);
        }
    }
}

/// More than one block in every direction.
#[test]
fn larger_than_a_block() {
    let mut lcg = Lcg(2);
    for shape in [[121, 257, 35], [131, 513, 17], [7, 700, 1041], [250, 65, 1030], [25, 256, 16]] {
        for _ in 0..4 {
            check::<f32>(&mut lcg, shape, f64::from(f32::EPSILON));
            check::<f64>(&mut lcg, shape, f64::EPSILON);
        }
    }
}

/// A NaN or an infinity reaches its own row and column and nothing else, zero times infinity included.
#[test]
fn special_values_stay_in_their_row_and_column() {
    for [m, k, n] in [[2, 2, 2], [7, 5, 9], [40, 40, 40], [9, 30, 1], [1, 30, 9], [6, 1, 5], [50, 70, 1]] {
        for special in [f32::NAN, f32::INFINITY] {
            let (mut a, mut b) = (vec![1.0f32; m * k], vec![1.0f32; k * n]);
            let (i, l, j) = (m / 2, k / 2, n - 1);
            a[i * k + l] = special;
            b[l * n + j] = 0.0;
            let mut c = vec![f32::NAN; m * n];
            let a = Matrix { data: &a, row_stride: k, column_stride: 1 };
            let b = Matrix { data: &b, row_stride: n, column_stride: 1 };
            gemm([m, k, n], a, b, &mut c, false);
            for (at, x) in c.iter().enumerate() {
                match (at / n == i, at % n == j) {
                    (true, true) => assert!(x.is_nan()),
                    (true, false) => assert!(x.is_nan() == special.is_nan() && !x.is_finite()),
                    (false, true) => assert_eq!(*x, k as f32 - 1.0),
                    (false, false) => assert_eq!(*x, k as f32),
                }
            }
        }
    }
}

/// What a thread would compute of a tiled product: some of the rows, or some of the columns.
#[test]
fn parts_have_the_bits_of_the_whole() {
    let [m, k, n] = [67, 301, 53];
    let mut lcg = Lcg(3);
    let a: Vec<f32> = (0..m * k).map(|_| lcg.unit()).collect();
    let b: Vec<f32> = (0..k * n).map(|_| lcg.unit()).collect();
    for (a, b) in [
        (
            Matrix { data: &a[..], row_stride: k, column_stride: 1 },
            Matrix { data: &b[..], row_stride: n, column_stride: 1 },
        ),
        (
            Matrix { data: &a[..], row_stride: 1, column_stride: m },
            Matrix { data: &b[..], row_stride: 1, column_stride: k },
        ),
    ] {
        let mut whole = vec![0.0; m * n];
        gemm([m, k, n], a, b, &mut whole, false);
        for (from, to) in [(0, 2), (2, 31), (31, 67), (5, 53)] {
            let rows = Matrix { data: &a.data[from * a.row_stride..], ..a };
            let mut part = vec![0.0; (to - from) * n];
            gemm([to - from, k, n], rows, b, &mut part, false);
            assert_eq!(part, whole[from * n..to * n]);
            let to = to.min(n);
            let columns = Matrix { data: &b.data[from * b.column_stride..], ..b };
            let mut part = vec![0.0; m * (to - from)];
            gemm([m, k, to - from], a, columns, &mut part, false);
            for (part, whole) in part.chunks(to - from).zip(whole.chunks(n)) {
                assert_eq!(part, &whole[from..to]);
            }
        }
    }
}

#[test]
fn a_bias_has_the_bits_of_rows_that_are_there() {
    let mut lcg = Lcg(7);
    for _ in 0..300 {
        let [m, k, n] = [70, 600, 70].map(|most| lcg.below(most));
        let (a, ars, acs) = random::<f32>(&mut lcg, m, k);
        let (b, brs, bcs) = random::<f32>(&mut lcg, k, n);
        let a = Matrix { data: &a, row_stride: ars, column_stride: acs };
        let b = Matrix { data: &b, row_stride: brs, column_stride: bcs };
        let bias: Vec<f32> = (0..n).map(|_| lcg.unit()).collect();
        let (mut one, mut two) = (vec![f32::NAN; m * n], bias.repeat(m));
        gemm_with_bias([m, k, n], a, b, &bias, &mut one);
        gemm([m, k, n], a, b, &mut two, true);
        assert_eq!(one, two, "{m}×{k}×{n}");
    }
}

#[test]
fn nothing_to_add_leaves_zeros_or_c() {
    let nothing = Matrix { data: &[], row_stride: 0, column_stride: 1 };
    let mut c = [f32::NAN; 6];
    gemm([2, 0, 3], nothing, nothing, &mut c, false);
    assert_eq!(c, [0.0; 6]);
    c = [7.0; 6];
    gemm([2, 0, 3], nothing, nothing, &mut c, true);
    assert_eq!(c, [7.0; 6]);
    gemm([0, 4, 3], nothing, nothing, &mut [], false);
    gemm([4, 3, 0], nothing, nothing, &mut [], true);
}

#[test]
#[should_panic(expected = "gemm: b has 5 elements, too few for 3×2")]
fn a_short_slice_is_refused() {
    let a = Matrix { data: &[0.0f32; 6], row_stride: 3, column_stride: 1 };
    let b = Matrix { data: &[0.0f32; 5], row_stride: 2, column_stride: 1 };
    gemm([2, 3, 2], a, b, &mut [0.0; 4], false);
}

/// The tiles of a machine without vectors, whatever this one has.
#[test]
fn scalar_tiles_agree() {
    let mut lcg = Lcg(4);
    for shape in [[7, 300, 5], [30, 9, 2], [13, 20, 3]] {
        let [m, k, n] = shape;
        let (a, a_rows, a_columns) = random::<f64>(&mut lcg, m, k);
        let (b, b_rows, b_columns) = random::<f64>(&mut lcg, k, n);
        let a = Matrix { data: &a, row_stride: a_rows, column_stride: a_columns };
        let b = Matrix { data: &b, row_stride: b_rows, column_stride: b_columns };
        let (mut expected, mut c) = (vec![0.0; m * n], vec![f64::NAN; m * n]);
        gemm(shape, a, b, &mut expected, false);
        let room = &mut Vec::new();
        tile::Tiled {
            shape,
            a,
            b,
            bias: None,
            c: Block::whole(&mut c, [shape[0], shape[2]]),
            accumulate: false,
            room,
        }
        .with_simd(pulp::Scalar::new());
        assert!(c.iter().zip(&expected).all(|(x, y)| (x - y).abs() < 1e-12));
    }
}

#[test]
fn packed_once() {
    let mut lcg = Lcg(5);
    for [m, k, n] in [[16, 128, 70], [1, 300, 33], [7, 600, 5], [30, 1, 1], [0, 3, 4], [3, 0, 4]] {
        let (a, ..) = random::<f32>(&mut lcg, m, k);
        let a: Vec<f32> = (0..m * k).map(|i| a[i % a.len()]).collect();
        let (b, row_stride, column_stride) = random::<f32>(&mut lcg, k, n);
        let b = Matrix { data: &b, row_stride, column_stride };
        let packed = Packed::new([k, n], b);
        for accumulate in [false, true] {
            let start = if accumulate { 0.5 } else { f32::NAN };
            let mut c = vec![start; m * n];
            packed.product(&a, &mut c, accumulate);
            for (i, &c) in c.iter().enumerate() {
                let terms = (0..k).map(|l| f64::from(a[i / n * k + l]) * f64::from(b.at(l, i % n)));
                let expected = terms.sum::<f64>() + if accumulate { 0.5 } else { 0.0 };
                assert!((f64::from(c) - expected).abs() < 1e-6 * k as f64 + 1e-6, "{c} is not {expected}");
            }
            // Row by row, the same bits.
            let mut again = vec![start; m * n];
            for (a, c) in a.chunks_exact(k.max(1)).zip(again.chunks_exact_mut(n)) {
                packed.product(&a[..k], c, accumulate);
            }
            assert!(k == 0 || again.iter().zip(&c).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }
}
