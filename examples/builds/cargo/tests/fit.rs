use logistic::{fit, gradient};

const SAMPLES: [(f64, bool); 6] = [(0.0, false), (1.0, false), (2.0, true), (1.5, false), (3.0, true), (4.0, true)];

#[test]
fn the_gradient_is_that_of_the_formula() {
    let weights = [0.3, -0.2];
    let mut expected = [0.0; 2];
    for (x, is_member) in SAMPLES {
        let error = 1.0 / (1.0 + (-(weights[0] * x + weights[1])).exp()) - f64::from(u8::from(is_member));
        expected[0] += error * x / SAMPLES.len() as f64;
        expected[1] += error / SAMPLES.len() as f64;
    }
    let found = gradient(&weights, &SAMPLES);
    assert!((found[0] - expected[0]).abs() < 1e-12 && (found[1] - expected[1]).abs() < 1e-12, "{found:?} is not {expected:?}");
}

#[test]
fn the_classes_are_told_apart() {
    let [slope, offset] = fit(&SAMPLES, 5000);
    assert!(SAMPLES.iter().all(|&(x, is_member)| (slope * x + offset > 0.0) == is_member));
}
