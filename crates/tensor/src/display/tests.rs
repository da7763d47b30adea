//! Literal cases, as PyTorch 2.15 prints them (without `torch.` before a dtype).

use super::Values::{Bool, F32, F64, I64};
use super::*;

const NAN: f32 = f32::NAN;
const INF: f32 = f32::INFINITY;

#[track_caller]
fn check(values: Values<'_>, shape: &[usize], suffixes: &[&str], expected: &str) {
    let suffixes: Vec<String> = suffixes.iter().map(ToString::to_string).collect();
    assert_eq!(format_tensor(values, shape, &suffixes), expected);
}

#[track_caller]
fn check_with(options: PrintOptions, values: Values<'_>, shape: &[usize], expected: &str) {
    with_printoptions(options, || check(values, shape, &[], expected));
}

#[test]
fn scalars() {
    check(F32(&[-0.5]), &[], &[], "tensor(-0.5000)");
    check(F32(&[4.0]), &[], &[], "tensor(4.)");
    check(F32(&[12345678.0]), &[], &[], "tensor(12345678.)");
    check(F32(&[NAN]), &[], &[], "tensor(nan)");
    check(F32(&[-INF]), &[], &[], "tensor(-inf)");
    check(I64(&[3]), &[], &[], "tensor(3)");
    check(Bool(&[true]), &[], &[], "tensor(True)");
    check(F64(&[0.2231435477733612]), &[], &[], "tensor(0.2231, dtype=float64)");
}

#[test]
fn notation_of_floats() {
    check(F32(&[2.5, 0.3, -1.2]), &[1, 3], &[], "tensor([[ 2.5000,  0.3000, -1.2000]])");
    check(F32(&[1.0, 10000.0]), &[2], &[], "tensor([1.0000e+00, 1.0000e+04])");
    check(F32(&[NAN, 1.0, INF]), &[3], &[], "tensor([nan, 1., inf])");
    check(F32(&[NAN, 1.5, -INF]), &[3], &[], "tensor([   nan, 1.5000,   -inf])");
    check(F32(&[0.0, -0.0]), &[2], &[], "tensor([0., -0.])");
    check(F32(&[1e-05, 1.0]), &[2], &[], "tensor([1.0000e-05, 1.0000e+00])");
    check(F32(&[0.0001, 0.0002]), &[2], &[], "tensor([1.0000e-04, 2.0000e-04])");
    check(F64(&[0.0001, 0.0002]), &[2], &[], "tensor([0.0001, 0.0002], dtype=float64)");
    check(F32(&[1.0, 1000.0]), &[2], &[], "tensor([   1., 1000.])");
    check(F32(&[1.0, 1001.0]), &[2], &[], "tensor([1.0000e+00, 1.0010e+03])");
    check(F32(&[1000000000.0]), &[1], &[], "tensor([1.0000e+09])");
    check(F32(&[0.5, 1000000000.0]), &[2], &[], "tensor([5.0000e-01, 1.0000e+09])");
    check(F64(&[2.5, 3.5, 5e-05]), &[3], &[], "tensor([2.5000e+00, 3.5000e+00, 5.0000e-05], dtype=float64)");
}

#[test]
fn matrices_and_more_dimensions() {
    check(I64(&[1, -20, 300, 4]), &[2, 2], &[], "tensor([[  1, -20],\n        [300,   4]])");
    check(
        Bool(&[true, false, false, true]),
        &[2, 2],
        &[],
        "tensor([[ True, False],\n        [False,  True]])",
    );
    check(
        F32(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]),
        &[2, 2, 2],
        &[],
        "tensor([[[1., 2.],\n         [3., 4.]],\n\n        [[5., 6.],\n         [7., 8.]]])",
    );
}

#[test]
fn empty_tensors_tell_size_and_dtype() {
    check(F32(&[]), &[0], &[], "tensor([])");
    check(F32(&[]), &[0, 3], &[], "tensor([], size=(0, 3))");
    check(F64(&[]), &[2, 0], &[], "tensor([], size=(2, 0), dtype=float64)");
    check(I64(&[]), &[0], &[], "tensor([], dtype=int64)");
    check(Bool(&[]), &[3, 0], &[], "tensor([], size=(3, 0), dtype=bool)");
}

#[test]
fn suffixes_wrap_as_in_pytorch() {
    check(F32(&[1.0, 2.0]), &[2], &["requires_grad=True"], "tensor([1., 2.], requires_grad=True)");
    check(
        F64(&[1.5, 2.0]),
        &[2],
        &["grad_fn=<CloneBackward0>"],
        "tensor([1.5000, 2.0000], dtype=float64, grad_fn=<CloneBackward0>)",
    );
    check(
        F32(&[0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 2.75]),
        &[12],
        &["requires_grad=True"],
        "tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000, 1.2500, 1.5000, 1.7500, 2.0000,\n        2.2500, 2.5000, 2.7500], requires_grad=True)",
    );
    check(
        F32(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0]),
        &[17],
        &["grad_fn=<CloneBackward0>"],
        "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.,\n        14., 15., 16.], grad_fn=<CloneBackward0>)",
    );
    check(
        F64(&[0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0]),
        &[7],
        &["requires_grad=True"],
        "tensor([0.0000, 0.5000, 1.0000, 1.5000, 2.0000, 2.5000, 3.0000],\n       dtype=float64, requires_grad=True)",
    );
}

#[test]
fn extreme_integers() {
    check(I64(&[i64::MIN, i64::MAX]), &[2], &[], "tensor([-9223372036854775808,  9223372036854775807])");
}

#[test]
fn more_than_1000_elements_are_summarized() {
    let x: Vec<i64> = (0..1100).collect();
    check(I64(&x[..1001]), &[1001], &[], "tensor([   0,    1,    2,  ...,  998,  999, 1000])");
    let text = format_tensor(I64(&x), &[11, 10, 10], &[]);
    assert!(text.starts_with("tensor([[[   0,    1,    2,  ...,    7,    8,    9],\n         [  10,   11,"));
    assert!(text.contains(" 299]],\n\n        ...,\n\n        [[ 800,"));
    assert!(text.contains("  29],\n         ...,\n         [  70,"));
    let x: Vec<f32> = (0..1010).map(|i| i as f32 / 4.0).collect();
    let text = format_tensor(F32(&x), &[101, 10], &[]);
    assert!(text.starts_with(
        "tensor([[0.0000e+00, 2.5000e-01, 5.0000e-01,  ..., 1.7500e+00, 2.0000e+00,\n         2.2500e+00],\n"
    ));
    assert!(text.contains("7.2500e+00],\n        ...,\n        [2.4500e+02,"));
}

#[test]
fn printoptions_as_in_pytorch() {
    let x = F32(&[1e-6, 12345.678, 1.5, 1.0, 2.0, 3.0]);
    let y = F32(&[0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875]);
    let set = PrintOptions::default();
    check_with(
        PrintOptions { precision: 2, ..set },
        x,
        &[2, 3],
        "tensor([[1.00e-06, 1.23e+04, 1.50e+00],\n        [1.00e+00, 2.00e+00, 3.00e+00]])",
    );
    check_with(
        PrintOptions { precision: 2, ..set },
        y,
        &[8],
        "tensor([0.00, 0.12, 0.25, 0.38, 0.50, 0.62, 0.75, 0.88])",
    );
    check_with(
        PrintOptions { sci_mode: Some(false), ..set },
        x,
        &[6],
        "tensor([    0.0000, 12345.6777,     1.5000,     1.0000,     2.0000,     3.0000])",
    );
    check_with(
        PrintOptions { sci_mode: Some(true), ..PrintOptions::short() },
        y,
        &[8],
        "tensor([0.00e+00, 1.25e-01, 2.50e-01, 3.75e-01, 5.00e-01, 6.25e-01, 7.50e-01,\n        8.75e-01])",
    );
    check_with(
        PrintOptions { linewidth: 30, ..set },
        y,
        &[8],
        "tensor([0.0000, 0.1250,\n        0.2500, 0.3750,\n        0.5000, 0.6250,\n        0.7500, 0.8750])",
    );
    check_with(
        PrintOptions { threshold: 5, edgeitems: 2, ..set },
        y,
        &[8],
        "tensor([0.0000, 0.1250,  ..., 0.7500, 0.8750])",
    );
    check_with(PrintOptions { threshold: 5, edgeitems: 0, ..set }, x, &[2, 3], "tensor([...], size=(2, 3))");
    check_with(PrintOptions { threshold: 5, edgeitems: 0, ..set }, y, &[8], "tensor([...], size=(8,))");
    check_with(PrintOptions { linewidth: 1, ..set }, I64(&[1, 2]), &[2], "tensor([1,\n        2])");
}

#[test]
fn items_and_lists_as_python_prints_them() {
    assert_eq!(format_scalar(F32(&[0.22314355])), "0.2231435477733612");
    assert_eq!(format_scalar(F32(&[4.0])), "4.0");
    assert_eq!(format_scalar(F64(&[1e-7])), "1e-07");
    assert_eq!(format_scalar(I64(&[-7])), "-7");
    assert_eq!(format_scalar(Bool(&[false])), "False");
    assert_eq!(format_nested(F64(&[1.5]), &[]), "1.5");
    assert_eq!(format_nested(F32(&[1.5, 0.1]), &[2, 1]), "[[1.5], [0.10000000149011612]]");
    assert_eq!(format_nested(Bool(&[true]), &[1]), "[True]");
    assert_eq!(format_nested(I64(&[]), &[2, 0]), "[[], []]");
    assert_eq!(format_nested(I64(&[]), &[0, 2]), "[]");
}
