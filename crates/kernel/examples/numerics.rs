//! The table in `docs/numerics.md`: the largest error of every function over a dense sweep.
//!
//! `cargo run --release -p baekmi-kernel --example numerics` asks for every 1999th of the 2³² floats and as many on lines,
//! in less than a minute; `-- 101 gelu` asks for every 101st, and of the functions with `gelu` in their name.
#![allow(unreachable_pub, reason = "the modules of the test")]

#[path = "../tests/ulp/functions.rs"]
mod functions;
#[path = "../tests/ulp/measure.rs"]
mod measure;
#[path = "../tests/ulp/reference.rs"]
mod reference;

fn main() {
    let stride = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(1_999);
    let wanted = std::env::args().nth(2).unwrap_or_default();
    let table = include_str!("../tests/ulp/truth.txt");
    println!("| function | float32, FMA | float32, without | worst at | float64, FMA | float64, without |");
    println!("|---|---|---|---|---|---|");
    for function in functions::functions().iter().filter(|f| f.name.contains(&wanted)) {
        let single = measure::single(function, measure::points(stride));
        let double = measure::double(function, &measure::truths(table, function.name));
        let [a, b, c, d] = [single[0], single[1], double[0], double[1]].map(|worst| worst.ulp);
        let worst = if a >= b { single[0] } else { single[1] };
        let [x, y] = worst.at.map(|x| x as f32);
        let at = match function.reference {
            measure::Reference::One(_) => format!("{x:?}"),
            measure::Reference::Two(_) => format!("({x:?}, {y:?})"),
        };
        for (worst, bound) in [a, b, c, d].into_iter().zip([0, 0, 1, 1].map(|i| function.bounds[i])) {
            if worst > bound {
                eprintln!("{}: {worst:.2} ulp is more than the test's bound {bound}", function.name);
            }
        }
        println!("| `{}` | {a:.2} | {b:.2} | {at} | {c:.2} | {d:.2} |", function.name);
    }
}
