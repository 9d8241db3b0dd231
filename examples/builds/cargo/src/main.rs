fn main() {
    let samples = [(0.0, false), (1.0, false), (2.0, true), (3.0, true)];
    let [slope, offset] = logistic::fit(&samples, 20_000);
    println!("the classes meet at {:.2}", -offset / slope);
}
