// Copies whose types no instruction tells, through Rust's library.
use std::slice::{from_raw_parts, from_raw_parts_mut};

#[derive(Clone, Copy)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

#[no_mangle]
pub unsafe extern "C" fn pointers(from: *const f64, to: *mut f64, n: usize) {
    std::ptr::copy_nonoverlapping(from, to, n)
}

#[no_mangle]
pub unsafe extern "C" fn slices(from: *const f64, to: *mut f64, n: usize) {
    from_raw_parts_mut(to, n).copy_from_slice(from_raw_parts(from, n))
}

#[no_mangle]
pub unsafe extern "C" fn points(from: *const Point, to: *mut Point, n: usize) {
    from_raw_parts_mut(to, n / 2).copy_from_slice(from_raw_parts(from, n / 2))
}

#[no_mangle]
pub unsafe extern "C" fn vector(from: *const f64, n: usize) -> f64 {
    let copied = from_raw_parts(from, n).to_vec();
    copied.iter().map(|x| x * x).sum()
}
